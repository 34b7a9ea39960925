"""Known answers: exact potentials, orders of convergence, published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from breakeven.workloads import fem
from breakeven.workloads.fem.cases import exact
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.norms import errors
from tests.workloads.fem.shapes import harmonic, harmonic_gradient


def orders(found: list[tuple[float, float]]) -> tuple[float, float]:
    """Slopes of both errors over halvings of the element size, by least squares."""
    logs = np.log2(np.array(found))
    steps = np.arange(len(found))
    return -float(np.polyfit(steps, logs[:, 0], 1)[0]), -float(np.polyfit(steps, logs[:, 1], 1)[0])


@pytest.mark.parametrize("solver", fem.SOLVERS)
@pytest.mark.parametrize("implementation", fem.IMPLEMENTATIONS)
def test_uniform_flow_is_exact_on_a_distorted_mesh(implementation: str, solver: str) -> None:
    """The patch test: u = 2.5 (3 - x), velocity (2.5, 0), one atmosphere, by every implementation and solver."""
    mesh, conditions = fem.case("patch", nx=12, ny=4)
    found = fem.solve(mesh, conditions, implementation, solver, max_workers=2)
    assert np.abs(found.potential - 2.5 * (3 - mesh.points[:, 0])).max() < 1e-11
    assert np.abs(found.velocity - [2.5, 0]).max() < 1e-11
    assert np.abs(found.speed - 2.5).max() < 1e-11
    assert found.pressure == pytest.approx(101_325.0, abs=1e-9)
    assert found.mass_imbalance < 1e-10
    assert found.fluxes["inlet"] == pytest.approx(2.5, abs=1e-12)
    assert found.fluxes["outlet"] == pytest.approx(-2.5, abs=1e-10)


def test_a_smooth_potential_converges_with_orders_three_and_two() -> None:
    """In L2 and H1, on curved elements."""
    found = []
    for n in (8, 16, 32):
        mesh, conditions = fem.case("harmonic", n=n)
        solution = fem.solve(mesh, conditions)
        found.append(errors(mesh, solution.potential, harmonic, harmonic_gradient))
    values, slopes = orders(found)
    assert values == pytest.approx(3, abs=0.1)
    assert slopes == pytest.approx(2, abs=0.1)


def test_an_inward_corner_lowers_the_orders_to_four_and_two_thirds() -> None:
    """As theory has it for r^(2/3): no more can be had on uniform meshes."""

    def gradient(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        angle = np.mod(np.arctan2(y, x), 2 * np.pi)
        size = 2 / 3 * np.hypot(x, y) ** (-1 / 3)
        return np.asarray(-size * np.sin(angle / 3)), np.asarray(size * np.cos(angle / 3))

    corner = exact("l-shape")
    assert corner is not None
    found = []
    for n in (8, 16, 32):
        mesh, conditions = fem.case("l-shape", n=n)
        found.append(errors(mesh, fem.solve(mesh, conditions).potential, corner, gradient))
    values, slopes = orders(found)
    assert values == pytest.approx(4 / 3, abs=0.1)
    assert slopes == pytest.approx(2 / 3, abs=0.05)


def test_flow_past_a_cylinder_is_twice_as_fast_at_its_shoulder() -> None:
    """And the pressure coefficient there is -3; 16 × 48 elements."""
    mesh, conditions = fem.case("cylinder", radial=16, around=48)
    found = fem.solve(mesh, conditions)
    shoulder = np.flatnonzero(np.hypot(mesh.points[:, 0], mesh.points[:, 1] - 1) < 1e-9)
    speed = float(np.linalg.norm(found.nodal_velocity()[shoulder], axis=1)[0])
    assert abs(speed - 2) < 5e-5
    assert abs(1 - speed**2 + 3) < 2e-4
    potential = exact("cylinder")
    assert potential is not None
    assert errors(mesh, found.potential, potential)[0] < 1e-5
    assert found.mass_imbalance < 1e-10


def test_joukowskis_aerofoil_has_the_circulation_of_theory() -> None:
    """The reaction of the stream function is the circulation: 2.456610 at 5 degrees, 32 × 128 elements."""
    mesh, conditions = fem.case("joukowski", radial=32, around=128)
    found = fem.solve(mesh, conditions)
    assert abs(found.fluxes["far"] - 2.456610) < 5e-6
    chord = float(np.ptp(mesh.points[np.unique(mesh.boundary("body")), 0]))
    assert chord == pytest.approx(4.033604, abs=2e-3)
    assert 2 * found.fluxes["far"] / 4.033604 == pytest.approx(1.218072, abs=5e-6)
    stream = exact("joukowski")
    assert stream is not None
    assert np.abs(found.potential - stream(*mesh.points.T)).max() < 1e-6


def test_the_plate_of_nafems_t4_is_as_warm_as_published() -> None:
    """18.25376 °C at (0.6, 0.2), by the series; the one case with a true Robin condition."""
    mesh, conditions = fem.case("nafems-t4", nx=24, ny=40)
    found = fem.solve(mesh, conditions)
    assert abs(found.at([(0.6, 0.2)])[0] - 18.25376) < 1e-3
    assert found.mass_imbalance < 1e-10
    assert sum(found.fluxes.values()) == pytest.approx(0.0, abs=1e-8)


def test_the_venturi_has_its_reference_potential() -> None:
    """12.066 at the inlet, on 15 552 elements."""
    mesh, conditions = fem.case("venturi", nx=216, ny=72)
    found = fem.solve(mesh, conditions)
    assert len(mesh.quad8) >= 15_000
    assert abs(float(found.potential.max()) - 12.066) < 2e-3
    assert found.mass_imbalance < 1e-10


def test_the_backward_step_nears_its_reference_from_below() -> None:
    """6.564 at the inlet, at the rate of its corner; half the speed leaves through twice the height."""
    mesh, conditions = fem.case("backward-step", n=16)
    found = fem.solve(mesh, conditions)
    assert 6.561 < found.potential.max() < 6.564
    assert found.fluxes["outlet"] == pytest.approx(-1.25, abs=1e-10)
    right = np.argmax(mesh.points[mesh.quad8].mean(axis=1)[:, 0])
    assert found.speed[right] == pytest.approx(1.25, abs=1e-3)


@pytest.mark.parametrize("name", ["tee", "elbow", "converging"])
def test_what_comes_in_goes_out_through_named_ends(name: str) -> None:
    """The branch of the T is open, and the elbow's inlet is its own end."""
    mesh, conditions = fem.case(name)
    found = fem.solve(mesh, conditions)
    assert found.mass_imbalance < 1e-10
    inside = found.fluxes.pop("inlet")
    assert inside > 0
    assert all(flux < 0 for flux in found.fluxes.values())
    assert sum(found.fluxes.values()) == pytest.approx(-inside, abs=1e-9)


def test_an_aerofoil_lifts_as_thin_aerofoil_theory_expects() -> None:
    """NACA 0012: 2π times the sine of the angle, some percent more for its thickness; nothing without an angle."""
    mesh, conditions = fem.case("aerofoil", naca="0012", alpha=5.0, radial=24, around=96)
    lift = 2 * fem.solve(mesh, conditions).fluxes["far"]
    thin = 2 * math.pi * math.sin(math.radians(5))
    assert 1.05 * thin < lift < 1.14 * thin
    mesh, conditions = fem.case("aerofoil", naca="0012", alpha=0.0, radial=24, around=96)
    assert abs(fem.solve(mesh, conditions).fluxes["far"]) < 1e-6
