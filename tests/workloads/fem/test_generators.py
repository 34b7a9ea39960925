"""Every family of meshes: areas, names, and that each can be solved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from breakeven.workloads import fem
from breakeven.workloads.fem.element import STIFFNESS_RULE
from breakeven.workloads.fem.generators.aerofoil import contour_of_file, naca_contour
from breakeven.workloads.fem.mesh import determinants

AREAS = {
    "channel": 3.0,
    "converging": 2.1,
    "venturi": 3 * 0.7,
    "backward-step": 1 * 0.5 + 3 * 1,
    "tee": 3 * 0.5 + 0.5,
    "elbow": 2 * 0.5 + np.pi / 4 * (1 - 0.25),
    "cylinder": np.pi * (100 - 1),
    "ogrid": np.pi * (100 - 1),
    "l-shape": 3.0,
}


@pytest.mark.parametrize("name", fem.GENERATORS)
def test_a_generator_covers_its_rim_with_names_each_edge_once(name: str) -> None:
    """No piece of the rim is without a name or with two, and no element is folded."""
    mesh = fem.generate(name)
    rim = {tuple(sorted(edge)) for edge in mesh.outer_edges().tolist()}
    named = [tuple(sorted(edge)) for edges in mesh.boundaries.values() for edge in edges.tolist()]
    assert len(named) == len(set(named))
    assert set(named) == rim
    assert not mesh.repairs


@pytest.mark.parametrize("name, area", AREAS.items())
def test_a_generator_makes_the_area_it_is_asked_for(name: str, area: float) -> None:
    """Curved sides included: quadratic edges follow circles to the fourth order."""
    mesh = fem.generate(name)
    assert float((determinants(mesh.points, mesh.quad8) @ STIFFNESS_RULE.weights).sum()) == pytest.approx(
        area, rel=2e-5
    )


def test_what_a_generator_cannot_make_is_refused_by_name() -> None:
    """Unknown families, parameters, and numbers out of range."""
    for call, words in (
        (lambda: fem.generate("tube"), "no generator 'tube'; there are channel"),
        (lambda: fem.generate("channel", nz=3), "no parameter nz; it has nx=30"),
        (lambda: fem.generate("channel", nx=0), "nx is 0"),
        (lambda: fem.generate("channel", nx=2.5), "nx is 2.5"),
        (lambda: fem.generate("channel", nx="many"), "nx is 'many'; give a finite number"),
        (lambda: fem.generate("channel", length=float("nan")), "length is nan"),
        (lambda: fem.generate("channel", length=[1]), r"length is \[1\]"),
        (lambda: fem.generate("aerofoil", naca=12), "naca is 12; give a text"),
        (lambda: fem.case("channel", inflow="fast"), "inflow is 'fast'"),
        (lambda: fem.case("harmonic", nx=3), "no parameter nx; it has curved, n"),
        (lambda: fem.generate("channel", length=-1.0), "length is -1.0"),
        (lambda: fem.generate("channel", nx=10**5, ny=10**5), "more points than 32 bits can number"),
        (lambda: fem.generate("channel", distortion=0.9), "distortion is 0.9"),
        (lambda: fem.generate("cylinder", outer_radius=0.5), "outer radius 0.5 must be above"),
        (lambda: fem.generate("aerofoil", naca="24"), "four digits|thickness"),
        (lambda: fem.generate("aerofoil", file="nowhere.dat"), "cannot be read"),
        (lambda: fem.case("pipe"), "no case 'pipe'"),
        (lambda: fem.case("cylinder", swirl=1), "no parameter swirl"),
    ):
        with pytest.raises(fem.MeshError, match=words):
            call()


@pytest.mark.parametrize("form", ["from the trailing edge", "each side from the nose"])
def test_an_aerofoil_is_read_in_both_forms_of_the_uiuc_collection(form: str, tmp_path: Path) -> None:
    """The mesh's body runs through the points of the file."""
    contour = naca_contour("4412", 60)
    upper, lower = contour[:60][::-1], contour[59:]
    rows = [f"{point.real:.6f} {point.imag:.6f}" for point in contour]
    if form == "each side from the nose":
        sides = [[f" {point.real:.6f}  {point.imag:.6f}" for point in side] for side in (upper, lower)]
        rows = ["  60.  60.", "", *sides[0], "", *sides[1]]
    file = tmp_path / "aerofoil.dat"
    file.write_text("\n".join(["NACA 4412 AIRFOIL", *rows]))
    read = contour_of_file(str(file))
    assert read[0] == pytest.approx(1.0)
    assert np.abs(read[:, None] - contour[None]).min(axis=1).max() < 2e-3
    mesh = fem.generate("aerofoil", file=str(file), radial=6, around=160)
    body = mesh.points[np.unique(mesh.boundary("body"))] @ [1, 1j]
    assert body.real.max() == pytest.approx(1.0, abs=1e-9)
    assert np.abs(contour[5:-5, None] - body[None]).min(axis=1).max() < 0.01


def test_a_file_of_few_points_or_out_of_order_is_no_aerofoil(tmp_path: Path) -> None:
    """Said with what is wrong, in place of a folded mesh."""
    file = tmp_path / "few.dat"
    file.write_text("few\n1 0\n0 0\n1 0\n")
    with pytest.raises(fem.MeshError, match="has 3 points"):
        fem.generate("aerofoil", file=str(file))
    shuffled = np.random.default_rng(3).permutation(naca_contour("0012", 30))
    file.write_text("\n".join(f"{point.real} {point.imag}" for point in shuffled))
    with pytest.raises(fem.MeshError, match=r"folds back|folded"):
        fem.generate("aerofoil", file=str(file))
