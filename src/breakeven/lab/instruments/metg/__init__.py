"""How short may tasks be? The minimum effective task granularity, METG, of every way to run many tasks here.

METG(50) is the shortest task time from which on a way is at least 50 % efficient, METG(95) the same at 95 %. Efficient
against what: bare processes that do the same tasks without a message for each, in the same block, so that a neighbour
who takes a CPU lowers no way's efficiency and one way's luck is no other's measure. `grain` is the time of the task
itself; Task Bench counts wall × workers / tasks instead, overhead included, which is given beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breakeven.lab import outlook, tasks
from breakeven.lab import ways as running
from breakeven.lab.asked import whole
from breakeven.lab.instruments.metg.reference import bare_workers
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.crossing import crossings, rising
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.showing.tables import cell
from breakeven.probes.capacity import usable_cpus
from breakeven.units import format_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from breakeven.lab.instruments.metg.reference import Bare
    from breakeven.lab.measuring.method import Taken

INCHES = (9.6, 5.2)
_QUICK = (10e-6, 30e-6, 100e-6, 300e-6, 1e-3)
_FULL = (1e-6, 3e-6, 10e-6, 30e-6, 100e-6, 300e-6, 1e-3, 3e-3)
_QUICK_TASKS = 16  # a worker
_FULL_TASKS = 128
_BARE = "bare processes"
_LOOP = running.LOOP
_HALF, _MOST = 0.5, 0.95


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `metg`."""
    parser.add_argument("--workers", metavar="W", type=int, default=None, help="of each way (the usable CPUs)")
    parser.add_argument("--tasks", metavar="N", type=int, default=None, help="a call (128 a worker; 16 with --quick)")


def measure(*, quick: bool, workers: int | None = None, tasks: int | None = None) -> Finding:
    """Sweep the task time for every way; 3 s, or about a minute."""
    width = usable_cpus() if workers is None else whole("workers", workers)
    count = width * (_QUICK_TASKS if quick else _FULL_TASKS) if tasks is None else whole("tasks", tasks)
    grid = _QUICK if quick else _FULL
    found = conditions(workers=width, tasks=count)
    expected = {share: outlook.metg_of_burning(width, share, quick=quick) for share in (_HALF, _MOST)}
    single, packed = ((running.PROCESSES, running.POOL, running.FUTURES), (running.PROCESSES, running.POOL))
    with (
        bare_workers(width) as bare,
        running.opened((_LOOP, *single), width, chunksize=1) as one,
        running.opened(packed, width) as many,
    ):
        ways = {name if name == _LOOP else f"{name} (1)": way for name, way in one.items()} | dict(many)
        cases = _cases(grid, ways, bare, count)
        taken = take(cases, budget_seconds=2.2 if quick else 50.0, least=6, warm=not quick)
        running.end_if(taken.interrupted, one)
    names = [name for name in ways if name != _LOOP]
    sweep = [_row(seconds, names, taken, count, width) for seconds in grid]
    points = [_point(name, sweep, expected, width / count) for name in names]
    return Finding(
        instrument="metg",
        headline=_headline(points, width, count),
        conditions=found | taken.facts(),
        rows=(*points, *sweep),
        notes=tuple(_notes(width, count)),
        interrupted=taken.interrupted,
        shown=("METG(50)", "METG(50) wall × W / N", "METG(95)", "grain", "all CPUs", *names),
    )


def _cases(grid: Sequence[float], ways: Mapping[str, running.Way], bare: Bare, count: int) -> list[Case]:
    pace = tasks.pace()
    cases = []
    for seconds in grid:
        rounds = pace.rounds(seconds)
        cases.append(Case(f"{seconds}|{_BARE}", _bare_case(bare, rounds, count)))
        cases += [_case(seconds, rounds, name, way, count) for name, way in ways.items()]
    return cases


def _bare_case(bare: Bare, rounds: int, count: int) -> Callable[[], float]:
    return lambda: bare.seconds(rounds, count) * 1e6


def _case(seconds: float, rounds: int, name: str, way: running.Way, count: int) -> Case:
    items = [rounds] * count
    expected = [tasks.burn(rounds)] * count
    return Case(f"{seconds}|{name}", lambda: way.seconds(tasks.burn, items, expected) * 1e6)


def _row(seconds: float, names: Iterable[str], taken: Taken, count: int, workers: int) -> Row:
    """One task time: what it was alone, what all CPUs made of it, and every way's efficiency."""
    loop, bare = taken.of(f"{seconds}|{_LOOP}"), taken.of(f"{seconds}|{_BARE}")
    calls = {name: taken.of(f"{seconds}|{name}") for name in names}
    quantities = [
        Quantity("grain", "µs", tuple(us / count for us in loop)),
        Quantity("all CPUs", "%", tuple(100 * a / (workers * b) for a, b in zip(loop, bare, strict=False))),
    ]
    for name, call in calls.items():
        quantities.append(Quantity(name, "%", tuple(100 * a / b for a, b in zip(bare, call, strict=False))))
    quantities += [Quantity(f"{name} wall", "µs", call) for name, call in {_LOOP: loop, _BARE: bare, **calls}.items()]
    return Row({"task_aimed_at": format_seconds(seconds)}, tuple(quantities))


def _point(name: str, sweep: Sequence[Row], expected: Mapping[float, float | None], share: float) -> Row:
    """Where a way's efficiency rises above a half and above 95 %, one crossing a block; `share` is workers / tasks."""
    rows = [row for row in sweep if row[name].n]
    samples = [row[name].samples for row in rows]
    grains = dict(zip(rising([row["grain"].median for row in rows]), samples, strict=True))
    walls = dict(zip(rising([row[f"{name} wall"].median * share for row in rows]), samples, strict=True))
    quantities = (
        Quantity("METG(50)", "µs", crossings(grains, 100 * _HALF)),
        Quantity("METG(50) wall × W / N", "µs", crossings(walls, 100 * _HALF)),
        Quantity("METG(95)", "µs", crossings(grains, 100 * _MOST)),
    )
    told = "–"
    if name == f"{running.PROCESSES} (1)":
        told = ", ".join("never" if one is None else format_seconds(one) for one in expected.values())
    return Row({"way": name, "forecast_50_95": told}, quantities)


def _headline(points: Sequence[Row], workers: int, count: int) -> str:
    told = [
        f"{cell(row['METG(50)'])} µs with {row.labels['way']} (n = {row['METG(50)'].n})"
        for row in points
        if row["METG(50)"].n and str(row.labels["way"]).startswith(running.PROCESSES)
    ]
    if not told:
        return f"No task time that was tried keeps {workers} workers half busy."
    return f"{count} tasks keep {workers} workers half as busy as bare processes from {' and '.join(told)} on."


def _notes(workers: int, count: int) -> list[str]:
    return [
        (
            f"W = {workers} workers, N = {count} tasks a call, all warm. (1): one task a message; without it, chunks "
            "as the library makes them by default."
        ),
        (
            "Cells under a way are its efficiency [%]: wall of bare processes / wall of the way, block by block. "
            "all CPUs: what bare processes themselves make of W CPUs, wall of the plain loop / (W × theirs)."
        ),
        (
            "METG(50), METG(95): the task time from which on the efficiency stays at 50 %, at 95 %; at the first "
            "grain it means there or below. wall × W / N is how Task Bench counts it."
        ),
    ]


def draw(finding: Finding, axes: Axes) -> None:
    """Draw efficiency against grain, a line a way, with the levels of METG(50) and METG(95)."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    from breakeven.lab.showing.drawing import INK, PALETTE, name_ends, series

    sweep = [row for row in finding.rows if "task_aimed_at" in row.labels and row["grain"].n]
    points = [row for row in finding.rows if "way" in row.labels]
    axes.set_xscale("log")
    ends = []
    for at, point in enumerate(points):
        name = str(point.labels["way"])
        rows = [row for row in sweep if row[name].n]
        if not rows:
            continue
        series(axes, rising([row["grain"].median for row in rows]), [row[name] for row in rows], number=at)
        ends.append((name, rows[-1]["grain"].median, rows[-1][name].median, at))
        half = point["METG(50)"]
        if half.n:
            axes.plot([half.low, half.high], [50, 50], color=PALETTE[at], lw=6, alpha=0.6, solid_capstyle="butt")
            axes.plot(half.median, 50, "|", color=PALETTE[at], ms=20, mew=2)
    for level in (50, 95):
        axes.axhline(level, color=INK, lw=0.9, ls=(0, (4, 3)))
        axes.annotate(
            f"METG({level})", (0, level), xycoords=("axes fraction", "data"), xytext=(4, 3),
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    axes.set_ylim(0, min(max(112.0, axes.dataLim.y1 * 1.02), 160.0))  # beyond, a neighbour disturbed the reference
    axes.set_xlabel("grain: time of one task alone [µs]")
    axes.set_ylabel("efficiency, against bare processes [%]")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    name_ends(axes, ends)
