"""A wrong answer is an error: what every run checks of its own matrix, load and solution."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from breakeven.workloads import fem
from breakeven.workloads.fem.boundary import apply
from breakeven.workloads.fem.solvers import Answer, solve_system
from breakeven.workloads.fem.verification import balance_of, check_answer, check_load, check_matrix, check_rows
from tests.workloads.fem.shapes import curved, square

CONDITIONS: list[Any] = [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)]


def damaged(change: Any) -> Any:
    """A good matrix after `change` was made to a dense copy of it."""
    import scipy.sparse

    dense = fem.assemble(square(3), "numpy").toarray()
    change(dense)
    return scipy.sparse.csr_array(dense)


def drop_an_entry(dense: Any) -> None:
    """One off-diagonal pair lost, as with batches that overwrite each other."""
    dense[3, 4] = dense[4, 3] = 0.0


def spoil_symmetry(dense: Any) -> None:
    """Moves weight within a row, so that its sum stays 0."""
    dense[3, 4] += 0.1
    dense[3, 3] -= 0.1


def clear_a_row(dense: Any) -> None:
    """As of elements that were left out."""
    dense[5] = 0.0
    dense[:, 5] = 0.0


def spoil_a_number(dense: Any) -> None:
    """As of an element without area."""
    dense[2, 2] = np.nan


@pytest.mark.parametrize(
    "change, words",
    [
        (drop_an_entry, "constants"),
        (spoil_symmetry, "asymmetry"),
        (clear_a_row, "point 5 is 0"),
        (spoil_a_number, "not finite"),
    ],
)
def test_a_damaged_matrix_is_found(change: Any, words: str) -> None:
    """Whatever was lost on the way."""
    with pytest.raises(fem.SolveError, match=words):
        check_matrix(damaged(change))


def test_a_good_matrix_passes_with_figures() -> None:
    """They go with the solution."""
    assert max(check_matrix(fem.assemble(curved(8), "numpy")).values()) < 1e-14


def test_a_matrix_that_is_wrong_as_a_whole_is_found() -> None:
    """Symmetric, with sums of 0, and yet not the mesh's: elements counted twice, or a rule of other weights."""
    mesh = curved(6)
    matrix = fem.assemble(mesh, "numba-csr")
    assert check_rows(mesh, matrix) < 1e-14
    twice = matrix * (1 + 1e-9)
    check_matrix(twice)
    with pytest.raises(fem.SolveError, match="differ from the reference"):
        check_rows(mesh, twice)


def test_a_load_that_got_lost_is_refused() -> None:
    """Otherwise 0 solves the system at once: 72 recorded runs of the original are such."""
    mesh = square(3)
    system = apply(mesh, fem.assemble(mesh, "numpy"), CONDITIONS)
    system.load[:] = 0.0
    with pytest.raises(fem.SolveError, match="nothing of them arrived"):
        check_load(system)


def test_done_after_no_iterations_is_refused() -> None:
    """Unless there is nothing to do."""
    mesh = square(3)
    system = apply(mesh, fem.assemble(mesh, "numpy"), CONDITIONS)
    nothing = np.zeros(len(mesh.points))
    with pytest.raises(fem.SolveError, match="0 iterations"):
        check_answer(system, Answer(np.zeros(len(system.free)), 0, 0.0, "asleep"), nothing, 1e-12)


def test_nothing_asked_for_is_solved_by_nothing() -> None:
    """All conditions 0: the answer is 0, in no iterations, and no error."""
    found = fem.solve(square(3), [fem.Flux("inlet", 0.0), fem.Dirichlet("outlet", 0.0)])
    assert not found.potential.any()
    assert (found.iterations, found.residual, found.mass_imbalance) == (0, 0.0, 0.0)


def test_lost_mass_is_refused() -> None:
    """A potential that is not the solution does not let out what came in."""
    mesh = square(3)
    system = apply(mesh, fem.assemble(mesh, "numpy"), CONDITIONS)
    answer = solve_system(system.matrix, system.load, "direct")
    potential = system.known.copy()
    potential[system.free] = answer.values
    assert check_answer(system, answer, potential, 1e-12) < 1e-12
    potential[system.free] *= 1.001
    assert balance_of(system, potential).imbalance == pytest.approx(1e-3, rel=0.2)
    with pytest.raises(fem.SolveError, match="more comes in than goes out"):
        check_answer(system, answer, potential, 1e-12)


@pytest.mark.parametrize("solver", fem.SOLVERS)
def test_solvers_agree_and_tell_their_true_residual(solver: str) -> None:
    """Computed from the answer, not taken from the iteration."""
    mesh = curved(10)
    conditions: list[Any] = [fem.Flux("inlet", lambda x, y: np.cos(3 * y)), fem.Dirichlet("outlet", 1.0)]  # noqa: ARG005
    found = fem.solve(mesh, conditions, solver=solver)
    wanted = fem.solve(mesh, conditions, solver="direct")
    assert np.abs(found.potential - wanted.potential).max() < 1e-10
    assert 0 < found.residual < 1e-11


def test_iterations_that_run_out_are_an_error() -> None:
    """With the residual they came to, and another way."""
    mesh, conditions = fem.case("patch", nx=30, ny=10)
    with pytest.raises(fem.SolveError, match=r"after 5 iterations with a relative residual of .*direct"):
        fem.solve(mesh, conditions, solver="cg-jacobi", max_iterations=5)


def test_a_solver_that_is_not_there_or_solves_nothing_is_refused_before_anything_is_computed() -> None:
    """A wrong word, not a wrong answer: the conditions, which are wrong too, are not even looked at."""
    mesh = square(2)
    with pytest.raises(fem.ConditionError, match="no solver 'lu'; there are cg-amg"):
        fem.solve(mesh, [], solver="lu")
    for tolerance in (0.0, -1e-9, 0.02, 2.0, float("nan")):
        with pytest.raises(fem.ConditionError, match=f"tolerance is {tolerance}, of the relative residual"):
            fem.solve(mesh, [], tolerance=tolerance)


@pytest.mark.parametrize("solver", ["cg-amg", "direct"])
def test_a_boundary_layer_of_thin_elements_is_solved_as_well_as_can_be(solver: str) -> None:
    """A thousand times as long as thin: rounding alone leaves a residual of 1e-6, which is no failure."""
    mesh = fem.generate("channel", nx=24, ny=24, length=1.0, width=1e-3)
    found = fem.solve(mesh, [fem.Flux("inlet", 1.0), fem.Dirichlet("outlet", 0.0)], solver=solver)
    assert np.abs(found.potential - (1 - mesh.points[:, 0])).max() < 1e-5
    assert found.mass_imbalance < 1e-5


def test_the_factorisation_without_cvxopt_is_scipys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is only faster."""
    monkeypatch.setitem(sys.modules, "cvxopt", None)
    mesh, conditions = fem.case("patch", nx=6, ny=2)
    found = fem.solve(mesh, conditions, solver="direct")
    assert found.method == "SuperLU"
    assert found.potential.max() == pytest.approx(7.5, abs=1e-11)


def test_what_rounding_leaves_nothing_of_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the advice to try the solver that was tried; and a matrix that is singular is no error of scipy's."""
    mesh = fem.generate("channel", nx=30, ny=30, length=1e5)
    conditions: list[Any] = [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)]
    with pytest.raises(fem.SolveError, match="much longer than they are wide"):
        fem.solve(mesh, conditions, solver="direct")
    monkeypatch.setitem(sys.modules, "cvxopt", None)
    with pytest.raises(fem.SolveError, match="cannot be inverted"):
        solve_system(csr_array([[1.0, -1.0], [-1.0, 1.0]]), np.array([1.0, 2.0]), "direct")


def test_a_library_that_is_missing_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ImportError with the name of the extra."""
    import breakeven as be

    monkeypatch.setitem(sys.modules, "pyamg", None)
    mesh, conditions = fem.case("patch", nx=3, ny=1)
    with pytest.raises(be.BackendUnavailable, match=r"pip install breakeven\[fem\]"):
        fem.solve(mesh, conditions)


def test_pressure_is_bernoullis_with_half_the_density() -> None:
    """p0 - rho / 2 · speed²; both can be given."""
    mesh, conditions = fem.case("venturi", nx=12, ny=4)
    found = fem.solve(mesh, conditions, density=1000.0, stagnation_pressure=2e5)
    assert found.pressure == pytest.approx(2e5 - 500 * found.speed**2, rel=1e-14)


def test_a_potential_can_be_asked_for_anywhere_inside() -> None:
    """By the element's own functions; outside the mesh there is none."""
    mesh, conditions = fem.case("cylinder", radial=8, around=24)
    found = fem.solve(mesh, conditions)
    generator = np.random.default_rng(5)
    radius, angle = generator.uniform(1.5, 9, 20), generator.uniform(0, 2 * np.pi, 20)
    places = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    wanted = -places[:, 0] * (1 + 1 / radius**2)
    assert np.abs(found.at(places) - wanted).max() < 5e-3
    assert found.at(mesh.points[17]) == pytest.approx(found.potential[17], abs=1e-12)
    with pytest.raises(fem.MeshError, match=r"\(0.1, 0\) lies outside"):
        found.at([(0.1, 0.0)])
