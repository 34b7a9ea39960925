"""What do workers add to the memory of a program? By start method, and by how they come by what they work on.

A program makes a payload, starts workers, and stands still when each of them holds its payload and has read all of it.
Its tree is looked at from outside, before and then: proportional pages (PSS: shared ones divided among those who map
them, so that the sum is what the tree holds), unique ones (USS: what would be free if one worker ended), and what the
kernel charges to the memory group, the truth that the others are held against. Peaks are the most that was seen in
between, at about a hundred looks a second.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from breakeven.lab import asked
from breakeven.lab.instruments.memory.looking import Peak, group_bytes, look
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.processes.programs import SILENT_SECONDS, Program

if TYPE_CHECKING:
    import argparse
    from typing import Any

INCHES = (9.6, 6.6)
PAYLOAD, QUICK_PAYLOAD = "64 MB", "40 MB"
WORKERS = 2
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 80.0, 1.8
SLOWEST_BYTES_A_SECOND = 5e7  # at which a payload reaches the workers, one after the other
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

PROCESS, ENGINE = "Process", "breakeven"
NOTHING, COPIED, SHARED = "nothing held", "copied", "SharedArray"
INHERITED, INHERITED_LIST = "inherited", "inherited list"

QUANTITIES = {
    "pss": ("PSS a worker", "MB"),
    "uss": ("USS a worker", "MB"),
    "unfiled": ("no file's a worker", "MB"),
    "group": ("group a worker", "MB"),
    "kernel": ("kernel a worker", "MB"),
    "peak": ("peak no file's, all", "MB"),
    "peak_group": ("peak group, all", "MB"),
    "agreement": ("peak by group's", "%"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add how many workers there are and what they hold."""
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"(default: {WORKERS})")
    parser.add_argument("--payload", default=None, metavar="SIZE", help=f"(default: {PAYLOAD}; quick: {QUICK_PAYLOAD})")


def measure(*, quick: bool, workers: int = WORKERS, payload: str | None = None) -> Finding:
    """Look at every kind of tree, a fresh program each time, in interleaved blocks."""
    size_bytes = asked.size_bytes("payload", payload or (QUICK_PAYLOAD if quick else PAYLOAD))
    asked.whole("workers", workers)
    keys = {" ".join(key): key for key in _cases(quick=quick)}
    cases = [Case(name, partial(run, *key, workers=workers, size_bytes=size_bytes)) for name, key in keys.items()]
    budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
    taken = take(cases, budget_seconds=budget, warm=False, least=6, most=6 if quick else 21, always=3)
    known = {key: shown for key, shown in QUANTITIES.items() if any(taken.of(name, key) for name in keys)}
    rows = tuple(
        Row(
            {"workers are": who, "start method": method, "payload": sharing},
            tuple(Quantity(shown, unit, taken.of(name, key)) for key, (shown, unit) in known.items()),
        )
        for name, (who, method, sharing) in keys.items()
        if taken.of(name, "pss")
    )
    return Finding(
        instrument="memory",
        headline=_headline(rows, size_bytes),
        conditions=conditions(workers=workers, payload_bytes=size_bytes, **taken.facts()),
        rows=rows,
        notes=(
            f"{workers} workers; a payload of {size_bytes / 1e6:g} MB, the parent's from the begin. MB = 10^6 B.",
            "A worker: what all of it adds, by workers; a fork server and other company is part of that.",
            "No file's: of the PSS what is no page of a file, such as a library, which is in memory anyway.",
            "Group: pages charged to the memory group, without the kernel's own (page tables, stacks).",
            "Peak by group's: the largest sum of the processes' pages seen, by the largest charge seen.",
            *(() if "group" in known else ("No memory group can be read here to hold the sums against.",)),
        ),
        interrupted=taken.interrupted,
    )


def run(who: str, method: str, sharing: str, *, workers: int, size_bytes: int) -> dict[str, float]:
    """Look at one tree before it has workers and while it holds everything; megabytes."""
    words = [who, method, sharing, str(workers), str(size_bytes)]
    with Program("breakeven.lab.instruments.memory.program", words, variables=ONE_THREAD) as program:
        program.answer()
        peak = Peak(program.pid)
        before = look(program.pid)
        program.say("go on")
        limit = SILENT_SECONDS + workers * size_bytes / SLOWEST_BYTES_A_SECOND
        program.answer(peak, limit_seconds=limit)
        held = look(program.pid)
        peak.count(held)
        program.say("go on")
        program.finish()
    found = {
        "pss": (held.tree.proportional_bytes - before.tree.proportional_bytes) / workers,
        "uss": held.workers.unique_bytes / workers,
        "unfiled": (held.tree.unfiled_bytes - before.tree.unfiled_bytes) / workers,
        "peak": peak.unfiled_bytes - before.tree.unfiled_bytes,
    }
    if held.group_bytes is not None and before.group_bytes is not None:
        found["group"] = (held.group_bytes - before.group_bytes) / workers
        found["kernel"] = ((held.kernel_bytes or 0) - (before.kernel_bytes or 0)) / workers
        found["peak_group"] = peak.group_bytes - before.group_bytes
    found = {name: value / 1e6 for name, value in found.items()}
    if found.get("peak_group", 0) > 0:
        found["agreement"] = 100 * found["peak"] / found["peak_group"]
    return found


def draw(finding: Finding, axes: Any) -> None:
    """A bar a way by PSS, with the group's figure as a mark."""
    from breakeven.lab.showing.drawing import INK, PALETTE
    from breakeven.lab.showing.tables import number

    colours = dict(zip((NOTHING, COPIED, INHERITED, INHERITED_LIST, SHARED), PALETTE, strict=False))
    names = [
        f"{row.labels['workers are']}, {row.labels['start method']}: {row.labels['payload']}" for row in finding.rows
    ]
    places = list(range(len(names)))
    found = [row["PSS a worker"].interval for row in finding.rows]
    axes.barh(
        places,
        [one.value for one in found],
        xerr=[[one.value - one.low for one in found], [one.high - one.value for one in found]],
        color=[colours[str(row.labels["payload"])] for row in finding.rows],
        height=0.66,
        error_kw={"ecolor": INK, "lw": 1, "capsize": 2.5},
    )
    marked = [
        (row["group a worker"].median, place) for place, row in enumerate(finding.rows) if "group a worker" in row
    ]
    if marked:
        xs, ys = zip(*marked, strict=True)
        axes.plot(xs, ys, "|", color=INK, ms=13, mew=2, label="charged to the memory group")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1, fontsize=8.5)
    for place, one in enumerate(found):
        axes.annotate(
            number(one.value), (one.high, place), (7, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    payload = finding.conditions["payload_bytes"] / 1e6
    axes.axvline(payload, color=INK, lw=1, ls=":")
    at_top = axes.get_xaxis_transform()
    axes.text(payload, 1.005, "one payload", transform=at_top, fontsize=8.5, ha="center", va="bottom")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.1)
    axes.set_xlabel("what a worker adds to the PSS of the tree [MB]")


def _cases(*, quick: bool) -> list[tuple[str, str, str]]:
    import multiprocessing

    methods: list[str] = [
        one for one in ("fork", "forkserver", "spawn") if one in multiprocessing.get_all_start_methods()
    ]
    if quick:
        forked = [(PROCESS, "fork", one) for one in (NOTHING, COPIED, SHARED)] if "fork" in methods else []
        return [*forked, (PROCESS, "spawn", NOTHING), (ENGINE, methods[0], COPIED)]
    found = []
    for method in methods:
        found += [(PROCESS, method, sharing) for sharing in (NOTHING, COPIED, SHARED)]
        if method == "fork":
            found += [(PROCESS, method, sharing) for sharing in (INHERITED, INHERITED_LIST)]
        found += [(ENGINE, method, sharing) for sharing in (NOTHING, COPIED, SHARED)]
    return found


def _headline(rows: tuple[Row, ...], size_bytes: int) -> str:
    from breakeven.lab.showing.tables import number

    known = {(row.labels["workers are"], row.labels["start method"], row.labels["payload"]): row for row in rows}
    parts = []
    for key, text in (
        ((PROCESS, "fork", NOTHING), "{} MB when forked and idle"),
        ((PROCESS, "spawn", NOTHING), "{} MB when spawned"),
        ((PROCESS, "fork", COPIED), f"{{}} MB when it is sent a payload of {size_bytes / 1e6:g} MB"),
        ((PROCESS, "fork", SHARED), "{} MB when it shares that"),
    ):
        if key in known:
            parts.append(text.format(number(known[key]["PSS a worker"].median)))
    if not parts:
        return "Interrupted before any tree had been looked at."
    return f"A worker adds {', '.join(parts)} (n = {rows[0]['PSS a worker'].n})."


def group_is_visible() -> bool:
    """Say whether a memory group can be read here."""
    return group_bytes()[0] is not None
