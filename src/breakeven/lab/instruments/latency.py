"""How long one message takes between two processes, against its size.

Each transport is timed one way (from the send call until the payload can be used on the other side, by the clock that
both share), there and back (half of the round trip), and where the library lets one look, stage by stage. Messages are
new and random each time, and checked on arrival. Latency has two senses, and both are told: one-way times include the
transfer; alpha of the fitted lines is the start-up alone. Below 16 KiB "hand-over" holds the receiving too.
"""

from __future__ import annotations

import numpy as np

from breakeven.errors import UsageError
from breakeven.lab import asked
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.fits import LEAST_POINTS, fit_segments
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import median
from breakeven.lab.showing.tables import number
from breakeven.lab.transports.exchange import ONE_WAY, ROUND_TRIP, STAGES, Order
from breakeven.lab.transports.payloads import shapes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from breakeven.lab.measuring.fits import Fit
    from breakeven.lab.measuring.method import Taken
    from breakeven.lab.transports.links import Link

PANELS = 2
INCHES = (13.0, 5.8)

QUICK_SIZES = (0, 1 << 10, 16 << 10, 256 << 10)
SIZES = (0, 1, 64, 256, *(1 << power for power in range(10, 23)), 3 << 14, 3 << 16, 3 << 18)
UNSEEN = (777, 5_001, 33_333, 150_001, 700_001, 2_000_017)
"""Odd sizes that no line is fitted to: what the lines predict for them is held against what they take."""

STAGE_NAMES = ("dumps", "hand-over", "receive", "loads")
BATCH_BYTES = 256 << 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this instrument."""
    asked.messages(parser, such_as="0,64,4KiB,1MiB")


def measure(
    *,
    quick: bool = False,
    transports: str | None = None,
    sizes: str | None = None,
    shape: str = "bytes",
    seconds: float | None = None,
) -> Finding:
    """Measure and return one row a transport and size.

    >>> found = measure(quick=True, transports="os.pipe", sizes="0,1KiB,64KiB", seconds=0.2)
    >>> row = found.select(transport="os.pipe", size_bytes=1024)[0]
    >>> row["one-way"].unit, row["one-way"].median > 0
    ('µs', True)
    """
    from breakeven.lab.transports.links import chosen, opened

    names = chosen(transports)
    (shape,) = shapes_of(shape, ())
    known = sizes_of(sizes, QUICK_SIZES if quick else SIZES)
    unseen = () if quick or sizes else UNSEEN
    with opened(names, 2 * max(known) + (64 << 10)) as links:
        cases = [
            Case(f"{name} {size}", _once(links[name], shape, size, quick=quick))
            for name in names
            for size in (*known, *unseen)
        ]
        budget = seconds if seconds is not None else 1.6 if quick else 60.0
        taken = take(cases, budget_seconds=budget)
    fits = _fits(taken, names, known)
    rows = [
        row
        for name in names
        for size in sorted((*known, *unseen))
        for row in _rows(taken, name, size, fits.get(name), unseen)
    ]
    return Finding(
        instrument="latency",
        headline=_headline(rows, fits),
        conditions=conditions(**taken.facts(), shape=shape, fresh_payloads=True),
        rows=tuple(rows),
        fits=fits,
        notes=_notes(rows, unseen),
        interrupted=taken.interrupted,
        across=("transport", "one-way", "half round trip"),
    )


def sizes_of(text: str | None, default: Sequence[int]) -> tuple[int, ...]:
    """Read sizes, sorted.

    >>> sizes_of("1MiB, 0, 4kB", ())
    (0, 4000, 1048576)
    """
    from breakeven.units import parse_bytes

    try:
        return tuple(sorted(map(parse_bytes, text.split(","))) if text else sorted(default))
    except ValueError as error:
        raise UsageError(f"--sizes {text}: {error}", "sizes") from error


def _once(link: Link, shape: str, size: int, *, quick: bool) -> Any:
    """A batch of each exchange; of each the median message, in microseconds, the first one left out as not warm."""
    count = max(2, min(6 if quick else 12, BATCH_BYTES // max(size, 1)))
    turn = iter(range(1 << 62))

    def once() -> dict[str, float]:
        seed = next(turn)
        found = link.run(Order(ONE_WAY, shape, size, count, seed=seed))
        there = link.run(Order(ROUND_TRIP, shape, size, count, seed=seed))
        found["half round trip"] = [seconds / 2 for seconds in there["round trip"]]
        if not link.whole:
            stages = link.run(Order(STAGES, shape, size, count, seed=seed))
            found |= {name: stages[name] for name in STAGE_NAMES}
        return {name: median(seconds[1:]) * 1e6 for name, seconds in found.items()}

    return once


def _rows(taken: Taken, name: str, size: int, fit: Fit | None, unseen: Sequence[int]) -> list[Row]:
    case = f"{name} {size}"
    quantities = [
        Quantity(one, "µs", taken.of(case, one))
        for one in ("one-way", "half round trip", *STAGE_NAMES)
        if taken.of(case, one)
    ]
    if not quantities:
        return []
    if taken.of(case, STAGE_NAMES[0]):
        sums = zip(*(taken.of(case, one) for one in STAGE_NAMES), strict=False)
        shares = [100 * sum(parts) / whole for parts, whole in zip(sums, taken.of(case, "one-way"), strict=False)]
        quantities.append(Quantity("stage sum / one-way", "%", tuple(shares)))
    labels: dict[str, str | float] = {"transport": name, "size_bytes": size}
    if size in unseen and fit is not None:
        error = 100 * (fit.microseconds(size) / quantities[0].median - 1)
        quantities.append(Quantity("prediction error", "%", (error,)))
    return [Row(labels, tuple(quantities))]


def _fits(taken: Taken, names: Sequence[str], sizes: Sequence[int]) -> dict[str, Fit]:
    fits = {}
    for name in names:
        points = [
            (size, median(taken.of(f"{name} {size}", "one-way")))
            for size in sizes
            if taken.of(f"{name} {size}", "one-way")
        ]
        if len(points) >= LEAST_POINTS:
            fits[name] = fit_segments([size for size, _ in points], [time for _, time in points])
    return fits


def _headline(rows: Sequence[Row], fits: dict[str, Fit]) -> str:
    if not rows:
        return "Nothing was measured."
    least = min(row.labels["size_bytes"] for row in rows)
    small = sorted((row for row in rows if row.labels["size_bytes"] == least), key=lambda row: row["one-way"].median)
    first, last = small[0], small[-1]
    text = (
        f"A message of {least} B takes {number(first['one-way'].median)} µs one way through {first.labels['transport']}"
    )
    if len(small) > 1:
        text += f", {number(last['one-way'].median)} µs through {last.labels['transport']}"
    alpha = fits.get(str(first.labels["transport"]))
    return text + (f"; start-up alone (alpha) {number(alpha.segments[0].alpha_us)} µs." if alpha else ".")


def _notes(rows: Sequence[Row], unseen: Sequence[int]) -> tuple[str, ...]:
    notes = []
    sums = [row["stage sum / one-way"].median for row in rows if "stage sum / one-way" in row]
    if sums:
        low, high = np.percentile(sums, (25, 75))
        notes.append(
            f"Stages (dumps + hand-over + receive + loads), timed apart from the one-way times, add up to "
            f"{median(sums):.1f} % of them (middle half of {len(sums)} sizes: {low:.1f}–{high:.1f} %)."
        )
    errors = [abs(row["prediction error"].median) for row in rows if "prediction error" in row]
    if errors:
        notes.append(
            f"The lines predict {len(unseen)} odd sizes that they were not fitted to within {median(errors):.1f} % "
            f"(median of {len(errors)}), {max(errors):.1f} % at worst."
        )
    return tuple(notes)


def draw(finding: Finding, axes: Any) -> None:
    """Draw one-way times against sizes, and where the time of one size goes."""
    from breakeven.lab.showing import drawing

    left, right = axes
    names = list(dict.fromkeys(str(row.labels["transport"]) for row in finding.rows))
    ends = []
    for at, name in enumerate(names):
        rows = finding.select(transport=name)
        fit = finding.fits.get(name)
        breaks = [part.to_bytes for part in fit.segments[:-1]] if fit else []
        sizes = [float(row.labels["size_bytes"]) for row in rows]
        drawing.series(left, sizes, [row["one-way"] for row in rows], number=at, breaks=breaks)
        ends.append((name, sizes[-1], rows[-1]["one-way"].median, at))
    drawing.logarithmic(left, x="size of the message [B]", y="one way, transfer included [µs]", sizes=True)
    left.set_title("Latency, median with 95 % ribbon; gaps where a new line begins")
    drawing.name_ends(left, ends)
    _draw_stages(finding, right)


def _draw_stages(finding: Finding, axes: Any) -> None:
    """Stacked bars of one size: the largest up to 1 MiB."""
    from breakeven.lab.showing import drawing
    from breakeven.lab.showing.tables import size_text

    staged = [row for row in finding.rows if STAGE_NAMES[0] in row and float(row.labels["size_bytes"]) <= 1 << 20]
    if not staged:
        axes.set_axis_off()
        return
    size = max(float(row.labels["size_bytes"]) for row in staged)
    rows = [row for row in staged if row.labels["size_bytes"] == size]
    begins = np.zeros(len(rows))
    for at, name in enumerate(STAGE_NAMES):
        widths = np.array([row[name].median for row in rows])
        axes.barh(range(len(rows)), widths, left=begins, height=0.62, color=drawing.PALETTE[at], label=name)
        begins += widths
    axes.set_yticks(range(len(rows)), [str(row.labels["transport"]) for row in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("time [µs], medians of stages")
    axes.set_title(f"Where {size_text(size)} spend their way")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=len(STAGE_NAMES))
