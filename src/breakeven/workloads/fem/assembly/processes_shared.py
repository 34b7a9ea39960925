"""`processes-shared`: mesh and results in shared memory; a task says where to begin and end, nothing comes back."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeAlias

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
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, Integers, gradients
from breakeven.workloads.fem.mesh import Mesh

Work: TypeAlias = "tuple[Callable[[Any], Any], list[Any]]"
"""A function and its items, as `be.map` takes them."""

_FEWEST = 1000

SHARES_A_WORKER = 8
"""What a worker's part of the elements is cut into. Each share is a message; to take it, the parent halts a worker."""

MOST_KEPT_BYTES = 1 << 28
"""Of shared memory, 450 000 elements: a mesh that needs more gets it for one call."""


class Room(NamedTuple):
    """A mesh where all processes see it, and place for its element matrices (E, 64), all in one piece of memory."""

    of: weakref.ref[Mesh]
    memory: be.SharedArray
    points: Floats
    quad8: Integers
    matrices: Floats

    @property
    def is_kept(self) -> bool:
        """Whether the next call finds it again."""
        return self.memory.nbytes <= MOST_KEPT_BYTES

    @property
    def used_bytes(self) -> int:
        """What the mesh needs of it."""
        return self.points.nbytes + self.quad8.nbytes + self.matrices.nbytes

    def stiffness(self, kernel: str, spans: list[tuple[int, int]]) -> Work:
        """What fills the matrices of all elements."""
        slopes, weights = gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights
        fill = partial(tasks.matrices_into, kernel, self.points, self.quad8, slopes, weights, self.matrices)
        # Workers remember functions, and with them what is bound to them.
        return (fill, spans) if self.is_kept else passing(fill, spans)

    def summed(self, mesh: Mesh) -> Any:
        """The matrix of the mesh, once its element matrices are there."""
        return summed(mesh, *triplets(mesh.quad8), np.asarray(self.matrices).view(np.ndarray))


def passing(fn: Callable[[Any], Any], spans: list[tuple[int, int]]) -> Work:
    """Function and items for memory that goes with the call: in an item, nobody remembers it."""
    return tasks.given, [(fn, span) for span in spans]


_spare: list[Room] = []
"""The room that the last call left, if any: a page's first touch costs as much as filling it. One for all meshes, and
not one a mesh, since warm workers hold on to what they have mapped for longer than a mesh may live."""


def forget() -> None:
    """Let go of the shared memory that is kept."""
    _spare.clear()


atexit.register(forget)  # as long as there is all that closing it takes
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)  # or parent and child would both take it for their own


@contextmanager
def room_of(mesh: Mesh) -> Iterator[Room]:
    """The room that was kept, taken so that no call beside this one writes into it, or a new one; kept for the next.

    Where the call fails it is not kept: a worker may still be writing into it.
    """
    try:
        room = _spare.pop()
    except IndexError:
        room = _furnished(mesh, None)
    else:
        room = room if room.of() is mesh else _furnished(mesh, room.memory)
    yield room
    if room.is_kept:
        _spare[:] = [room]


def _furnished(mesh: Mesh, memory: be.SharedArray | None) -> Room:
    """A room with the mesh in it, in this memory if that is large enough.

    Sizes are powers of two, of which only what is used is ever there: so a row of ever larger meshes makes few.
    """
    count, matrix_words, point_words = len(mesh.quad8), 64 * len(mesh.quad8), mesh.points.size
    words = matrix_words + point_words + mesh.quad8.nbytes // 8
    if memory is None or memory.size < words:
        memory = be.SharedArray.empty(1 << (words - 1).bit_length(), np.float64)
    matrices, points, quad8 = np.split(memory[:words], [matrix_words, matrix_words + point_words])
    room = Room(
        weakref.ref(mesh),
        memory,
        points.reshape(-1, 2),
        quad8.view(np.int32).reshape(count, 8),
        matrices.reshape(count, 64),
    )
    room.points[:], room.quad8[:] = mesh.points, mesh.quad8
    return room


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in processes."""
    watch = Watch()
    with room_of(mesh) as room:
        work = room.stiffness(effort.kernel or "numpy", spans_of(mesh, effort))
        traffic = _run(work, effort, room.used_bytes)
        watch.lap("elements")
        found = room.summed(mesh)
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
        fill = partial(tasks.velocities_into, kernel, *inputs, slopes, means, lengths)
        moved = sum(one.nbytes for one in (*inputs, means, lengths))
        traffic = _run(passing(fill, spans_of(mesh, effort)), effort, moved)
    # Copied out, so that the shared memory is given back with this call.
    found = np.array(means), np.array(lengths)
    watch.lap("velocity")
    return Flow(*found, watch.seconds, traffic)


def spans_of(mesh: Mesh, effort: Effort) -> list[tuple[int, int]]:
    """From where to where each task goes."""
    count = len(mesh.quad8)
    return batches(count, effort.batch_size or max(_FEWEST, -(-count // (SHARES_A_WORKER * effort.max_workers))))


def _run(work: Work, effort: Effort, shared_bytes: int) -> Traffic:
    options: dict[str, Any] = {"chunksize": effort.chunksize or "auto", "start_method": effort.start_method}
    done = be.map(
        *work,
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
