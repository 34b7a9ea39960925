"""`numba-coo`: compiled triplets, filled in threads into one array at disjoint places, summed by scipy."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.assembly import numba_csr
from breakeven.workloads.fem.assembly.effort import Assembled, Effort, Watch, summed
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.mesh import Mesh

velocity = numba_csr.velocity


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in threads."""
    seconds = {"compile": numba_csr.warm()}
    from breakeven.workloads.fem.kernels import compiled

    watch = Watch()
    elements = numba_csr.element_work(mesh)
    count = len(mesh.quad8)
    values: Floats = np.empty((count, 64))
    rows, columns = np.empty((count, 64), np.int32), np.empty((count, 64), np.int32)

    def work(span: tuple[int, int]) -> None:
        elements(*span, values)
        compiled.triplets_into(mesh.quad8, *span, rows, columns)

    numba_csr.over(count, effort, work)
    watch.lap("elements")
    found = summed(mesh, rows.ravel(), columns.ravel(), values)
    watch.lap("convert")
    return Assembled(found, seconds | watch.seconds)
