"""Boundary conditions by name, and what they make of the system: elimination, loads, and the true Robin matrix.

Lives here: the three conditions, and all of `apply`, without a loop over elements. Never here: penalties; they spoil
the condition of the system, and with it the number of iterations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakeven.workloads.fem.element import Floats, Integers, edge_shape
from breakeven.workloads.fem.faults import ConditionError, needed
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["Condition", "Dirichlet", "Flux", "Robin", "System", "Value", "apply", "checked"]

_LONGEST_SHOWN = 100

Value: TypeAlias = "float | Callable[[Floats, Floats], ArrayLike]"
"""A number, or a function of (x, y), two arrays (M,) in the mesh's units of length, that returns M values or one."""


@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The potential itself is `value` on the boundary `name`. Where two such meet, the later condition counts."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Flux:
    """The outward slope du/dn is `value`: since the velocity is -grad u, the speed at which fluid comes in."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Robin:
    """Slope and potential are tied: du/dn + `coefficient` · u = `value`, as with heat that passes to air.

    For a conductivity k, a transfer coefficient h and air at T, k du/dn = h · (T - u): coefficient = h / k and
    value = T · h / k.
    """

    name: str
    coefficient: Value
    value: Value


Condition: TypeAlias = "Dirichlet | Flux | Robin"


@dataclass(frozen=True, slots=True)
class System:
    """What is left to solve once the conditions are in.

    Potentials are counted from `level`, the least prescribed one, so that a constant added to all of them costs no
    digits. `matrix` (F, F) and `load` (F,) belong to the `free` points (F,). `prescribed` (N,) holds the
    potentials, `known` (N,) the same above `level`, both 0 elsewhere. `whole` (N, N) and `sources` (N,) are the
    system before elimination. `asked` says whether any condition lifts the potential off its level; `fixed`,
    `natural` and `robin` hold each boundary's points, load (N,) and matrix (N, N).
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
    given = checked(mesh, conditions)
    fixed, prescribed, is_fixed = _prescribed(mesh, given)
    # Halfway between the least and the greatest, a load can be 0 by symmetry; above the least it never is.
    level = float(prescribed[is_fixed].min()) if is_fixed.any() else 0.0
    known = np.where(is_fixed, prescribed - level, 0.0)
    natural, robin, is_driven = _slopes(mesh, given, level)
    whole = stiffness
    for added in robin.values():
        whole = (whole + added).tocsr()
    _check_determined(mesh, whole, is_fixed, robin)
    sources = np.sum(list(natural.values()), axis=0) if natural else np.zeros(len(mesh.points))
    free = np.flatnonzero(~is_fixed)
    return System(
        matrix=_among(whole, free, is_fixed),
        load=(sources - whole @ known)[free],
        free=free,
        prescribed=prescribed,
        known=known,
        level=level,
        whole=whole,
        sources=sources,
        asked=is_driven or bool(known.any()),
        fixed=fixed,
        natural=natural,
        robin=robin,
    )


def _prescribed(
    mesh: Mesh, conditions: Iterable[Condition]
) -> tuple[dict[str, NDArray[np.int64]], Floats, NDArray[np.bool_]]:
    """Points of each boundary with a potential, the potentials (N,), and where they hold (N,)."""
    values, is_fixed = np.zeros(len(mesh.points)), np.zeros(len(mesh.points), dtype=bool)
    fixed: dict[str, NDArray[np.int64]] = {}
    for condition in conditions:
        if isinstance(condition, Dirichlet):
            nodes = np.unique(mesh.boundary(condition.name)).astype(np.int64)
            values[nodes] = _values(condition.value, mesh.points[nodes], f"value of boundary {condition.name!r}")
            is_fixed[nodes] = True
            fixed[condition.name] = nodes
    return fixed, values, is_fixed


def _slopes(
    mesh: Mesh, conditions: Iterable[Condition], level: float
) -> tuple[dict[str, Floats], dict[str, Any], bool]:
    """Loads (N,) and Robin matrices (N, N) of boundaries with a slope, above `level`; and whether any load is not 0."""
    natural: dict[str, Floats] = {}
    robin: dict[str, Any] = {}
    is_driven = False
    for condition in conditions:
        if isinstance(condition, Dirichlet):
            continue
        name = condition.name
        edges = mesh.boundary(name)
        shapes, places, stretch = _on_edges(mesh, edges)
        slope = _values(condition.value, places, f"value of boundary {name!r}")
        if isinstance(condition, Robin):
            coefficient = _values(condition.coefficient, places, f"coefficient of boundary {name!r}")
            slope -= coefficient * level
            added = _robin_matrix(len(mesh.points), edges, shapes, coefficient * stretch)
            robin[name] = robin[name] + added if name in robin else added
        is_driven = is_driven or bool(slope.any())
        weights = np.asarray((slope * stretch) @ shapes).ravel()
        load: Floats = np.bincount(edges.ravel(), weights, minlength=len(mesh.points)).astype(np.float64)
        natural[name] = natural[name] + load if name in natural else load
    return natural, robin, is_driven


def _robin_matrix(count: int, edges: Integers, shapes: Floats, held: Floats) -> Any:
    """∫ coefficient · Nᵀ N over edges, (N, N)."""
    sparse = needed("scipy.sparse", "boundary conditions")
    blocks = np.einsum("kg,ga,gb->kab", held, shapes, shapes)
    rows, columns = np.repeat(edges, 3, axis=1), np.tile(edges, 3)
    return sparse.coo_array((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(count, count)).tocsr()


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


def checked(mesh: Mesh, conditions: Iterable[Condition]) -> list[Condition]:
    """The conditions, of which each is one, on a boundary that is there, and none contradicts another."""
    if isinstance(conditions, Dirichlet | Flux | Robin):
        raise ConditionError(f"conditions are one {conditions!r}; give a list of conditions", "conditions")
    if not isinstance(conditions, Iterable):
        raise ConditionError(f"conditions are {conditions!r}; give a list of conditions", "conditions")
    given = list(conditions)
    for condition in given:
        if not isinstance(condition, Dirichlet | Flux | Robin):
            raise ConditionError(f"{condition!r} is no condition; give Dirichlet, Flux or Robin", "conditions")
        if not len(mesh.boundary(condition.name)):
            raise ConditionError(f"boundary {condition.name!r} has no edges to put a condition on", "conditions")
    held = {one.name for one in given if isinstance(one, Dirichlet)}
    both = sorted(held & {one.name for one in given if not isinstance(one, Dirichlet)})
    if both:
        raise ConditionError(f"boundary {both[0]!r} has both its potential and its slope prescribed", "conditions")
    return given


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
    stretch = np.linalg.norm(np.einsum("ga,kad->kgd", slopes, nodes - nodes[:, :1]), axis=2) * weights
    return shapes, places, stretch


def _values(value: Value, places: Floats, what: str) -> Floats:
    """`what` a condition holds at `places` (…, 2), as an array of shape (…,)."""
    flat = places.reshape(-1, 2).T.copy()
    found = _called(value, flat[0], flat[1], what) if callable(value) else _numbers(value, what)
    # Of one value a point, a function knows the order of the points; an array may have any.
    if found.shape not in ({(), flat[0].shape} if callable(value) else {()}):
        raise ConditionError(
            f"the {what} has the shape {found.shape} for {flat.shape[1]} points; "
            "give a number, or a function that returns one value a point",
            "conditions",
        )
    found = np.array(np.broadcast_to(found, flat[0].shape))
    broken = np.flatnonzero(~np.isfinite(found))
    if len(broken):
        x, y = places.reshape(-1, 2)[broken[0]]
        raise ConditionError(
            f"the {what} at ({x:.6g}, {y:.6g}) is {found[broken[0]]}; give finite numbers", "conditions"
        )
    return found.reshape(places.shape[:-1])


def _called(value: Callable[..., ArrayLike], x: Floats, y: Floats, what: str) -> Floats:
    """A function's values at points (M,): called with arrays, or where it was written for one point, M times."""
    try:
        try:
            given: Any = value(x, y)
        except (TypeError, ValueError):  # with math.sin, or with an if
            given = [value(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)]
    except Exception as error:
        error.add_note(f"(in the function that is the {what})")
        raise
    return _numbers(given, what)


def _numbers(given: Any, what: str) -> Floats:
    """What was given or returned, if it is real numbers; a text that looks like one is a mistake."""
    try:
        read = np.asarray(given)
    except ValueError:  # rows of several lengths
        read = np.empty((), object)
    if read.dtype.kind == "O" and all(isinstance(one, Real | Decimal) for one in read.flat):
        read = read.astype(np.float64)
    if read.dtype.kind not in "biuf":
        shown = repr(given)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
        raise ConditionError(f"the {what} is {shown}; give a number, or a function of x and y", "conditions")
    return read.astype(np.float64)
