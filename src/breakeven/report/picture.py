"""The lanes as an SVG: one row a lane, time to the right, an arc for every message of a small run.

Lives here: geometry. The picture is stretched to the page's width, so it holds no text; labels and the time axis stand
around it (`page`). Never here: colours, which are classes that `page.css` paints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from breakeven.ledger.account import CLOCK_SECONDS, Lane, Ledger
from breakeven.ledger.states import PARENT_STATES, WORKER_STATES
from breakeven.report.timeline import Slice, label_of, slices_of
from breakeven.report.wording import duration, plain

UNITS = 1000
"""Width of the drawing; one unit is about one pixel."""

_FULL_HEIGHT = 720
_ROW_HEIGHTS = (10, 34)
_ARC_LIMIT = 48
_LEAST_WIDTH = 1.0
_OUTLINED_WIDTH = 5.0


def row_height(lanes: int) -> int:
    """Return the height of a lane, in pixels, so that many lanes still fit a page."""
    least, most = _ROW_HEIGHTS
    return max(least, min(most, _FULL_HEIGHT // max(1, lanes)))


def picture_of(ledger: Ledger) -> str:
    """Return the SVG element; its height is lanes times `row_height`."""
    row = row_height(len(ledger.all_lanes))
    height = row * len(ledger.all_lanes)
    scale = UNITS / ledger.seconds if ledger.seconds >= CLOCK_SECONDS else 0.0
    opening = (
        f'<svg class="lanes" viewBox="0 0 {UNITS} {height}" width="100%" height="{height}"'
        ' preserveAspectRatio="none" role="img" aria-label="What each lane did over time">'
    )
    parts = [
        opening,
        *_grid(ledger.seconds, scale, height),
        *(_track(lane, number * row, row, scale) for number, lane in enumerate(ledger.all_lanes)),
        *(_rectangle(ledger, group, row, scale) for group in coalesced(slices_of(ledger), scale)),
        *_arcs(ledger, row, scale),
        "</svg>",
    ]
    return "\n".join(parts)


def ticks_of(seconds: float, most: int = 8) -> list[float]:
    """Return round instants from 0 to `seconds`, at most `most` + 1 of them.

    >>> ticks_of(1.3)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
    """
    if seconds < CLOCK_SECONDS:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(seconds / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * most >= seconds)
    return [round(place * step, 12) for place in range(int(seconds / step) + 1)]


def coalesced(slices: list[Slice], scale: float) -> Iterator[list[Slice]]:
    """Group neighbours of one lane that are too narrow to be seen alone, so that a group is a unit wide or more."""
    group: list[Slice] = []
    for piece in slices:
        narrow = (piece.end - piece.start) * scale < _LEAST_WIDTH
        joins = (
            group
            and narrow
            and piece.lane == group[0].lane
            and (piece.end - group[0].start) * scale <= _LEAST_WIDTH * 2
        )
        if group and not joins:
            yield group
            group = []
        group.append(piece)
        if not narrow:
            yield group
            group = []
    if group:
        yield group


def state_kind(piece: Slice) -> str:
    """Name the kind of a slice's state."""
    return (WORKER_STATES if piece.lane else PARENT_STATES)[piece.state]


def _grid(seconds: float, scale: float, height: int) -> Iterator[str]:
    for tick in ticks_of(seconds):
        yield f'<line class="grid" x1="{tick * scale:.2f}" x2="{tick * scale:.2f}" y1="0" y2="{height}"/>'


def _track(lane: Lane, top: int, row: int, scale: float) -> str:
    start, width = lane.from_seconds * scale, lane.seconds * scale
    return f'<rect class="track" x="{start:.2f}" y="{top + _inset(row)}" width="{width:.2f}" height="{_bar(row)}"/>'


def _rectangle(ledger: Ledger, group: list[Slice], row: int, scale: float) -> str:
    first, last = group[0], group[-1]
    heaviest = max(group, key=lambda piece: piece.end - piece.start)
    x = first.start * scale
    width = max((last.end - first.start) * scale, _LEAST_WIDTH / 2)
    outlined = " wide" if width >= _OUTLINED_WIDTH else ""
    return (
        f'<rect class="{state_kind(heaviest)}{outlined}" x="{x:.2f}" y="{first.lane * row + _inset(row)}"'
        f' width="{width:.2f}" height="{_bar(row)}"><title>{escape(_title(ledger, group))}</title></rect>'
    )


def _title(ledger: Ledger, group: list[Slice]) -> str:
    first, last = group[0], group[-1]
    place = f"{plain(ledger.all_lanes[first.lane].name)}, from {duration(first.start)}"
    if len(group) > 1:
        return f"{len(group)} short stretches within {duration(last.end - first.start)}\n{place}"
    items = "" if first.chunk is None else f", {label_of(ledger.chunk_records[first.chunk])}"
    return f"{first.state.replace('_', ' ')} {duration(first.end - first.start)}{items}\n{place}"


def _arcs(ledger: Ledger, row: int, scale: float) -> Iterator[str]:
    """Draw each message from lane to lane, where there are few enough to be told apart."""
    chunks = [chunk for chunk in ledger.chunk_records if not chunk.own]
    if len(chunks) > _ARC_LIMIT:
        return
    for chunk in chunks:
        top = (chunk.worker + 1) * row + _inset(row)
        bottom = row - _inset(row)
        for side, upper, lower in (("out", chunk.sent, chunk.received), ("in", chunk.arrived, chunk.encoded)):
            yield f'<path class="arc {side}" d="{_curve(upper * scale, bottom, lower * scale, top)}"/>'


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (y1 + y2) / 2
    return f"M{x1:.2f},{y1}C{x1:.2f},{middle:.1f} {x2:.2f},{middle:.1f} {x2:.2f},{y2}"


def _inset(row: int) -> int:
    return max(1, row // 6)


def _bar(row: int) -> int:
    return row - 2 * _inset(row)
