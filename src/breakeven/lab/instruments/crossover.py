"""From which task time on does it pay? The same few tasks, from 10 µs to half a second each, on every way to run them.

The crossover of a way is the task time from which on its speed-up over a plain loop stays above 1: found in every block
by interpolation on logarithmic axes, so that it has samples and an interval. Beside it stands the break-even that the
model forecasts for as many tasks from this machine's profile, before anything here was run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from breakeven.lab import outlook, tasks
from breakeven.lab import ways as running
from breakeven.lab.asked import whole
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.crossing import crossings, rising
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, Taken, take
from breakeven.lab.showing.tables import cell, number
from breakeven.probes.capacity import usable_cpus
from breakeven.units import format_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes

    from breakeven.lab.outlook import Outlook

INCHES = (9.6, 5.4)
TASKS = 8
_QUICK = (20e-6, 60e-6, 200e-6, 600e-6, 2e-3, 6e-3)
_FULL = (10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3)
_LONG = (50e-3, 500e-3)
_QUICK_WAYS = (running.LOOP, running.THREADS, running.PROCESSES, running.COLD, running.POOL)
_FULL_WAYS = (*running.EVERY, running.COLD)
_LONG_WAYS = (running.LOOP, running.PROCESSES, running.COLD, running.POOL)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `crossover`."""
    parser.add_argument("--workers", metavar="W", type=int, default=None, help="of each way (the usable CPUs)")
    parser.add_argument("--tasks", metavar="N", type=int, default=TASKS, help="a call (%(default)s, the course's)")


def measure(*, quick: bool, workers: int | None = None, tasks: int = TASKS) -> Finding:
    """Sweep the task time; 3 s, or about a minute."""
    width = usable_cpus() if workers is None else whole("workers", workers)
    whole("tasks", tasks)
    found = conditions(workers=width, tasks=tasks)
    forecast = outlook.of_burning(tasks, width, quick=quick)
    short, long = (_QUICK, ()) if quick else (_FULL, _LONG)
    names = _QUICK_WAYS if quick else _FULL_WAYS
    with running.opened(names, width) as ways:
        taken = take(
            _cases(short, list(ways.values()), tasks), budget_seconds=3.2 if quick else 30.0, least=6, warm=not quick
        )
        few = [ways[name] for name in _LONG_WAYS if name in ways]
        far = Taken()
        if long and not taken.interrupted:
            far = take(_cases(long, few, tasks), budget_seconds=36.0, least=3, most=6, warm=False)
        running.end_if(taken.interrupted or far.interrupted, ways)
    sweep = [_row(seconds, names, taken, tasks) for seconds in short]
    sweep += [_row(seconds, _LONG_WAYS, far, tasks) for seconds in long]
    points = [_crossover(name, sweep, forecast) for name in names if name != running.LOOP]
    return Finding(
        instrument="crossover",
        headline=_headline(points, tasks, width),
        conditions=found | taken.facts() | {"profile": forecast.source, "forecast_ms": _forecast_ms(forecast)},
        rows=(*points, *sweep),
        notes=tuple(_notes(points, forecast, tasks, width)),
        interrupted=taken.interrupted or far.interrupted,
        shown=("crossover", "a task alone", *names[1:]),
    )


def _cases(grid: Sequence[float], ways: Iterable[running.Way], count: int) -> list[Case]:
    pace = tasks.pace()
    return [case for seconds in grid for case in _cases_of(seconds, pace.rounds(seconds), ways, count)]


def _cases_of(seconds: float, rounds: int, ways: Iterable[running.Way], count: int) -> list[Case]:
    items = [rounds] * count
    expected = [tasks.burn(rounds)] * count

    def timed(way: running.Way) -> Callable[[], float]:
        return lambda: way.seconds(tasks.burn, items, expected) * 1e3

    return [Case(f"{seconds}|{way.name}", timed(way)) for way in ways]


def _row(seconds: float, names: Iterable[str], taken: Taken, count: int) -> Row:
    """One task time: what a task took in the plain loop, every way's speed-up, and the calls' times."""
    loop = taken.of(f"{seconds}|{running.LOOP}")
    quantities = [Quantity("a task alone", "ms", tuple(ms / count for ms in loop))]
    calls = {name: taken.of(f"{seconds}|{name}") for name in names if name != running.LOOP}
    for name, call in calls.items():
        quantities.append(Quantity(name, "×", tuple(a / b for a, b in zip(loop, call, strict=False))))
    quantities.append(Quantity(f"{running.LOOP} call", "ms", loop))
    quantities += [Quantity(f"{name} call", "ms", call) for name, call in calls.items()]
    return Row({"task_aimed_at": format_seconds(seconds)}, tuple(quantities))


def _crossover(name: str, sweep: Sequence[Row], forecast: Outlook) -> Row:
    rows = [row for row in sweep if name in row and row[name].n]
    points = rising([row["a task alone"].median for row in rows])
    found = crossings({point: row[name].samples for point, row in zip(points, rows, strict=True)}, 1.0)
    blocks = max((row[name].n for row in rows), default=0)
    if len(found) < blocks / 2:
        found = ()  # most curves end below 1
    expected = {running.PROCESSES: forecast.warm, running.COLD: forecast.cold}.get(name)
    told = "–" if expected is None else str(expected)
    off = "–"
    if expected is not None and expected.seconds and found:
        off = f"{number(Quantity('', '', found).median / 1e3 / expected.seconds)} ×"
    labels: dict[str, str | float] = {"way": name, "forecast": told, "measured_over_forecast": off}
    return Row(labels, (Quantity("crossover", "ms", found),))


def _forecast_ms(forecast: Outlook) -> dict[str, list[float | None]]:
    """Break-even with its bounds, by way, for the figure."""
    expected = {running.PROCESSES: forecast.warm, running.COLD: forecast.cold}
    bounds = {way: (one.seconds, one.low_seconds, one.high_seconds) for way, one in expected.items()}
    return {way: [None if one is None else one * 1e3 for one in three] for way, three in bounds.items()}


def _headline(points: Sequence[Row], count: int, workers: int) -> str:
    known = {str(row.labels["way"]): row for row in points if row["crossover"].n}
    warm = known.get(running.PROCESSES)
    if warm is None:
        return f"Processes did not come to pay for {count} tasks on {workers} workers, at any task time that was tried."
    text = f"{count} tasks on {workers} workers pay from {cell(warm['crossover'])} ms a task on with warm processes"
    if running.COLD in known:
        text += f", from {cell(known[running.COLD]['crossover'])} ms on where they must be started"
    return f"{text}; forecast: {warm.labels['forecast']} (n = {warm['crossover'].n})."


def _notes(points: Sequence[Row], forecast: Outlook, count: int, workers: int) -> list[str]:
    never = [str(row.labels["way"]) for row in points if not row["crossover"].n]
    notes = [
        (
            f"{count} tasks a call, {workers} workers; each task adds square roots in pure Python, with next to no "
            "data. Cells under a way are its speed-up over the plain loop, block by block. crossover: the task time "
            "from which on it stays above 1."
        ),
        f"Forecasts: for {count} tasks, from a profile of this machine that was {forecast.source}; interval: 80 %.",
    ]
    if never:
        notes.append(f"No crossover in most blocks: {', '.join(never)}. Where the GIL is held, threads have none.")
    return notes


def draw(finding: Finding, axes: Axes) -> None:
    """Draw speed-up against task time, a line a way, each crossover a mark on the line at 1."""
    from breakeven.lab.showing.drawing import INK, PALETTE, logarithmic, name_ends, series

    sweep = [row for row in finding.rows if "task_aimed_at" in row.labels and row["a task alone"].n]
    names = [str(row.labels["way"]) for row in finding.rows if "way" in row.labels]
    axes.axhline(1, color=INK, lw=1)
    ends = []
    for at, name in enumerate(names):
        rows = [row for row in sweep if name in row and row[name].n]
        if not rows:
            continue
        xs = rising([row["a task alone"].median for row in rows])
        series(axes, xs, [row[name] for row in rows], number=at)
        ends.append((name, xs[-1], rows[-1][name].median, at))
    for at, row in enumerate(row for row in finding.rows if "way" in row.labels):
        point = row["crossover"]
        if point.n:
            axes.plot([point.low, point.high], [1, 1], color=PALETTE[at], lw=6, alpha=0.6, solid_capstyle="butt")
            axes.plot(point.median, 1, "|", color=PALETTE[at], ms=22, mew=2)
        _mark_forecast(axes, finding.conditions["forecast_ms"].get(row.labels["way"]), PALETTE[at])
    logarithmic(axes, x="time of one task alone [ms]", y="speed-up over a plain loop [×]")
    _ticks(axes, float(finding.conditions["workers"]))
    name_ends(axes, ends)


def _mark_forecast(axes: Axes, bounds: Sequence[float | None] | None, colour: str) -> None:
    """A hollow diamond on the line at 1, with the forecast's interval."""
    value, low, high = bounds or (None, None, None)
    if value is None:
        return
    ends = [value if low is None else low, axes.get_xlim()[1] if high is None else high]
    axes.plot(ends, [1, 1], color=colour, lw=1.6)
    axes.plot(value, 1, "D", mfc="none", mec=colour, ms=8, mew=1.6)
    axes.annotate(
        "forecast",
        (value, 1),
        xytext=(0, -9),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8,
        color=colour,
    )


def _ticks(axes: Axes, workers: float) -> None:
    """Plain figures on both axes, and the bound that so many workers set."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    from breakeven.lab.showing.drawing import INK

    axes.axhline(workers, color=INK, lw=0.9, ls=(0, (4, 3)))
    axes.annotate(
        f"{workers:g} workers", (0, workers), xycoords=("axes fraction", "data"), xytext=(4, 3),
        textcoords="offset points", fontsize=8.5,
    )  # fmt: skip
    low = axes.dataLim.y0
    steps = [10.0**power for power in range(math.floor(math.log10(max(low, 1e-6))), 0)] + [0.5, 1, 2, 4, 8, 16, 32, 64]
    axes.set_ylim(low / 1.25, max(workers, axes.dataLim.y1) * 1.3)
    axes.yaxis.set_major_locator(FixedLocator([one for one in steps if low / 1.25 <= one <= workers * 1.3]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
