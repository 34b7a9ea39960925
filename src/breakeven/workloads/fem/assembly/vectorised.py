"""`numpy`: as `python`, with array operations over each batch."""

from __future__ import annotations

from breakeven.workloads.fem.assembly import looped
from breakeven.workloads.fem.assembly.effort import Assembled, Effort, Flow
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.mesh import Mesh


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in this thread."""
    return looped.matrix(mesh, effort, kernel="numpy")


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in this thread."""
    return looped.velocity(mesh, potential, effort, kernel="numpy")
