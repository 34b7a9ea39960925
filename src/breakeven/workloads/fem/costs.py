"""A model of what spreading work costs, fitted to what was counted; and robust middles of what was measured.

Lives here: arithmetic. Never here: a run. The model is

    T = T_s · share · (1 + contention · (N - 1)) + start + per_message · messages
        + per_byte · bytes + per_worker_byte · bytes · share

where `share` is the part of the elements that the busiest of N workers gets when each takes the next batch as it is
free. With many equal batches it is 1/N, and without contention this is the textbook's T_s/N + overhead. Bytes cost the
parent, one after the other, and the workers, side by side: two workers unpack in half the time of one. Contention is
what each further worker takes from the others: shared caches, memory, halves of one core.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from breakeven.workloads.fem.assembly.effort import batches
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import needed

__all__ = ["Middles", "Model", "crossing", "fit", "middles", "share"]

_PASSES = 10
_NORMAL = 1.2533 * 1.4826
"""From a median distance to the median, to the deviation of normal noise, to that of a median."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted: seconds to start, a message, a byte, contention; `serial_seconds` of the mesh are measured."""

    serial_seconds: float
    start_seconds: float
    message_seconds: float
    byte_seconds: float
    worker_byte_seconds: float = 0.0
    contention: float = 0.0

    def seconds(self, workers: int, share: float, messages: float, moved_bytes: float) -> float:
        """The model's time.

        >>> round(Model(10.0, 0.1, 0.001, 0.0, 0.0, 0.02).seconds(2, 0.5, 100, 0), 9)
        5.3
        """
        a_byte = self.byte_seconds + self.worker_byte_seconds * share
        overhead = self.start_seconds + self.message_seconds * messages + a_byte * moved_bytes
        return self.serial_seconds * share * (1 + self.contention * (workers - 1)) + overhead


@dataclass(frozen=True, slots=True)
class Middles:
    """The middle of each cell, and how far it may be off (one deviation of the worst, as a share)."""

    seconds: Floats
    uncertainty: float


def middles(rounds: Floats) -> Middles:
    """Middles of cells that were measured in turns, `rounds` (R, cells), each round compared with itself.

    A round in which the machine was busy makes all its cells slower by some factor; that factor is taken out (Tukey's
    median polish, of logarithms), so that it does not matter which cells it met.

    >>> found = middles(np.array([[1.0, 2.0, 4.0], [3.0, 6.0, 12.0], [1.0, 2.0, 4.0]]))
    >>> found.seconds.round(9).tolist(), round(found.uncertainty, 9)
    ([1.0, 2.0, 4.0], 0.0)
    """
    logs = np.log(rounds)
    busy, cells = np.zeros((len(logs), 1)), np.median(logs, axis=0)
    for _ in range(_PASSES):
        busy = np.median(logs - cells, axis=1, keepdims=True)
        busy = busy - np.median(busy)
        cells = np.median(logs - busy, axis=0)
    off = np.median(np.abs(logs - busy - cells), axis=0) * _NORMAL / np.sqrt(len(logs))
    return Middles(np.exp(cells), float(off.max()) if len(logs) > 1 else float("inf"))


def share(count: int, size: int, workers: int) -> float:
    """The part of `count` elements in messages of `size` that the busiest of `workers` gets, each taking the next.

    >>> share(100, 25, 2), share(100, 40, 2)
    (0.5, 0.6)
    """
    loads = [0] * workers
    for start, stop in batches(count, size):
        heapq.heapreplace(loads, loads[0] + stop - start)
    return max(loads) / count


def fit(serial_seconds: float, rows: Sequence[tuple[int, float, int, int, float]]) -> Model:
    """Overheads, none below 0, that bring the model closest to measured times, relative errors counting.

    A row is (workers, share, messages, bytes, seconds).

    >>> model = fit(10.0, [(2, 0.5, 10, 0, 5.3), (2, 0.5, 100, 0, 6.2), (1, 1.0, 10, 0, 10.3)])
    >>> round(model.start_seconds, 6), round(model.message_seconds, 6)
    (0.2, 0.01)
    """
    nnls = needed("scipy.optimize", "fitting").nnls
    weights = np.array([1 / took for *_, took in rows])
    wanted = np.array([took - serial_seconds * part for _, part, _, _, took in rows])
    causes = np.array(
        [
            (1.0, messages, moved, moved * part, serial_seconds * part * (workers - 1))
            for workers, part, messages, moved, _ in rows
        ]
    )
    scale = np.abs(causes).max(axis=0) + 1e-300
    found = nnls(causes / scale * weights[:, None], wanted * weights)[0] / scale
    return Model(serial_seconds, *(float(cost) for cost in found))


def crossing(tried: Sequence[dict[str, float]]) -> int | None:
    """Where the two times cross, between the last size at which workers lose and the next; None where they never do.

    >>> crossing([{"elements": 100, "serial_seconds": 1, "parallel_seconds": 2},
    ...           {"elements": 400, "serial_seconds": 4, "parallel_seconds": 2}])
    200
    """
    ratios = [np.log(one["serial_seconds"] / one["parallel_seconds"]) for one in tried]
    for at in range(len(tried) - 1, 0, -1):
        if ratios[at] >= 0 > ratios[at - 1]:
            sizes = np.log([tried[at - 1]["elements"], tried[at]["elements"]])
            between = np.interp(0.0, [ratios[at - 1], ratios[at]], sizes)
            return round(float(np.exp(between)))
    return None
