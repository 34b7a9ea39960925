"""How long one message takes between two processes, against its size.

Each transport is timed one way (from the send call until the payload can be used on the other side, by the clock that
both share), there and back (half of the round trip), and where the library lets one look, stage by stage: the stages
are those of the very messages that were timed one way. Both processes are kept on one CPU, then on one each, since
where they are counts for more than what they send. Messages are new and random each time, and checked on arrival.
Latency has two senses, and both are told: one-way times include the transfer; alpha of the fitted lines is the
start-up alone.
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
from breakeven.lab.measuring.refining import sizes_between
from breakeven.lab.measuring.statistics import median
from breakeven.lab.processes import placing
from breakeven.lab.showing.tables import UNSTABLE, number
from breakeven.lab.transports.exchange import BLOCKING_BYTES, ONE_WAY, ROUND_TRIP, STAGES, WAITING, Order
from breakeven.lab.transports.links import chosen, lines_of, name_of, opened
from breakeven.lab.transports.payloads import shapes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from typing import Any

    from breakeven.lab.measuring.fits import Fit
    from breakeven.lab.measuring.method import Taken
    from breakeven.lab.transports.links import Line, Link

PANELS = 3
INCHES = (16.0, 5.6)

QUICK_SIZES = (0, 1 << 10, 16 << 10, 256 << 10)
SIZES = (0, 1, 64, 256, *(1 << power for power in range(10, 23)), 3 << 14, 3 << 16, 3 << 18)
UNSEEN = (777, 5_001, 33_333, 150_001, 700_001, 2_000_017)
"""Odd sizes that no line is fitted to: what the lines predict for them is held against what they take."""

BATCH_BYTES = 256 << 10
PILOT_SHARE = 0.15
"""Of the budget, for the first look that says where more sizes are needed."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this instrument."""
    asked.messages(parser, such_as="0,64,4KiB,1MiB")
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
    """Measure and return one row a transport, placement and size.

    >>> found = measure(quick=True, transports="os.pipe", sizes="0,1KiB,64KiB", placement="free", seconds=0.2)
    >>> row = found.select(transport="os.pipe", size_bytes=1024)[0]
    >>> row["one-way"].unit, row["one-way"].median > 0
    ('µs', True)
    """
    names = chosen(transports)
    (shape,) = shapes_of(shape, ())
    lines = lines_of(names, placing.chosen(placement))
    known = asked.sizes(sizes, QUICK_SIZES if quick else SIZES)
    unseen = () if quick or sizes else UNSEEN
    budget = seconds if seconds is not None else 2.4 if quick else 90.0
    with nullcontext() if asleep else placing.awake(), opened(names, 2 * max(known) + (64 << 10)) as links:

        def cases(at: Mapping[Line, Sequence[int]]) -> list[Case]:
            return [
                Case(_name(line, size), _once(links[line[0]], line[1], shape, size, quick=quick))
                for line in lines
                for size in at[line]
            ]

        fitted = dict.fromkeys(lines, known)
        taken = take(cases(fitted), budget_seconds=PILOT_SHARE * budget if unseen else budget)
        if unseen and not taken.interrupted:
            fitted = {line: _refined(taken, line, known) for line in lines}
            # All sizes anew, each in the same moments as the next.
            every = {line: sorted({*fitted[line], *unseen}) for line in lines}
            taken = take(cases(every), budget_seconds=budget - taken.seconds)
    fits = _fits(taken, fitted)
    rows = [
        row
        for line in lines
        for size in sorted({*fitted[line], *unseen})
        for row in _rows(taken, line, size, fits.get(name_of(line)), unseen)
    ]
    return Finding(
        instrument="latency",
        headline=_headline(rows, fits),
        conditions=conditions(**taken.facts(), shape=shape, fresh_payloads=True, cpus_kept_awake=not asleep),
        rows=tuple(rows),
        fits=fits,
        notes=_notes(rows, unseen),
        interrupted=taken.interrupted,
        across=("transport", "one-way", "half round trip"),
    )


def _name(line: Line, size: int) -> str:
    return f"{name_of(line)} {size}"


def _refined(taken: Taken, line: Line, known: Sequence[int]) -> tuple[int, ...]:
    """The sizes of one line, and those between them that its times ask for."""
    times = {size: taken.of(_name(line, size), ONE_WAY) for size in known}
    measured = [size for size in known if times[size]]
    return (*known, *sizes_between(measured, [median(times[size]) for size in measured]))


def _once(link: Link, placement: str, shape: str, size: int, *, quick: bool) -> Any:
    """A batch of each exchange; of each the median message, in microseconds, the first one left out as not warm."""
    count = max(3, min(6 if quick else 12, BATCH_BYTES // max(size, 1)))
    cpus = placing.cpus_of(placement)
    turn = iter(range(1 << 62))

    def once() -> dict[str, float]:
        seed = next(turn)
        there = link.run(Order(ONE_WAY, shape, size, count, seed=seed, cpus=cpus))
        back = link.run(Order(ROUND_TRIP, shape, size, count, seed=seed, cpus=cpus))["round trip"]
        middle = sorted(range(1, count), key=there[ONE_WAY].__getitem__)[(count - 2) // 2]
        shown = (ONE_WAY,) if link.whole else tuple(there)
        found = {name: there[name][middle] * 1e6 for name in shown}
        return found | {"half round trip": median(back[1:]) / 2 * 1e6}

    return once


def _rows(taken: Taken, line: Line, size: int, fit: Fit | None, unseen: Sequence[int]) -> list[Row]:
    case = _name(line, size)
    shown = (ONE_WAY, "half round trip", *STAGES, *([WAITING] if size > BLOCKING_BYTES else []))
    quantities = [Quantity(one, "µs", taken.of(case, one)) for one in shown if taken.of(case, one)]
    if not quantities:
        return []
    found = {one.name: one.median for one in quantities}
    labels: dict[str, str | float] = {"transport": line[0], "placement": line[1], "size_bytes": size}
    if size in unseen and fit is not None:
        quantities.append(Quantity("prediction error", "%", (100 * (fit.microseconds(size) / found[ONE_WAY] - 1),)))
    return [Row(labels, tuple(quantities))]


def _fits(taken: Taken, sizes: Mapping[Line, Sequence[int]]) -> dict[str, Fit]:
    fits = {}
    for line, known in sizes.items():
        times = {size: taken.of(_name(line, size), ONE_WAY) for size in known}
        points = [(size, median(found)) for size, found in times.items() if found]
        if len(points) >= LEAST_POINTS:
            fits[name_of(line)] = fit_segments([size for size, _ in points], [time for _, time in points])
    return fits


def _headline(rows: Sequence[Row], fits: dict[str, Fit]) -> str:
    if not rows:
        return "Nothing was measured."
    least = min(row.labels["size_bytes"] for row in rows)
    placement = rows[-1].labels["placement"]
    small = [row for row in rows if (row.labels["size_bytes"], row.labels["placement"]) == (least, placement)]
    small.sort(key=lambda row: row["one-way"].median)
    if not small:
        return "Interrupted before a message of the least size was timed."
    first, last = small[0], small[-1]
    name = str(first.labels["transport"])
    text = f"Between processes on {placement}, " if placement != placing.FREE else ""
    text += f"a message of {least} B takes {number(first['one-way'].median)} µs one way through {name}"
    if len(small) > 1:
        text += f", {number(last['one-way'].median)} µs through {last.labels['transport']}"
    fit = fits.get(f"{name}, {placement}")
    text = text[0].upper() + text[1:]
    alone = f"; start-up alone (alpha) {number(fit.segments[0].alpha_us)} µs" if fit else ""
    return f"{text}{alone} (n = {first['one-way'].n})."


def _notes(rows: Sequence[Row], unseen: Sequence[int]) -> tuple[str, ...]:
    notes = []
    sums = [100 * sum(row[one].median for one in STAGES) / row[ONE_WAY].median for row in rows if STAGES[0] in row]
    if sums:
        low, high = np.percentile(sums, (25, 75))
        notes.append(
            f"Stages ({' + '.join(STAGES)}) are those of the messages timed one way, and add up to each of them; their "
            f"medians add up to {median(sums):.1f} % of its median (middle half of {len(sums)} points: "
            f"{low:.1f}–{high:.1f} %). Their stamps cost {_stamps_us():.2f} µs of every message, and are part of it."
        )
    errors = [abs(row["prediction error"].median) for row in rows if "prediction error" in row]
    if errors:
        notes.append(
            f"The lines predict {len(unseen)} odd sizes that they were not fitted to within {median(errors):.1f} % "
            f"(median of {len(errors)}), {max(errors):.1f} % at worst."
        )
    loose = [row for row in rows if row[ONE_WAY].interval.half_width_share > UNSTABLE]
    if loose:
        notes.append(f"{len(loose)} of {len(rows)} one-way times did not become stable (~): more seconds may help.")
    return tuple(notes)


def _stamps_us() -> float:
    """What the stamps within a message cost: three beside the two that any one-way time needs."""
    began = clock()
    for _ in range(1000):
        clock()
    return 3 * (clock() - began) * 1e3


def draw(finding: Finding, axes: Any) -> None:
    """Draw one-way times against sizes, a panel a placement, and where the time of one size goes."""
    from breakeven.lab.showing import drawing

    names = list(dict.fromkeys(str(row.labels["transport"]) for row in finding.rows))
    places = list(dict.fromkeys(str(row.labels["placement"]) for row in finding.rows))[:2]
    panels = axes[: len(places)]
    ends = [_draw_times(finding, panel, place, names) for panel, place in zip(panels, places, strict=True)]
    heights = [limit for panel in panels for limit in panel.get_ylim()]
    for panel, named in zip(panels, ends, strict=True):
        panel.set_ylim(min(heights), max(heights))
        drawing.name_ends(panel, named)
    for panel in axes[len(places) : 2]:
        panel.set_axis_off()
    _draw_stages(finding, axes[-1], places[-1:])


def _draw_times(
    finding: Finding, axes: Any, placement: str, names: Sequence[str]
) -> list[tuple[str, float, float, int]]:
    """One placement's lines; returns where each ends."""
    from breakeven.lab.showing import drawing

    ends = []
    for at, name in enumerate(names):
        rows = finding.select(transport=name, placement=placement)
        if not rows:
            continue
        fit = finding.fits.get(name_of((name, placement)))
        breaks = [part.to_bytes for part in fit.segments[:-1]] if fit else []
        sizes = [float(row.labels["size_bytes"]) for row in rows]
        drawing.series(axes, sizes, [row[ONE_WAY] for row in rows], number=at, breaks=breaks)
        ends.append((name, sizes[-1], rows[-1][ONE_WAY].median, at))
    drawing.logarithmic(axes, x="size of the message [B]", y="one way, transfer included [µs]", sizes=True)
    axes.set_title(f"{placement}; gaps where a new line begins")
    return ends


def _draw_stages(finding: Finding, axes: Any, places: Sequence[str]) -> None:
    """Stacked bars of one size: the largest up to 1 MiB."""
    from breakeven.lab.showing import drawing
    from breakeven.lab.showing.tables import size_text

    rows = [row for place in places for row in finding.select(placement=place)]
    staged = [row for row in rows if STAGES[0] in row and float(row.labels["size_bytes"]) <= 1 << 20]
    if not staged:
        axes.set_axis_off()
        return
    size = max(float(row.labels["size_bytes"]) for row in staged)
    rows = [row for row in staged if row.labels["size_bytes"] == size]
    begins = np.zeros(len(rows))
    for at, name in enumerate(STAGES):
        widths = np.array([row[name].median for row in rows])
        axes.barh(range(len(rows)), widths, left=begins, height=0.62, color=drawing.PALETTE[at], label=name)
        begins += widths
    axes.set_yticks(range(len(rows)), [str(row.labels["transport"]) for row in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("time [µs], medians of stages")
    axes.set_title(f"Where {size_text(size)} spend their way, {places[0]}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=len(STAGES))
