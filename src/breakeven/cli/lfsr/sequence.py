"""A stretch of a register's output.

--skip jumps ahead by powers of the map, so a place far ahead costs no more than a near one.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import DONE
from breakeven.cli.lfsr.inputs import add_register, elements, register_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr sequence`."""
    add_register(parser)
    parser.add_argument("--state", metavar="S0,S1,…", help="where to begin; 0,…,0,1 without it")
    parser.add_argument("--count", metavar="N", type=int, default=64, help="how many elements (64)")
    parser.add_argument("--skip", metavar="N", type=int, default=0, help="how many to leave out before them")
    parser.add_argument("--json", action="store_true", help="as a JSON list")


def execute(options: argparse.Namespace) -> int:
    """Compute it, and print it."""
    from breakeven.workloads.lfsr.sequences import sequence

    register = register_from(options)
    state = elements(options.state) if options.state else [0] * (register.degree - 1) + [1]
    stretch = sequence(register, state, options.count, options.skip)
    separator = "" if register.field.q <= 10 else ","  # noqa: PLR2004 - one digit an element
    print(json.dumps(stretch) if options.json else separator.join(map(str, stretch)))
    return DONE
