"""`processes-shared`: mesh and results in memory that all processes see; a task is two numbers, nothing comes back."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import tasks
from breakeven.workloads.fem.assembly.effort import (
    RETRIES,
    Assembled,
    Effort,
    Flow,
    Traffic,
    Watch,
    batches,
    summed,
    triplets,
)
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, gradients
from breakeven.workloads.fem.mesh import Mesh

_FEWEST, _BATCHES_A_WORKER = 1000, 8

MOST_KEPT_BYTES = 256_000_000
"""Element matrices of more than this (500 000 elements) are given back with each call."""


class Room(NamedTuple):
    """A mesh where all processes see it, and room for its element matrices (E, 64)."""

    points: be.SharedArray
    quad8: be.SharedArray
    matrices: be.SharedArray


_rooms: weakref.WeakKeyDictionary[Mesh, Room] = weakref.WeakKeyDictionary()
"""What the last call on a mesh left, as long as the mesh lives: a page's first touch costs as much as filling it."""


def forget(mesh: Mesh) -> None:
    """Let go of the shared memory that is kept for a mesh."""
    _rooms.pop(mesh, None)


@contextmanager
def room_of(mesh: Mesh) -> Iterator[Room]:
    """What was kept, taken so that no call beside this one writes into it, or made; kept again unless it is large."""
    shared = be.SharedArray
    room = _rooms.pop(mesh, None) or Room(
        shared.from_array(mesh.points), shared.from_array(mesh.quad8), shared.empty((len(mesh.quad8), 64), np.float64)
    )
    yield room
    if room.matrices.nbytes <= MOST_KEPT_BYTES:
        _rooms[mesh] = room


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in processes."""
    watch = Watch()
    slopes, weights = gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights
    with room_of(mesh) as room:
        traffic = _run(
            partial(
                tasks.matrices_into, effort.kernel or "numpy", room.points, room.quad8, slopes, weights, room.matrices
            ),
            len(mesh.quad8),
            effort,
            sum(one.nbytes for one in room),
        )
        watch.lap("elements")
        found = summed(mesh, *triplets(mesh.quad8), np.asarray(room.matrices).view(np.ndarray))
    watch.lap("convert")
    return Assembled(found, watch.seconds, traffic)


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in processes."""
    watch = Watch()
    shared = be.SharedArray
    means, lengths = shared.empty((len(mesh.quad8), 2), np.float64), shared.empty(len(mesh.quad8), np.float64)
    kernel, slopes = effort.kernel or "numpy", gradients(VELOCITY_RULE.points)
    with room_of(mesh) as room:
        inputs = room.points, room.quad8, shared.from_array(potential)
        traffic = _run(
            partial(tasks.velocities_into, kernel, *inputs, slopes, means, lengths),
            len(mesh.quad8),
            effort,
            sum(one.nbytes for one in (*inputs, means, lengths)),
        )
    # Copied out, so that the shared memory is given back with this call.
    found = np.array(means), np.array(lengths)
    watch.lap("velocity")
    return Flow(*found, watch.seconds, traffic)


def _run(work: Callable[[tuple[int, int]], None], count: int, effort: Effort, shared_bytes: int) -> Traffic:
    size = effort.batch_size or max(_FEWEST, -(-count // (_BATCHES_A_WORKER * effort.max_workers)))
    options: dict[str, Any] = {"chunksize": effort.chunksize or "auto", "start_method": effort.start_method}
    done = be.map(
        work,
        batches(count, size),
        backend="processes",
        max_workers=effort.max_workers,
        retries=RETRIES,
        progress=False,
        **options,
    )
    counted = done.report.to_dict()
    return Traffic(
        counted["messages_out"],
        counted["messages_in"],
        counted["bytes_out"],
        counted["bytes_in"],
        shared_bytes,
    )
