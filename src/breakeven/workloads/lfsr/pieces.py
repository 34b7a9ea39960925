"""Pieces of an enumeration: what one worker does at a time, and how it adds up.

Lives here: the functions that workers run, the cutting into ranges, and the tally. Never here: which worker runs them
(`ways`). A piece is named by two numbers; nothing that grows with the states is ever sent.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from time import perf_counter

from breakeven.workloads.lfsr.faults import EnumerationFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from breakeven.workloads.lfsr.stepping import StepMap
    from breakeven.workloads.lfsr.ways import Way

    Span = tuple[int, int]

PIECE_STATES = 1 << 23
"""States in a piece of an enumeration: one to two milliseconds, against about ten microseconds for sending it."""

_BUFFER = 1 << 16
"""Cycles that a kernel notes before it hands them over."""


class Tally:
    """Cycles found so far: how many of each length, and the least states of the first ones."""

    def __init__(self, keep: int = 0) -> None:
        self.cycles: Counter[int] = Counter()
        self.states = 0
        self._keep = keep
        self._kept: list[tuple[int, int]] = []

    def add(self, lengths: NDArray[Any], minima: NDArray[Any]) -> None:
        """Add cycles by their lengths and least states."""
        import numpy as np

        values, counts = np.unique(lengths, return_counts=True)
        for length, count in zip(values.tolist(), counts.tolist(), strict=True):
            self.cycles[length] += count
            self.states += length * count
        if self._keep:
            self._kept += zip(minima.tolist(), lengths.tolist(), strict=True)
            self._kept = sorted(self._kept)[: self._keep]

    def add_one(self, length: int, least: int) -> None:
        """Add one cycle."""
        self.cycles[length] += 1
        self.states += length
        if self._keep:
            self._kept = sorted([*self._kept, (least, length)])[: self._keep]

    def representatives(self) -> list[tuple[int, int]]:
        """(length, least state) of the cycles that were kept, by least state."""
        return [(length, least) for least, length in self._kept]


def spans(total: int, pieces: int) -> list[Span]:
    """Cut range(total) into at most that many ranges of nearly equal size.

    >>> spans(10, 4)
    [(0, 2), (2, 5), (5, 7), (7, 10)]
    """
    pieces = max(1, min(pieces, total))
    edges = [total * at // pieces for at in range(pieces + 1)]
    return list(pairwise(edges))


def walk_segments(m: StepMap, distinguished: int, wide: bool, span: Span) -> tuple[NDArray[Any], NDArray[Any]]:  # noqa: FBT001 - bound once
    """One piece: from each distinguished state of a range to the next; which that is, and how far.

    `wide` lengths have eight bytes, others four.
    """
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    first, last = span
    ends = np.empty(last - first, np.int32)
    lengths = np.empty(last - first, np.int64 if wide else np.uint32)
    kernels.segments(m, distinguished, first, last, ends, lengths)
    return ends, lengths


def walk_segments_into(m: StepMap, distinguished: int, ends: NDArray[Any], lengths: NDArray[Any], span: Span) -> None:
    """The same, into arrays that all workers share: nothing comes back but that it is done."""
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    first, last = span
    kernels.segments(m, distinguished, first, last, np.asarray(ends)[first:last], np.asarray(lengths)[first:last])


def find_leaders(m: StepMap, states: int, span: Span) -> tuple[NDArray[Any], NDArray[Any], int]:
    """One piece: the states of a range that are the least of their cycle, the cycles' lengths, and the steps taken."""
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    first, last = span
    all_lengths, all_minima, steps = [], [], 0
    lengths, minima = np.empty(_BUFFER, np.int64), np.empty(_BUFFER, np.int64)
    while first < last:
        first, count, walked = kernels.leaders(m, first, last, states, lengths, minima)
        if first < 0:
            raise EnumerationFault("a walk did not come back to where it began: the map is no bijection")
        steps += walked
        all_lengths.append(lengths[:count].copy())
        all_minima.append(minima[:count].copy())
    return np.concatenate(all_lengths), np.concatenate(all_minima), steps


def run_segments(m: StepMap, states: int, distinguished: int, way: Way, tally: Tally) -> int:
    """Walk all segments wherever the way has it, join them to cycles, and return how many states that covers."""
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    ranges = spans(distinguished, way.pieces(-(-states // PIECE_STATES)))
    wide = states > 1 << 32
    if way.shares_memory:
        ends, lengths = way.shared(distinguished, "i4"), way.shared(distinguished, "i8" if wide else "u4")
        way.run(partial(walk_segments_into, m, distinguished, ends, lengths), ranges)
        ends, lengths = np.asarray(ends), np.asarray(lengths)
    else:
        parts: Sequence[Any] = way.run(partial(walk_segments, m, distinguished, wide), ranges)
        ends = parts[0][0] if len(parts) == 1 else np.concatenate([part[0] for part in parts])
        lengths = parts[0][1] if len(parts) == 1 else np.concatenate([part[1] for part in parts])
    began = perf_counter()
    size = min(_BUFFER, distinguished)
    out_lengths, out_minima = np.empty(size, np.int64), np.empty(size, np.int64)
    seen = np.zeros(distinguished, np.bool_)
    at = 0
    while at < distinguished:
        at, count = kernels.joined(ends, lengths, at, seen, out_lengths, out_minima)
        if at < 0:
            raise EnumerationFault("segments do not close to cycles: the map is no bijection")
        tally.add(out_lengths[:count], out_minima[:count])
    way.merge_seconds += perf_counter() - began
    return tally.states


def run_leaders(m: StepMap, states: int, way: Way, tally: Tally) -> int:
    """Test every state wherever the way has it; return the steps that took."""
    steps = 0
    for lengths, minima, walked in way.run(
        partial(find_leaders, m, states), spans(states, way.pieces(-(-states // (PIECE_STATES >> 5))))
    ):
        tally.add(lengths, minima)
        steps += walked
    return steps


def run_bitmap(m: StepMap, states: int, tally: Tally) -> int:
    """Walk all cycles with a bit a state; return the steps that took."""
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    bits = np.zeros((states + 7) // 8, np.uint8)
    size = min(_BUFFER, states)
    lengths, minima = np.empty(size, np.int64), np.empty(size, np.int64)
    start = 0
    while start < states:
        start, count = kernels.bitmap(m, states, start, bits, lengths, minima)
        if start < 0:
            raise EnumerationFault("a walk ran into another: the map is no bijection")
        tally.add(lengths[:count], minima[:count])
    return tally.states


def run_bytemap(m: StepMap, states: int, tally: Tally) -> tuple[dict[int, int], int]:
    """Walk the whole graph with a byte a state; return {preperiod: states} and the number of leaves."""
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    marks = np.zeros(states, np.uint8)
    size = min(_BUFFER, states)
    lengths, minima = np.empty(size, np.int64), np.empty(size, np.int64)
    start = 0
    while start < states:
        start, count = kernels.bytemap(m, states, start, marks, lengths, minima)
        if start < 0:
            raise EnumerationFault("a tail is longer than a state has digits: the map is not linear")
        tally.add(lengths[:count], minima[:count])
    counts = _histogram(marks)
    heights = {height: int(counts[height + 1] + counts[height + 129]) for height in range(127)}
    return {height: many for height, many in heights.items() if many}, int(counts[:128].sum())


def _histogram(marks: NDArray[Any]) -> NDArray[Any]:
    """How often each byte occurs; a block at a time, since counting makes eight bytes of each."""
    import numpy as np

    counts = np.zeros(256, np.int64)
    for at in range(0, marks.size, 1 << 20):
        counts += np.bincount(marks[at : at + (1 << 20)], minlength=256)
    return counts
