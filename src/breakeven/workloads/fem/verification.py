"""Checks that every run makes of its own answer: a wrong answer is an error, not a record.

Lives here: what must hold of any matrix and any solution, and what is compared between implementations. Never here:
known answers of particular cases; those are the tests'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from breakeven.workloads.fem.boundary import System
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import SolveError
from breakeven.workloads.fem.solvers import Answer

__all__ = ["SAME", "check_answer", "check_load", "check_matrix", "difference", "fluxes_of", "imbalance_of"]

SAME = 1e-11
"""Matrices of two implementations may differ by this share of their largest entry: sums are taken in another order."""

_ROUNDING = 1e-10
_RESIDUAL_MARGIN = 1e3


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


def check_load(system: System) -> None:
    """Refuse a right-hand side of nothing under conditions that are not nothing: it would be solved by 0 at once."""
    if system.asked and len(system.free) and not system.load.any():
        raise SolveError(
            "the conditions hold values other than 0, and nothing of them arrived in the right-hand side; "
            "look for a slope on a boundary whose points are all held by others"
        )


def check_answer(system: System, answer: Answer, potential: Floats, imbalance: float, tolerance: float) -> None:
    """Refuse an answer without iterations, one that is not finite, and one that loses mass."""
    if answer.iterations == 0 and system.load.any():
        raise SolveError("the solver says it is done after 0 iterations, with a right-hand side that is not 0")
    if not np.isfinite(potential).all():
        raise SolveError("the potential holds numbers that are not finite")
    allowed = max(_RESIDUAL_MARGIN * max(answer.residual, tolerance), _ROUNDING) * np.sqrt(len(potential))
    if not imbalance <= allowed:
        raise SolveError(f"more comes in than goes out, by {imbalance:.3g} of it; {allowed:.3g} is allowed")


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


def imbalance_of(system: System, potential: Floats) -> float:
    """Net flux over all boundaries as a share of what moves: half of all that comes in or goes out anywhere."""
    reactions = (system.whole @ potential - system.sources)[~_mask(system)]
    loads = [load for load in system.natural.values() if load.any()]
    held = [robin @ potential for robin in system.robin.values()]
    net = reactions.sum() + sum(load.sum() for load in loads) - sum(one.sum() for one in held)
    moved = np.abs(reactions).sum() + sum(np.abs(load).sum() for load in (*loads, *held))
    return float(abs(net) / (moved / 2)) if moved else 0.0


def _mask(system: System) -> Any:
    free = np.zeros(len(system.known), dtype=bool)
    free[system.free] = True
    return free


def difference(matrix: Any, reference: Any) -> float:
    """The largest difference between two matrices, as a share of the reference's largest entry."""
    apart = abs(matrix - reference)
    return float(apart.max() / abs(reference).max())
