"""Drawings (`.geo`): gmsh meshes them where it is installed, and is asked for where it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from breakeven.workloads import fem

CAR = Path(__file__).parents[3] / "docs/how-to/car.geo"
BEND = """
DefineConstant[ h = 0.3 ];
Point(1) = {1, 0, 0, h}; Point(2) = {2, 0, 0, h}; Point(3) = {0, 2, 0, h}; Point(4) = {0, 1, 0, h};
Point(5) = {0, 0, 0};
Line(1) = {1, 2}; Circle(2) = {2, 5, 3}; Line(3) = {3, 4}; Circle(4) = {4, 5, 1};
Curve Loop(1) = {1, 2, 3, 4};
Plane Surface(1) = {1};
"""


@pytest.fixture(scope="module")
def gmsh() -> None:
    """A real one: it is under the GPL, and so not among what the tests install."""
    try:
        import gmsh  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"{error}: pip install breakeven[fem-gmsh]")


@pytest.mark.usefixtures("gmsh")
def test_a_drawing_is_meshed_into_quadrilaterals_with_its_physical_curves_as_boundaries() -> None:
    """The car of the documentation, whose stored mesh is the same; all of the air that comes in goes out."""
    mesh = fem.read(CAR)
    assert list(mesh.boundaries) == ["inlet", "outlet", "road", "sky", "car"]
    stored = fem.read(CAR.with_suffix(".npz"))
    assert {name: len(edges) > 0 for name, edges in stored.boundaries.items()} == dict.fromkeys(mesh.boundaries, True)
    flow = fem.solve(mesh, [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)])
    assert flow.fluxes["outlet"] == pytest.approx(-2.5 * 4.5)


@pytest.mark.usefixtures("gmsh")
def test_constants_that_a_drawing_leaves_open_can_be_given(tmp_path: Path) -> None:
    """Half the size, four times the elements, closer to the exact area; one that is not there is refused."""
    file = tmp_path / "bend.geo"
    file.write_text(BEND)
    coarse, fine = fem.read(file), fem.read(file, h=0.15)
    assert 2.5 < len(fine.quad8) / len(coarse.quad8) < 5.5
    assert set(coarse.boundaries) == {"inlet", "wall"} | ({"outlet"} & set(coarse.boundaries))
    assert coarse.points.min() == pytest.approx(0, abs=1e-12)
    assert np.hypot(*coarse.points.T).max() == pytest.approx(2)
    assert len(fem.read(file).quad8) == len(coarse.quad8)
    with pytest.raises(fem.MeshError, match="no constant size"):
        fem.read(file, size=1.0)
    with pytest.raises(fem.MeshError, match="are numbers"):
        fem.read(file, h="small")  # type: ignore[arg-type]


@pytest.mark.usefixtures("gmsh")
@pytest.mark.parametrize(
    "text, complaint",
    [("Line(1) = {1, 2};", "point"), ("Point(1) = {0, 0, 0};", "no surface"), ("this is no drawing", "syntax")],
)
def test_a_drawing_that_cannot_be_meshed_says_why(text: str, complaint: str, tmp_path: Path) -> None:
    """In gmsh's words, with the file's name; the file that gmsh leaves open is left in the worker that ends."""
    file = tmp_path / "wrong.geo"
    file.write_text(text)
    with pytest.raises(fem.MeshError, match=f"wrong.geo.*{complaint}"):
        fem.read(file)


@pytest.mark.usefixtures("gmsh")
def test_a_program_that_uses_gmsh_itself_keeps_its_model_and_options(tmp_path: Path) -> None:
    """Reading a drawing in the middle of it changes neither."""
    import gmsh

    file = tmp_path / "bend.geo"
    file.write_text(BEND)
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.model.add("mine")
        gmsh.option.setNumber("Mesh.ElementOrder", 1)
        assert len(fem.read(file, h=0.2).quad8) > 10
        assert gmsh.model.getCurrent() == "mine"
        assert gmsh.option.getNumber("Mesh.ElementOrder") == 1
    finally:
        gmsh.finalize()


def test_without_gmsh_a_drawing_says_what_to_install(tmp_path: Path) -> None:
    """Whether it is not there, or there without the system's libraries."""
    for error in ("ImportError('no gmsh')", "OSError('libGLU.so.1: cannot open shared object file')"):
        program = (
            "import sys\n"
            "class Missing:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name == 'gmsh': raise {error}\n"
            "sys.meta_path.insert(0, Missing())\n"
            "import breakeven as be\n"
            "from breakeven.workloads import fem\n"
            "try:\n"
            f"    fem.read({str(CAR)!r})\n"
            "except be.BackendUnavailable as error:\n"
            "    assert 'pip install breakeven[fem-gmsh]' in str(error), error\n"
            "else:\n"
            "    raise SystemExit('read without gmsh')\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_mesh_file_has_no_constants(tmp_path: Path) -> None:
    """Only a drawing leaves some open."""
    file = fem.write(tmp_path / "mesh.npz", fem.generate("channel", nx=2, ny=1))
    with pytest.raises(fem.MeshError, match="has no parameter h"):
        fem.read(file, h=0.1)


def test_air_is_fastest_over_the_roof_of_the_car_and_rests_at_its_nose() -> None:
    """The stored mesh of the documentation, without gmsh."""
    mesh = fem.read(CAR.with_suffix(".npz"))
    flow = fem.solve(mesh, [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)])
    x, y = mesh.points[mesh.quad8].mean(axis=1).T
    fastest, slowest = int(flow.speed.argmax()), int(flow.speed.argmin())
    assert 2.0 < x[fastest] < 3.5
    assert y[fastest] > 1.4
    assert abs(x[slowest]) < 0.5 or abs(x[slowest] - 4.4) < 0.5
    assert flow.mass_imbalance < 1e-10
