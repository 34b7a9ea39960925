"""Every transport beside every other, for payloads of several shapes: in Python, shape counts for more than size.

A buffer is copied; a list of a hundred thousand numbers is taken apart and put together again, object by object. Each
row is one transport, shape and size: one-way time, per byte of its pickle, and per Python object where there are many.
Each of the two processes is kept on a CPU of its own, unless told otherwise.
"""

from __future__ import annotations

import pickle
from contextlib import nullcontext

import numpy as np

from breakeven.lab import asked
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import median
from breakeven.lab.processes import placing
from breakeven.lab.showing.tables import number, size_text
from breakeven.lab.transports.exchange import ONE_WAY, Order
from breakeven.lab.transports.links import chosen, lines_of, name_of, opened
from breakeven.lab.transports.payloads import SHAPES, make, objects_in, shapes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.lab.transports.links import Link

INCHES = (10.5, 5.6)

QUICK_SIZES = (16 << 10,)
SIZES = (1 << 10, 64 << 10, 1 << 20, 4 << 20)
QUICK_SHAPES = ("bytes", "array", "list of int", "small objects")
QUICK_TRANSPORTS = ("os.pipe", "mp.Pipe", "mp.Queue", "Manager.Queue", "shared_memory", "our arena")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this instrument."""
    parser.add_argument("--transports", metavar="NAMES", help="only these, by comma (default: all that are there)")
    parser.add_argument("--sizes", metavar="SIZES", help="sizes by comma (of the pickle, roughly)")
    parser.add_argument("--shapes", metavar="SHAPES", help=f"shapes by comma: {', '.join(SHAPES)}")
    asked.placed(parser, "two")


def measure(
    *,
    quick: bool = False,
    transports: str | None = None,
    sizes: str | None = None,
    shapes: str | None = None,
    placement: str | None = None,
    asleep: bool = False,
    seconds: float | None = None,
) -> Finding:
    """Measure and return one row a shape, size and transport.

    >>> found = measure(quick=True, transports="os.pipe", sizes="16KiB", shapes="list of int", seconds=0.1)
    >>> [quantity.unit for quantity in found.rows[0].quantities]
    ['µs', 'ns/B', 'ns/object']
    """
    names = chosen(transports, default=QUICK_TRANSPORTS if quick else None)
    lines = lines_of(names, placing.chosen(placement) if placement else placing.chosen(None)[-1:])
    known = asked.sizes(sizes, QUICK_SIZES if quick else SIZES)
    kinds = shapes_of(shapes, QUICK_SHAPES if quick else tuple(SHAPES))
    keys = [(line, kind, size) for kind in kinds for size in known for line in lines]
    with nullcontext() if asleep else placing.awake(), opened(names, 4 * max(known) + (64 << 10)) as links:
        cases = [
            Case(f"{name_of(line)} {kind} {size}", _once(links[line[0]], line[1], kind, size))
            for line, kind, size in keys
        ]
        budget = seconds if seconds is not None else 1.6 if quick else 60.0
        taken = take(cases, budget_seconds=budget)
    known_of = {(kind, size): _facts(kind, size) for kind in kinds for size in known}
    rows = []
    for line, kind, size in keys:
        pickled, objects = known_of[kind, size]
        if times := taken.of(f"{name_of(line)} {kind} {size}"):
            labels: dict[str, str | float] = {"shape": kind, "pickled_bytes": pickled}
            rows.append(
                Row(labels | {"placement": line[1], "transport": line[0]}, _quantities(times, pickled, objects))
            )
    return Finding(
        instrument="channels",
        headline=_headline(rows),
        conditions=conditions(**taken.facts(), fresh_payloads=True, cpus_kept_awake=not asleep),
        rows=tuple(rows),
        interrupted=taken.interrupted,
        across=("transport", "one-way", "per byte", "per object"),
    )


def _facts(shape: str, size: int) -> tuple[int, int]:
    """Bytes of the pickle, and Python objects."""
    sample = make(shape, size, np.random.default_rng(0))
    return len(pickle.dumps(sample, 5)), objects_in(sample)


def _once(link: Link, placement: str, shape: str, size: int) -> Callable[[], float]:
    count = 5 if size <= 64 << 10 else 2
    cpus = placing.cpus_of(placement)
    turn = iter(range(1 << 62))

    def once() -> float:
        return median(link.run(Order(ONE_WAY, shape, size, count, seed=next(turn), cpus=cpus))["one-way"][1:]) * 1e6

    return once


def _quantities(times_us: Sequence[float], pickled_bytes: int, objects: int) -> tuple[Quantity, ...]:
    quantities = [
        Quantity("one-way", "µs", tuple(times_us)),
        Quantity("per byte", "ns/B", tuple(1e3 * time / pickled_bytes for time in times_us)),
    ]
    if objects > 1:
        quantities.append(Quantity("per object", "ns/object", tuple(1e3 * time / objects for time in times_us)))
    return tuple(quantities)


def _headline(rows: Sequence[Row]) -> str:
    if not rows:
        return "Nothing was measured."
    rows = _drawn(rows)
    size = max(float(row.labels["pickled_bytes"]) for row in rows if row.labels["shape"] == rows[0].labels["shape"])
    first = [
        row for row in rows if row.labels["shape"] == rows[0].labels["shape"] and row.labels["pickled_bytes"] == size
    ]
    fastest = min(first, key=lambda row: row["one-way"].median)
    same = [row for row in rows if row.labels["transport"] == fastest.labels["transport"]]
    slowest = max(
        same, key=lambda row: row["per byte"].median if float(row.labels["pickled_bytes"]) > size / 4 else 0.0
    )
    text = (
        f"{size_text(size)} of {fastest.labels['shape']} travel fastest through {fastest.labels['transport']}: "
        f"{number(fastest['one-way'].median)} µs"
    )
    if slowest is fastest:
        return f"{text} (n = {fastest['one-way'].n})."
    factor = slowest["per byte"].median / fastest["per byte"].median
    return (
        f"{text}; a byte of {slowest.labels['shape']} costs {number(factor)} times as much there "
        f"(n = {fastest['one-way'].n})."
    )


def _drawn(rows: Sequence[Row]) -> list[Row]:
    """Those of one placement, the last."""
    return [row for row in rows if row.labels["placement"] == rows[-1].labels["placement"]]


def draw(finding: Finding, axes: Any) -> None:
    """Draw a dot with its interval a transport, a row a shape, for the largest size."""
    from breakeven.lab.showing import drawing

    drawn = _drawn(finding.rows)
    shapes = list(dict.fromkeys(str(row.labels["shape"]) for row in drawn))
    names = list(dict.fromkeys(str(row.labels["transport"]) for row in drawn))
    for at, name in enumerate(names):
        offset = (at - (len(names) - 1) / 2) * 0.7 / max(1, len(names))
        places, values, low, high = [], [], [], []
        for place, shape in enumerate(shapes):
            rows = [row for row in drawn if (row.labels["shape"], row.labels["transport"]) == (shape, name)]
            if not rows:
                continue
            interval = max(rows, key=lambda row: float(row.labels["pickled_bytes"]))["one-way"].interval
            places.append(place + offset)
            values.append(interval.value)
            low.append(interval.value - interval.low)
            high.append(interval.high - interval.value)
        colour, marker = drawing.PALETTE[at % len(drawing.PALETTE)], drawing.MARKERS[at % len(drawing.MARKERS)]
        axes.errorbar(values, places, xerr=(low, high), fmt=marker, ms=5, lw=1, color=colour, label=name, capsize=0)
    largest = [
        max(float(row.labels["pickled_bytes"]) for row in drawn if row.labels["shape"] == shape) for shape in shapes
    ]
    texts = [f"{shape}\n{size_text(size)} pickled" for shape, size in zip(shapes, largest, strict=True)]
    axes.set_yticks(range(len(shapes)), texts)
    axes.invert_yaxis()
    axes.set_xscale("log")
    drawing.plain_numbers(axes.xaxis)
    axes.set_xlabel("one way, transfer included [µs]")
    axes.set_title(f"{drawn[-1].labels['placement']}" if drawn else "")
    for place in range(1, len(shapes)):
        axes.axhline(place - 0.5, color=drawing.GRID, lw=0.8)
    axes.grid(visible=False, axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
