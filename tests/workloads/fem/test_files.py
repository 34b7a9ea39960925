"""Meshes and solutions in files: what goes out comes in again, and foreign files are read or refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import meshio
import numpy as np
import pytest

from breakeven.workloads import fem
from breakeven.workloads.fem.element import TURNED
from tests.workloads.fem.shapes import curved, square


def with_lines(mesh: fem.Mesh, file: Path, kind: str = "quad8", **changes: Any) -> Path:
    """Write a mesh as gmsh does: physical curves by name, elements of `kind`."""
    quads: Any = changes.get("quads", mesh.quad8)
    points = changes.get("points", np.column_stack([mesh.points, np.zeros(len(mesh.points))]))
    lines = {name: edges[:, [0, 2, 1]] for name, edges in mesh.boundaries.items()}
    cells = [(kind, quads), *(("line3", one) for one in lines.values())]
    tags = [np.full(len(block), number, np.int32) for number, (_, block) in enumerate(cells, 1)]
    names = {name: np.array([number, 1]) for number, name in enumerate(lines, 2)}
    meshio.Mesh(
        points,
        cells,
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data={"fluid": np.array([1, 2]), **names},
    ).write(file, file_format="gmsh22")
    return file


def write(file: Path, arrays: dict[str, Any]) -> None:
    """Write datasets as they are, which `fem.write` would not do with wrong ones."""
    if file.suffix == ".h5":
        with h5py.File(file, "w") as content:
            for name, array in arrays.items():
                content[name] = array
    else:
        np.savez(file, **arrays)


@pytest.mark.parametrize("name", ["mesh.npz", "mesh.h5", "mesh.hdf5"])
def test_our_own_files_give_the_mesh_back(name: str, tmp_path: Path) -> None:
    """Points to the last bit, names included."""
    mesh = curved()
    found = fem.read(fem.write(tmp_path / name, mesh))
    assert np.array_equal(found.points, mesh.points)
    assert np.array_equal(found.quad8, mesh.quad8)
    assert {key: edges.tolist() for key, edges in found.boundaries.items()} == {
        key: edges.tolist() for key, edges in mesh.boundaries.items()
    }


def test_a_vtu_of_ours_has_its_boundaries_again(tmp_path: Path) -> None:
    """By name, with a solution in it or without; a branch that became a wall would be another flow."""
    mesh, conditions = fem.case("tee", n=2)
    for solution in (None, fem.solve(mesh, conditions)):
        found = fem.read(fem.write(tmp_path / "tee.vtu", mesh, solution))
        assert {name: np.sort(edges, axis=None).tolist() for name, edges in found.boundaries.items()} == {
            name: np.sort(edges, axis=None).tolist() for name, edges in mesh.boundaries.items()
        }


def test_plain_hdf5_gets_an_inlet_and_an_outlet(tmp_path: Path) -> None:
    """Files of x, y and quad8 alone: what lies leftmost and rightmost, and the rest a wall."""
    mesh = fem.generate("channel", nx=6, ny=2)
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["x"], file["y"], file["quad8"] = *mesh.points.T, mesh.quad8.astype(np.int64)
    found = fem.read(tmp_path / "plain.h5")
    assert {name: len(edges) for name, edges in found.boundaries.items()} == {"inlet": 2, "outlet": 2, "wall": 12}
    solution = fem.solve(found, [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)])
    assert solution.potential.max() == pytest.approx(7.5, abs=1e-11)


@pytest.mark.parametrize("missing", ["x", "y", "quad8"])
@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_dataset_that_is_missing_is_named_with_those_that_are_there(
    missing: str, suffix: str, tmp_path: Path
) -> None:
    """Instead of a KeyError."""
    mesh = square(2)
    arrays: dict[str, Any] = {"x": mesh.points[:, 0], "y": mesh.points[:, 1], "quad8": mesh.quad8}
    del arrays[missing]
    file = tmp_path / f"part{suffix}"
    write(file, arrays)
    with pytest.raises(fem.MeshError, match=f"no dataset {missing}.*it has .*{min(arrays)}"):
        fem.read(file)


def test_gmshs_named_curves_become_boundaries(tmp_path: Path) -> None:
    """In the order of gmsh: corner, corner, mid-side."""
    mesh = curved()
    found = fem.read(with_lines(mesh, tmp_path / "mesh.msh"))
    assert set(found.boundaries) == set(mesh.boundaries)
    for name, edges in mesh.boundaries.items():
        assert np.allclose(found.points[found.boundary(name)], mesh.points[edges])
    conditions: list[Any] = [fem.Flux("inlet", 1.0), fem.Dirichlet("outlet", 0.0)]
    assert np.allclose(fem.solve(found, conditions).potential, fem.solve(mesh, conditions).potential, atol=1e-9)


def test_nine_node_elements_lose_their_middle(tmp_path: Path) -> None:
    """And the points that are left over go with it."""
    mesh = square(3)
    middles = mesh.points[mesh.quad8[:, :4]].mean(axis=1)
    points = np.concatenate([mesh.points, middles])
    quads = np.column_stack([mesh.quad8, len(mesh.points) + np.arange(len(middles))])
    spatial = np.column_stack([points, np.zeros(len(points))])
    found = fem.read(with_lines(mesh, tmp_path / "nine.msh", "quad9", quads=quads, points=spatial))
    assert len(found.points) == len(mesh.points)
    assert found.repairs == ("9 points that no element uses were dropped",)


@pytest.mark.parametrize("suffix, name", [(".h5", "quad9"), (".npz", "quad9"), (".h5", "quad8")])
def test_datasets_of_nine_nodes_lose_their_middle_too(suffix: str, name: str, tmp_path: Path) -> None:
    """Whichever of the two they are called."""
    mesh = square(3)
    points = np.concatenate([mesh.points, mesh.points[mesh.quad8[:, :4]].mean(axis=1)])
    quads = np.column_stack([mesh.quad8, len(mesh.points) + np.arange(len(mesh.quad8))])
    write(file := tmp_path / f"nine{suffix}", {"x": points[:, 0], "y": points[:, 1], name: quads})
    assert np.array_equal(fem.read(file).quad8, mesh.quad8)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_boundaries_without_names_are_refused(suffix: str, tmp_path: Path) -> None:
    """And not taken for a file that has none, whose left and right are guessed."""
    mesh = square(2)
    arrays = {"points": mesh.points, "quad8": mesh.quad8, "boundaries": mesh.outer_edges()}
    write(file := tmp_path / f"nameless{suffix}", arrays)
    with pytest.raises(fem.MeshError, match="boundaries, which says no names"):
        fem.read(file)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_repairs_are_told_of_files_without_names_too(suffix: str, tmp_path: Path) -> None:
    """Naming the rim, adding boundaries, and travelling to another process forget nothing of what was done."""
    mesh = curved()
    points = np.vstack([[[9.0, 9.0]], mesh.points])
    file = tmp_path / f"turned{suffix}"
    write(file, {"x": points[:, 0], "y": points[:, 1], "quad8": mesh.quad8[:, TURNED] + 1})
    found = fem.read(file)
    assert set(found.boundaries) == {"inlet", "outlet", "wall"}
    told = ("36 clockwise elements were turned", "1 points that no element uses were dropped")
    named = found.with_boundaries(half=lambda x, y: x + y < np.median(x + y))
    for same in (found, named, pickle.loads(pickle.dumps(found))):
        assert same.repairs == told
        assert same.kept[0] == 1


def test_clockwise_files_are_turned(tmp_path: Path) -> None:
    """As gmsh writes surfaces whose curves run the other way."""
    mesh = curved()
    found = fem.read(with_lines(mesh, tmp_path / "turned.msh", quads=mesh.quad8[:, TURNED]))
    assert found.repairs == ("36 clockwise elements were turned",)


def test_triangles_are_refused_unless_holes_are_asked_for(tmp_path: Path) -> None:
    """Leaving them out in silence would change the answer."""
    mesh = square(2)
    triangle = np.array([[0, 2, 4, 1, 3, 5]])
    spatial = np.column_stack([mesh.points, np.zeros(len(mesh.points))])
    file = tmp_path / "mixed.vtu"
    meshio.Mesh(spatial, [("quad8", mesh.quad8), ("triangle6", triangle)]).write(file)
    with pytest.raises(fem.MeshError, match=r"1 triangles.*RecombineAll=1"):
        fem.read(file)
    assert len(fem.read(file, drop_triangles=True).quad8) == 4


def test_named_curves_along_dropped_triangles_are_dropped_with_them(tmp_path: Path) -> None:
    """What is left of the boundary is what the quadrilaterals have of it."""
    mesh = square(1)
    right = mesh.quad8[0, [1, 5, 2]]
    points = np.concatenate([mesh.points, [(2, 0.5), (1.5, 0.25), (1.5, 0.75)]])
    spatial = np.column_stack([points, np.zeros(len(points))])
    triangle = [[right[0], 8, right[2], 9, 10, right[1]]]
    base = mesh.quad8[0, [0, 1, 4]]
    meshio.Mesh(
        spatial,
        [("quad8", mesh.quad8), ("triangle6", triangle), ("line3", [base, [right[0], 8, 9]])],
        cell_data={"gmsh:physical": [np.array([1]), np.array([1]), np.array([2, 2])]},
        field_data={"fluid": np.array([1, 2]), "low": np.array([2, 1])},
    ).write(tmp_path / "mixed.msh", file_format="gmsh22")
    with pytest.raises(fem.MeshError, match="1 triangles"):
        fem.read(tmp_path / "mixed.msh")
    found = fem.read(tmp_path / "mixed.msh", drop_triangles=True)
    assert len(found.points) == 8
    assert found.points[found.boundary("low")].tolist() == [[[0, 0], [0.5, 0], [1, 0]]]


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_triangles_beside_quad8_are_refused_unless_holes_are_asked_for(suffix: str, tmp_path: Path) -> None:
    """In our own formats too: a dataset tri6 that is passed over would be a hole."""
    mesh = square(2)
    arrays: dict[str, Any] = {"x": mesh.points[:, 0], "y": mesh.points[:, 1], "quad8": mesh.quad8}
    arrays["tri6"] = np.array([[0, 2, 4, 1, 3, 5]])
    file = tmp_path / f"mixed{suffix}"
    write(file, arrays)
    with pytest.raises(fem.MeshError, match=r"triangles in tri6, \(1, 6\)"):
        fem.read(file)
    assert len(fem.read(file, drop_triangles=True).quad8) == 4


@pytest.mark.parametrize(
    "cells, words",
    [
        ([("quad", [[0, 1, 2, 3]])], "1 elements of the kind quad;.*ElementOrder=2"),
        ([("line3", [[0, 1, 2]])], "no eight- or nine-node"),
        ([("triangle", [[0, 1, 2]])], "1 triangles"),
    ],
)
def test_other_elements_are_refused_by_their_kind(cells: Any, words: str, tmp_path: Path) -> None:
    """With what gmsh has to be told."""
    points = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0.0)])
    file = tmp_path / "other.vtu"
    meshio.Mesh(points, [(kind, np.array(rows)) for kind, rows in cells]).write(file)
    with pytest.raises(fem.MeshError, match=words):
        fem.read(file)


def test_what_is_no_mesh_is_refused(tmp_path: Path) -> None:
    """Each kind of file in its own words, and a bent surface too."""
    with pytest.raises(fem.MeshError, match="no file"):
        fem.read(tmp_path / "nowhere.h5")
    for suffix, words in {".h5": "HDF5", ".npz": "no archive", ".msh": "none of the formats", ".vtu": "meshio"}.items():
        file = tmp_path / f"text{suffix}"
        file.write_text("this is no mesh")
        with pytest.raises(fem.MeshError, match=f"cannot be read .*{words}"):
            fem.read(file)
    mesh = square(2)
    bent = np.column_stack([mesh.points, mesh.points[:, 0] ** 2])
    meshio.Mesh(bent, [("quad8", mesh.quad8)]).write(tmp_path / "bent.vtu")
    with pytest.raises(fem.MeshError, match="is not plane"):
        fem.read(tmp_path / "bent.vtu")
    with pytest.raises(fem.MeshError, match="ending"):
        fem.write(tmp_path / "mesh.doc", mesh)


def test_a_solution_is_written_for_paraview(tmp_path: Path) -> None:
    """Quadratic quadrilaterals with all fields; meshio stands for ParaView as the reader."""
    mesh, conditions = fem.case("venturi", nx=12, ny=4)
    solution = fem.solve(mesh, conditions)
    found = meshio.read(fem.write(tmp_path / "flow.vtu", mesh, solution))
    assert found.cells[0].type == "quad8"
    assert np.array_equal(found.cells[0].data, mesh.quad8)
    assert np.array_equal(found.point_data["potential"], solution.potential)
    assert np.array_equal(found.cell_data["pressure"][0], solution.pressure)
    assert np.array_equal(found.cell_data["mean velocity"][0][:, :2], solution.velocity)
    assert found.point_data["velocity"].shape == (len(mesh.points), 3)


def test_a_stream_function_is_written_with_velocities_along_its_contours(tmp_path: Path) -> None:
    """(du/dy, -du/dx): with u = 3 y the flow goes to the right."""
    mesh = square(3)
    flow = fem.solve(mesh, [fem.Dirichlet("wall", lambda x, y: 3 * y)])  # noqa: ARG005 - of x and y
    found = meshio.read(fem.write(tmp_path / "stream.vtu", mesh, flow, stream=True))
    assert np.array_equal(found.point_data["stream function"], flow.potential)
    assert "potential" not in found.point_data
    assert found.point_data["velocity"] == pytest.approx(np.tile([3.0, 0, 0], (len(mesh.points), 1)), abs=1e-10)
    assert found.cell_data["mean velocity"][0] == pytest.approx(np.tile([3.0, 0, 0], (9, 1)), abs=1e-10)


def test_names_of_boundaries_may_hold_any_character(tmp_path: Path) -> None:
    """In XML some of them mean something else."""
    mesh = fem.generate("channel", nx=2, ny=1)
    names = {"a&b": mesh.boundaries["inlet"], '<in "1">': mesh.boundaries["outlet"]}
    odd = fem.Mesh(mesh.points, mesh.quad8, names)
    assert set(fem.read(fem.write(tmp_path / "odd.vtu", odd)).boundaries) >= set(names)


def test_a_file_of_both_kinds_of_quadrilaterals_is_refused(tmp_path: Path) -> None:
    """One mesh is one of them: taking either alone would leave holes. One that is empty is no kind."""
    mesh = fem.generate("channel", nx=4, ny=1)
    nine = np.column_stack([mesh.quad8, mesh.quad8[:, :1]])
    np.savez(tmp_path / "both.npz", points=mesh.points, quad8=mesh.quad8[:2], quad9=nine[2:])
    with pytest.raises(fem.MeshError, match="both quad8 and quad9"):
        fem.read(tmp_path / "both.npz")
    np.savez(tmp_path / "nine.npz", points=mesh.points, quad8=mesh.quad8[:0], quad9=nine)
    assert len(fem.read(tmp_path / "nine.npz").quad8) == 4
