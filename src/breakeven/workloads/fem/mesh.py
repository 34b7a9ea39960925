"""`Mesh`: points, eight-node elements and named boundaries that can be computed on as they stand.

Lives here: the noun, and the checks and repairs that make any input fit for use. Never here: reading files, or making
meshes. Whatever was repaired is said in `repairs`; what cannot be is refused, with the place where it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakeven.workloads.fem.element import STIFFNESS_RULE, TURNED, Floats, Integers, gradients
from breakeven.workloads.fem.faults import MeshError

__all__ = ["Mesh"]

_CHECKED_AT_ONCE = 50_000
"""Elements whose determinants are computed together: some 20 MB."""

_FLAT = 1e-12
"""A determinant below this share of the element's squared size counts as zero."""

_CORNERS = 4
_NODES = 8


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Mesh:
    """A mesh of eight-node quadrilaterals in the plane.

    `points` (N, 2) float64, in units of length; `quad8` (E, 8) int32, corners counter-clockwise, then mid-sides;
    `boundaries` name → (K, 3) int32 edges as corner, mid-side, corner. Built from anything array-like of these shapes:
    an array of nine-node elements (E, 9) loses the middles, clockwise elements are turned, points that no element uses
    are dropped and the rest numbered anew (`kept` holds their old numbers, (N,)), and both are told in `repairs`.
    Raises `MeshError` for what cannot be computed on.

    >>> corners_and_mids = [(0, 0), (1, 0), (1, 1), (0, 1), (0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]
    >>> mesh = Mesh(corners_and_mids, [range(8)], boundaries={"base": [(0, 4, 1)]})
    >>> mesh
    Mesh(8 points, 1 elements, boundaries: base)
    """

    points: Floats
    quad8: Integers
    boundaries: Mapping[str, Integers] = field(default_factory=dict)
    repairs: tuple[str, ...] = field(init=False, default=())
    kept: NDArray[np.int64] = field(init=False)

    def __init__(self, points: ArrayLike, quad8: ArrayLike, boundaries: Mapping[str, ArrayLike] | None = None) -> None:
        """Check and repair; the arrays given are copied, never changed."""
        places = _points(points)
        elements = _elements(quad8, len(places))
        elements, turned = _turned(places, elements)
        _check_sides(places, elements)
        if not isinstance(boundaries or {}, Mapping):
            raise MeshError(f"boundaries are a {type(boundaries).__name__}; give name → edges (K, 3)", "boundaries")
        named = {str(name): _triples(name, edges, len(places)) for name, edges in (boundaries or {}).items()}
        _check_edges(places, elements, named)
        kept = np.flatnonzero(np.bincount(elements.ravel(), minlength=len(places)))
        repairs = []
        for name, edges in named.items():
            firsts = np.sort(np.unique(edges[:, 1], return_index=True)[1])
            if len(firsts) < len(edges):
                repairs.append(f"{len(edges) - len(firsts)} edges of boundary {name!r} were there twice")
                named[name] = edges[firsts]
        if turned:
            repairs.append(f"{turned} clockwise elements were turned")
        if len(kept) < len(places):
            repairs.append(f"{len(places) - len(kept)} points that no element uses were dropped")
            fresh = np.zeros(len(places), np.int32)
            fresh[kept] = np.arange(len(kept), dtype=np.int32)
            places, elements = places[kept], fresh[elements]
            named = {name: fresh[edges] for name, edges in named.items()}
        arrays: list[NDArray[Any]] = [places, elements, kept, *named.values()]
        for array in arrays:
            array.flags.writeable = False
        for name, value in (
            ("points", places),
            ("quad8", elements),
            ("boundaries", named),
            ("repairs", tuple(repairs)),
            ("kept", kept),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        names = ", ".join(self.boundaries) or "none"
        return f"Mesh({len(self.points)} points, {len(self.quad8)} elements, boundaries: {names})"

    def __reduce__(self) -> tuple[Callable[..., Mesh], tuple[Any, ...]]:
        return _with_past, (self.points, self.quad8, dict(self.boundaries), self.repairs, self.kept)

    def boundary(self, name: str) -> Integers:
        """Edges (K, 3) of a named boundary; `MeshError` lists the names there are."""
        if str(name) not in self.boundaries:
            known = ", ".join(map(repr, self.boundaries)) or "none at all"
            raise MeshError(f"the mesh has no boundary {name!r}; it has {known}", "boundaries")
        return self.boundaries[str(name)]

    def outer_edges(self) -> Integers:
        """Edges (K, 3) that belong to one element only: the whole rim, walked with the inside to the left."""
        edges = self.quad8[:, [0, 4, 1, 1, 5, 2, 2, 6, 3, 3, 7, 0]].reshape(-1, 3)
        times = np.bincount(edges[:, 1], minlength=len(self.points))
        rim: Integers = edges[times[edges[:, 1]] == 1]
        return rim

    def with_boundaries(self, **where: Callable[[Floats, Floats], ArrayLike]) -> Mesh:
        """The same mesh with more names: rim edges whose mid-side (x, y) fulfils the condition; `x` and `y` are arrays.

        >>> from breakeven.workloads import fem
        >>> square = fem.generate("channel", nx=2, ny=2, length=1.0).with_boundaries(left=lambda x, y: x == 0)
        >>> len(square.boundary("left"))
        2
        """
        rim = self.outer_edges()
        x, y = self.points[rim[:, 1]].T
        named: dict[str, Integers] = dict(self.boundaries)
        for name, test in where.items():
            chosen = np.broadcast_to(np.asarray(test(x, y), dtype=bool), x.shape)
            if not chosen.any():
                raise MeshError(f"no rim edge fulfils the condition of boundary {name!r}", "boundaries")
            named[name] = rim[chosen]
        return self.with_edges(named)

    def with_edges(self, boundaries: Mapping[str, ArrayLike]) -> Mesh:
        """The same mesh with these boundaries in place of its own; what was repaired stays told."""
        return _with_past(self.points, self.quad8, boundaries, self.repairs, self.kept)


def mesh_of(mesh: object) -> Mesh:
    """The mesh, if it is one."""
    if isinstance(mesh, Mesh):
        return mesh
    hint = "read(path) makes one of a file, and case(name) a pair of mesh and conditions"
    raise MeshError(f"the mesh is a {type(mesh).__name__}, not a fem.Mesh; {hint}", "mesh")


def _with_past(
    points: Floats,
    quad8: Integers,
    boundaries: Mapping[str, ArrayLike],
    repairs: tuple[str, ...],
    kept: NDArray[np.int64],
) -> Mesh:
    """A mesh of arrays that were checked and repaired before, with what was done to them then."""
    mesh = Mesh(points, quad8, boundaries)
    object.__setattr__(mesh, "repairs", (*repairs, *mesh.repairs))
    object.__setattr__(mesh, "kept", kept)
    return mesh


def _points(points: ArrayLike) -> Floats:
    try:
        read = np.asarray(points)
        places = np.array(read, dtype=np.float64 if read.dtype.kind in "biufO" else None, order="C")
    except (TypeError, ValueError) as error:
        raise MeshError(f"points cannot be read as numbers: {error}", "points") from None
    if places.dtype != np.float64:
        raise MeshError(f"points are {places.dtype}, and have to be numbers", "points")
    if places.ndim != 2 or places.shape[1] != 2:  # noqa: PLR2004 - the plane
        raise MeshError(f"points have the shape {places.shape}, not (N, 2)", "points")
    broken = np.flatnonzero(~np.isfinite(places).all(axis=1))
    if len(broken):
        at = broken[0]
        raise MeshError(
            f"point {at} is ({places[at, 0]}, {places[at, 1]}), and {len(broken)} of {len(places)} points "
            "are not finite; coordinates must be numbers",
            "points",
        )
    return places


def _whole(numbers: ArrayLike, what: str, columns: int) -> NDArray[np.int64]:
    try:
        rows: Any = numbers
        if not hasattr(rows, "__array__"):
            rows = [list(row) for row in rows]
        read = np.asarray(rows)
    except (TypeError, ValueError) as error:
        raise MeshError(f"{what} cannot be read as a table of whole numbers: {error}", what) from None
    if read.size and (read.ndim != 2 or read.shape[1] != columns):  # noqa: PLR2004 - a table
        raise MeshError(f"{what} has the shape {read.shape}, not (…, {columns})", what)
    if read.dtype.kind not in "iuf":
        raise MeshError(f"{what} holds {read.dtype}, not whole numbers; points are numbered from 0", what)
    with np.errstate(invalid="ignore"):
        rounded = read.astype(np.int64).reshape(-1, columns)
    if read.dtype.kind not in "iu" and not np.array_equal(rounded, read.reshape(-1, columns)):
        raise MeshError(f"{what} holds {read.dtype} numbers that are not whole; points are numbered from 0", what)
    return rounded


def _without_middles(elements: Any) -> Any:
    """An array of nine-node elements (E, 9) as eight-node ones: their last node is the middle."""
    return elements[:, :_NODES] if getattr(elements, "shape", ())[1:] == (_NODES + 1,) else elements


def _elements(quad8: ArrayLike, count: int) -> Integers:
    elements = _whole(_without_middles(quad8), "quad8", _NODES)
    if not len(elements):
        raise MeshError("there are no elements; a mesh needs one eight-node quadrilateral at least", "quad8")
    wrong = np.flatnonzero(((elements < 0) | (elements >= count)).any(axis=1))
    if len(wrong):
        raise MeshError(
            f"element {wrong[0]} names points {elements[wrong[0]].tolist()}, but points are numbered "
            f"0 to {count - 1}; {len(wrong)} elements are so (is the file numbered from 1?)",
            "quad8",
        )
    ordered = np.sort(elements, axis=1)
    twice = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(twice):
        raise MeshError(f"element {twice[0]} names a point twice: {elements[twice[0]].tolist()}", "quad8")
    return elements.astype(np.int32, order="C")  # compiled code knows this order only


def determinants(points: Floats, quad8: Integers) -> Floats:
    """Jacobian determinants of elements at the nine Gauss points, (E, 9), in units of area."""
    slopes = gradients(STIFFNESS_RULE.points).reshape(-1, _NODES)
    corners = points[quad8]
    jacobians = (slopes @ (corners - corners[:, :1])).reshape(len(quad8), -1, 2, 2)
    return np.asarray(
        jacobians[:, :, 0, 0] * jacobians[:, :, 1, 1] - jacobians[:, :, 0, 1] * jacobians[:, :, 1, 0],
        dtype=np.float64,
    )


def _turned(points: Floats, elements: Integers) -> tuple[Integers, int]:
    """Turn clockwise elements, refuse folded and flat ones; the elements and how many were turned."""
    turned = 0
    for start in range(0, len(elements), _CHECKED_AT_ONCE):
        some = elements[start : start + _CHECKED_AT_ONCE]
        corners = points[some[:, :_CORNERS]]
        flat = _FLAT * np.ptp(corners, axis=1).max(axis=1) ** 2
        found = determinants(points, some)
        clockwise = (found < -flat[:, None]).all(axis=1)
        folded = np.flatnonzero(~clockwise & ~(found > flat[:, None]).all(axis=1))
        if len(folded):
            at = folded[0]
            x, y = corners[at].mean(axis=0)
            raise MeshError(
                f"element {start + at} near ({x:.6g}, {y:.6g}) is folded or flat: its Jacobian determinant runs from "
                f"{found[at].min():.3g} to {found[at].max():.3g} over the Gauss points, and must be positive at all of "
                "them; look at the order of its nodes and at its mid-side nodes",
                "quad8",
            )
        some[clockwise] = some[clockwise][:, TURNED]
        turned += int(clockwise.sum())
    return elements, turned


def _check_sides(points: Floats, elements: Integers) -> None:
    """Refuse elements that lie over one another or meet in parts of sides: a side has one element on each hand.

    Sides are known by their mid-side nodes. All elements run counter-clockwise here, so that two of them walk the side
    between them in opposite directions.
    """
    first, mid, last = elements[:, :_CORNERS], elements[:, _CORNERS:], elements[:, [1, 2, 3, 0]]
    is_corner = np.zeros(len(points), dtype=bool)
    is_corner[first] = True
    low, high = np.minimum(first, last), np.maximum(first, last)
    ends = np.zeros((2, len(points)), np.int32)
    ends[0, mid], ends[1, mid] = low, high
    rising = first < last
    walked = [np.bincount(mid[way], minlength=len(points)) for way in (rising, ~rising)]
    for wrong, what in (
        (is_corner[mid], "is a mid-side node here and a corner elsewhere; elements have to meet side to side"),
        ((ends[0, mid] != low) | (ends[1, mid] != high), "is the mid-side node of two different sides"),
        (
            np.where(rising, walked[0][mid], walked[1][mid]) > 1,
            "is on a side with two elements on the same hand; they lie over one another, or are there twice",
        ),
    ):
        if wrong.any():
            element, side = np.argwhere(wrong)[0]
            point = mid[element, side]
            x, y = points[point]
            raise MeshError(f"point {point} of element {element}, at ({x:.6g}, {y:.6g}), {what}", "quad8")


def _triples(name: str, edges: ArrayLike, count: int) -> Integers:
    triples = _whole(edges, f"boundary {name!r}", 3)
    if len(triples) and (triples.min() < 0 or triples.max() >= count):
        at = int(np.flatnonzero(((triples < 0) | (triples >= count)).any(axis=1))[0])
        raise MeshError(
            f"edge {at} of boundary {name!r} names points {triples[at].tolist()}, but points are numbered "
            f"0 to {count - 1}",
            "boundaries",
        )
    return triples.astype(np.int32, order="C")


def _check_edges(points: Floats, elements: Integers, named: Mapping[str, Integers]) -> None:
    """Refuse triples that are no edge of an element: a mid-side node has the same two corners wherever it is used."""
    if not any(len(edges) for edges in named.values()):
        return
    ends = np.full((len(points), 2), -1, np.int32)
    for corner, (one, other) in enumerate(((0, 1), (1, 2), (2, 3), (3, 0))):
        ends[elements[:, _CORNERS + corner]] = elements[:, [one, other]]
    for name, edges in named.items():
        found = np.sort(ends[edges[:, 1]], axis=1)
        wrong = np.flatnonzero((found != np.sort(edges[:, [0, 2]], axis=1)).any(axis=1))
        if len(wrong):
            edge = edges[wrong[0]]
            x, y = points[edge[1]]
            raise MeshError(
                f"edge {wrong[0]} of boundary {name!r}, points {edge.tolist()} near ({x:.6g}, {y:.6g}), is no edge of "
                f"any element; give corner, mid-side, corner ({len(wrong)} of {len(edges)} edges are so)",
                "boundaries",
            )
