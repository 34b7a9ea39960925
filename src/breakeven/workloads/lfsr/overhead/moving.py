"""What it costs to cut the states up and to send the pieces: lists of states, as was done, and pairs of numbers.

Lives here: building, sending and merging. Never here: walking.
"""

from __future__ import annotations

from functools import partial

from breakeven.workloads.lfsr.overhead.nouns import Cell, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEGREES = (12, 14)
MERGED_CYCLES = 4096


def cells(workers: int) -> list[Cell]:
    """Cells for partitioning, messages and merging; the workers that answer stay warm in between."""
    made = []
    for degree in DEGREES:
        states = f"2^{degree} states"
        made += [
            Cell("partitioning", f"{states} as tuples", "s", partial(timed, partial(as_tuples, degree))),
            Cell("partitioning", f"{states} as ranges", "s", partial(timed, partial(as_ranges, degree, workers))),
            Cell("messages", f"{states} as tuples", "s", partial(_sent, workers, as_tuples(degree), 1)),
            Cell("messages", f"{states} as ranges", "s", partial(_sent, workers, as_ranges(degree, workers), workers)),
        ]
    made += [
        Cell("merging", f"{MERGED_CYCLES} cycles by dictionaries", "s", partial(timed, _by_dictionaries)),
        Cell("merging", f"{MERGED_CYCLES} segments by joining", "s", _by_joining),
    ]
    return sorted(made, key=lambda cell: ("partitioning", "messages", "merging").index(cell.group))


def as_tuples(degree: int) -> list[tuple[tuple[int, ...], int]]:
    """Every state as a tuple with its index."""
    return [(tuple(state >> bit & 1 for bit in range(degree)), state) for state in range(1 << degree)]


def as_ranges(degree: int, workers: int) -> list[tuple[int, int]]:
    """The same states as one pair of numbers a worker."""
    from breakeven.workloads.lfsr.pieces import spans

    return spans(1 << degree, workers)


def _sent(workers: int, payload: list[Any], pieces: int) -> float:
    """Seconds to send a payload to warm workers in so many pieces, and to have their answer."""
    import breakeven as be

    size = -(-len(payload) // pieces)
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    options: dict[str, Any] = {"backend": "processes", "max_workers": workers, "chunksize": 1, "progress": False}
    be.map(len, [[0]] * workers, **options)
    return timed(partial(be.map, len, parts, **options))


def _by_dictionaries() -> dict[int, int]:
    merged: dict[int, int] = {}
    for part in (dict.fromkeys(range(at, MERGED_CYCLES, 2), 1) for at in (0, 1)):
        for key, value in part.items():
            if key not in merged:
                merged[key] = value
    return merged


def _by_joining() -> float:
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    ends = np.random.default_rng(0).permutation(MERGED_CYCLES).astype(np.int32)
    lengths, seen = np.ones(MERGED_CYCLES, np.uint32), np.zeros(MERGED_CYCLES, np.bool_)
    out, least = np.empty(MERGED_CYCLES, np.int64), np.empty(MERGED_CYCLES, np.int64)
    return timed(partial(kernels.joined, ends, lengths, 0, seen, out, least))
