"""Forecast every way to run a function over items, and say which would be chosen.

Runs no more than a sample: the first items, for some 50 ms of work. Prints what they
took, each way with an 80 % interval and the memory it adds, the choice and its
reason, and the break-even: from how many items, or from how long an item, workers
pay. Items are given as for `breakeven run`.

  breakeven plan mine:work --items items.jsonl
  breakeven plan math:factorial --range 1000:1200
"""

from __future__ import annotations

import json

from breakeven.cli import items as sources
from breakeven.cli import settings
from breakeven.cli.exits import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`."""
    parser.usage = "breakeven plan [options] MODULE:FUNC"
    parser.add_argument("function", metavar="MODULE:FUNC", help="the function, or path/to/file.py:FUNC")
    sources.arguments(parser)
    parser.add_argument("--json", action="store_true", help="the plan as JSON")
    settings.arguments(parser)


def execute(options: argparse.Namespace) -> int:
    """Sample, forecast, tell."""
    from breakeven.cli.target import called
    from breakeven.executor.plan import plan

    function = called(options.function, options)
    given = {"name": options.function, **settings.chosen(options)}
    found = sources.all_items(options)
    made = plan(function, found, **given)
    if options.json:
        print(json.dumps(made.to_dict(), indent=1, allow_nan=False))
    else:
        print(made)
    return DONE
