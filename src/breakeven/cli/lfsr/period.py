"""The period of one state of a register.

By algebra unless --method says brent or floyd, which walk; both allow for a tail before the cycle.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from breakeven.cli.exits import DONE
from breakeven.cli.lfsr.inputs import add_register, elements, register_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr period`."""
    from breakeven.workloads.lfsr.periods import METHODS

    add_register(parser)
    parser.add_argument("--state", metavar="S0,S1,…", help="where to begin; 0,…,0,1 without it")
    parser.add_argument("--method", choices=METHODS, default="algebra", help="how it is found")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def execute(options: argparse.Namespace) -> int:
    """Find it, and print it."""
    from breakeven.workloads.lfsr.periods import period

    found = period(register_from(options), elements(options.state) if options.state else None, options.method)
    if options.json:
        print(json.dumps({"method": options.method, **asdict(found)}))
    else:
        print(f"period {found.period}, after {found.preperiod} steps; {options.method} took {found.steps} steps")
    return DONE
