"""Characteristic and minimal polynomial and order of a square matrix.

The file has one row of the matrix a line, elements between commas; `#` begins a comment.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import DONE
from breakeven.cli.lfsr.inputs import add_field, field_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr matrix`."""
    parser.add_argument("file", metavar="FILE", help="the rows of the matrix, or - for stdin")
    add_field(parser)
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def execute(options: argparse.Namespace) -> int:
    """Compute them, and print them; a singular matrix has no order."""
    from breakeven.workloads.lfsr import algebra, matrices, read_matrix
    from breakeven.workloads.lfsr.polynomials import to_text

    field = field_from(options)
    register = read_matrix(options.file, field)
    minimal = register.minimal()
    found = {
        "characteristic": to_text(register.characteristic()),
        "minimal": to_text(minimal),
        "rank": matrices.rank(register.rows, field),
        "order": algebra.order_of(minimal, field) if minimal[0] else None,
    }
    print(json.dumps(found) if options.json else "\n".join(f"{key:<15} {value}" for key, value in found.items()))
    return DONE
