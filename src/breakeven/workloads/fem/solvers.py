"""From a symmetric positive definite system to its solution: conjugate gradients twice over, and a direct way.

Lives here: the iteration with its true residual, and the choice of preconditioner or factorisation. Never here: where
the system came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import ConditionError, SolveError, is_count, is_number, needed

__all__ = ["SOLVERS", "Answer", "check_solver", "solve_system"]

TOLERANCE = 1e-12
MAX_ITERATIONS = 100_000
_LOOSEST = 0.01
_LOOK_EVERY = 50
_EPSILON = float(np.finfo(np.float64).eps)
_ACCEPTED = 1e-6
"""A true relative residual above this is no solution, whatever the iteration believes…"""
_AS_GOOD_AS_CAN_BE, _FLOORS = 1e-4, 1e3
"""…unless it is within so many roundings of one product with the matrix: with elements 1000 times as long as thin, no
solver comes below 1e-6, and the potential is right to 1e-6 (measured: 4e-7 by conjugate gradients, 5e-7 by CHOLMOD)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` (F,); how many `iterations` (1 for a direct solver); the true relative `residual`; `how`, in words."""

    values: Floats
    iterations: int
    residual: float
    how: str


def solve_system(
    matrix: Any, load: Floats, solver: str, tolerance: float = TOLERANCE, max_iterations: int = MAX_ITERATIONS
) -> Answer:
    """Solve `matrix` · u = `load` by the `solver` of that name; raises `SolveError` where it does not get there."""
    check_solver(solver, tolerance, max_iterations)
    scale = float(np.linalg.norm(load))
    if not len(load) or scale == 0.0:
        return Answer(np.zeros(len(load)), 0, 0.0, "nothing to solve")
    values, iterations, how = SOLVERS[solver](matrix, load, tolerance, max_iterations)
    residual = float(np.linalg.norm(load - matrix @ values)) / scale
    ran_out = iterations >= max_iterations and residual > 10 * tolerance
    rounding = min(_AS_GOOD_AS_CAN_BE, _FLOORS * _floor(matrix, values) / scale)
    if ran_out or not np.isfinite(values).all() or not residual <= max(_ACCEPTED, tolerance, rounding):
        spent = f" after {iterations:,} iterations" if solver != "direct" else ""
        raise SolveError(f"{how} ended{spent} with a relative residual of {residual:.3g}; {_hint(solver)}")
    return Answer(values, iterations, residual, how)


def _hint(solver: str) -> str:
    if solver != "direct":
        return "try solver='direct', or more iterations"
    return "rounding leaves no more of this system: look for elements that are very much longer than they are wide"


def check_solver(solver: str, tolerance: float = TOLERANCE, max_iterations: int = MAX_ITERATIONS) -> None:
    """Refuse a name that no solver has, and options with which nothing would be solved."""
    if str(solver) not in SOLVERS:
        raise ConditionError(f"there is no solver {solver!r}; there are {', '.join(SOLVERS)}", "solver")
    if not is_number(tolerance) or not 0 < tolerance <= _LOOSEST:
        raise ConditionError(
            f"tolerance is {tolerance!r}, of the relative residual; give a number above 0 and up to {_LOOSEST}",
            "tolerance",
        )
    if not is_count(max_iterations):
        raise ConditionError(f"max_iterations is {max_iterations!r}; give a whole number from 1 up", "max_iterations")


def conjugate_gradients(
    matrix: Any, load: Floats, precondition: Callable[[Floats], Floats], tolerance: float, max_iterations: int
) -> tuple[Floats, int]:
    """Preconditioned conjugate gradients from 0, to `tolerance` · |load| or to what float64 can tell apart.

    Every 50 iterations the true residual is looked at: where it no longer follows the iteration's own, that is the end.

    >>> values, iterations = conjugate_gradients(np.diag([1.0, 2.0]), np.array([1.0, 1.0]), lambda r: r, 1e-12, 10)
    >>> values.round(9).tolist(), iterations
    ([1.0, 0.5], 2)
    """
    values, residual = np.zeros_like(load), load.copy()
    goal = tolerance * float(np.linalg.norm(load))
    direction = precondition(residual).copy()
    product = float(residual @ direction)
    for iteration in range(1, max_iterations + 1):
        image = matrix @ direction
        curvature = float(direction @ image)
        if not curvature > 0:
            raise SolveError(f"the matrix is not positive definite: pᵀAp is {curvature:.3g} in iteration {iteration}")
        step = product / curvature
        values += step * direction
        residual -= step * image
        norm = float(np.linalg.norm(residual))
        if norm <= goal or (iteration % _LOOK_EVERY == 0 and norm <= _floor(matrix, values)):
            return values, iteration
        shaped = precondition(residual)
        before, product = product, float(residual @ shaped)
        direction *= product / before
        direction += shaped
    return values, max_iterations


def _floor(matrix: Any, values: Floats) -> float:
    """The rounding of one product with the matrix: no residual can be told from zero below it."""
    return _EPSILON * float(abs(matrix.diagonal()).max()) * float(np.linalg.norm(values))


def _jacobi(matrix: Any, load: Floats, tolerance: float, most: int) -> tuple[Floats, int, str]:
    inverse = 1 / matrix.diagonal()
    values, iterations = conjugate_gradients(matrix, load, lambda residual: inverse * residual, tolerance, most)
    return values, iterations, "CG with Jacobi"


def _amg(matrix: Any, load: Floats, tolerance: float, most: int) -> tuple[Floats, int, str]:
    pyamg = needed("pyamg", "the solver cg-amg")
    sparse = needed("scipy.sparse", "the solver cg-amg")
    levels = pyamg.rootnode_solver(sparse.csr_matrix(matrix))
    preconditioner = levels.aspreconditioner(cycle="V")
    values, iterations = conjugate_gradients(matrix, load, preconditioner.matvec, tolerance, most)
    return values, iterations, f"CG with AMG of {len(levels.levels)} levels"


def _direct(matrix: Any, load: Floats, _tolerance: float, _most: int) -> tuple[Floats, int, str]:
    try:
        import cvxopt
        import cvxopt.cholmod
    except ImportError:
        splu = needed("scipy.sparse.linalg", "the solver direct").splu
        try:
            factors = splu(
                matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError as error:
            raise SolveError(f"the matrix cannot be inverted: SuperLU says {str(error).lower()}") from None
        return factors.solve(load), 1, "SuperLU"
    triplets = matrix.tocoo()
    lower = triplets.row >= triplets.col
    system = cvxopt.spmatrix(
        cvxopt.matrix(triplets.data[lower]),
        cvxopt.matrix(triplets.row[lower].astype(np.int64)),
        cvxopt.matrix(triplets.col[lower].astype(np.int64)),
        matrix.shape,
    )
    right = cvxopt.matrix(load)
    try:
        cvxopt.cholmod.linsolve(system, right)
    except ArithmeticError as error:
        raise SolveError(f"the matrix is not positive definite: CHOLMOD says {error}") from None
    return np.array(right).ravel(), 1, "CHOLMOD"


SOLVERS: dict[str, Callable[[Any, Floats, float, int], tuple[Floats, int, str]]] = {
    "cg-amg": _amg,
    "cg-jacobi": _jacobi,
    "direct": _direct,
}
"""Name → solver. `cg-amg` is the default; `cg-jacobi` is what the method began with."""
