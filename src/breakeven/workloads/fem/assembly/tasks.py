"""What workers run: functions of one packed task, at the top of a module so that every start method finds them.

Lives here: a worker's side of the implementations in processes. Never here: the parent's side.
"""

from __future__ import annotations

import os
import pickle
from _thread import get_ident
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeAlias

from breakeven.workloads.fem.assembly.effort import triplets
from breakeven.workloads.fem.element import Floats, Integers, gradients
from breakeven.workloads.fem.kernels import arrays, loop

KERNELS: dict[str, ModuleType] = {"python": loop, "numpy": arrays}

Place: TypeAlias = "tuple[int, int]"
"""A process and one of its threads."""

_mesh: dict[str, Any] = {}
"""What `remember` left in this worker."""


def packed(message: bytes) -> bytes:
    """Work off the tasks of one message, each with all it needs, and pack the results in their order."""
    return pickle.dumps([_one(*task) for task in pickle.loads(message)], pickle.HIGHEST_PROTOCOL)


def _one(
    kernel: str,
    start: int,
    stop: int,
    x: Floats,
    y: Floats,
    quad8: Integers,
    points: Floats,
    weights: Floats,
    potential: Floats | None = None,
) -> tuple[Any, ...]:
    """One task as it was first written: `x`, `y` and all elements, with the rule's `points` (G, 2) and `weights`."""
    import numpy as np

    return batch(kernel, start, stop, np.column_stack([x, y]), quad8, gradients(points), weights, potential)


def batch(
    kernel: str,
    start: int,
    stop: int,
    points: Floats,
    quad8: Integers,
    slopes: Floats,
    weights: Floats,
    potential: Floats | None,
) -> tuple[Any, ...]:
    """Elements `start` to `stop`: their triplets, or with a potential their velocities."""
    some = quad8[start:stop]
    if potential is None:
        values = KERNELS[kernel].stiffness(points, some, slopes, weights)
        return *triplets(some), values.ravel()
    found: tuple[Any, ...] = KERNELS[kernel].velocity(points, some, potential, slopes)
    return found


def remember(message: bytes) -> None:
    """A worker's initializer: keep the mesh that every task of this run needs."""
    _mesh.clear()
    _mesh.update(pickle.loads(message))


def remembered(message: bytes) -> bytes:
    """Work off (start, stop) pairs on the mesh that this worker was started with."""
    spans = pickle.loads(message)
    return pickle.dumps([batch(start=start, stop=stop, **_mesh) for start, stop in spans], pickle.HIGHEST_PROTOCOL)


def matrices_into(
    kernel: str, points: Floats, quad8: Integers, slopes: Floats, weights: Floats, out: Floats, span: tuple[int, int]
) -> Place:
    """Write element matrices where everyone sees them; returns where that was done."""
    part = slice(*span)
    KERNELS[kernel].stiffness(points, quad8[part], slopes, weights, out[part])
    return here()


def velocities_into(
    kernel: str,
    points: Floats,
    quad8: Integers,
    potential: Floats,
    slopes: Floats,
    means: Floats,
    lengths: Floats,
    span: tuple[int, int],
) -> None:
    """Write velocities where everyone sees them."""
    part = slice(*span)
    means[part], lengths[part] = KERNELS[kernel].velocity(points, quad8[part], potential, slopes)


def given(task: tuple[Callable[[tuple[int, int]], Any], tuple[int, int]]) -> Any:
    """Work off a span by the function that comes with it."""
    work, span = task
    return work(span)


def here() -> Place:
    """Where this is called."""
    return os.getpid(), get_ident()


def spread_over(places: Iterable[Place]) -> str:
    """What work was spread over, by where it was done: " on processes", " on threads", or "" for this thread alone."""
    own = here()
    elsewhere = {place for place in places if place != own}
    if any(process != own[0] for process, _ in elsewhere):
        return " on processes"
    return " on threads" if elsewhere else ""
