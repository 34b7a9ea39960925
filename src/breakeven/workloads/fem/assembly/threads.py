"""`threads`: batches in threads, each with triplets of its own; the interpreter's lock decides what that is worth."""

from __future__ import annotations

from functools import partial

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly.effort import (
    BATCH_SIZE,
    Assembled,
    Effort,
    Flow,
    Watch,
    batches,
    kernel_of,
    summed,
    triplets,
)
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, Integers, gradients
from breakeven.workloads.fem.mesh import Mesh


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in threads."""
    watch = Watch()
    work = partial(_triplets, mesh, kernel_of(effort, "python").stiffness)
    parts = be.map(work, batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE), **_spread(effort))
    watch.lap("elements")
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    found = summed(mesh, rows, columns, values)
    watch.lap("convert")
    return Assembled(found, watch.seconds)


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in threads."""
    watch = Watch()
    compute, slopes = kernel_of(effort, "python").velocity, gradients(VELOCITY_RULE.points)

    def work(span: tuple[int, int]) -> tuple[Floats, Floats]:
        found: tuple[Floats, Floats] = compute(mesh.points, mesh.quad8[slice(*span)], potential, slopes)
        return found

    parts = be.map(work, batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE), **_spread(effort))
    means, lengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    watch.lap("velocity")
    return Flow(means, lengths, watch.seconds)


def _triplets(mesh: Mesh, compute: object, span: tuple[int, int]) -> tuple[Integers, Integers, Floats]:
    quad8 = mesh.quad8[slice(*span)]
    values: Floats = compute(mesh.points, quad8, gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights)  # type: ignore[operator]
    return *triplets(quad8), values.ravel()


def _spread(effort: Effort) -> dict[str, object]:
    return {
        "backend": "threads",
        "max_workers": effort.max_workers,
        "chunksize": effort.chunksize or "auto",
        "progress": False,
    }
