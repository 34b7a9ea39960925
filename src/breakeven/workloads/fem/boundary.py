"""Boundary conditions by name, and what they make of the system: elimination, loads, and the true Robin matrix.

Lives here: the three conditions, and all of `apply`, without a loop over elements. Never here: penalties; they spoil
the condition of the system, and with it the number of iterations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakeven.workloads.fem.element import Floats, Integers, edge_shape
from breakeven.workloads.fem.faults import ConditionError, needed
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Condition", "Dirichlet", "Flux", "Robin", "System", "Value", "apply"]

Value: TypeAlias = "float | Callable[[Floats, Floats], ArrayLike]"
"""A number, or a function of (x, y): two arrays of equal shape, in the mesh's units of length."""


@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The potential itself is `value` on a boundary. Where two such boundaries meet, the later condition counts."""

    boundary: str
    value: Value


@dataclass(frozen=True, slots=True)
class Flux:
    """The outward slope du/dn is `value`: since the velocity is -grad u, the speed at which fluid comes in."""

    boundary: str
    value: Value


@dataclass(frozen=True, slots=True)
class Robin:
    """Slope and potential are tied: du/dn + `coefficient` · u = `value`, as with heat that passes to air.

    For a conductivity k, a transfer coefficient h and air at T, coefficient = h / k and value = T · h / k.
    """

    boundary: str
    coefficient: Value
    value: Value


Condition: TypeAlias = "Dirichlet | Flux | Robin"


@dataclass(frozen=True, slots=True)
class System:
    """What is left to solve once the conditions are in.

    Potentials are counted from `level`, halfway between the least and the greatest prescribed one, so that a constant
    added to all of them costs no digits. `matrix` (F, F) and `load` (F,) belong to the `free` points (F,). `prescribed`
    (N,) holds the prescribed potentials, `known` (N,) the same above `level`, both 0 elsewhere. `whole` (N, N) and
    `sources` (N,) are the system before elimination. `asked` says whether any condition lifts the potential off its
    level; `fixed`, `natural` and `robin` hold each boundary's points, load (N,) and matrix (N, N).
    """

    matrix: Any
    load: Floats
    free: NDArray[np.int64]
    prescribed: Floats
    known: Floats
    level: float
    whole: Any
    sources: Floats
    asked: bool
    fixed: dict[str, NDArray[np.int64]]
    natural: dict[str, Floats]
    robin: dict[str, Any]


def apply(mesh: Mesh, stiffness: Any, conditions: Iterable[Condition]) -> System:
    """Put conditions into K u = 0: loads and Robin terms are added, prescribed potentials are eliminated.

    `stiffness` is the (N, N) CSR matrix of the mesh. Raises `MeshError` for a boundary that is not there and
    `ConditionError` for conditions that contradict each other or leave the potential open.
    """
    sparse = needed("scipy.sparse", "boundary conditions")
    given = list(conditions)
    _check(mesh, given)
    count = len(mesh.points)
    known, is_fixed = np.zeros(count), np.zeros(count, dtype=bool)
    fixed: dict[str, NDArray[np.int64]] = {}
    natural: dict[str, Floats] = {}
    robin: dict[str, Any] = {}
    for condition in given:
        if isinstance(condition, Dirichlet):
            name = condition.boundary
            nodes = np.unique(mesh.boundary(name)).astype(np.int64)
            known[nodes] = _values(condition.value, mesh.points[nodes], name)
            is_fixed[nodes] = True
            fixed[name] = nodes
    level = float((known[is_fixed].min() + known[is_fixed].max()) / 2) if is_fixed.any() else 0.0
    prescribed = known.copy()
    known[is_fixed] -= level
    asked = bool(known.any())
    for condition in given:
        if isinstance(condition, Dirichlet):
            continue
        name = condition.boundary
        edges = mesh.boundary(name)
        shapes, places, stretch = _on_edges(mesh, edges)
        slope = _values(condition.value, places, name)
        coefficient = np.zeros_like(slope)
        if isinstance(condition, Robin):
            coefficient = _values(condition.coefficient, places, name)
            slope -= coefficient * level
        asked = asked or bool(slope.any())
        weights = np.asarray((slope * stretch) @ shapes).ravel()
        load: Floats = np.bincount(edges.ravel(), weights, minlength=count).astype(np.float64)
        natural[name] = natural[name] + load if name in natural else load
        if isinstance(condition, Robin):
            held = coefficient * stretch
            blocks = np.einsum("kg,ga,gb->kab", held, shapes, shapes)
            rows, columns = np.repeat(edges, 3, axis=1), np.tile(edges, 3)
            added = sparse.coo_array((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(count, count)).tocsr()
            robin[name] = robin[name] + added if name in robin else added
    whole = stiffness
    for added in robin.values():
        whole = (whole + added).tocsr()
    _check_determined(mesh, whole, is_fixed, robin)
    sources = np.sum(list(natural.values()), axis=0) if natural else np.zeros(count)
    free = np.flatnonzero(~is_fixed)
    right = (sources - whole @ known)[free]
    return System(
        _among(whole, free, is_fixed),
        right,
        free,
        prescribed,
        known,
        level,
        whole,
        sources,
        asked,
        fixed,
        natural,
        robin,
    )


def _among(matrix: Any, free: NDArray[np.int64], is_fixed: NDArray[np.bool_]) -> Any:
    """Rows and columns of the free points: one pass over the entries, a third of the time of scipy's two slicings."""
    sparse = needed("scipy.sparse", "boundary conditions")
    if len(free) == matrix.shape[0]:
        return matrix
    lengths = np.diff(matrix.indptr)
    keep = ~(np.repeat(is_fixed, lengths) | is_fixed[matrix.indices])
    fresh = np.cumsum(~is_fixed, dtype=matrix.indices.dtype) - 1
    before = np.concatenate([[0], np.cumsum(keep)])
    starts = before[matrix.indptr]
    indptr = np.concatenate([starts[:-1][free], starts[-1:]]).astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[keep], fresh[matrix.indices[keep]], indptr), shape=(len(free), len(free)))


def _check(mesh: Mesh, conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        if not isinstance(condition, Dirichlet | Flux | Robin):
            raise ConditionError(f"{condition!r} is no condition; give Dirichlet, Flux or Robin", "conditions")
        if not len(mesh.boundary(condition.boundary)):
            raise ConditionError(f"boundary {condition.boundary!r} has no edges to put a condition on", "conditions")
    held = {one.boundary for one in conditions if isinstance(one, Dirichlet)}
    both = sorted(held & {one.boundary for one in conditions if not isinstance(one, Dirichlet)})
    if both:
        raise ConditionError(f"boundary {both[0]!r} has both its potential and its slope prescribed", "conditions")


def _check_determined(mesh: Mesh, whole: Any, is_fixed: NDArray[np.bool_], robin: dict[str, Any]) -> None:
    """Every connected part needs a potential or a Robin term somewhere, or a constant could be added to it."""
    graph = needed("scipy.sparse.csgraph", "boundary conditions")
    held = is_fixed.copy()
    for added in robin.values():
        held |= added.diagonal() != 0
    if held.any():
        # All parts at once: a mesh in one piece is the rule, and then the search is all it costs.
        parts, label = graph.connected_components(whole, directed=False)
        open_parts = np.setdiff1d(np.arange(parts), label[held])
        if not len(open_parts):
            return
        x, y = mesh.points[np.flatnonzero(label == open_parts[0])[0]]
        where = f"the part of the mesh around ({x:.6g}, {y:.6g}), one of {parts} that do not touch,"
    else:
        where = "the mesh"
    names = ", ".join(map(repr, mesh.boundaries)) or "none yet: Mesh.with_boundaries makes some"
    raise ConditionError(
        f"{where} has no Dirichlet or Robin condition, so that its potential is open up to a constant; prescribe it on "
        f"one boundary at least (named boundaries: {names})",
        "conditions",
    )


def _on_edges(mesh: Mesh, edges: Integers) -> tuple[Floats, Floats, Floats]:
    """Three-point Gauss on curved edges: shapes (3, 3), places (K, 3, 2), and weight × length (K, 3)."""
    at, weights = np.polynomial.legendre.leggauss(3)
    shapes, slopes = edge_shape(at)
    nodes = mesh.points[edges]
    places = np.einsum("ga,kad->kgd", shapes, nodes)
    stretch = np.linalg.norm(np.einsum("ga,kad->kgd", slopes, nodes), axis=2) * weights
    return shapes, places, stretch


def _values(value: Value, places: Floats, name: str) -> Floats:
    """A condition's value at `places` (…, 2), as an array of shape (…,)."""
    x, y = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    if callable(value):
        try:
            found = np.asarray(value(x, y), dtype=np.float64)
        except (TypeError, ValueError):  # written for one point, with math.sin or with an if: called point by point
            flat = [value(one, other) for one, other in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)]  # type: ignore[arg-type]
            found = np.array(flat, dtype=np.float64).reshape(x.shape)
    else:
        found = np.asarray(value, dtype=np.float64)
    try:
        found = np.array(np.broadcast_to(found, x.shape))
    except ValueError:
        raise ConditionError(
            f"the value of boundary {name!r} has the shape {found.shape} for points of the shape {x.shape}; "
            "give a number, or a function that returns one value a point",
            "conditions",
        ) from None
    broken = np.argwhere(~np.isfinite(found))
    if len(broken):
        at = tuple(broken[0])
        raise ConditionError(
            f"the value of boundary {name!r} at ({x[at]:.6g}, {y[at]:.6g}) is {found[at]}; give finite numbers",
            "conditions",
        )
    return found
