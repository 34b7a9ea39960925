"""What each way of running in parallel costs here, measured.

Process creation, initialisation, partitioning, messages, the interpreter's lock, merging, whole runs
in every way, and the figure that explains a slow parallel run: the steps walked for each state.
Every repetition takes all figures once, in random order; shown are medians and quartiles.
"""

from __future__ import annotations

import json
import sys

from breakeven.cli.exits import DONE, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from breakeven.workloads.lfsr.overhead import Figure


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr overhead`."""
    from breakeven.workloads.lfsr.overhead.whole import TAPS

    parser.add_argument("--repetitions", metavar="N", type=int, default=10, help="how often each is measured (10)")
    parser.add_argument("--workers", metavar="N", type=int, default=2, help="workers of every way (2)")
    parser.add_argument("--degree", type=int, choices=sorted(TAPS), default=24, help="of the whole runs (24)")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cells: a check, not a measurement")
    parser.add_argument("--json", action="store_true", help="as JSON, with every raw value")


def execute(options: argparse.Namespace) -> int:
    """Measure, and print."""
    from breakeven.workloads.lfsr import ready
    from breakeven.workloads.lfsr.overhead import cells, measure

    if options.repetitions < 1 or options.workers < 1:
        raise UsageError("--repetitions and --workers must be 1 or more")
    ready()
    tell = (lambda text: print(text, file=sys.stderr)) if sys.stderr.isatty() else None
    figures = measure(cells(options.workers, options.degree, quick=options.quick), options.repetitions, tell=tell)
    if options.json:
        print(json.dumps([figure.to_dict() for figure in figures], indent=1))
    else:
        print("\n".join(_lines(figures)))
    return DONE


def _lines(figures: list[Figure]) -> list[str]:
    """One line a figure, under the name of its group."""
    lines: list[str] = []
    width = max(len(figure.name) for figure in figures)
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            lines += [*([""] if lines else []), f"{group}:"]
        low, high = (_shown(value, figure.unit) for value in figure.quartiles)
        middle = _shown(figure.median, figure.unit)
        lines.append(f"  {figure.name:<{width}}  {middle:>10}   quartiles {low} – {high}")
    return [*lines, "", f"n = {len(figures[0].values)} each, interleaved in random order; medians"]


def _shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.4g} ×"
    if value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"  # noqa: PLR2004 - units
