"""What workers are worth as batches grow: measured, and by a model fitted to what was counted.

Lives here: the runs, the model, its error on batch sizes that it was not fitted on, and the number of elements from
which workers pay. Never here: layout. The model is

    T = T_s · share · (1 + contention · (N - 1)) + start + per_message · messages + per_byte · bytes

where `share` is the part of the elements that the busiest of N workers gets when each takes the next batch as it is
free. With many equal batches it is 1/N, and without contention this is the textbook's T_s/N + overhead. Contention is
what each further worker takes from the others: shared caches, memory, halves of one core.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import Effort, implementation_of
from breakeven.workloads.fem.assembly.effort import batches
from breakeven.workloads.fem.faults import ConditionError, needed
from breakeven.workloads.fem.generators import generate
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Measured", "Model", "Scaling", "scaling"]

BATCH_SIZES = (100, 1000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """One batch size on one number of workers: seconds of each round, what was counted, and what the model says."""

    batch_size: int
    workers: int
    tasks: int
    messages: int
    moved_bytes: int
    share: float
    seconds: list[float]
    speedup: float
    predicted_seconds: float
    fitted: bool

    @property
    def median_seconds(self) -> float:
        """The middle round."""
        return statistics.median(self.seconds)

    @property
    def error(self) -> float:
        """How far the model is off, as a share of what was measured."""
        return abs(self.predicted_seconds / self.median_seconds - 1)


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted: seconds to start, a message, a byte, contention; `serial_seconds` of the mesh are measured."""

    serial_seconds: float
    start_seconds: float
    message_seconds: float
    byte_seconds: float
    contention: float = 0.0

    def seconds(self, workers: int, share: float, messages: float, moved_bytes: float) -> float:
        """The model's time.

        >>> round(Model(10.0, 0.1, 0.001, 0.0, 0.02).seconds(2, 0.5, 100, 0), 9)
        5.3
        """
        overhead = self.start_seconds + self.message_seconds * messages + self.byte_seconds * moved_bytes
        return self.serial_seconds * share * (1 + self.contention * (workers - 1)) + overhead


@dataclass(frozen=True, slots=True)
class Scaling:
    """The whole table; `held_out_error` is the worst relative error on batch sizes that the model was not fitted on."""

    implementation: str
    kernel: str
    elements: int
    chunksize: int
    rounds: int
    model: Model
    runs: list[Measured]
    fit_error: float
    held_out_error: float | None
    break_even: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def scaling(
    mesh: Mesh,
    implementation: str = "processes-pickle",
    *,
    kernel: str = "python",
    batch_sizes: Sequence[int] = BATCH_SIZES,
    check_sizes: Sequence[int] | None = None,
    workers: Sequence[int] = (1, 2),
    chunksize: int = 1,
    start_method: str | None = None,
    rounds: int = 3,
    tell: Callable[[str], None] = lambda _: None,
) -> Scaling:
    """Measure the table in turns, fit the model to it, try it on `check_sizes`, and look for the break-even.

    `check_sizes` are by default the geometric means of neighbouring `batch_sizes`; measured in the same rounds.
    """
    if not implementation.startswith("processes-"):
        raise ConditionError(f"{implementation!r} moves nothing between processes; name one of processes-…", "scaling")
    fitted = sorted(set(batch_sizes))
    checks = between(fitted) if check_sizes is None else sorted(set(check_sizes) - set(fitted))
    cells = [(size, count) for size in sorted({*fitted, *checks}) for count in workers]
    whole, seconds, counted = _table(
        mesh, implementation, cells, Effort(1, 0, chunksize, start_method, kernel), rounds, tell
    )
    shares = {(size, count): share(len(mesh.quad8), size * chunksize, count) for size, count in cells}
    model = fit(
        whole,
        [
            (cell[1], shares[cell], *counted[cell], statistics.median(seconds[cell]))
            for cell in cells
            if cell[0] in fitted
        ],
    )
    runs = [
        Measured(
            batch_size=cell[0],
            workers=cell[1],
            tasks=len(batches(len(mesh.quad8), cell[0])),
            messages=counted[cell][0],
            moved_bytes=counted[cell][1],
            share=shares[cell],
            seconds=seconds[cell],
            speedup=whole / statistics.median(seconds[cell]),
            predicted_seconds=model.seconds(cell[1], shares[cell], *counted[cell]),
            fitted=cell[0] in fitted,
        )
        for cell in cells
    ]
    most = Effort(max(workers), fitted[len(fitted) // 2 - (len(fitted) > 1)], chunksize, start_method, kernel)
    return Scaling(
        implementation,
        kernel,
        len(mesh.quad8),
        chunksize,
        rounds,
        model,
        runs,
        max(run.error for run in runs if run.fitted),
        max((run.error for run in runs if not run.fitted), default=None),
        _break_even(model, mesh, implementation, most, rounds, tell) if most.max_workers > 1 else {},
    )


def _table(
    mesh: Mesh,
    implementation: str,
    cells: Sequence[tuple[int, int]],
    effort: Effort,
    rounds: int,
    tell: Callable[[str], None],
) -> tuple[float, dict[tuple[int, int], list[float]], dict[tuple[int, int], tuple[int, int]]]:
    """Serial seconds, and of every cell (batch size, workers) the seconds of each round and what was counted."""
    seconds: dict[tuple[int, int], list[float]] = {cell: [] for cell in cells}
    counted: dict[tuple[int, int], tuple[int, int]] = {}
    serial: list[float] = []
    for number in range(rounds):
        tell(f"round {number + 1}/{rounds}: serial")
        serial.append(_serial(mesh, effort.kernel))
        for size, count in cells if number % 2 == 0 else reversed(cells):
            tell(f"round {number + 1}/{rounds}: batches of {size} on {count} workers")
            own = replace(effort, max_workers=count, batch_size=size)
            took, messages, moved = _parallel(mesh, implementation, own)
            counted[size, count] = messages, moved
            seconds[size, count].append(took)
    return statistics.median(serial), seconds, counted


def between(sizes: Sequence[int]) -> list[int]:
    """Geometric means of neighbours.

    >>> between([100, 1000, 10_000])
    [316, 3162]
    """
    means = {round(float(np.sqrt(one * other))) for one, other in pairwise(sizes)}
    return sorted(means - set(sizes))


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
            (1.0, messages, moved / 1e6, serial_seconds * part * (workers - 1))
            for workers, part, messages, moved, _ in rows
        ]
    )
    scale = np.abs(causes).max(axis=0) + 1e-300
    found = nnls(causes / scale * weights[:, None], wanted * weights)[0] / scale
    return Model(serial_seconds, float(found[0]), float(found[1]), float(found[2]) / 1e6, float(found[3]))


def _serial(mesh: Mesh, kernel: str) -> float:
    """The element part of the same kernel in this thread."""
    done = implementation_of("python" if kernel == "python" else "numpy").matrix(mesh, Effort(1))
    return float(done.seconds["elements"])


def _parallel(mesh: Mesh, implementation: str, effort: Effort) -> tuple[float, int, int]:
    """The element part in workers that are started for it, as those of a pool are; messages and bytes both ways."""
    be.shutdown()
    began = perf_counter()
    done = implementation_of(implementation).matrix(mesh, effort)
    took = perf_counter() - began - done.seconds["convert"]
    moved = done.traffic
    return took, moved.messages_out + moved.messages_in, moved.payload_out_bytes + moved.payload_in_bytes


def _square(elements: float) -> Mesh:
    side = max(2, round(float(np.sqrt(elements))))
    return generate("channel", nx=side, ny=side, length=1.0)


def _break_even(
    model: Model, mesh: Mesh, implementation: str, effort: Effort, rounds: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The number of elements from which workers pay: by the model, and where the measured times cross.

    Batches are cut so that every worker has four, as one would for a mesh of that size.
    """
    per_element = model.serial_seconds / len(mesh.quad8)

    def plan(elements: float) -> Effort:
        size = max(1, min(effort.batch_size, round(elements / (4 * effort.max_workers))))
        return Effort(effort.max_workers, size, effort.chunksize, effort.start_method, effort.kernel)

    def gain(elements: float) -> float:
        cut = plan(elements)
        messages = 2 * -(-elements // (cut.batch_size * cut.chunksize))
        sent = {"processes-pickle": messages / 2, "processes-initializer": cut.max_workers}.get(implementation, 0.0)
        moved = sent * 80.0 * elements + (0.0 if implementation == "processes-shared" else 1024.0 * elements)
        part = share(int(elements), cut.batch_size * cut.chunksize, cut.max_workers)
        small = replace(model, serial_seconds=per_element * elements)
        return small.serial_seconds - small.seconds(cut.max_workers, part, messages, moved)

    grid = np.unique(np.geomspace(4, 4e6, 400).astype(int))
    pays = [int(elements) for elements in grid if gain(float(elements)) > 0]
    predicted = pays[0] if pays else None
    if predicted is None:
        return {"workers": effort.max_workers, "predicted_elements": None, "found_elements": None, "tried": []}
    tried = []
    for factor in (0.25, 0.5, 1.0, 2.0, 4.0):
        some = _square(max(4.0, predicted * factor))
        tell(f"looking for the break-even at {len(some.quad8)} elements")
        pairs = [
            (_serial(some, effort.kernel), _parallel(some, implementation, plan(len(some.quad8)))[0])
            for _ in range(max(rounds, 3))
        ]
        alone, together = (statistics.median(times) for times in zip(*pairs, strict=True))
        tried.append({"elements": len(some.quad8), "serial_seconds": alone, "parallel_seconds": together})
    return {
        "workers": effort.max_workers,
        "predicted_elements": predicted,
        "found_elements": crossing(tried),
        "tried": tried,
    }


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
