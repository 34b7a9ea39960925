"""The circulation about an aerofoil, by Kutta's condition: the flow leaves the trailing edge smoothly.

Lives here: two solutions of the stream function, with and without circulation, and how much of the second is wanted.
Never here: the aerofoil's mesh. Lift follows by Kutta and Joukowski: cl = 2 · circulation / (speed · chord).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from breakeven.workloads.fem.assembly import assemble
from breakeven.workloads.fem.boundary import Condition, Dirichlet, apply
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.generators import generate
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.solvers import solve_system

__all__ = ["lifting"]

_QUARTER = 0.25
"""Far away an aerofoil is a vortex in its quarter-chord point."""


def lifting(*, alpha: float = 5.0, speed: float = 1.0, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    """Mesh and conditions of the stream function about an aerofoil at `alpha` degrees; u is the stream function.

    `far` gets that of the free stream and of a vortex, `body` a constant; the circulation is the one with which
    the slope at the trailing edge is zero. The solution's flux through `far` is the circulation, positive where it
    lifts, in speed × chord.
    """
    mesh = generate("aerofoil", **parameters)
    matrix = assemble(mesh)
    edge = int(np.argmax(mesh.points[mesh.boundary("body")[:, 0], 0]))
    trailing = int(mesh.boundary("body")[edge, 0])
    angle = np.radians(alpha)

    def stream(x: Floats, y: Floats) -> Floats:
        return np.asarray(speed * (y * np.cos(angle) - x * np.sin(angle)))

    def vortex(x: Floats, y: Floats) -> Floats:
        return np.asarray(np.log(np.hypot(x - _QUARTER, y)) / (2 * np.pi))

    # Three unknown parts: free stream, vortex, and the body's own constant. The slope at the trailing edge has to
    # vanish, and the reactions of the body have to add up to the circulation of the vortex outside.
    parts = [
        _body_slopes(mesh, matrix, [Dirichlet("body", held), Dirichlet("far", far)], trailing)
        for held, far in ((0.0, stream), (0.0, vortex), (1.0, 0.0))
    ]
    (edge_free, sum_free), (edge_vortex, sum_vortex), (edge_body, sum_body) = parts
    system = np.array([[edge_vortex, edge_body], [sum_vortex + 1.0, sum_body]])
    circulation, constant = np.linalg.solve(system, [-edge_free, -sum_free])
    conditions: list[Condition] = [
        Dirichlet("body", float(constant)),
        Dirichlet("far", lambda x, y: stream(x, y) + circulation * vortex(x, y)),
    ]
    return mesh, conditions


def _body_slopes(mesh: Mesh, matrix: Any, conditions: list[Condition], trailing: int) -> tuple[float, float]:
    """The reaction of the trailing edge's point, and of the whole body, under some conditions."""
    system = apply(mesh, matrix, conditions)
    potential = system.known.copy()
    potential[system.free] = solve_system(system.matrix, system.load, "direct").values
    reactions = system.whole @ potential
    return float(reactions[trailing]), float(reactions[np.unique(mesh.boundary("body"))].sum())
