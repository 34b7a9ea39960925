"""``python -m benchmarks.lab``: the lab's instruments beside outside ones, and beside what they promise."""

from __future__ import annotations

import sys

from benchmarks.asking import Inquiry
from benchmarks.lab.questions import QUESTIONS
from benchmarks.lab.verdicts import TARGETS

if __name__ == "__main__":
    Inquiry("lab", "The lab", QUESTIONS, TARGETS).main(sys.argv[1:])
