"""What the course states in figures, measured: rounds a millisecond, a task's way there and back, start-up, pickling.

Lives here: the measurements behind each claim. Never here: the cases (`cases`), or sentences.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from math import sqrt
from time import perf_counter_ns
from typing import TYPE_CHECKING

from breakeven.lab.tasks import nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

ROUNDS = 50_000  # of the course's loop: it takes them for one millisecond
MESSAGES = 64
ARRAY_BYTES = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A figure of the course: what it is of, its range in `unit`, and how one sample of it is taken here."""

    name: str
    unit: str
    said_low: float
    said_high: float
    sample: Callable[[], float]


def claims(workers: int, *, quick: bool) -> Iterator[Claim]:
    """Yield the claims; the caller takes the samples."""
    yield Claim(name="50 000 rounds of the course's loop", unit="ms", said_low=1, said_high=1, sample=_course_loop_ms)
    yield Claim(name="start a pool", unit="ms", said_low=50, said_high=200, sample=lambda: _start_pool_ms(workers))
    yield Claim(
        name="an empty task there and back, warm pool",
        unit="ms",
        said_low=5,
        said_high=20,
        sample=lambda: _round_trip_ms(workers),
    )
    size = ARRAY_BYTES // 10 if quick else ARRAY_BYTES
    array = _array(size)
    yield Claim(
        name=f"pickle a {ARRAY_BYTES // 10**6} MB array" + (f", from {size // 10**6} MB" if quick else ""),
        unit="ms",
        said_low=2000,
        said_high=2000,
        sample=lambda: _pickle_ms(array) * ARRAY_BYTES / size,
    )


def _course_loop_ms() -> float:
    began = perf_counter_ns()
    sum(sqrt(number + 1) for number in range(ROUNDS))
    return (perf_counter_ns() - began) / 1e6


def _start_pool_ms(workers: int) -> float:
    """From nothing to the first result of every worker; ending it is not timed."""
    from multiprocessing import Pool

    began = perf_counter_ns()
    with Pool(workers) as pool:
        pool.map(nothing, range(workers), 1)
        return (perf_counter_ns() - began) / 1e6


def _round_trip_ms(workers: int) -> float:
    """A warm pool's time for many empty tasks, one a message, over their number."""
    from multiprocessing import Pool

    with Pool(workers) as pool:
        pool.map(nothing, range(workers), 1)
        began = perf_counter_ns()
        pool.map(nothing, range(MESSAGES), 1)
        return (perf_counter_ns() - began) / 1e6 / MESSAGES


def _array(size_bytes: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).random(size_bytes // 8)


def _pickle_ms(array: Any) -> float:
    """Once there and once back, as one end and the other would."""
    began = perf_counter_ns()
    pickle.loads(pickle.dumps(array))
    return (perf_counter_ns() - began) / 1e6
