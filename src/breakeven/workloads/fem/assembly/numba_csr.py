"""`numba-csr`: the matrix's pattern once a mesh, then compiled element matrices, each row summed by one owner.

Lives here: the pattern, and threads over ranges. Never here: arithmetic (`kernels.compiled`). Rows take their elements
in the order of the mesh, so the result is the same to the last bit for every number of workers and size of batch.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import breakeven as be
from breakeven.workloads.fem.assembly.effort import Assembled, Effort, Flow, Watch, batches
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, Integers, gradients
from breakeven.workloads.fem.faults import needed
from breakeven.workloads.fem.mesh import Mesh

ALONE_BELOW = 60_000
"""Elements that one thread assembles in some 15 ms; two threads take as long, busy neighbours or not (measured)."""

_RANGES_A_WORKER = 4

_MOST_KEPT_BYTES = 64_000_000
_spare: list[Floats] = []


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which entries the matrix has, and where element matrices go.

    `indptr` (N + 1,) and `indices` (nnz,) as in CSR; for every point its `uses` by elements from `starts` on, and for
    each use the eight `places` in the point's row.
    """

    indptr: Integers
    indices: Integers
    starts: Integers
    uses: Integers
    places: NDArray[np.int16]


_patterns: weakref.WeakKeyDictionary[Mesh, Pattern] = weakref.WeakKeyDictionary()


def forget(mesh: Mesh) -> None:
    """Let go of the pattern that is kept for a mesh."""
    _patterns.pop(mesh, None)


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in threads; the pattern of a mesh that was assembled before is kept."""
    sparse = needed("scipy.sparse", "assembly")
    seconds = {"compile": warm()}
    watch = Watch()
    pattern = _patterns.get(mesh)
    if pattern is None:
        pattern = _patterns[mesh] = pattern_of(mesh, effort)
    watch.lap("pattern")
    entries = fill(mesh, pattern, effort)
    watch.lap("elements")
    count = len(mesh.points)
    found = sparse.csr_array((entries, pattern.indices, pattern.indptr), shape=(count, count))
    found.has_sorted_indices = found.has_canonical_format = True
    watch.lap("convert")
    return Assembled(found, seconds | watch.seconds)


def fill(mesh: Mesh, pattern: Pattern, effort: Effort) -> Floats:
    """The matrix's entries (nnz,): all that has to be done again for another mesh of the same connectivity."""
    from breakeven.workloads.fem.kernels import compiled

    matrices = _buffer(len(mesh.quad8))
    elements = element_work(mesh)
    over(len(mesh.quad8), effort, lambda span: elements(*span, matrices))
    entries = np.empty(len(pattern.indices))
    over(
        len(mesh.points),
        effort,
        lambda span: compiled.gather_rows(
            matrices, pattern.starts, pattern.uses, pattern.indptr, pattern.places, *span, entries
        ),
        len(mesh.quad8),
    )
    if matrices.nbytes <= _MOST_KEPT_BYTES:
        _spare[:] = [matrices]
    return entries


def _buffer(elements: int) -> Floats:
    """Room for element matrices (E, 64): that of the last call where it is large enough, so that no page is new."""
    try:
        kept = _spare.pop()
    except IndexError:
        return np.empty((elements, 64))
    return kept[:elements] if len(kept) >= elements else np.empty((elements, 64))


def element_work(mesh: Mesh) -> Callable[[int, int, Floats], None]:
    """What fills elements `start` to `stop` of an array (E, 64)."""
    from breakeven.workloads.fem.kernels import compiled

    slopes = gradients(STIFFNESS_RULE.points)
    return partial(
        compiled.stiffness_into,
        mesh.points,
        mesh.quad8,
        slopes,
        compiled.products_of(slopes),
        STIFFNESS_RULE.weights,
    )


def pattern_of(mesh: Mesh, effort: Effort) -> Pattern:
    """Find the matrix's pattern."""
    from breakeven.workloads.fem.kernels import compiled

    count = len(mesh.points)
    starts, uses = compiled.elements_of_points(mesh.quad8, count)
    lengths = np.empty(count, np.int32)
    whole = Effort(effort.max_workers)
    over(count, whole, lambda span: compiled.count_rows(mesh.quad8, starts, uses, *span, lengths), len(mesh.quad8), 1)
    indptr = np.zeros(count + 1, np.int32)
    np.cumsum(lengths, out=indptr[1:])
    indices = np.empty(indptr[-1], np.int32)
    places = np.empty((len(uses), 8), np.int16)
    over(
        count,
        whole,
        lambda span: compiled.fill_rows(mesh.quad8, starts, uses, indptr, *span, indices, places),
        len(mesh.quad8),
        1,
    )
    for array in (indptr, indices):
        array.flags.writeable = False
    return Pattern(indptr, indices, starts, uses, places)


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in threads."""
    seconds = {"compile": warm()}
    from breakeven.workloads.fem.kernels import compiled

    watch = Watch()
    slopes = gradients(VELOCITY_RULE.points)
    means, lengths = np.empty((len(mesh.quad8), 2)), np.empty(len(mesh.quad8))
    over(
        len(mesh.quad8),
        effort,
        lambda span: compiled.velocity_into(mesh.points, mesh.quad8, potential, slopes, *span, means, lengths),
    )
    watch.lap("velocity")
    return Flow(means, lengths, seconds | watch.seconds)


def over(
    count: int, effort: Effort, work: Callable[[tuple[int, int]], Any], elements: int = 0, ranges: int = 0
) -> None:
    """Call `work` on ranges of `count`, in threads where there are elements enough to keep them busy."""
    workers = effort.max_workers if (elements or count) >= ALONE_BELOW else 1
    if workers == 1 and not effort.batch_size:
        work((0, count))
        return
    size = effort.batch_size or -(-count // (workers * (ranges or _RANGES_A_WORKER)))
    spans = batches(count, size)
    be.map(work, spans, backend="threads" if workers > 1 else "serial", max_workers=workers, progress=False)


_warm: list[bool] = []


def is_warm() -> bool:
    """Whether compiled code is loaded in this process."""
    return bool(_warm)


def warm() -> float:
    """Compile, or load what was compiled before, on a mesh of one element; the seconds it took, 0 from then on."""
    if _warm:
        return 0.0
    began = perf_counter()
    from breakeven.workloads.fem.element import NODES
    from breakeven.workloads.fem.kernels import compiled

    tiny = Mesh(NODES, np.arange(8)[None])
    rule = STIFFNESS_RULE
    alone = Effort(1)
    fill(tiny, pattern_of(tiny, alone), alone)
    compiled.velocity_into(
        tiny.points, tiny.quad8, np.zeros(8), gradients(rule.points), 0, 1, np.empty((1, 2)), np.empty(1)
    )
    compiled.triplets_into(tiny.quad8, 0, 1, np.empty((1, 64), np.int32), np.empty((1, 64), np.int32))
    _warm.append(True)
    return perf_counter() - began
