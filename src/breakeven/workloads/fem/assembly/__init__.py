"""From a mesh to its stiffness matrix, and from a potential to velocities: every implementation behind one interface.

Lives here: the interface, the table of implementations, and `assemble`. Never here: arithmetic (`kernels`) or one way
of spreading it, each of which has a file of its own.

An implementation is a module with two functions: `matrix(mesh, effort)` → `Assembled`, and
`velocity(mesh, potential, effort)` → `Flow`. It may use as many workers as `effort` says, must not change the mesh, and
leaves nothing running that was not running before.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from breakeven.workloads.fem.assembly.effort import Assembled, Effort, Flow, Implementation, Traffic, effort_of
from breakeven.workloads.fem.faults import ConditionError
from breakeven.workloads.fem.mesh import Mesh, mesh_of

__all__ = [
    "IMPLEMENTATIONS",
    "Assembled",
    "Effort",
    "Flow",
    "Implementation",
    "Traffic",
    "assemble",
    "implementation_of",
]

IMPLEMENTATIONS = {
    "python": "a loop in this thread; the reference",
    "threads": "the same loop in threads",
    "processes-pickle": "the same loop in processes; every task carries the whole mesh, every result its triplets",
    "processes-initializer": "the mesh is sent once a worker, a task is two numbers",
    "processes-shared": "mesh and results in shared memory, a task says where to begin and end, nothing comes back",
    "numpy": "array operations over batches, in this thread",
    "numba-coo": "compiled triplets in threads, summed by scipy",
    "numba-csr": "compiled, straight into the rows of the matrix; the same bits on any number of threads",
    "auto": "the fastest that is installed here, spread as the planner decides",
}
"""Name → what it is. The module is `breakeven.workloads.fem.assembly.<name with underscores>`."""

_MODULES = {"python": "looped", "numpy": "vectorised"}


def implementation_of(name: str) -> Implementation:
    """The implementation of that name."""
    if str(name) not in IMPLEMENTATIONS:
        raise ConditionError(
            f"there is no implementation {name!r}; there are {', '.join(IMPLEMENTATIONS)}", "implementation"
        )
    module: Any = import_module(f"{__name__}.{_MODULES.get(name, name.replace('-', '_'))}")
    return module  # type: ignore[no-any-return]


def assemble(
    mesh: Mesh,
    implementation: str = "auto",
    *,
    max_workers: int | None = None,
    batch_size: int | None = None,
    chunksize: int | None = None,
    start_method: str | None = None,
    kernel: str | None = None,
) -> Any:
    """The stiffness matrix of the Laplace operator on `mesh`: `scipy.sparse.csr_array` (N, N), float64, no unit.

    `batch_size` is elements a task, `chunksize` tasks a message, `kernel` "python" or "numpy" (for the implementations
    in threads and processes). The matrix is the caller's own and may be changed.

    >>> from breakeven.workloads import fem
    >>> matrix = fem.assemble(fem.generate("channel", nx=2, ny=1), implementation="numpy")
    >>> matrix.shape, bool(abs(matrix.sum(axis=1)).max() < 1e-12)
    ((13, 13), True)
    """
    effort = effort_of(max_workers, batch_size, chunksize, start_method, kernel)
    matrix = implementation_of(implementation).matrix(mesh_of(mesh), effort).matrix
    # The pattern of a mesh is kept for its next assembly, and must not change with this matrix.
    for name in ("indices", "indptr"):
        if not getattr(matrix, name).flags.writeable:
            setattr(matrix, name, getattr(matrix, name).copy())
    return matrix
