"""The stream function of a flow whose potential is known: its contours are streamlines, with equal flow between them.

Lives here: one more solution on the same mesh. Never here: drawing. The stream function w is the one whose turned
slopes (dw/dy, -dw/dx) are closest to the velocity, in the least squares over the mesh. A body through whose rim nothing
comes has one value all around; where something comes through an inner rim there is no stream function, and this is
only the closest.
"""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.assembly import assemble
from breakeven.workloads.fem.element import STIFFNESS_RULE, Floats, gradients
from breakeven.workloads.fem.faults import needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.solution import Solution
from breakeven.workloads.fem.solvers import solve_system

__all__ = ["stream_function"]

_AT_ONCE = 50_000
_MOST_DIRECT = 200_000
"""Points up to which a factorisation is faster."""


def stream_function(solution: Solution) -> Floats:
    """The stream function at every point (N,), m²/s, 0 at its least.

    >>> from breakeven.workloads import fem
    >>> mesh, conditions = fem.case("patch", nx=6, ny=2)
    >>> stream = stream_function(fem.solve(mesh, conditions))
    >>> bool(np.allclose(stream, 2.5 * mesh.points[:, 1], atol=1e-9))
    True
    """
    mesh = solution.mesh
    matrix = assemble(mesh)
    # One point of every connected part is held at 0.
    label = needed("scipy.sparse.csgraph", "stream functions").connected_components(matrix, directed=False)[1]
    free = np.delete(np.arange(len(mesh.points)), np.unique(label, return_index=True)[1])
    solver = "direct" if len(free) <= _MOST_DIRECT else "cg-amg"
    stream = np.zeros(len(mesh.points))
    load = _turned_load(mesh, solution.potential)[free]
    stream[free] = solve_system(matrix[free][:, free], load, solver).values
    return np.asarray(stream - stream.min())


def _turned_load(mesh: Mesh, potential: Floats) -> Floats:
    """∫ (u_y N_x - u_x N_y) for every shape function N: for an exact stream function, K times it."""
    slopes = gradients(STIFFNESS_RULE.points)
    load = np.zeros(len(mesh.points))
    for start in range(0, len(mesh.quad8), _AT_ONCE):
        some = mesh.quad8[start : start + _AT_ONCE]
        # In the reference square both gradients turn alike, so that neither the Jacobian nor its determinant is needed.
        along_xi = potential[some] @ slopes[:, 0].T
        along_eta = potential[some] @ slopes[:, 1].T
        weights = STIFFNESS_RULE.weights
        parts = (weights * along_eta) @ slopes[:, 0] - (weights * along_xi) @ slopes[:, 1]
        load += np.bincount(some.ravel(), parts.ravel(), minlength=len(mesh.points))
    return load
