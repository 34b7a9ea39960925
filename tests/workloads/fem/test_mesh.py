"""Meshes from outside: repaired where that can be, refused by place where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import breakeven as be
from breakeven.workloads import fem
from breakeven.workloads.fem.element import TURNED
from breakeven.workloads.fem.mesh import determinants
from tests.workloads.fem.shapes import UNIT, curved, square

ONE = [list(range(8))]


def test_clockwise_elements_are_turned_and_said() -> None:
    """As gmsh delivers some surfaces; every matrix would be of the wrong sign."""
    mesh = curved()
    flipped = mesh.quad8.copy()
    flipped[::2] = flipped[::2][:, TURNED]
    found = fem.Mesh(mesh.points, flipped, mesh.boundaries)
    assert (determinants(found.points, found.quad8) > 0).all()
    assert found.repairs == ("18 clockwise elements were turned",)
    assert abs(fem.assemble(found, "numpy") - fem.assemble(mesh, "numpy")).max() < 1e-12


def test_points_that_nothing_uses_are_dropped_and_the_rest_numbered_anew() -> None:
    """As the middles of nine-node elements are left over; their rows would be empty."""
    mesh = square(2)
    points = np.insert(mesh.points, 3, (99.0, 99.0), axis=0)
    shifted = np.where(mesh.quad8 >= 3, mesh.quad8 + 1, mesh.quad8)
    edges = np.where(mesh.boundary("inlet") >= 3, mesh.boundary("inlet") + 1, mesh.boundary("inlet"))
    found = fem.Mesh(points, shifted, {"inlet": edges})
    assert found.repairs == ("1 points that no element uses were dropped",)
    assert np.array_equal(found.points, mesh.points)
    assert np.array_equal(found.quad8, mesh.quad8)
    assert np.array_equal(found.boundary("inlet"), mesh.boundary("inlet"))
    assert np.array_equal(points[found.kept], found.points)


def test_an_edge_named_twice_counts_once() -> None:
    """Else its inflow would be doubled."""
    mesh = square(2)
    found = fem.Mesh(mesh.points, mesh.quad8, {"inlet": np.concatenate([mesh.boundary("inlet")] * 2)})
    assert len(found.boundary("inlet")) == 2
    assert "2 edges of boundary 'inlet' were there twice" in found.repairs


def test_what_was_given_is_not_changed() -> None:
    """The mesh has copies, and nobody can write into them."""
    points, quad8 = UNIT.copy(), np.array([TURNED])
    mesh = fem.Mesh(points, quad8)
    assert np.array_equal(quad8, [TURNED])
    with pytest.raises(ValueError, match="read-only"):
        mesh.points[0] = 7.0


@pytest.mark.parametrize(
    "points, quad8, boundaries, words",
    [
        (np.where(UNIT == 0.5, np.nan, UNIT), ONE, {}, "point 4 is"),
        (UNIT[:, :1], ONE, {}, r"shape \(8, 1\)"),
        (UNIT, [], {}, "no elements"),
        (UNIT, [[*range(7), 8]], {}, "element 0 names points.*numbered from 1"),
        (UNIT, [[*range(7), -1]], {}, "element 0 names points"),
        (UNIT, [[*range(7), 0]], {}, "names a point twice"),
        (UNIT, [[0, 2, 1, 3, 4, 5, 6, 7]], {}, r"element 0 near \(0.5, 0.5\) is folded"),
        (UNIT * [1, 0], ONE, {}, "folded or flat"),
        (UNIT, np.arange(8.0)[None] + 0.5, {}, "not whole"),
        (UNIT, [[0, 1, 2]], {}, "shape"),
        (UNIT, ONE, {"base": [(0, 1, 4)]}, "edge 0 of boundary 'base'.*no edge"),
        (UNIT, ONE, {"base": [(0, 4, 9)]}, "edge 0 of boundary 'base' names points"),
        ([["a", "b"]] * 8, ONE, {}, "points are <U1, and have to be numbers"),
        ([["0", "1"]] * 8, ONE, {}, "points are <U1, and have to be numbers"),
        (UNIT + 1j, ONE, {}, "points are complex128, and have to be numbers"),
        ([[0, 1], [0]], ONE, {}, "cannot be read as numbers"),
        (UNIT, [["a"] * 8], {}, "quad8 holds <U1, not whole numbers"),
        (UNIT, ONE, [(0, 4, 1)], "boundaries are a list; give name"),
        (UNIT, ONE * 2, {}, r"point 4 of element 0, at \(0.5, 0\), is on a side with two elements on the same hand"),
    ],
)
def test_what_cannot_be_computed_on_is_refused_with_its_place(
    points: Any, quad8: Any, boundaries: Any, words: str
) -> None:
    """The text says which point, element or edge it is."""
    with pytest.raises(fem.MeshError, match=words) as refused:
        fem.Mesh(points, quad8, boundaries)
    assert isinstance(refused.value, be.UsageError)


def test_elements_have_to_meet_side_to_side() -> None:
    """Two small beside a large one leave a crack between them that no answer would show."""
    large, low, high = 2 * UNIT, UNIT + np.array([2, 0]), UNIT + np.array([2, 1])
    points, numbers = np.unique(np.concatenate([large, low, high]), axis=0, return_inverse=True)
    with pytest.raises(fem.MeshError, match=r"at \(2, 1\), is a mid-side node here and a corner elsewhere"):
        fem.Mesh(points, numbers.reshape(3, 8))


def test_a_mid_side_node_belongs_to_one_side() -> None:
    """Two squares whose corners were not merged, and one node was."""
    points = np.concatenate([UNIT, UNIT - [0, 1]])
    above, below = np.arange(8), np.arange(8, 16)
    below[6] = above[4]
    with pytest.raises(fem.MeshError, match=r"point 4 of element 0.*two different sides"):
        fem.Mesh(points, [above, below])


@pytest.mark.parametrize("kind", ["float32", "Fortran", "big-endian", "read-only", "lists"])
def test_arrays_of_any_kind_make_the_same_mesh(kind: str) -> None:
    """Places that are multiples of a quarter, so that nothing is lost in float32."""
    mesh = square(2)
    points, quad8, edges = mesh.points, mesh.quad8, mesh.boundary("inlet")
    given: Any = {
        "float32": (points.astype(np.float32), quad8.astype(np.uint64), edges.astype(np.int16)),
        "Fortran": (np.asfortranarray(points), np.asfortranarray(quad8), np.asfortranarray(edges)),
        "big-endian": (points.astype(">f8"), quad8.astype(">i4"), edges.astype(">i8")),
        "read-only": (points, quad8, edges),
        "lists": (points.tolist(), quad8.tolist(), edges.tolist()),
    }[kind]
    found = fem.Mesh(given[0], given[1], {"inlet": given[2]})
    assert np.array_equal(found.points, points)
    assert np.array_equal(found.quad8, quad8)
    assert np.array_equal(found.boundary("inlet"), edges)
    assert found.points.flags.c_contiguous
    assert found.quad8.flags.c_contiguous
    assert abs(fem.assemble(found, "numba-csr") - fem.assemble(mesh, "numba-csr")).max() == 0


def test_one_folded_element_among_many_is_named() -> None:
    """A mid-side node pulled too far folds the element over itself; Gauss points are never left out instead."""
    mesh = square(4)
    points = mesh.points.copy()
    element = 6
    points[mesh.quad8[element, 4]] += (0.0, 0.3)
    with pytest.raises(fem.MeshError, match=r"element (2|6) near .* is folded"):
        fem.Mesh(points, mesh.quad8)


def test_a_boundary_that_is_not_there_is_told_with_those_that_are() -> None:
    """Where the name is used, not as an empty condition."""
    with pytest.raises(fem.MeshError, match="no boundary 'inflow'; it has 'inlet', 'outlet', 'wall'"):
        square().boundary("inflow")


def test_the_rim_is_walked_with_the_inside_to_the_left() -> None:
    """Its area by Green's formula is that of the mesh, positive."""
    mesh = curved()
    rim = mesh.outer_edges()
    ends = mesh.points[rim[:, [0, 2]]]
    area = 0.5 * (ends[:, 0, 0] * ends[:, 1, 1] - ends[:, 1, 0] * ends[:, 0, 1]).sum()
    assert area == pytest.approx(1.0)


def test_boundaries_can_be_named_by_where_they_lie() -> None:
    """For meshes that bring no names; a condition that nothing fulfils is refused."""
    mesh = fem.Mesh(UNIT, ONE).with_boundaries(top=lambda x, y: y == 1)  # noqa: ARG005 - of x and y
    assert mesh.boundary("top").tolist() == [[2, 6, 3]]
    with pytest.raises(fem.MeshError, match="no rim edge"):
        mesh.with_boundaries(far=lambda x, y: x > 5)  # noqa: ARG005
