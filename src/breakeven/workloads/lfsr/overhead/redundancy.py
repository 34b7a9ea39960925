"""Steps walked for each state: the figure that explains a parallel run which is slower than a serial one.

Lives here: the cut by start states, kept as a baseline and named so, beside the cut by segments. Cut by start states a
cycle cannot be split, and every worker walks the whole of it for each of its states: with one long cycle, as every
primitive polynomial has, N states take N² steps, and no number of workers brings that back.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter

from breakeven.workloads.lfsr.overhead.nouns import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

LOOKED_AT = 1000
"""States of a cycle among which the original looked for the least, to tell cycles apart."""

_TAPS = {10: (10, 7), 12: (12, 6, 4, 1)}


def cells(workers: int, degree: int) -> list[Cell]:
    """Steps a state, seconds, and the sum of all periods, for both cuts."""
    from breakeven.workloads.lfsr.register import from_taps

    register = from_taps(_TAPS[degree])
    title = f"primitive, degree {degree}"
    return [
        Cell("steps a state", f"{title}, by start states", "x", partial(_steps_by_starts, register, workers)),
        Cell("steps a state", f"{title}, by segments", "x", partial(_steps_by_segments, register)),
        Cell("seconds", f"{title}, by start states", "s", partial(_seconds_by_starts, register, workers)),
        Cell("seconds", f"{title}, by segments", "s", partial(_seconds_by_segments, register)),
        Cell("periods summed ÷ states", f"{title}, by start states", "x", partial(_sum_by_starts, register, workers)),
        Cell("periods summed ÷ states", f"{title}, by segments", "x", partial(_sum_by_segments, register)),
    ]


def by_starts(register: Register, workers: int) -> tuple[dict[int, int], int]:
    """Cycles as the baseline finds and merges them, {key: length}, and the steps it takes; both too large.

    >>> from breakeven.workloads.lfsr.register import from_taps
    >>> cycles, steps = by_starts(from_taps([10, 7]), 2)
    >>> steps
    1046530
    """
    import numpy as np

    from breakeven.workloads.lfsr import kernels
    from breakeven.workloads.lfsr.pieces import spans
    from breakeven.workloads.lfsr.stepping import step_map

    m, steps = step_map(register), 0
    merged: dict[int, int] = {}
    for first, last in spans(register.states, workers):
        keys, lengths = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
        steps += kernels.whole_cycles(m, first, last, LOOKED_AT, keys, lengths)
        merged |= dict(zip(keys.tolist(), lengths.tolist(), strict=True))
    return merged, steps


def _steps_by_starts(register: Register, workers: int) -> float:
    return by_starts(register, workers)[1] / register.states


def _sum_by_starts(register: Register, workers: int) -> float:
    return sum(by_starts(register, workers)[0].values()) / register.states


def _seconds_by_starts(register: Register, workers: int) -> float:
    began = perf_counter()
    by_starts(register, workers)
    return perf_counter() - began


def _segments(register: Register) -> tuple[int, int, float]:
    from breakeven.workloads.lfsr.enumeration import enumerate_states
    from breakeven.workloads.lfsr.ways import Way

    began = perf_counter()
    found = enumerate_states(register, Way("serial"), kernel="segments")
    summed = sum(length * count for length, count in found.findings.cycles.items())
    return found.steps, summed, perf_counter() - began


def _steps_by_segments(register: Register) -> float:
    return _segments(register)[0] / register.states


def _sum_by_segments(register: Register) -> float:
    return _segments(register)[1] / register.states


def _seconds_by_segments(register: Register) -> float:
    return _segments(register)[2]
