"""The nouns of assembly: how much effort may be made, and what came of it.

Lives here: options, results, batches, and the last step that all triplets share. Never here: an implementation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from time import perf_counter
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from breakeven.workloads.fem.element import Floats, Integers
from breakeven.workloads.fem.faults import ConditionError, is_count, needed
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Assembled", "Effort", "Flow", "Implementation", "Traffic", "batches", "effort_of", "summed", "triplets"]

BATCH_SIZE = 1000
START_METHODS = ("fork", "forkserver", "spawn")
RETRIES = 2
"""Of a batch whose worker died: batches write nothing but their own results, so they may run again."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How the work may be spread. `batch_size` 0 and `chunksize` 0 leave the number to the implementation."""

    max_workers: int
    batch_size: int = 0
    chunksize: int = 0
    start_method: str | None = None
    kernel: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was really moved between processes: counted, not calculated. All zero where nothing was.

    `payload_out_bytes` and `payload_in_bytes` are pickled tasks and results; `shared_bytes` is what lies in memory that
    all see.
    """

    messages_out: int = 0
    messages_in: int = 0
    payload_out_bytes: int = 0
    payload_in_bytes: int = 0
    shared_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Assembled:
    """A matrix, `scipy.sparse.csr_array` (N, N), and the seconds of its parts: elements, convert, pattern, compile."""

    matrix: Any
    seconds: dict[str, float]
    traffic: Traffic = field(default_factory=Traffic)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """Velocity (E, 2) and speed (E,), the seconds they took (those of compiling apart), and what was moved for it."""

    velocity: Floats
    speed: Floats
    seconds: dict[str, float]
    traffic: Traffic = field(default_factory=Traffic)


class Implementation(Protocol):
    """One way to spread the work; a module."""

    def matrix(self, mesh: Mesh, effort: Effort) -> Assembled:
        """Assemble the stiffness matrix."""

    def velocity(self, mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
        """Differentiate a potential (N,)."""


def effort_of(
    max_workers: int | None = None,
    batch_size: int | None = None,
    chunksize: int | None = None,
    start_method: str | None = None,
    kernel: str | None = None,
) -> Effort:
    """Check options; what is not given is chosen later, but for workers: as many as there are usable CPUs.

    >>> effort_of(max_workers=2, batch_size=500).batch_size
    500
    """
    counts: dict[str, Any] = {"max_workers": max_workers, "batch_size": batch_size, "chunksize": chunksize}
    for name, number in counts.items():
        if number is not None and not is_count(number):
            raise ConditionError(f"{name} is {number!r}; give a whole number from 1 up", name)
    if kernel not in {None, "", "python", "numpy"}:
        raise ConditionError(f"kernel is {kernel!r}; there are 'python' and 'numpy'", "kernel")
    if start_method not in {None, *START_METHODS}:
        raise ConditionError(f"start_method is {start_method!r}; there are {', '.join(START_METHODS)}", "start_method")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Effort(int(max_workers or usable), int(batch_size or 0), int(chunksize or 0), start_method, kernel or "")


def batches(count: int, size: int) -> list[tuple[int, int]]:
    """Contiguous ranges of `size` elements.

    >>> batches(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(start, min(start + size, count)) for start in range(0, count, size)]


def kernel_of(effort: Effort, default: str) -> ModuleType:
    """The kernel that was asked for, or the default."""
    from breakeven.workloads.fem.kernels import arrays, loop

    return loop if (effort.kernel or default) == "python" else arrays


def triplets(quad8: Integers) -> tuple[Integers, Integers]:
    """Rows and columns of the 64 entries of each element, (64 E,) each."""
    return np.repeat(quad8, 8, axis=1).ravel(), np.tile(quad8, 8).ravel()


def summed(mesh: Mesh, rows: Integers, columns: Integers, values: Floats) -> Any:
    """Triplets → CSR, entries of equal place added up."""
    sparse = needed("scipy.sparse", "assembly")
    count = len(mesh.points)
    matrix = sparse.coo_array((values.ravel(), (rows, columns)), shape=(count, count)).tocsr()
    matrix.sum_duplicates()
    return matrix


class Watch:
    """Seconds of consecutive parts, by name."""

    __slots__ = ("_since", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def lap(self, name: str) -> None:
        """What has passed since the last lap was `name`."""
        now = perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now
