"""`python`: one batch after the other, one element at a time. What every other implementation is compared with."""

from __future__ import annotations

import numpy as np

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
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, gradients
from breakeven.workloads.fem.mesh import Mesh

KERNEL = "python"


def matrix(mesh: Mesh, effort: Effort, kernel: str = KERNEL) -> Assembled:
    """Assemble in this thread."""
    watch = Watch()
    compute = kernel_of(effort, kernel).stiffness
    slopes = gradients(STIFFNESS_RULE.points)
    values = np.empty((len(mesh.quad8), 64))
    for start, stop in batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE):
        compute(mesh.points, mesh.quad8[start:stop], slopes, STIFFNESS_RULE.weights, values[start:stop])
    watch.lap("elements")
    found = summed(mesh, *triplets(mesh.quad8), values)
    watch.lap("convert")
    return Assembled(found, watch.seconds)


def velocity(mesh: Mesh, potential: Floats, effort: Effort, kernel: str = KERNEL) -> Flow:
    """Differentiate in this thread."""
    watch = Watch()
    compute = kernel_of(effort, kernel).velocity
    slopes = gradients(VELOCITY_RULE.points)
    means, lengths = np.empty((len(mesh.quad8), 2)), np.empty(len(mesh.quad8))
    for start, stop in batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE):
        means[start:stop], lengths[start:stop] = compute(mesh.points, mesh.quad8[start:stop], potential, slopes)
    watch.lap("velocity")
    return Flow(means, lengths, watch.seconds)
