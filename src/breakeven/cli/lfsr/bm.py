"""The shortest register that makes a sequence (Berlekamp-Massey).

The sequence is elements between commas, or between spaces in a field of more than ten elements, or
digits in a smaller one; `-` reads it from stdin.
"""

from __future__ import annotations

import json
import sys

from breakeven.cli.exits import DONE, UsageError
from breakeven.cli.lfsr.inputs import add_field, elements, field_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_DIGITS = 10
"""In fields of up to so many elements, each is one digit."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr bm`."""
    parser.add_argument("sequence", metavar="SEQUENCE", help="1,0,1,1 or 1011, or - for stdin")
    add_field(parser)
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def execute(options: argparse.Namespace) -> int:
    """Find it, and print it."""
    from breakeven.workloads.lfsr.berlekamp import shortest_recurrence
    from breakeven.workloads.lfsr.polynomials import to_text

    words = (sys.stdin.read() if options.sequence == "-" else options.sequence).split()
    if not words:
        raise UsageError("the sequence is empty; give elements such as 1,0,1,1")
    field = field_from(options)
    if any("," in word for word in words):
        given = elements("".join(words))
    else:
        given = elements(",".join(words if field.q > _DIGITS else "".join(words)))
    found = shortest_recurrence(given, field)
    polynomial = to_text([*(field.negate(c) for c in found.coefficients), 1])
    if options.json:
        print(json.dumps({
            "complexity": found.complexity,
            "coefficients": list(found.coefficients),
            "polynomial": polynomial,
            "unique": found.unique,
        }))  # fmt: skip
        return DONE
    sure = "" if found.unique else "; others of that length make it too: give twice as many elements as its length"
    print(f"linear complexity {found.complexity}, characteristic polynomial {polynomial}{sure}")
    print("coefficients " + ",".join(map(str, found.coefficients)))
    return DONE
