"""How many copies of a payload a transport keeps in memory, in the sender, the receiver, and a server between them.

A copy is one payload's worth of bytes: 1.00 in the sender is its original alone, 1.00 in the receiver what it was sent
for. Each process's peak is the kernel's own high-water mark, which misses nothing, and which counts pages of shared
memory in full: so does the sender, who touches them first and alone; for the others they count as in PSS, by their
share. Beside that a third process reads PSS as fast as the kernel answers: the most that all of them held at one
moment. Every sample has a connection of its own, and malloc keeps nothing of what was freed (`processes.heap`), so that
no copy is made in memory that is left over from something else.
"""

from __future__ import annotations

from contextlib import closing

import numpy as np

from breakeven.lab import asked
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.processes.heap import nothing_kept
from breakeven.lab.processes.watching import Watcher, high_water_bytes, reset_high_water, shared_bytes
from breakeven.lab.showing.tables import number, size_text
from breakeven.lab.transports import MPI
from breakeven.lab.transports.exchange import ONE_WAY, Order
from breakeven.lab.transports.payloads import make, shapes_of
from breakeven.lab.transports.ranks import READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.lab.transports.links import Link

INCHES = (10.5, 6.4)

QUICK_BYTES = 16 << 20
FULL_BYTES = 64 << 20
LEAST_BYTES, LEAST_BYTES_KEPT = 4 << 20, 32 << 20
"""Below this, memory that Python, or a malloc that cannot be told to give it back, keeps serves again."""
PAGES_BYTES = 256 << 10
"""Copies of less than this are lost among the pages that come and go beside them."""
LEAST_SAMPLES = 3
"""As many are taken whatever the budget."""
NOTE = "The sender's original is its first copy. Each process at its own peak; together: the most seen at one moment."
SMALL = "Payloads this small may lie in memory that was kept when something else was freed: not all copies count."
QUICK_TRANSPORTS = ("mp.Pipe", "shared_memory", "our arena")
SHAPES = ("bytes", "array")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this instrument."""
    parser.add_argument("--transports", metavar="NAMES", help="only these, by comma (default: all that are there)")
    parser.add_argument("--size", metavar="SIZE", help="size of the payload (default: 64 MiB; with --quick 16 MiB)")
    parser.add_argument("--shapes", metavar="SHAPES", help=f"shapes by comma (default: {','.join(SHAPES)})")


def measure(
    *,
    quick: bool = False,
    transports: str | None = None,
    size: str | None = None,
    shapes: str | None = None,
    seconds: float | None = None,
) -> Finding:
    """Measure and return one row a transport and shape.

    >>> found = measure(quick=True, transports="os.pipe", size="16 MiB", shapes="bytes", seconds=0.1)
    >>> row = found.rows[0]
    >>> row["sender"].unit, row["sender"].median > 0.5
    ('copies', True)
    """
    from breakeven.lab.transports.links import chosen

    names = chosen(transports, default=QUICK_TRANSPORTS if quick else None)
    nbytes = asked.one_size(size, QUICK_BYTES if quick else FULL_BYTES, least=PAGES_BYTES)
    kinds = shapes_of(shapes, SHAPES)
    for kind in kinds:
        make(kind, nbytes, np.random.default_rng(0))  # so that what payloads are cut from is there before it counts
    with nothing_kept() as gives_back, closing(Watcher()) as watcher:
        cases = [Case(f"{name} {kind}", _once(name, kind, nbytes, watcher)) for name in names for kind in kinds]
        budget = seconds if seconds is not None else 2.0 if quick else 60.0
        taken = take(cases, budget_seconds=budget, most=11, always=LEAST_SAMPLES, warm=False)
    rows = []
    for kind in kinds:
        for name in names:
            quantities = taken.samples.get(f"{name} {kind}", {})
            if quantities:
                labels: dict[str, str | float] = {"transport": name, "shape": kind, "size_bytes": nbytes}
                rows.append(
                    Row(labels, tuple(Quantity(one, _unit(one), tuple(kept)) for one, kept in quantities.items()))
                )
    return Finding(
        instrument="copies",
        headline=_headline(rows, nbytes),
        conditions=conditions(**taken.facts(), fresh_payloads=True),
        rows=tuple(rows),
        notes=(NOTE, SMALL) if nbytes < (LEAST_BYTES if gives_back else LEAST_BYTES_KEPT) else (NOTE,),
        interrupted=taken.interrupted,
    )


def _unit(name: str) -> str:
    return "looks" if name == "looks" else "copies"


def _once(name: str, shape: str, nbytes: int, watcher: Watcher) -> Callable[[], dict[str, float]]:
    from breakeven.lab.transports.links import opened

    turn = iter(range(1 << 62))

    def once() -> dict[str, float]:
        with opened([name], 2 * nbytes) as links:
            if name == MPI:
                links[name].run(Order(READY, shape, nbytes))
            return _copies_of(links[name], Order(ONE_WAY, shape, nbytes, 1, seed=next(turn)), watcher)

    return once


def _copies_of(link: Link, order: Order, watcher: Watcher) -> dict[str, float]:
    pids = link.pids
    link.run(Order(ONE_WAY, order.shape, 1 << 12, 2))
    idle = watcher.begin(pids)
    for pid in pids:
        reset_high_water(pid)
    before = [shared_bytes(pid) for pid in pids]
    link.run(order)
    after = [shared_bytes(pid) for pid in pids]
    marks = [high_water_bytes(pid) for pid in pids]
    _, together, looks = watcher.finish()
    copies = [(mark - resident) / order.size_bytes for mark, (resident, _, _) in zip(marks, before, strict=True)]
    for at in range(1, len(pids)):  # the sender touches shared pages first and alone, the others when it has them too
        full, share = (after[at][one] - before[at][one] for one in (1, 2))
        copies[at] -= (full - share) / order.size_bytes
    found = {"sender": copies[0], "receiver": copies[1]}
    if len(copies) > 2:
        found["server"] = copies[2]
    found["sum of peaks"] = sum(copies)
    found["together"] = (together - sum(idle)) / order.size_bytes
    found["looks"] = float(looks)
    return found


def _headline(rows: Sequence[Row], nbytes: int) -> str:
    if not rows:
        return "Nothing was measured."
    piped = [row for row in rows if row.labels["transport"] == "mp.Pipe"] or list(rows[:1])
    parts = [
        f"{number(row['sum of peaks'].median)} copies of {row.labels['shape']} "
        f"({number(row['sender'].median)} in the sender, {number(row['receiver'].median)} in the receiver)"
        for row in piped
    ]
    name, n = piped[0].labels["transport"], piped[0]["sender"].n
    return f"{size_text(nbytes)} through {name} take {' and '.join(parts)}; n = {n}."


def draw(finding: Finding, axes: Any) -> None:
    """Draw stacked bars: sender, receiver, server, a pair of bars a transport."""
    from breakeven.lab.showing import drawing

    names = [f"{row.labels['transport']}, {row.labels['shape']}" for row in finding.rows]
    begins = [0.0] * len(names)
    for at, part in enumerate(("sender", "receiver", "server")):
        widths = [max(0.0, row[part].median) if part in row else 0.0 for row in finding.rows]
        if any(widths):
            axes.barh(range(len(names)), widths, left=begins, height=0.66, color=drawing.PALETTE[at], label=part)
        begins = [begin + width for begin, width in zip(begins, widths, strict=True)]
    togethers = [row["together"].interval for row in finding.rows]
    axes.errorbar(
        [one.value for one in togethers],
        range(len(names)),
        xerr=([one.value - one.low for one in togethers], [one.high - one.value for one in togethers]),
        fmt="|",
        ms=13,
        mew=1.8,
        capsize=2.5,
        color=drawing.INK,
        label="most at one moment, all together",
    )
    for place, (begin, one) in enumerate(zip(begins, togethers, strict=True)):
        text = f"{begin:.2f} ({one.value:.2f} at once)"
        axes.annotate(text, (max(begin, one.high), place), (6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.25)  # room for what is written beside the longest bar
    axes.set_xlabel("peak memory of each beyond idle, in copies of the payload (the sender's original is one)")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
