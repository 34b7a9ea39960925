"""`auto`: compiled code in threads where numba is installed, else batches of arrays spread as the planner decides."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import looped, numba_csr, tasks
from breakeven.workloads.fem.assembly.effort import (
    BATCH_SIZE,
    RETRIES,
    Assembled,
    Effort,
    Flow,
    Watch,
    batches,
    summed,
    triplets,
)
from breakeven.workloads.fem.element import STIFFNESS_RULE, Floats, gradients
from breakeven.workloads.fem.mesh import Mesh

_broken: list[bool] = []
"""Not empty where numba is there and cannot be imported, as with a numpy that is too new for it."""


def _is_compiled() -> bool:
    """Whether numba is there; looking for it on the path takes as long as 200 elements do, so only once."""
    return not _broken and (sys.modules.get("numba") is not None or find_spec("numba") is not None)


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble by the fastest way here; `note` says which that was (decision 0031)."""
    if _is_compiled():
        try:
            done = numba_csr.matrix(mesh, effort)
        except be.BackendUnavailable:
            _broken.append(True)
        else:
            return Assembled(done.matrix, done.seconds, done.traffic, "numba-csr")
    watch = Watch()
    shared = be.SharedArray
    values = shared.empty((len(mesh.quad8), 64), np.float64)
    slopes, weights = gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights
    done_batches = be.map(
        partial(tasks.matrices_into, "numpy", mesh.points, mesh.quad8, slopes, weights, values),
        batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE),
        max_workers=effort.max_workers,
        retries=RETRIES,
        progress=False,
    )
    watch.lap("elements")
    found = summed(mesh, *triplets(mesh.quad8), np.asarray(values).view(np.ndarray))
    watch.lap("convert")
    return Assembled(found, watch.seconds, note=f"numpy on {done_batches.report.to_dict()['backend']}")


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate by the fastest way here; without numba that takes less time than any worker needs to be told."""
    if _is_compiled():
        return numba_csr.velocity(mesh, potential, effort)
    return looped.velocity(mesh, potential, effort, kernel="numpy")
