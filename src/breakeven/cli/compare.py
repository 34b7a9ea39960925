"""Run a function over items on every backend, in turns, and hold the forecasts against what happened.

Each round runs every way once, in another order, so a slow moment of the machine
hits all alike: serial, threads, processes, and auto. Prints the forecast of each way,
its median and spread, how far the forecast was off, and the regret of auto: how much
longer it took than the best. The results must be the same everywhere: where they
are not, that is said, and the exit code is 1. The function is called on every item
in every run, so one with side effects has them that often. With --sample worker it is
never called in this process: processes and auto alone are compared.

  breakeven compare mine:work --items items.jsonl --rounds 5
  breakeven compare math:factorial --range 1000:3000
"""

from __future__ import annotations

import json
import statistics

from breakeven.cli import items as sources
from breakeven.cli import settings
from breakeven.cli.exits import DONE, FAILED, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

WAYS = ("serial", "threads", "processes", "auto")
AWAY = ("processes", "auto")  # where the function may not be called in this process
ROUNDS = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `compare`."""
    parser.usage = "breakeven compare [options] MODULE:FUNC"
    parser.add_argument("function", metavar="MODULE:FUNC", help="the function, or path/to/file.py:FUNC")
    sources.arguments(parser)
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help="runs of each way (%(default)s)")
    parser.add_argument("--cold", action="store_true", help="start workers anew for every run")
    parser.add_argument("--json", action="store_true", help="every figure as JSON")
    settings.arguments(parser)


def execute(options: argparse.Namespace) -> int:
    """Plan, run, compare."""
    from breakeven.cli.target import called

    if options.rounds < 1:
        raise UsageError(f"--rounds {options.rounds} is less than 1")
    if options.backend is not None:
        raise UsageError("compare runs every backend; leave --backend out")
    function = called(options.function, options)
    items = sources.all_items(options)
    if not items:
        raise UsageError("there are no items to run the function on")
    record = _compare(function, items, {"name": options.function, **settings.chosen(options)}, options)
    if options.json:
        print(json.dumps(record, indent=1, allow_nan=False))
    else:
        for line in _lines(record):
            print(line)
    return DONE if record["identical"] else FAILED


def _compare(fn: Callable[..., Any], items: Sequence[Any], given: dict[str, Any], options: Any) -> dict[str, Any]:
    """Run every way `rounds` times; plain data of forecasts and measurements."""
    import pickle
    from time import perf_counter

    import breakeven as be
    from breakeven.executor import known

    planned = be.plan(fn, items, **given).to_dict()
    spent = planned["sample"]["seconds"]
    ways = WAYS if given.get("sample", "here") == "here" else AWAY
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    went: list[str] = []
    fingerprints = set()
    be.shutdown()
    for turn in range(options.rounds):
        for place in range(len(ways)):
            way = ways[(turn + place) % len(ways)]
            if options.cold:
                be.shutdown()
            known.forget(fn)
            began = perf_counter()
            results = be.map(fn, items, **{**given, "backend": way})
            seconds[way].append(perf_counter() - began)
            fingerprints.add(pickle.dumps([_plain(value) for value in results]))
            if way == "auto":
                went.append(results.report.ledger.choice)
    rows = [_row(way, seconds[way], planned, spent) for way in ways]
    fixed = [row for row in rows if row["way"] != "auto"]
    best = min(fixed, key=lambda row: row["median_seconds"])
    auto = next(row for row in rows if row["way"] == "auto")
    return {
        "name": planned["name"],
        "items": len(items),
        "rounds": options.rounds,
        "cold": options.cold,
        "ways": rows,
        "best": best["way"],
        "regret": auto["median_seconds"] / best["median_seconds"] - 1.0,
        "auto_went": went,
        "identical": len(fingerprints) == 1,
        "plan": planned,
    }


def _plain(value: Any) -> Any:
    """A failure as what is the same of it everywhere."""
    from breakeven.work import Failure, told

    return (value.index, told(value.exception)) if isinstance(value, Failure) else value


def _row(way: str, seconds: list[float], planned: dict[str, Any], spent: float) -> dict[str, Any]:
    """One way: its forecast for all items and what it took."""
    of_way = [one for one in planned["candidates"] if one["backend"] == way]
    forecast = planned["chosen"] if way == "auto" else min(of_way, key=lambda one: one["seconds"], default=None)
    median = statistics.median(seconds)
    expected = None if forecast is None else forecast["seconds"] + spent
    return {
        "way": way,
        "forecast_seconds": expected,
        "median_seconds": median,
        "least_seconds": min(seconds),
        "most_seconds": max(seconds),
        "seconds": seconds,
        "forecast_error": None if expected is None else expected / median - 1.0,
    }


def _lines(record: dict[str, Any]) -> Iterator[str]:
    from breakeven.units import format_seconds

    first = record["ways"][0]
    times = f"× {first['way']}"
    turns = "cold" if record["cold"] else "warm after the first"
    yield f"{record['name']}: {record['items']:,} items, {record['rounds']} rounds in turns, {turns}"
    yield f"  {'way':<12}{'forecast':>10}{'median':>10}   {'least – most':<21}{'forecast off':>12}{times:>12}"
    for row in record["ways"]:
        mark = "→" if row["way"] == record["best"] else " "
        forecast = "–" if row["forecast_seconds"] is None else format_seconds(row["forecast_seconds"])
        off = "–" if row["forecast_error"] is None else f"{row['forecast_error']:+.0%}"
        spread = f"{format_seconds(row['least_seconds'])} – {format_seconds(row['most_seconds'])}"
        yield (
            f"{mark} {row['way']:<12}{forecast:>10}{format_seconds(row['median_seconds']):>10}   {spread:<21}{off:>12}"
            f"{first['median_seconds'] / row['median_seconds']:>12.2f}"
        )
    yield f"best         {record['best']}; auto took {record['regret']:+.1%} against it"
    yield f"auto         {record['auto_went'][-1]}"
    yield f"results      {'the same everywhere' if record['identical'] else 'DIFFER between ways'}"
