"""What workers are worth as batches grow: measured, and by a model fitted to what was counted.

Lives here: the runs, the model's error on batch sizes that it was not fitted on, and the number of elements from which
workers pay. Never here: the model (`costs`), or layout.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import Effort, implementation_of, processes_shared
from breakeven.workloads.fem.assembly.effort import batches
from breakeven.workloads.fem.costs import Model, crossing, fit, middles, share
from breakeven.workloads.fem.faults import ConditionError
from breakeven.workloads.fem.generators import generate
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Measured", "Scaling", "scaling"]

BATCH_SIZES = (100, 1000, 5000, 10_000)

_SETTLED = 0.05
"""Rounds go on until no cell's middle is likely to be further off than this, as a share."""
_FEWEST_TO_JUDGE, _MOST_ROUNDS = 3, 4
"""Rounds below which nothing is known of their spread; rounds made at most, in multiples of those asked for."""

_LONGEST_SETTLING_SECONDS = 60.0
"""Of rounds beyond those asked for: on a machine that does not settle, the margin says so."""

_LONGEST_TRIAL_SECONDS = 10.0
"""In one thread, of a mesh on which the break-even is looked for: of larger ones the model alone speaks."""

_Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """One batch size on one number of workers: seconds of each round, what was counted, and what the model says.

    `middle_seconds` are those of `costs.middles`: a busy round is compared with itself.
    """

    batch_size: int
    workers: int
    tasks: int
    messages: int
    moved_bytes: int
    share: float
    seconds: list[float]
    middle_seconds: float
    speedup: float
    predicted_seconds: float
    fitted: bool

    @property
    def error(self) -> float:
        """How far the model is off, as a share of what was measured."""
        return abs(self.predicted_seconds / self.middle_seconds - 1)


@dataclass(frozen=True, slots=True)
class Scaling:
    """The whole table; `held_out_error` is the worst relative error on batch sizes that the model was not fitted on.

    `rounds` is how many were made, `uncertainty` how far a measured middle may be off (None for fewer than 3 rounds).
    """

    implementation: str
    kernel: str
    elements: int
    chunksize: int
    rounds: int
    uncertainty: float | None
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

    `check_sizes` are by default the geometric means of neighbouring `batch_sizes`; measured in the same rounds. Of
    three `rounds` and more, more are made where a busy machine leaves the figures unsettled, up to four times as many,
    for a minute.
    """
    if not implementation.startswith("processes-"):
        raise ConditionError(f"{implementation!r} moves nothing between processes; name one of processes-…", "scaling")
    fitted = sorted(set(batch_sizes))
    checks = between(fitted) if check_sizes is None else sorted(set(check_sizes) - set(fitted))
    cells = [(size, count) for size in sorted({*fitted, *checks}) for count in workers]
    effort = Effort(1, 0, chunksize, start_method, kernel)
    table = _measured(mesh, implementation, cells, effort, rounds, tell)
    shares = {(size, count): share(len(mesh.quad8), size * chunksize, count) for size, count in cells}
    model = fit(
        table.serial_seconds,
        [(cell[1], shares[cell], *table.counted[cell], table.middle[cell]) for cell in cells if cell[0] in fitted],
    )
    runs = _runs(mesh, table, shares, model, fitted)
    most = replace(effort, max_workers=max(workers), batch_size=fitted[len(fitted) // 2 - (len(fitted) > 1)])
    return Scaling(
        implementation,
        kernel,
        len(mesh.quad8),
        chunksize,
        table.rounds,
        table.uncertainty if table.rounds >= _FEWEST_TO_JUDGE else None,
        model,
        runs,
        max(run.error for run in runs if run.fitted),
        max((run.error for run in runs if not run.fitted), default=None),
        _break_even(model, mesh, implementation, most, rounds, tell) if most.max_workers > 1 else {},
    )


def _runs(mesh: Mesh, table: _Table, shares: dict[_Cell, float], model: Model, fitted: Sequence[int]) -> list[Measured]:
    """Every cell as it was measured, beside what the model says."""
    return [
        Measured(
            batch_size=cell[0],
            workers=cell[1],
            tasks=len(batches(len(mesh.quad8), cell[0])),
            messages=table.counted[cell][0],
            moved_bytes=table.counted[cell][1],
            share=shares[cell],
            seconds=table.seconds[cell],
            middle_seconds=table.middle[cell],
            speedup=table.serial_seconds / table.middle[cell],
            predicted_seconds=model.seconds(cell[1], shares[cell], *table.counted[cell]),
            fitted=cell[0] in fitted,
        )
        for cell in shares
    ]


@dataclass(frozen=True, slots=True)
class _Table:
    """What was measured: seconds in this thread, and of every cell its rounds, its middle, and messages and bytes."""

    serial_seconds: float
    seconds: dict[_Cell, list[float]]
    middle: dict[_Cell, float]
    counted: dict[_Cell, tuple[int, int]]
    rounds: int
    uncertainty: float


def _measured(
    mesh: Mesh,
    implementation: str,
    cells: Sequence[_Cell],
    effort: Effort,
    rounds: int,
    tell: Callable[[str], None],
) -> _Table:
    """Measure every cell (batch size, workers) and the loop in turns, until the middles are settled."""
    seconds: dict[_Cell, list[float]] = {cell: [] for cell in cells}
    counted: dict[_Cell, tuple[int, int]] = {}
    serial: list[float] = []
    until_seconds = 0.0
    while True:
        done = len(serial) + 1
        tell(f"round {done}/{rounds}: serial")
        serial.append(_serial(mesh, effort.kernel))
        for size, count in cells if done % 2 else reversed(cells):
            tell(f"round {done}/{rounds}: batches of {size} on {count} workers")
            own = replace(effort, max_workers=count, batch_size=size)
            took, messages, moved = _parallel(mesh, implementation, own)
            counted[size, count] = messages, moved
            seconds[size, count].append(took)
        if done < rounds:
            continue
        if done == rounds:
            until_seconds = perf_counter() + _LONGEST_SETTLING_SECONDS
        found = middles(np.column_stack([serial, *seconds.values()]))
        settled = found.uncertainty <= _SETTLED or done >= _MOST_ROUNDS * rounds
        if settled or perf_counter() > until_seconds or rounds < _FEWEST_TO_JUDGE:
            whole, *others = found.seconds.tolist()
            return _Table(whole, seconds, dict(zip(cells, others, strict=True)), counted, done, found.uncertainty)


def between(sizes: Sequence[int]) -> list[int]:
    """Geometric means of neighbours.

    >>> between([100, 1000, 10_000])
    [316, 3162]
    """
    means = {round(float(np.sqrt(one * other))) for one, other in pairwise(sizes)}
    return sorted(means - set(sizes))


def _serial(mesh: Mesh, kernel: str) -> float:
    """The element part of the same kernel in this thread."""
    done = implementation_of("python" if kernel == "python" else "numpy").matrix(mesh, Effort(1))
    return float(done.seconds["elements"])


def _parallel(mesh: Mesh, implementation: str, effort: Effort) -> tuple[float, int, int]:
    """The element part in workers that are started for it, as those of a pool are; messages and bytes both ways."""
    be.shutdown()
    processes_shared.forget()
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
        if predicted * factor * per_element > _LONGEST_TRIAL_SECONDS:
            break
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
