"""Does it pay? A course's four cases, little and much computing on little and much data, on every way to run them here.

Each block runs every case on every way once, in another order; every result is compared with the plain loop's. What
"heavy", "light", "small" and "large" come to is measured: milliseconds a task, bytes of a pickled argument. A way is
faster, or slower, than the plain loop where the 95 % interval of its speed-up excludes 1 and the speed-up differs from
1 by more than 3 %; everything else is a tie. The figures that the course states are measured beside.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from breakeven.lab import ways as running
from breakeven.lab.asked import whole
from breakeven.lab.instruments.scenarios.cases import FULL, QUICK, TASKS, scenarios
from breakeven.lab.instruments.scenarios.claims import claims
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import LEAST_FOR_INTERVAL
from breakeven.lab.showing.tables import cell, number
from breakeven.probes.capacity import usable_cpus
from breakeven.units import format_bytes, format_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from breakeven.lab.instruments.scenarios.cases import Scenario
    from breakeven.lab.instruments.scenarios.claims import Claim
    from breakeven.lab.measuring.method import Taken

PANELS = 4
INCHES = (12.4, 4.2)
EFFECT = 0.03
"""A speed-up nearer to 1 than this is a tie, whatever its interval."""
_WAYS = tuple(name for name in running.EVERY if name != running.LOOP)
_COLOURS = {"faster": "#009e73", "slower": "#d55e00", "tie": "#5c6370", "too few": "#5c6370"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scenarios`."""
    parser.add_argument("--workers", metavar="W", type=int, default=None, help="of each way (the usable CPUs)")
    parser.add_argument(
        "--tasks", metavar="N", type=int, default=TASKS, help="of each case (%(default)s, the course's)"
    )


def measure(*, quick: bool, workers: int | None = None, tasks: int = TASKS) -> Finding:
    """Run the cases and the claims; 2 s, or a minute."""
    width = usable_cpus() if workers is None else whole("workers", workers)
    whole("tasks", tasks)
    chosen = scenarios(tasks, *(QUICK if quick else FULL))
    found = conditions(workers=width, tasks=tasks)
    with running.opened(running.EVERY, width) as ways:
        cases = [case for scenario in chosen for case in _cases(scenario, ways.values())]
        taken = take(cases, budget_seconds=2.0 if quick else 60.0, least=6, warm=not quick)
        running.end_if(taken.interrupted, ways)
    stated = [] if taken.interrupted else list(claims(width, quick=quick))
    also = take([Case(claim.name, claim.sample) for claim in stated], budget_seconds=0.7 if quick else 15.0, least=6)
    rows = [*_case_rows(chosen, taken), *_way_rows(chosen, taken), *(_claim_row(claim, also) for claim in stated)]
    return Finding(
        instrument="scenarios",
        headline=_headline(rows, width),
        conditions=found | taken.facts(),
        rows=tuple(rows),
        notes=tuple(_notes(rows, width, tasks)),
        interrupted=taken.interrupted or also.interrupted,
    )


def _cases(scenario: Scenario, ways: Iterable[running.Way]) -> list[Case]:
    expected = [scenario.task(item) for item in scenario.items]

    def timed(way: running.Way) -> Callable[[], float]:
        return lambda: way.seconds(scenario.task, scenario.items, expected) * 1e3

    return [Case(f"{scenario.name}|{way.name}", timed(way)) for way in ways]


def _case_rows(chosen: Iterable[Scenario], taken: Taken) -> list[Row]:
    """What each case is: the plain loop's time a task, and the size of a task's argument."""
    rows = []
    for scenario in chosen:
        alone = tuple(ms / len(scenario.items) for ms in taken.of(f"{scenario.name}|{running.LOOP}"))
        argument = len(pickle.dumps(scenario.items[0], 5)) / 1e3
        quantities = Quantity("a task alone", "ms", alone), Quantity("its argument, pickled", "kB", (argument,))
        rows.append(Row({"case": scenario.name, "the_course_says": scenario.said or "–"}, quantities))
    return rows


def _way_rows(chosen: Iterable[Scenario], taken: Taken) -> list[Row]:
    rows = []
    for scenario in chosen:
        loop = taken.of(f"{scenario.name}|{running.LOOP}")
        for name in _WAYS:
            call = taken.of(f"{scenario.name}|{name}")
            speedup = Quantity("speed-up", "×", tuple(a / b for a, b in zip(loop, call, strict=False)))
            labels = {"case": scenario.name, "way": name, "verdict": verdict_on(speedup)}
            rows.append(Row(labels, (Quantity("whole call", "ms", call), speedup)))
    return rows


def _claim_row(claim: Claim, taken: Taken) -> Row:
    measured = Quantity("measured", claim.unit, taken.of(claim.name))
    said = number(claim.said_low) if claim.said_low == claim.said_high else f"{claim.said_low:g}–{claim.said_high:g}"
    return Row(
        {"claim": claim.name, "stated": f"{said} {claim.unit}", "verdict": _judged(claim, measured)}, (measured,)
    )


def _judged(claim: Claim, measured: Quantity) -> str:
    if not measured.n:
        return "not measured"
    if measured.low > claim.said_high:
        return f"{number(measured.median / claim.said_high)} times too low"
    if measured.high < claim.said_low:
        return f"{number(claim.said_low / measured.median)} times too high"
    return "holds"


def verdict_on(speedup: Quantity) -> str:
    """Return "faster", "slower", "tie", or "too few" where there are too few samples for an interval.

    >>> verdict_on(Quantity("speed-up", "×", (1.8, 1.9, 1.9, 2.0, 1.7, 1.8)))
    'faster'
    >>> verdict_on(Quantity("speed-up", "×", (1.01, 1.02, 1.01, 1.02, 1.01, 1.02)))
    'tie'
    """
    if speedup.n < LEAST_FOR_INTERVAL:
        return "too few"
    if speedup.low > 1 and speedup.median > 1 + EFFECT:
        return "faster"
    return "slower" if speedup.high < 1 and speedup.median < 1 - EFFECT else "tie"


def _headline(rows: Sequence[Row], workers: int) -> str:
    told = [f"{name}: {_outcome(best)}" for name, best in _best(rows).items() if name != "empty task"]
    return f"Speed-up [×] over a plain loop, {workers} workers. Compute and data {'; '.join(told)}."


def _outcome(best: Row) -> str:
    """What the best way of a case comes to."""
    speedup, verdict = best["speed-up"], best.labels["verdict"]
    if verdict == "faster":
        return f"{cell(speedup)} with {best.labels['way']} (n = {speedup.n})"
    return f"{'undecided' if verdict == 'too few' else 'no way wins'} (n = {speedup.n})"


def _best(rows: Sequence[Row]) -> Mapping[str, Row]:
    """The way with the largest median speed-up of each case; where there are some that are faster, of those."""
    best: dict[str, Row] = {}
    for row in rows:
        name = str(row.labels.get("case", ""))
        if "way" in row.labels and row["speed-up"].n and (name not in best or _speedup(row) > _speedup(best[name])):
            best[name] = row
    return best


def _speedup(row: Row) -> tuple[bool, float]:
    return row.labels["verdict"] == "faster", row["speed-up"].median


def _notes(rows: Sequence[Row], workers: int, tasks: int) -> list[str]:
    notes = [
        (
            f"{tasks} tasks a case, {workers} workers that were warm; speed-up is the plain loop's time over the "
            "way's, block by block. The course runs four workers and counts anything above 1.2 × as faster."
        ),
    ]
    for row in rows:
        if row.labels.get("the_course_says") in ("parallel", "serial"):
            notes += _held_against(row, rows)
    return notes


def _held_against(case: Row, rows: Sequence[Row]) -> list[str]:
    """What a case shows against what the course says of it."""
    name, said = str(case.labels["case"]), case.labels["the_course_says"]
    best = _best(rows).get(name)
    if best is None or best.labels["verdict"] == "too few":
        return []
    won = "parallel" if best.labels["verdict"] == "faster" and best.labels["way"] != running.SERIAL else "serial"
    way = f"{best.labels['way']} at {cell(best['speed-up'])} × (n = {best['speed-up'].n})"
    holds = "so it is here" if won == said else "not so here"
    return [f"{name}: the course says {said} wins; {holds}: the best of the ways is {way}."]


def draw(finding: Finding, axes: Sequence[Axes]) -> None:
    """Draw one panel a case: the speed-up of every way, and the line at 1 that divides gain from loss."""
    names = list(dict.fromkeys(str(row.labels["case"]) for row in finding.rows if "way" in row.labels))[: len(axes)]
    for at, (panel, name) in enumerate(zip(axes, names, strict=False)):
        rows = [row for row in finding.select(case=name) if "way" in row.labels and row["speed-up"].n]
        _panel(panel, name, rows, finding.select(case=name)[0], first=at == 0)


def _panel(axes: Axes, name: str, rows: Sequence[Row], case: Row, *, first: bool) -> None:
    axes.set_xscale("log")
    axes.axvline(1, lw=1, color="#22252a")
    for place, row in enumerate(rows):
        speedup, colour = row["speed-up"], _COLOURS[str(row.labels["verdict"])]
        axes.plot([1, speedup.median], [place, place], color=colour, lw=1.2, alpha=0.5)
        axes.plot([speedup.low, speedup.high], [place, place], color=colour, lw=4, alpha=0.45, solid_capstyle="butt")
        axes.plot(speedup.median, place, "o", color=colour, ms=6)
        left = speedup.median < 1
        edge = min(speedup.low, speedup.median) if left else max(speedup.high, speedup.median)
        axes.annotate(
            number(speedup.median), (edge, place), xytext=(-6 if left else 6, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", fontsize=8.5, color=colour,
        )  # fmt: skip
    alone, argument = case["a task alone"], case["its argument, pickled"]
    size = "not measured"
    if alone.n and argument.n:
        size = f"{format_seconds(alone.median / 1e3)} a task, {format_bytes(round(argument.median * 1e3))} each"
    axes.set_title(f"{name} data\n{size}", fontsize=9.5)
    axes.set_yticks(range(len(rows)), [str(row.labels["way"]) for row in rows] if first else [""] * len(rows))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    _frame(axes, [row["speed-up"] for row in rows])


def _frame(axes: Axes, speedups: Sequence[Quantity]) -> None:
    """Limits that leave room for the figures beside the points, and ticks that can be read."""
    from matplotlib.ticker import NullFormatter, NullLocator

    low = min([1.0, *(one.low for one in speedups)])
    high = max([1.0, *(one.high for one in speedups)])
    span = high / low
    low, high = low / span**0.35 / 1.4, high * span**0.2 * 1.3
    wide = span > 12
    known = [10.0**power for power in range(-7, 3)] if wide else [0.1, 0.2, 0.5, 1, 2, 5, 10]
    ticks = [one for one in known if low <= one <= high]
    axes.set_xlim(low, high)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.set_xlabel("slower ← speed-up [×] → faster")
