"""`Solution`: a potential and what follows from it.

Lives here: the noun, its flux through a boundary, velocities at points, and the figures that are printed. Never here:
how it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from breakeven.workloads.fem.element import NODES, Floats, Integers, gradients, shape
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Solution"]

_NEWTON_STEPS = 30
_CANDIDATES = 12
_INSIDE = 1 + 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What `solve` found, on `mesh` with N points and E elements, in its order; SI units where it is in metres.

    `potential` (N,) m²/s; `velocity` (E, 2) m/s, the mean of -grad u over 2×2 Gauss points; `speed` (E,) m/s, the mean
    of its length there; `pressure` (E,) Pa, by Bernoulli from `speed`. `stages`: name → seconds. `iterations` of the
    solver, and its true relative `residual`. `mass_imbalance`: what comes in less what goes out, as a share of it.
    `fluxes`: boundary → what comes in through it, m²/s (what two Dirichlet boundaries share counts for the later one).
    `checks`: what was verified → how far it was off. `implementation` and `solver` are the names asked for, `chosen`
    and `method` say what did the work (with "auto", the implementation that was taken).
    """

    mesh: Mesh
    potential: Floats
    velocity: Floats
    speed: Floats
    pressure: Floats
    stages: dict[str, float]
    parts: dict[str, dict[str, float]]
    iterations: int
    residual: float
    mass_imbalance: float
    fluxes: dict[str, float]
    checks: dict[str, float]
    nnz: int
    implementation: str
    chosen: str
    solver: str
    method: str

    def to_dict(self) -> dict[str, Any]:
        """The figures of a solution, ready for JSON: what `breakeven fem solve --json` prints."""
        return {
            "nodes": len(self.mesh.points),
            "elements": len(self.mesh.quad8),
            "nnz": self.nnz,
            "implementation": self.implementation,
            "chosen": self.chosen,
            "solver": self.solver,
            "method": self.method,
            "stage_seconds": self.stages,
            "part_seconds": self.parts,
            "iterations": self.iterations,
            "relative_residual": self.residual,
            "mass_imbalance": self.mass_imbalance,
            "fluxes": self.fluxes,
            "checks": self.checks,
            "u_min": float(self.potential.min()),
            "u_max": float(self.potential.max()),
            "speed_min": float(self.speed.min()),
            "speed_max": float(self.speed.max()),
            "pressure_min": float(self.pressure.min()),
            "pressure_max": float(self.pressure.max()),
            "repairs": list(self.mesh.repairs),
        }

    def nodal_velocity(self) -> Floats:
        """Velocity at every point (N, 2): the mean over the elements around it of their -grad u there.

        More exact than the elements' means at a wall. At a point where an element's sides are in line with no slope
        between them (a trailing edge) it is not defined, and neighbours' values are taken.
        """
        mesh = self.mesh
        flow, defined = _flow(mesh, self.potential, NODES)
        total = np.zeros((len(mesh.points), 2))
        times = np.bincount(mesh.quad8.ravel(), defined.ravel(), minlength=len(mesh.points))
        for axis in range(2):
            total[:, axis] = np.bincount(mesh.quad8.ravel(), flow[:, :, axis].ravel(), minlength=len(mesh.points))
        bare = np.flatnonzero(times == 0)
        if len(bare):
            means = np.zeros_like(total)
            around = np.bincount(mesh.quad8.ravel(), minlength=len(mesh.points))
            for axis in range(2):
                spread = np.repeat(self.velocity[:, axis], 8)
                means[:, axis] = np.bincount(mesh.quad8.ravel(), spread, minlength=len(mesh.points)) / around
            total[bare], times[bare] = means[bare], 1
        return total / times[:, None]

    def at(self, points: ArrayLike) -> Floats:
        """The potential at `points` (K, 2), by the shape functions of the element that each lies in, (K,).

        Raises `MeshError` for a point outside the mesh.
        """
        places = np.atleast_2d(np.asarray(points, dtype=np.float64))
        elements, inside = locate(self.mesh, places)
        values = self.potential[self.mesh.quad8[elements]]
        return np.asarray((shape(inside) * values).sum(axis=1))


def _flow(mesh: Mesh, potential: Floats, at: Floats) -> tuple[Floats, Floats]:
    """-grad u at reference points `at` of each element (E, G, 2), and where it is defined (E, G)."""
    slopes = gradients(at)
    corners = mesh.points[mesh.quad8]
    jacobian = (slopes.reshape(-1, 8) @ (corners - corners[:, :1])).reshape(len(mesh.quad8), -1, 2, 2)
    change = (slopes.reshape(-1, 8) @ potential[mesh.quad8][:, :, None]).reshape(len(mesh.quad8), -1, 2)
    a, b, c, d = jacobian[..., 0, 0], jacobian[..., 0, 1], jacobian[..., 1, 0], jacobian[..., 1, 1]
    determinant = a * d - b * c
    defined = determinant > 1e-6 * np.abs(determinant).max(axis=1, keepdims=True)
    scale = np.where(defined, -1 / np.where(defined, determinant, 1), 0)
    flow = np.stack([d * change[..., 0] - b * change[..., 1], a * change[..., 1] - c * change[..., 0]], axis=-1)
    return flow * scale[..., None], defined.astype(np.float64)


def locate(mesh: Mesh, places: Floats) -> tuple[Integers, Floats]:
    """The element that each place lies in (K,), and where in the reference square (K, 2), by Newton's method."""
    corners = mesh.points[mesh.quad8]
    low, high = corners.min(axis=1), corners.max(axis=1)
    middle, slack = corners.mean(axis=1), 0.1 * (high - low)
    elements, inside = np.empty(len(places), np.int32), np.empty((len(places), 2))
    for number, place in enumerate(places):
        near = np.flatnonzero(((place >= low - slack) & (place <= high + slack)).all(axis=1))
        nearest = near[np.argsort(((middle[near] - place) ** 2).sum(axis=1))[:_CANDIDATES]]
        for element in nearest:
            local = _inverse(corners[element], place)
            if np.abs(local).max() <= _INSIDE:
                elements[number], inside[number] = element, local
                break
        else:
            raise MeshError(f"the point ({place[0]:.6g}, {place[1]:.6g}) lies outside the mesh", "points")
    return elements, inside


def _inverse(corners: Floats, place: Floats) -> Floats:
    """Where in the reference square an element has the point `place`."""
    local = np.zeros((1, 2))
    for _ in range(_NEWTON_STEPS):
        off = shape(local)[0] @ corners - place
        jacobian = gradients(local)[0] @ corners
        try:
            step = np.linalg.solve(jacobian.T, off)
        except np.linalg.LinAlgError:
            break
        local = local - step
        if np.abs(step).max() < 1e-13:  # noqa: PLR2004 - to the last bits
            break
    return np.asarray(local[0])
