"""What does an update of a shared number cost, alone and with others at it, and what does a race lose?

Processes add one to the same place, many times: multiprocessing's Value and Array without a lock, with the lock they
come with (which does not cover `+=`), and under `get_lock()`; a manager's proxies; breakeven's SharedArray without and
with a lock, and with a place of its own for each process; and a local number that is written once. All begin at one
moment of the common clock; the sum that arrives is held against the sum that was added.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from breakeven.lab.asked import whole
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.processes.programs import Program

if TYPE_CHECKING:
    import argparse
    from typing import Any

PANELS = 2
INCHES = (9.6, 5.0)
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 30.0, 1.8

UPDATES = {
    "local, summed once": 200_000,
    "SharedArray, own places": 60_000,
    "SharedArray, no lock": 60_000,
    "SharedArray, Lock()": 10_000,
    "Value, no lock": 100_000,
    "Value": 20_000,
    "Value, get_lock()": 10_000,
    "Array, no lock": 100_000,
    "Array": 10_000,
    "Array, get_lock()": 10_000,
    "Manager().Value": 150,
    "Manager().Value, Lock()": 150,
    "Manager().list": 150,
}
"""Way → how many updates a process makes in a turn: about 10 ms' worth, more than a scheduler's slice."""

SAFE = (
    "local, summed once",
    "SharedArray, own places",
    "SharedArray, Lock()",
    "Value, get_lock()",
    "Array, get_lock()",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add how many processes add at once."""
    parser.add_argument("--adders", type=int, default=None, help="processes that add at once (default: usable CPUs)")


def measure(*, quick: bool, adders: int | None = None) -> Finding:
    """Let one process add, then several at once, in every way, in interleaved blocks."""
    from breakeven.probes.capacity import usable_cpus

    many = max(usable_cpus(), 2) if adders is None else whole("adders", adders, least=2)
    keys = {f"{way} {count}": (way, count) for way in UPDATES for count in (1, many)}
    with Program("breakeven.lab.instruments.sharing.program") as program:

        def once(way: str, count: int) -> dict[str, float]:
            program.say({"way": way, "adders": count, "count": UPDATES[way] // (4 if quick else 1)})
            turn = program.answer()
            return {
                "update": turn["ns_an_update"] * 1e-3,
                "rate": turn["updates_a_second"] * 1e-3,
                "lost": 100 * (1 - turn["arrived"] / turn["expected"]),
                "overlap": 100 * turn["overlap"],
            }

        cases = [Case(name, partial(once, *key)) for name, key in keys.items()]
        budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
        taken = take(cases, budget_seconds=budget, warm=not quick, always=2)
        if not taken.interrupted:
            program.finish()
    rows = tuple(
        Row(
            {"way": way, "adders": count},
            (
                Quantity("one update", "µs", taken.of(name, "update")),
                Quantity("all together", "updates/ms", taken.of(name, "rate")),
                Quantity("lost", "%", taken.of(name, "lost")),
                Quantity("overlap", "%", taken.of(name, "overlap")),
            ),
        )
        for name, (way, count) in keys.items()
        if taken.of(name, "update")
    )
    return Finding(
        instrument="sharing",
        headline=_headline(rows, many),
        conditions=conditions(adders=many, updates_a_process=UPDATES, **taken.facts()),
        rows=rows,
        notes=(
            "One update: what a process waits for its own.",
            "All together: the updates of all by the time from the first begin to the last end.",
            "Lost: of the ones added, those that the sum lacks. Overlap: the share of that time in which all add.",
        ),
        interrupted=taken.interrupted,
    )


def draw(finding: Finding, axes: Any) -> None:
    """Left, what an update costs alone and in company; right, how much of the sum is lost."""
    from breakeven.lab.showing.drawing import INK, PALETTE
    from breakeven.lab.showing.tables import number

    costs, losses = axes
    ways = list(dict.fromkeys(str(row.labels["way"]) for row in finding.rows))
    counts = sorted({float(row.labels["adders"]) for row in finding.rows})
    for at, count in enumerate(counts):
        rows = {str(row.labels["way"]): row for row in finding.select(adders=count)}
        there = [(place, rows[way]["one update"].interval) for place, way in enumerate(ways) if way in rows]
        xs = [one.value for _, one in there]
        spread = [[one.value - one.low for _, one in there], [one.high - one.value for _, one in there]]
        label = "one process alone" if count == 1 else f"{count:g} processes at it"
        style = {"color": PALETTE[at], "ms": 6, "lw": 0, "elinewidth": 1.4, "capsize": 2}
        costs.errorbar(xs, [place for place, _ in there], xerr=spread, fmt="os"[at % 2], label=label, **style)
    costs.set_yticks(range(len(ways)), ways)
    costs.invert_yaxis()
    costs.set_xscale("log")
    costs.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    costs.set_xlabel("one update [µs]")
    costs.legend(loc="upper right", fontsize=8.5)
    rows = {str(row.labels["way"]): row for row in finding.select(adders=counts[-1])}
    lost = [rows[way]["lost"].interval if way in rows else None for way in ways]
    for place, one in enumerate(lost):
        if one is None:
            continue
        losses.barh(place, one.value, height=0.62, color=PALETTE[1])
        bounds = [[one.value - one.low], [one.high - one.value]]
        losses.errorbar([one.value], [place], xerr=bounds, fmt="none", ecolor=INK, lw=1, capsize=2.5)
        losses.annotate(
            f"{number(one.value)} %", (one.high, place), (5, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    losses.set_yticks(range(len(ways)), [""] * len(ways))
    losses.set_ylim(costs.get_ylim())
    losses.set_xlim(0, 100)
    losses.grid(visible=False, axis="y")
    losses.set_xlabel(f"updates lost of those of {counts[-1]:g} processes [%]")


def _headline(rows: tuple[Row, ...], many: int) -> str:
    from breakeven.lab.showing.tables import number

    found = {str(row.labels["way"]): row for row in rows if row.labels["adders"] == many}
    if len(found) < len(UPDATES):
        return "Interrupted before every way had been tried."
    lost = {way: row["lost"].median for way, row in found.items()}
    worst = max(lost, key=lost.__getitem__)
    safe = {way: found[way]["one update"].median for way in SAFE[1:]}
    dear = found["Manager().Value, Lock()"]["one update"].median
    best = min(safe, key=safe.__getitem__)
    return (
        f"With {many} processes at it, an update that loses nothing costs from {number(safe[best])} µs ({best}) to "
        f"{number(dear)} µs (a manager's Value and Lock); without a lock up to {number(lost[worst])} % are lost "
        f"({worst}; n = {found[worst]['lost'].n})."
    )
