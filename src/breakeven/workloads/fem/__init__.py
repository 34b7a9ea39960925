"""Potential flow by finite elements, every implementation of its parallel stages side by side.

    breakeven fem solve cylinder --set radial=16 --set around=48
    breakeven fem compare channel --set nx=120 --set ny=40

Solves the Laplace equation in the plane on eight-node quadrilaterals: `read` or `generate` a `Mesh`, give conditions by
boundary name, `solve`. Lives here: the public names. Never here: computing; the rooms are the method's chapters.

>>> mesh, conditions = case("patch", nx=6, ny=2)
>>> flow = solve(mesh, conditions)
>>> flow.potential.shape, flow.velocity.shape, round(float(flow.speed.max()), 9)
((53,), (12, 2), 2.5)
"""

from __future__ import annotations

from breakeven.workloads.fem.assembly import IMPLEMENTATIONS, assemble
from breakeven.workloads.fem.boundary import Dirichlet, Flux, Robin
from breakeven.workloads.fem.cases import CASES, case
from breakeven.workloads.fem.faults import ConditionError, MeshError, SolveError
from breakeven.workloads.fem.flow import bernoulli, solve
from breakeven.workloads.fem.generators import GENERATORS, generate
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.reading import read, write
from breakeven.workloads.fem.solution import Solution
from breakeven.workloads.fem.solvers import SOLVERS

__all__ = [
    "CASES",
    "GENERATORS",
    "IMPLEMENTATIONS",
    "SOLVERS",
    "ConditionError",
    "Dirichlet",
    "Flux",
    "Mesh",
    "MeshError",
    "Robin",
    "Solution",
    "SolveError",
    "assemble",
    "bernoulli",
    "case",
    "generate",
    "read",
    "solve",
    "write",
]
