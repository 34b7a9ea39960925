"""``python -m benchmarks.fem``: the finite elements beside scikit-fem, and beside what they promise."""

from __future__ import annotations

import sys

from benchmarks.asking import Inquiry
from benchmarks.fem.questions import QUESTIONS
from benchmarks.fem.verdicts import TARGETS

REMARK = "Two workers everywhere; compile time is in no figure but the whole's."

if __name__ == "__main__":
    Inquiry("fem", "Finite elements", QUESTIONS, TARGETS, REMARK).main(sys.argv[1:])
