"""How many bytes a second travel between two processes, against the size of a message.

Bandwidth has senses too, and each is a column: of one message, start-up included (size / one-way time) or excluded
(size / (one-way time less alpha of the fitted line)); of a stream, with 1, 4, 16 or 64 messages in flight before one
answer; and of both directions at once. Beside them the rate of messages, and copying memory within one process: to new
pages, which nothing that delivers a fresh payload by copying once can beat, and to pages in use. MB is 10^6 bytes.
"""

from __future__ import annotations

from contextlib import nullcontext
from time import perf_counter as clock

import numpy as np

from breakeven.lab import asked
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.fits import LEAST_POINTS, fit_segments
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import median
from breakeven.lab.processes import placing
from breakeven.lab.showing import drawing
from breakeven.lab.showing.tables import number, size_text
from breakeven.lab.transports.exchange import BOTH, ONE_WAY, STREAM, Order
from breakeven.lab.transports.links import chosen, lines_of, name_of, opened
from breakeven.lab.transports.payloads import shapes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from breakeven.lab.measuring.fits import Fit
    from breakeven.lab.measuring.method import Taken
    from breakeven.lab.transports.links import Line, Link

PANELS = 3
INCHES = (16.0, 5.6)

QUICK_SIZES = (1 << 10, 32 << 10, 512 << 10)
SIZES = tuple(1 << power for power in range(6, 27, 2))
QUICK_TRANSPORTS = ("os.pipe", "socketpair", "mp.Pipe", "mp.Queue", "shared_memory", "our channel", "our arena")
WINDOWS = (1, 4, 16, 64)
QUICK_WINDOWS = (1, 16)
BOTH_WINDOW = 4
IN_FLIGHT_BYTES = 64 << 20
"""At most so many bytes in flight at once, a message or more: wider windows are left out for larger sizes."""

NOTE = "One message: size / one-way time. Without start-up: size / (that less alpha). Window w: w messages, one answer."
COPIES = ("copy to new pages", "copy to pages in use")
ALONE = "one process"
"""Where copies are made."""
DRAWN_WINDOW = 16
LEAST_SAMPLES = 3
"""As many are taken whatever the budget."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this instrument."""
    asked.messages(parser, such_as="4KiB,1MiB,64MiB")
    asked.placed(parser, "one,two")


def measure(
    *,
    quick: bool = False,
    transports: str | None = None,
    sizes: str | None = None,
    shape: str = "bytes",
    placement: str | None = None,
    asleep: bool = False,
    seconds: float | None = None,
) -> Finding:
    """Measure and return one row a transport and size.

    >>> found = measure(quick=True, transports="os.pipe", sizes="64KiB", placement="free", seconds=0.2)
    >>> row = found.select(transport="os.pipe", size_bytes=65536)[0]
    >>> row["one message"].unit, row["message rate"].unit, row["both directions"].median > 0
    ('MB/s', 'msg/s', True)
    """
    names = chosen(transports, default=QUICK_TRANSPORTS if quick else None)
    (shape,) = shapes_of(shape, ())
    lines = lines_of(names, placing.chosen(placement))
    known = asked.sizes(sizes, QUICK_SIZES if quick else SIZES)
    windows = QUICK_WINDOWS if quick else WINDOWS
    with nullcontext() if asleep else placing.awake(), opened(names, 2 * max(known) + (64 << 10)) as links:
        cases = [
            Case(f"{name_of(line)} {size}", _once(links[line[0]], line[1], shape, size, windows, quick=quick))
            for line in lines
            for size in known
        ]
        cases += [Case(f"{name_of((copy, ALONE))} {size}", _copying(copy, size)) for copy in COPIES for size in known]
        budget = seconds if seconds is not None else 1.6 if quick else 90.0
        taken = take(cases, budget_seconds=budget, always=LEAST_SAMPLES)
    fits = _fits(taken, lines, known)
    every = [*lines, *((copy, ALONE) for copy in COPIES)]
    rows = [row for line in every for size in known for row in _rows(taken, line, size, windows, fits)]
    return Finding(
        instrument="bandwidth",
        headline=_headline(rows, max(known)),
        conditions=conditions(**taken.facts(), shape=shape, fresh_payloads=True, cpus_kept_awake=not asleep),
        rows=tuple(rows),
        fits=fits,
        notes=(NOTE,),
        interrupted=taken.interrupted,
    )


def _once(link: Link, placement: str, shape: str, size: int, windows: Sequence[int], *, quick: bool) -> Any:
    """One-way time, windows and both directions, in seconds."""
    count = max(1, min(4 if quick else 8, (256 << 10) // max(size, 1)))
    cpus = placing.cpus_of(placement)
    turn = iter(range(1 << 62))

    def once() -> dict[str, float]:
        seed = next(turn)
        there = Order(ONE_WAY, shape, size, count, seed=seed, cpus=cpus)
        found = {"one-way": median(link.run(there)["one-way"])}
        for window in windows:
            if fits_in_flight(window, size):
                order = Order(STREAM, shape, size, 1, window, seed=seed, cpus=cpus)
                found[f"window {window}"] = link.run(order)["window"][0]
        order = Order(BOTH, shape, size, 1, _both_window(size), seed=seed, cpus=cpus)
        found["both directions"] = link.run(order)["window"][0]
        return found

    return once


def fits_in_flight(window: int, size: int) -> bool:
    """Say whether a window of this size is measured.

    >>> fits_in_flight(64, 1 << 20), fits_in_flight(64, 2 << 20), fits_in_flight(1, 1 << 30)
    (True, False, True)
    """
    return window == 1 or window * size <= IN_FLIGHT_BYTES


def _both_window(size: int) -> int:
    return BOTH_WINDOW if fits_in_flight(BOTH_WINDOW, size) else 1


def _copying(name: str, size: int) -> Callable[[], float]:
    source = np.random.default_rng(0).bytes(size)
    target = memoryview(bytearray(size))
    count = max(1, (256 << 10) // max(size, 1))

    def once() -> float:
        began = clock()
        if name == COPIES[0]:
            for _ in range(count):
                bytearray(source)
        else:
            for _ in range(count):
                target[:] = source
        return (clock() - began) / count

    return once


def rate_of(size_bytes: float, seconds: float) -> float:
    """Return MB (10^6 bytes) a second.

    >>> rate_of(1_000_000, 0.5)
    2.0
    """
    return size_bytes / seconds / 1e6


def _rows(taken: Taken, line: Line, size: int, windows: Sequence[int], fits: Mapping[str, Fit]) -> list[Row]:
    case = f"{name_of(line)} {size}"
    labels: dict[str, str | float] = {"transport": line[0], "placement": line[1], "size_bytes": size}
    if line[0] in COPIES:
        rates = tuple(rate_of(size, seconds) for seconds in taken.of(case))
        return [Row(labels, (Quantity("one message", "MB/s", rates),))] if rates else []
    times = taken.of(case, "one-way")
    if not times:
        return []
    quantities = [Quantity("one message", "MB/s", tuple(rate_of(size, seconds) for seconds in times))]
    if (fit := fits.get(name_of(line))) is not None:
        alpha = fit.segment_of(size).alpha_us / 1e6
        without = tuple(rate_of(size, seconds - alpha) for seconds in times if seconds > alpha)
        if len(without) == len(times):
            quantities.append(Quantity("without start-up", "MB/s", without))
    for window in windows:
        rates = tuple(rate_of(window * size, seconds) for seconds in taken.of(case, f"window {window}"))
        if rates:
            quantities.append(Quantity(f"window {window}", "MB/s", rates))
    moved = 2 * _both_window(size) * size
    both = tuple(rate_of(moved, seconds) for seconds in taken.of(case, "both directions"))
    if both:
        quantities.append(Quantity("both directions", "MB/s", both))
    widest = max((window for window in windows if fits_in_flight(window, size)), default=1)
    messages = tuple(widest / seconds for seconds in taken.of(case, f"window {widest}"))
    if messages:
        quantities.append(Quantity("message rate", "msg/s", messages))
    return [Row(labels, tuple(quantities))]


def _fits(taken: Taken, lines: Sequence[Line], sizes: Sequence[int]) -> dict[str, Fit]:
    fits = {}
    for line in lines:
        points = [(size, median(taken.of(f"{name_of(line)} {size}", "one-way")) * 1e6) for size in sizes]
        points = [(size, time) for size, time in points if time == time]  # noqa: PLR0124 - NaN: not reached
        if len(points) >= LEAST_POINTS:
            fits[name_of(line)] = fit_segments([size for size, _ in points], [time for _, time in points])
    return fits


def _headline(rows: Sequence[Row], size: int) -> str:
    here = [row for row in rows if row.labels["size_bytes"] == size]
    ceiling = [row["one message"].median for row in here if row.labels["transport"] == COPIES[0]]
    moving = [row for row in here if row.labels["transport"] not in COPIES]
    if not moving:
        return "Nothing was measured."
    placement = str(moving[-1].labels["placement"])
    there = [row for row in moving if row.labels["placement"] == placement]
    there.sort(key=lambda row: row["one message"].median)
    best, worst = there[-1], there[0]
    text = f"Between processes on {placement}, a" if placement != placing.FREE else "A"
    text += (
        f" message of {size_text(size)} travels at {number(best['one message'].median)} MB/s through "
        f"{best.labels['transport']}"
    )
    if len(there) > 1:
        text += f", at {number(worst['one message'].median)} MB/s through {worst.labels['transport']}"
    bound = f"; copying it once to new pages runs at {number(ceiling[0])} MB/s" if ceiling else ""
    return f"{text}{bound} (n = {best['one message'].n})."


def draw(finding: Finding, axes: Any) -> None:
    """Draw rates of a window, a panel a placement, and of one message, below what copying memory reaches."""
    moving = [row for row in finding.rows if row.labels["transport"] not in COPIES]
    places = list(dict.fromkeys(str(row.labels["placement"]) for row in moving))[:2]
    names = list(dict.fromkeys(str(row.labels["transport"]) for row in moving))
    shown = [(place, f"window {DRAWN_WINDOW}", f"{DRAWN_WINDOW} in flight") for place in places]
    shown += [(place, "one message", "one at a time, start-up included") for place in places[-1:]]
    panels = list(axes)[: len(shown)]
    for panel in list(axes)[len(shown) :]:
        panel.set_axis_off()
    ends = [
        _draw_rates(finding, panel, place, quantity, names)
        for panel, (place, quantity, _) in zip(panels, shown, strict=True)
    ]
    heights = [limit for panel in panels for limit in panel.get_ylim()]
    for panel, named, (place, _, title) in zip(panels, ends, shown, strict=True):
        panel.set_title(f"{place}: {title}")
        panel.set_ylim(min(heights), max(heights))
        drawing.name_ends(panel, named)


def _draw_rates(
    finding: Finding, axes: Any, placement: str, quantity: str, names: Sequence[str]
) -> list[tuple[str, float, float, int]]:
    """One placement's lines, and the ceilings; returns where each ends."""
    ends = []
    for at, name in enumerate(names):
        rows = [row for row in finding.select(transport=name, placement=placement) if quantity in row]
        if not rows:
            continue
        sizes = [float(row.labels["size_bytes"]) for row in rows]
        drawing.series(axes, sizes, [row[quantity] for row in rows], number=at)
        ends.append((name, sizes[-1], rows[-1][quantity].median, at))
    for name, dashes in zip(COPIES, ("--", ":"), strict=True):
        rows = list(finding.select(transport=name))
        sizes = [float(row.labels["size_bytes"]) for row in rows]
        medians = [row["one message"].median for row in rows]
        if rows:
            axes.plot(sizes, medians, dashes, color=drawing.INK, lw=1.2)
            ends.append((name, sizes[-1], medians[-1], -1))
    drawing.logarithmic(axes, x="size of a message [B]", y="rate [MB/s], 1 MB = 10⁶ B", sizes=True)
    return ends
