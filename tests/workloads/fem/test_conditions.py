"""Boundary conditions: by name, eliminated, as numbers or functions, and refused where they make no sense."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from breakeven.workloads import fem
from breakeven.workloads.fem.boundary import apply
from breakeven.workloads.fem.element import Floats
from tests.workloads.fem.shapes import UNIT, curved, harmonic, harmonic_gradient, square


def test_slopes_of_a_known_potential_give_it_back() -> None:
    """A flux on three curved sides as a function of (x, y), the potential on the fourth."""
    mesh = fem.generate("channel", nx=24, ny=24, length=1.0)
    sides = mesh.with_boundaries(
        low=lambda x, y: y == 0,  # noqa: ARG005 - of x and y
        high=lambda x, y: y == 1,  # noqa: ARG005
    )

    def slope(axis: int, sign: float) -> Any:
        return lambda x, y: sign * harmonic_gradient(x, y)[axis]

    conditions: list[Any] = [
        fem.Flux("inlet", slope(0, -1)),
        fem.Flux("low", slope(1, -1)),
        fem.Flux("high", slope(1, 1)),
        fem.Dirichlet("outlet", harmonic),
    ]
    found = fem.solve(sides, conditions)
    assert np.abs(found.potential - harmonic(*sides.points.T)).max() < 1e-5


def test_a_source_in_a_ring_that_leaks_at_its_rim_is_a_logarithm() -> None:
    """No potential is prescribed anywhere: a true Robin condition on a circle holds it, to the fourth order."""
    source, leak, outer = 2.0, 0.7, 3.0
    level = source / (2 * np.pi) * (1 / (leak * outer) + math.log(outer))
    off = []
    for radial in (6, 12):
        ring = fem.generate("ogrid", radial=radial, around=4 * radial, outer_radius=outer)
        found = fem.solve(ring, [fem.Flux("body", source / (2 * np.pi)), fem.Robin("far", leak, 0.0)])
        exact = level - source / (2 * np.pi) * np.log(np.hypot(*ring.points.T))
        off.append(float(np.abs(found.potential - exact).max()))
        assert found.fluxes["far"] == pytest.approx(-source, abs=2e-5)
    assert off[0] < 1e-5
    assert off[0] / off[1] > 2**3.5


def test_a_robin_condition_that_a_potential_fulfils_gives_it_back() -> None:
    """With a coefficient and a value that both change along the side; exact for a linear potential."""
    mesh = square(4)

    def linear(x: Floats, y: Floats) -> Floats:
        return 1 + 2 * x + 3 * y

    conditions: list[Any] = [
        fem.Robin("outlet", lambda x, y: 1 + y + 0 * x, lambda x, y: 2 + (1 + y) * linear(x, y)),
        fem.Dirichlet("inlet", linear),
        fem.Dirichlet("wall", linear),
    ]
    found = fem.solve(mesh, conditions)
    assert np.abs(found.potential - linear(*mesh.points.T)).max() < 1e-11


def test_a_robin_condition_alone_holds_the_potential() -> None:
    """No Dirichlet is needed where a boundary pulls the potential to a value."""
    found = fem.solve(square(3), [fem.Robin("wall", 2.0, 6.0)])
    assert np.abs(found.potential - 3.0).max() < 1e-11
    assert found.speed.max() < 1e-10


@pytest.mark.parametrize(
    "value",
    [
        lambda x, y: math.sin(x) + y,
        lambda x, y: np.sin(x) + y,
        lambda x, y: math.sin(x) + y if x < 5 else 0.0,
        lambda x, y: [math.sin(one) + other for one, other in zip(x, y, strict=True)],
    ],
    ids=["of one point", "of arrays", "with an if", "with a loop"],
)
def test_functions_may_be_written_for_one_point_or_for_arrays(value: Any) -> None:
    """All read the same, on nodes as on the Gauss points of edges."""
    mesh = square(3)
    found = fem.solve(mesh, [fem.Dirichlet("wall", value), fem.Flux("inlet", value)])
    wanted = fem.solve(mesh, [fem.Dirichlet("wall", value), fem.Flux("inlet", lambda x, y: np.sin(x) + y)])
    assert np.abs(found.potential - wanted.potential).max() < 1e-12
    wall = np.unique(mesh.boundary("wall"))
    x, y = mesh.points[wall].T
    assert np.abs(found.potential[wall] - (np.sin(x) + y)).max() < 1e-15


def test_the_parts_of_a_condition_go_by_their_names() -> None:
    """As the reference has them."""
    conditions: list[Any] = [
        fem.Robin(name="outlet", coefficient=2.0, value=0.0),
        fem.Flux(name="inlet", value=1.0),
        fem.Dirichlet(name="wall", value=0.0),
    ]
    assert [one.name for one in conditions] == ["outlet", "inlet", "wall"]
    assert fem.solve(square(2), conditions).potential.max() > 0


@pytest.mark.parametrize("solver", fem.SOLVERS)
@pytest.mark.parametrize("ny", [1, 3])
def test_one_column_of_elements_between_two_potentials_is_solved(ny: int, solver: str) -> None:
    """All free points lie halfway, where by symmetry a load counted from the mean potential would be nothing."""
    mesh = fem.generate("channel", nx=1, ny=ny, length=1.0)
    found = fem.solve(mesh, [fem.Dirichlet("inlet", 3.0), fem.Dirichlet("outlet", 1.0)], solver=solver)
    assert np.abs(found.potential - (3 - 2 * mesh.points[:, 0])).max() < 1e-12
    assert found.iterations > 0


def test_prescribed_potentials_are_kept_to_the_last_bit() -> None:
    """They are eliminated, not weighed against the rest."""
    mesh = curved(4)
    found = fem.solve(mesh, [fem.Dirichlet(name, 0.1) for name in mesh.boundaries])
    assert (found.potential[np.unique(mesh.outer_edges())] == 0.1).all()


def test_a_constant_added_to_all_potentials_costs_no_digits() -> None:
    """Only differences matter: mass balances, velocities and the shape of the potential stay what they were."""
    mesh = curved(6)
    low, high = (fem.solve(mesh, [fem.Flux("inlet", 1.0), fem.Dirichlet("outlet", base)]) for base in (0.0, 1e6))
    assert np.abs(high.potential - 1e6 - low.potential).max() < 1e-9
    assert np.abs(high.velocity - low.velocity).max() < 1e-11
    assert high.mass_imbalance < 1e-12


def test_a_mesh_with_nothing_left_to_solve_is_done_at_once() -> None:
    """One element, its whole rim prescribed."""
    mesh = fem.Mesh(UNIT, [range(8)]).with_boundaries(rim=lambda x, y: x > -1)  # noqa: ARG005 - of x and y
    found = fem.solve(mesh, [fem.Dirichlet("rim", lambda x, y: x + 2 * y)])
    assert np.array_equal(found.potential, UNIT @ [1.0, 2.0])
    assert found.velocity[0] == pytest.approx([-1, -2], abs=1e-14)
    assert found.iterations == 0


def test_elimination_keeps_the_system_symmetric_and_is_plain_slicing() -> None:
    """The rows and columns of the free points, and nothing else."""
    mesh = curved(4)
    matrix = fem.assemble(mesh, "numpy")
    system = apply(mesh, matrix, [fem.Dirichlet("inlet", 1.0), fem.Flux("outlet", 1.0)])
    wanted = matrix[system.free][:, system.free]
    assert abs(system.matrix - wanted).max() == 0
    assert abs(system.matrix - system.matrix.T).max() < 1e-13


def test_where_two_prescribed_boundaries_meet_the_later_counts() -> None:
    """A rule, so that it does not depend on the order of points."""
    mesh = square(2)
    corner = np.flatnonzero((mesh.points == 0).all(axis=1))
    for first, second, value in (("inlet", "wall", 2.0), ("wall", "inlet", 1.0)):
        values = {"inlet": 1.0, "wall": 2.0}
        found = fem.solve(mesh, [fem.Dirichlet(first, values[first]), fem.Dirichlet(second, values[second])])
        assert found.potential[corner] == value


def test_the_edges_of_a_flux_may_be_given_in_either_direction() -> None:
    """Corner, mid, corner reads the same from both ends."""
    mesh = square(3)
    turned = fem.Mesh(mesh.points, mesh.quad8, {**mesh.boundaries, "inlet": mesh.boundary("inlet")[:, ::-1]})
    conditions: list[Any] = [fem.Flux("inlet", 1.0), fem.Dirichlet("outlet", 0.0)]
    apart: Any = fem.solve(mesh, conditions).potential - fem.solve(turned, conditions).potential
    assert np.abs(apart).max() < 1e-13


@pytest.mark.parametrize(
    "conditions, words",
    [
        ([fem.Flux("inlet", 1.0)], "no Dirichlet or Robin condition.*open up to a constant.*'inlet', 'outlet'"),
        ([], "no Dirichlet or Robin condition"),
        ([fem.Dirichlet("inlet", 0.0), fem.Flux("inlet", 1.0)], "'inlet' has both"),
        ([fem.Dirichlet("door", 0.0)], "no boundary 'door'"),
        ([fem.Dirichlet("inlet", float("nan"))], r"value of boundary 'inlet' at \(0, 0\) is nan"),
        ([fem.Dirichlet("inlet", lambda x, y: 1 / (y - 0.5))], "inf"),  # noqa: ARG005 - of x and y
        ([fem.Dirichlet("inlet", lambda _x, _y: [1.0, 2.0])], "shape"),
        ([fem.Dirichlet("inlet", "warm")], "value of boundary 'inlet' is 'warm'"),  # type: ignore[arg-type]
        ([fem.Dirichlet("inlet", np.arange(3.0))], "give a number, or a function"),  # type: ignore[arg-type]
        ([fem.Robin("inlet", None, 1.0)], "coefficient of boundary 'inlet' is None"),  # type: ignore[arg-type]
        ([fem.Dirichlet("inlet", "0")], "value of boundary 'inlet' is '0'; give a number"),  # type: ignore[arg-type]
        ([fem.Flux("inlet", b"0")], "value of boundary 'inlet' is b'0'"),  # type: ignore[arg-type]
        ([fem.Dirichlet("inlet", 1j)], "value of boundary 'inlet' is 1j"),  # type: ignore[arg-type]
        ([fem.Dirichlet("inlet", lambda _x, _y: "0")], "value of boundary 'inlet' is '0'"),
        ([fem.Dirichlet("inlet", lambda x, _y: ["0"] * np.size(x))], r"value of boundary 'inlet' is \['0', '0'"),
        ([fem.Dirichlet("inlet", lambda x, _y: [x, 0.0])], "value of boundary 'inlet' is"),  # type: ignore[arg-type,return-value]
        ([fem.Dirichlet("inlet", lambda _x, _y: None)], "value of boundary 'inlet' is None"),  # type: ignore[arg-type,return-value]
        ([fem.Dirichlet("inlet", lambda x, _y: x + 1j)], r"value of boundary 'inlet' is array\(\[0\.\+1\.j"),
        ([fem.Robin("inlet", float("nan"), 1.0)], r"coefficient of boundary 'inlet' at \(0, .*\) is nan"),
        ([fem.Dirichlet(["inlet"], 1.0)], r"no boundary \['inlet'\]"),  # type: ignore[arg-type]
        (None, "conditions are None; give a list"),
        (fem.Dirichlet("inlet", 1.0), "give a list"),
        (["inlet"], "is no condition"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_conditions_that_cannot_be_met_are_refused(conditions: Any, words: str) -> None:
    """With the boundary's name, and what to do."""
    with pytest.raises((fem.ConditionError, fem.MeshError), match=words):
        fem.solve(square(2), conditions)


def test_fractions_and_decimals_are_numbers() -> None:
    """As they come out of exact arithmetic, alone or from a function."""
    mesh = square(2)
    for one, other in (
        (Fraction(3, 2), Decimal("0.5")),
        (lambda _x, _y: Fraction(3, 2), lambda _x, _y: Decimal("0.5")),
    ):
        found = fem.solve(mesh, [fem.Dirichlet("inlet", one), fem.Dirichlet("outlet", other)])  # type: ignore[arg-type]
        assert np.abs(found.potential - (1.5 - mesh.points[:, 0])).max() < 1e-12


def test_what_a_function_of_the_users_raises_says_whose_value_it_is() -> None:
    """It is raised as it is, with the boundary's name added."""
    with pytest.raises(ZeroDivisionError) as caught:
        fem.solve(square(2), [fem.Dirichlet("inlet", lambda _x, _y: 1 / 0)])
    assert caught.value.__notes__ == ["(in the function that is the value of boundary 'inlet')"]


@pytest.mark.parametrize("solver", ["cg-amg", "cg-jacobi"])
def test_a_boundary_that_feeds_itself_is_named_where_there_is_no_answer(solver: str) -> None:
    """A negative coefficient is solved as long as the system stays positive definite."""
    mesh = square(3)

    def conditions(coefficient: float) -> list[Any]:
        return [fem.Dirichlet("inlet", 1.0), fem.Robin("outlet", coefficient, 0.0)]

    found = fem.solve(mesh, conditions(-0.5), solver=solver)
    assert np.abs(found.potential - (1 + mesh.points[:, 0])).max() < 1e-10
    with pytest.raises(fem.SolveError, match=r"not positive definite.*coefficient of boundary 'outlet' is negative"):
        fem.solve(mesh, conditions(-3.0), solver=solver)


def test_options_of_a_solution_that_make_no_sense_are_refused_by_name() -> None:
    """Before anything is assembled."""
    mesh, conditions = square(2), [fem.Dirichlet("inlet", 1.0), fem.Flux("outlet", 1.0)]
    for options, words in (
        ({"solver": "lu"}, "no solver 'lu'; there are cg-amg"),
        ({"solver": None}, "no solver None"),
        ({"tolerance": "1e-8"}, "tolerance is '1e-8'"),
        ({"tolerance": 0}, "tolerance is 0,"),
        ({"max_iterations": 1.5}, "max_iterations is 1.5"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"density": "air"}, "density is 'air'"),
        ({"stagnation_pressure": math.nan}, "stagnation_pressure is nan"),
        ({"start_method": "teleport"}, "start_method is 'teleport'; there are fork"),
        ({"implementation": ["numpy"]}, r"no implementation \['numpy'\]"),
    ):
        with pytest.raises(fem.ConditionError, match=words):
            fem.solve(mesh, conditions, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, "wing.msh", fem.case("patch", nx=2, ny=1)], ids=["None", "path", "case"])
def test_what_is_no_mesh_is_refused_with_where_to_get_one(given: Any) -> None:
    """A path that was not read, and the pair that a case is, are what one gives by mistake."""
    for use in (fem.assemble, lambda mesh: fem.solve(mesh, [fem.Dirichlet("outlet", 0.0)])):
        with pytest.raises(fem.MeshError, match=r"not a fem\.Mesh; read\(path\) makes one"):
            use(given)


def test_a_part_of_the_mesh_that_nothing_holds_is_found() -> None:
    """Two squares that do not touch, a condition on one of them: the other is told with its place."""
    points = np.concatenate([UNIT, UNIT + np.array([5.0, 0.0])])
    mesh = fem.Mesh(points, [range(8), range(8, 16)], {"base": [(0, 4, 1)]})
    with pytest.raises(fem.ConditionError, match=r"part of the mesh around \(5, 0\), one of 2"):
        fem.solve(mesh, [fem.Dirichlet("base", 1.0)])


def test_wrong_conditions_are_told_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large mesh is not assembled for a name that it does not have."""
    monkeypatch.setattr("breakeven.workloads.fem.flow.needed", pytest.fail)
    with pytest.raises(fem.MeshError, match="no boundary 'door'"):
        fem.solve(fem.generate("channel"), [fem.Dirichlet("door", 0.0)])
