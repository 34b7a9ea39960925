"""`auto`: compiled code where it is loaded or worth its loading, else arrays in batches, spread as the planner decides.

Lives here: the choice (decisions 0031, 0035, 0056, 0061 and 0062). Never here: a way to assemble; each is a file.
"""

from __future__ import annotations

import os
import sys
import weakref
from importlib.util import find_spec
from pathlib import Path

import breakeven as be
from breakeven.workloads.fem.assembly import looped, numba_csr, processes_shared, tasks
from breakeven.workloads.fem.assembly.effort import RETRIES, Assembled, Effort, Flow, Watch
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.mesh import Mesh

SPREADING, SPREADING_FIRST = 2000, 60_000
"""What it costs to spread arrays, in elements that one thread takes in as long (measured): each time, and a mesh's
first time, when workers may have to be started and write into memory that nobody has touched."""

LOADING_SECONDS, COMPILING_SECONDS = 0.4, 5.0
"""Of compiled code that is kept on disk, and of code that is not: measured 0.3 to 0.6, and 3 to 12."""

ARRAY_SECONDS, SAVED_SHARE = 2.4e-6, 0.75
"""What an element takes by arrays, its summing included, and the share of that which compiled code saves (measured)."""

_broken: list[bool] = []
"""Not empty where numba is there and cannot be imported, as with a numpy that is too new for it."""

_rent: list[float] = [0.0]
"""Seconds that arrays took so far in this process."""

_seen: weakref.WeakSet[Mesh] = weakref.WeakSet()
"""Meshes that were assembled by arrays before."""


def forget(mesh: Mesh) -> None:
    """Take a mesh for one that was never assembled."""
    _seen.discard(mesh)


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble by the fastest way here; `note` says which that was."""
    if _pays(len(mesh.quad8)):
        try:
            done = numba_csr.matrix(mesh, effort)
        except be.BackendUnavailable:
            _broken.append(True)
        else:
            return Assembled(done.matrix, done.seconds, done.traffic, "numba-csr")
    done = _by_arrays(mesh, effort)
    _rent[0] += sum(done.seconds.values())
    return done


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate by compiled code where it is there; by arrays it takes less than any worker needs to be told."""
    if numba_csr.is_warm():
        return numba_csr.velocity(mesh, potential, effort)
    done = looped.velocity(mesh, potential, effort, kernel="numpy")
    _rent[0] += sum(done.seconds.values())
    return done


def _pays(count: int) -> bool:
    """Whether to assemble `count` elements by compiled code: it is there, or arrays have cost its price by now."""
    if numba_csr.is_warm():
        return True
    saved = SAVED_SHARE * (_rent[0] + ARRAY_SECONDS * count)
    return saved >= LOADING_SECONDS and _is_installed() and (saved >= COMPILING_SECONDS or _is_kept())


def _is_installed() -> bool:
    return not _broken and (sys.modules.get("numba") is not None or find_spec("numba") is not None)


def _is_kept() -> bool:
    """Whether the kernels lie compiled on disk: where numba is told to keep them, by their source, or in the cache."""
    from breakeven.workloads.fem import kernels

    source = Path(kernels.__file__).with_name("compiled.py")
    name = f"compiled.stiffness_into-*.py{sys.version_info.major}{sys.version_info.minor}.nbi"
    told, own = os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    rooms = [Path(told)] if told else [source.parent / "__pycache__", Path(own) / "numba"]
    newest = max(
        (one.stat().st_mtime for room in rooms for way in (name, f"*/{name}") for one in room.glob(way)), default=0
    )
    return newest >= source.stat().st_mtime


def _is_worth(count: int, costs: int, workers: int) -> bool:
    """Whether `workers` save what they cost: all of the work but the share of one of them."""
    return count * (workers - 1) >= costs * workers


def _by_arrays(mesh: Mesh, effort: Effort) -> Assembled:
    """Array operations over batches: in this thread where they are few, else where the planner says."""
    count = len(mesh.quad8)
    costs = SPREADING if mesh in _seen else SPREADING_FIRST
    _seen.add(mesh)
    if not effort.batch_size and not _is_worth(count, costs, effort.max_workers):
        done = looped.matrix(mesh, effort, kernel="numpy")
        return Assembled(done.matrix, done.seconds, note="numpy")
    watch = Watch()
    with processes_shared.room_of(mesh) as room:
        places = be.map(
            *room.stiffness("numpy", processes_shared.spans_of(mesh, effort)),
            max_workers=effort.max_workers,
            chunksize=effort.chunksize or ("auto" if effort.batch_size else 1),
            start_method=effort.start_method,
            retries=RETRIES,
            progress=False,
        )
        watch.lap("elements")
        found = room.summed(mesh)
    watch.lap("convert")
    return Assembled(found, watch.seconds, note=f"numpy{tasks.spread_over(places)}")
