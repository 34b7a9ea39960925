"""Checks that every run makes of its own answer: a wrong answer is an error, not a record.

Lives here: what must hold of any matrix and any solution, and what is compared between implementations. Never here:
known answers of particular cases; those are the tests'.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from breakeven.workloads.fem.assembly.effort import triplets
from breakeven.workloads.fem.boundary import System
from breakeven.workloads.fem.element import STIFFNESS_RULE, Floats, gradients
from breakeven.workloads.fem.faults import SolveError, needed
from breakeven.workloads.fem.kernels import loop
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.solvers import Answer

__all__ = [
    "SAME",
    "Balance",
    "balance_of",
    "check_answer",
    "check_load",
    "check_matrix",
    "check_rows",
    "difference",
    "fluxes_of",
]

SAME = 1e-11
"""Matrices of two implementations may differ by this share of their largest entry: sums are taken in another order."""

_ROUNDING = 1e-10
_MARGIN = 1e3
_ROWS = 16
_EPSILON = float(np.finfo(np.float64).eps)


def check_matrix(matrix: Any) -> dict[str, float]:
    """Constants have no slope (K · 1 = 0), K is symmetric, its diagonal positive; raises `SolveError` where not.

    Symmetry is tried on two fixed vectors, xᵀ(Ky) = yᵀ(Kx): two products in place of a transposition.
    """
    count = matrix.shape[0]
    diagonal = matrix.diagonal()
    if not np.isfinite(matrix.data).all():
        raise SolveError("the stiffness matrix holds numbers that are not finite; an element has no area somewhere")
    if not (diagonal > 0).all():
        at = int(np.argmin(diagonal))
        raise SolveError(f"the stiffness of point {at} is {diagonal[at]:.3g}, not positive: elements are missing there")
    scale = float(diagonal.max())
    constant = float(np.abs(matrix @ np.ones(count)).max()) / scale
    generator = np.random.default_rng(count)
    x, y = generator.random(count), generator.random(count)
    image_x, image_y = matrix @ x, matrix @ y
    size = float(np.abs(x) @ np.abs(image_y) + np.abs(y) @ np.abs(image_x))
    asymmetry = abs(float(x @ image_y - y @ image_x)) / size
    found = {"constants": constant, "asymmetry": asymmetry}
    for name, off in found.items():
        if not off <= _ROUNDING:
            raise SolveError(f"the stiffness matrix fails its check of {name}: off by {off:.3g}, allowed {_ROUNDING:g}")
    return found


def check_rows(mesh: Mesh, matrix: Any) -> float:
    """Hold a few rows, spread over the mesh, against the reference loop; how far apart, of the largest entry.

    Finds what no property of the matrix shows, such as elements counted twice or a wrong rule. A few milliseconds.
    """
    sparse = needed("scipy.sparse", "verification")
    count = len(mesh.points)
    points = np.unique(np.linspace(0, count - 1, _ROWS).astype(np.int64))
    chosen = np.zeros(count, dtype=bool)
    chosen[points] = True
    around = mesh.quad8[chosen[mesh.quad8].any(axis=1)]
    values = loop.stiffness(mesh.points, around, gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights)
    wanted = sparse.coo_array((values.ravel(), triplets(around)), shape=(count, count)).tocsr()
    apart = float(abs(matrix[points] - wanted[points]).max() / matrix.diagonal().max())
    if not apart <= SAME:
        raise SolveError(f"rows of the stiffness matrix differ from the reference by {apart:.3g}; {SAME:g} is allowed")
    return apart


def check_load(system: System) -> None:
    """Refuse a right-hand side of nothing under conditions that are not nothing: it would be solved by 0 at once."""
    if system.asked and len(system.free) and not system.load.any():
        raise SolveError(
            "the conditions hold values other than 0, and nothing of them arrived in the right-hand side; "
            "look for a slope on a boundary whose points are all held by others"
        )


def check_answer(system: System, answer: Answer, potential: Floats, tolerance: float) -> float:
    """Refuse an answer without iterations, one that is not finite, and one that loses mass; returns the imbalance."""
    if answer.iterations == 0 and system.load.any():
        raise SolveError("the solver says it is done after 0 iterations, with a right-hand side that is not 0")
    if not np.isfinite(potential).all():
        raise SolveError("the potential holds numbers that are not finite")
    balance = balance_of(system, potential)
    unsolved = max(answer.residual, tolerance) * max(balance.moved, float(np.linalg.norm(system.load)))
    allowed = _MARGIN * (unsolved * np.sqrt(len(potential)) + balance.rounding)
    if not abs(balance.net) <= allowed:
        raise SolveError(
            f"more comes in than goes out, by {balance.net:.3g} of {balance.moved:.3g}; {allowed:.3g} is allowed"
        )
    return balance.imbalance


def fluxes_of(system: System, potential: Floats) -> dict[str, float]:
    """What comes in through each boundary with a condition: its load, or the reaction of its fixed points."""
    reactions = system.whole @ potential - system.sources
    found: dict[str, float] = {}
    for name, load in system.natural.items():
        held = float((system.robin[name] @ potential).sum()) if name in system.robin else 0.0
        found[name] = float(load.sum()) - held
    taken = np.zeros(len(potential), dtype=bool)
    for name in reversed(system.fixed):
        nodes = system.fixed[name][~taken[system.fixed[name]]]
        taken[nodes] = True
        found[name] = float(reactions[nodes].sum())
    return found


class Balance(NamedTuple):
    """What comes in `net` over all boundaries, what `moved` in or out of any, and what `rounding` makes of nothing."""

    net: float
    moved: float
    rounding: float

    @property
    def imbalance(self) -> float:
        """The net as a share of what moved; 0 where nothing moved but rounding, since a share would say nothing."""
        return abs(self.net) / self.moved if self.moved > _MARGIN * self.rounding else 0.0


def balance_of(system: System, potential: Floats) -> Balance:
    """Account for mass: reactions of fixed points, loads of fluxes, and what Robin conditions hold back."""
    reactions = (system.whole @ potential - system.sources)[~_mask(system)]
    held = [robin @ potential for robin in system.robin.values()]
    parts = [reactions, *system.natural.values(), *(-one for one in held)]
    return Balance(
        net=float(sum(part.sum() for part in parts)),
        moved=float(sum(np.abs(part).sum() for part in parts)) / 2,
        rounding=_EPSILON * float(system.whole.diagonal() @ np.abs(potential)),
    )


def _mask(system: System) -> Any:
    free = np.zeros(len(system.known), dtype=bool)
    free[system.free] = True
    return free


def difference(matrix: Any, reference: Any) -> float:
    """The largest difference between two matrices, as a share of the reference's largest entry."""
    apart = abs(matrix - reference)
    return float(apart.max() / abs(reference).max())
