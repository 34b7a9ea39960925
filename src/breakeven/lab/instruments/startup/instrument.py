"""What does a worker cost that does nothing? Whole programs, timed inside and from outside.

Each program initialises (imports, and makes the process, pool or executor), has one task done by it, and finalises:
stamps t0 … t3, six differences. From outside come the wall clock of the whole interpreter, user and system CPU seconds
of all its processes, and their ratio. Where a constructor returns before its worker is there, the wait is part of the
work: so does a user see it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.processes.programs import SILENT_SECONDS, Program

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from breakeven.lab.measuring.method import Taken

INCHES = (8.6, 6.2)
NOTHING = "nothing"
WITHOUT_METHOD = ("nothing", "thread")
WITH_METHOD = ("process", "pool", "executor", "breakeven")
QUICK_WAYS = ("process",)  # by every start method; the others by the first alone
METHODS = ("fork", "forkserver", "spawn")
BARE = "bare"
WORK_MS = 0.0
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 80.0, 2.0

NAMES = {
    "nothing": "nothing",
    "thread": "Thread",
    "process": "Process",
    "pool": "Pool(1)",
    "executor": "ProcessPoolExecutor(1)",
    "breakeven": "breakeven.Executor(1)",
}
QUANTITIES = {
    "wall": ("external wall", "ms"),
    "over": ("over nothing", "ms"),
    "init": ("t1-t0 init", "ms"),
    "work": ("t2-t1 work", "ms"),
    "fini": ("t3-t2 fini", "ms"),
    "init_work": ("t2-t0", "ms"),
    "work_fini": ("t3-t1", "ms"),
    "inside": ("t3-t0", "ms"),
    "user": ("user CPU", "ms"),
    "system": ("system CPU", "ms"),
    "cpu": ("CPU", "%"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the programs import and how long their task is."""
    parser.add_argument(
        "--imports",
        default=None,
        metavar="MODULE,…",
        help=f"what the program imports, each apart; {BARE} is nothing (default: {BARE},numpy; quick: {BARE})",
    )
    parser.add_argument("--work-ms", type=float, default=WORK_MS, help="how long the one task computes (default: 0)")


def measure(*, quick: bool, imports: str | None = None, work_ms: float = WORK_MS) -> Finding:
    """Run every program in interleaved blocks."""
    chosen = (imports or (BARE if quick else f"{BARE},numpy")).split(",")
    ways = [(way, "–") for way in WITHOUT_METHOD]
    ways += [(way, method) for way in WITH_METHOD for method in _methods(all_of_them=not quick or way in QUICK_WAYS)]
    keys = {f"{way} {method} {modules}": (way, method, modules) for modules in chosen for way, method in ways}
    cases = [Case(name, partial(run, *key, work_ms=work_ms)) for name, key in keys.items()]
    budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
    taken = take(cases, budget_seconds=budget, warm=False, least=6 if quick else 11, most=6 if quick else 31, always=2)
    rows = tuple(
        Row({"way": NAMES[way], "start method": method, "imports": modules}, _quantities(taken, name, modules))
        for name, (way, method, modules) in keys.items()
        if taken.of(name, "wall")
    )
    return Finding(
        instrument="startup",
        headline=_headline(rows, chosen[0]),
        conditions=conditions(work_ms=work_ms, **taken.facts()),
        rows=rows,
        notes=(
            "External wall: from before the interpreter starts until it ends. CPU: user + system by external wall.",
            "CPU seconds are those of all processes of the program, the fork server's included.",
            "Over nothing: external wall less that of the program without a worker, of the same block.",
        ),
        interrupted=taken.interrupted,
        shown=tuple(name for name, _ in QUANTITIES.values()),
    )


def run(way: str, method: str, modules: str, *, work_ms: float) -> dict[str, float]:
    """Run one program; milliseconds, and per cent of a CPU."""
    from breakeven.lab.instruments.startup.program import IMPORTS_VARIABLE

    variables = {IMPORTS_VARIABLE: "" if modules == BARE else modules}
    with Program(
        "breakeven.lab.instruments.startup.program", [way, method, str(work_ms)], variables=variables
    ) as program:
        stamps = program.hear(limit_seconds=SILENT_SECONDS + work_ms * 1e-3)
        toll = program.finish()
    init, work, fini = (stamps[name] * 1e-6 for name in ("init_ns", "work_ns", "fini_ns"))
    return {
        "wall": toll.wall_seconds * 1e3,
        "init": init,
        "work": work,
        "fini": fini,
        "init_work": init + work,
        "work_fini": work + fini,
        "inside": init + work + fini,
        "user": toll.user_seconds * 1e3,
        "system": toll.system_seconds * 1e3,
        "cpu": toll.cpu_share * 100,
    }


def draw(finding: Finding, axes: Any) -> None:
    """Bars of the first set of imports, by where the time goes; every other set by its wall clock alone."""
    from breakeven.lab.showing.drawing import INK, PALETTE
    from breakeven.lab.showing.tables import number

    sets = list(dict.fromkeys(str(row.labels["imports"]) for row in finding.rows))
    rows = finding.select(imports=sets[0])
    names = [_name(row) for row in rows]
    places = range(len(rows))
    walls = [row["external wall"].interval for row in rows]
    parts = {
        "interpreter starts and ends": [max(row["external wall"].median - row["t3-t0"].median, 0) for row in rows],
        "t1-t0 initialise": [row["t1-t0 init"].median for row in rows],
        "t2-t1 one empty task": [row["t2-t1 work"].median for row in rows],
        "t3-t2 finalise": [row["t3-t2 fini"].median for row in rows],
    }
    left = [0.0] * len(rows)
    for (part, widths), colour in zip(parts.items(), ("#b8c0cb", PALETTE[0], PALETTE[1], PALETTE[2]), strict=True):
        axes.barh(places, widths, left=left, height=0.62, color=colour, label=part)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    bounds = [[one.value - one.low for one in walls], [one.high - one.value for one in walls]]
    axes.errorbar([one.value for one in walls], places, xerr=bounds, fmt="none", ecolor=INK, lw=1, capsize=2.5)
    for place, one in zip(places, walls, strict=True):
        axes.annotate(number(one.value), (0, place), (5, 0), textcoords="offset points", va="center", fontsize=8.5)
    for at, modules in enumerate(sets[1:]):
        known = {_name(row): row["external wall"].interval for row in finding.select(imports=modules)}
        there = [(known[name], place) for place, name in enumerate(names) if name in known]
        xs = [one.value for one, _ in there]
        spread = [[one.value - one.low for one, _ in there], [one.high - one.value for one, _ in there]]
        style = {"color": PALETTE[3 + at], "ms": 5, "lw": 0, "elinewidth": 0.8, "capsize": 1.5, "alpha": 0.9}
        axes.errorbar(xs, [y for _, y in there], xerr=spread, fmt="D", label=f"all of it, importing {modules}", **style)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(left=0)
    axes.margins(x=0.08)
    axes.set_xlabel("external wall [ms]")
    axes.legend(loc="upper right", fontsize=8.5)


def _methods(*, all_of_them: bool) -> tuple[str, ...]:
    import multiprocessing

    there = tuple(method for method in METHODS if method in multiprocessing.get_all_start_methods())
    return there if all_of_them else there[:1]


def _name(row: Row) -> str:
    method = row.labels["start method"]
    return str(row.labels["way"]) if method == "–" else f"{row.labels['way']}, {method}"


def _quantities(taken: Taken, name: str, modules: str) -> tuple[Quantity, ...]:
    """All figures of one program; what it is over nothing is paired within blocks."""
    walls, bare = taken.of(name, "wall"), taken.of(f"{NOTHING} – {modules}", "wall")
    over = tuple(wall - base for wall, base in zip(walls, bare, strict=False))  # the last block may be half done
    return tuple(
        Quantity(shown, unit, over if key == "over" else taken.of(name, key))
        for key, (shown, unit) in QUANTITIES.items()
        if key != "over" or over
    )


def _headline(rows: tuple[Row, ...], modules: str) -> str:
    from breakeven.lab.showing.tables import number

    known = {_name(row): row for row in rows if row.labels["imports"] == modules}
    costs = {
        name: row["over nothing"].median
        for name, row in known.items()
        if row.labels["start method"] != "–" and "over nothing" in row
    }
    if not costs or NAMES[NOTHING] not in known:
        return "Interrupted before every program had run once."
    cheap, dear = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
    base = known[NAMES[NOTHING]]["external wall"]
    begins = f"from {number(costs[cheap])} ms ({cheap})" if costs[cheap] > 0 else f"from nothing to be seen ({cheap})"
    return (
        f"One worker process adds {begins} to {number(costs[dear])} ms ({dear}) to a "
        f"program that takes {number(base.median)} ms without (n = {base.n})."
    )
