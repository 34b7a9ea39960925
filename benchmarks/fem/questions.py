"""How each figure is taken. Lives here: timed calls. Never here: what is good enough.

Every question is a function of `quick` that returns {series: [seconds or whatever a series is in, one a round]}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

import breakeven as be
from benchmarks.clock import timed
from benchmarks.machine import ROOT
from breakeven.workloads import fem
from breakeven.workloads.fem.assembly import Effort, auto, implementation_of, numba_csr, processes_shared
from breakeven.workloads.fem.boundary import apply
from breakeven.workloads.fem.scaling import scaling
from breakeven.workloads.fem.solvers import solve_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Series = dict[str, list[float]]

WORKERS = 2

WITHOUT_NUMBA = (400, 10_000, 100_000, 200_000)
FAMILIES = ("auto", "numpy", "threads", "processes-shared")
"""Sizes at which `auto` is held against what it may use where nothing can be compiled, and what that is."""


def in_turns(ways: dict[str, Callable[[], float]], rounds: int) -> Series:
    """Call every way once a round, in an order of its own; one more round before them does not count.

    A way finds the caches as the one before it left them, which is a tenth of a millisecond's work and more.
    """
    names = list(ways)
    found: Series = {name: [] for name in names}
    for number in range(-1, rounds):
        for place in order(len(names), number):
            seconds = ways[names[place]]()
            if number >= 0:
                found[names[place]].append(seconds)
    return found


def order(count: int, number: int) -> list[int]:
    """Round `number`'s order of `count` ways; in 2 · `count` rounds each follows each other equally often (Williams).

    >>> [order(3, number) for number in range(6)]
    [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]
    """
    zigzag = [(step + 1) // 2 if step % 2 else -step // 2 for step in range(count)]
    turned = [(place + number // 2) % count for place in zigzag]
    return turned[::-1] if number % 2 else turned


def rounds_of(elements: int) -> int:
    """Of four ways in a balanced order: the shorter they take, the more a neighbour's turn shows in each."""
    return 8 * max(1, min(25, 100_000 // elements))


def mesh_of(elements: int) -> fem.Mesh:
    """A square of curved elements."""
    return fem.case("harmonic", n=round(elements**0.5))[0]


def assembly(*, quick: bool) -> Series:
    """Seconds to assemble 100 000 elements, beside scikit-fem; the pattern and velocities apart, compile time out."""
    mesh = mesh_of(4_000 if quick else 100_000)
    numba_csr.warm()
    effort = Effort(WORKERS)
    pattern = numba_csr.pattern_of(mesh, effort)
    potential = np.sin(mesh.points[:, 0])

    def part(name: str, which: str, **options: Any) -> Callable[[], float]:
        return lambda: implementation_of(name).matrix(mesh, Effort(WORKERS, **options)).seconds[which]

    def first_shared() -> float:
        processes_shared.forget()
        return part("processes-shared", "elements")()

    return {
        "elements": [float(len(mesh.quad8))],
        **in_turns(
            {
                "scikit-fem, basis and matrix": _scikit_fem(mesh, 0),
                "scikit-fem, 2 threads": _scikit_fem(mesh, WORKERS),
                "numba-csr, pattern": lambda: timed(numba_csr.pattern_of, mesh, effort)[0],
                "numba-csr, fill": lambda: timed(numba_csr.fill, mesh, pattern, effort)[0],
                "numba-csr, fill, 1 thread": lambda: timed(numba_csr.fill, mesh, pattern, Effort(1))[0],
                "numba-coo, elements": part("numba-coo", "elements"),
                "numba-coo, convert": part("numba-coo", "convert"),
                "numpy, elements": part("numpy", "elements"),
                "processes-shared, elements": part("processes-shared", "elements"),
                "processes-shared, elements, first on a mesh": first_shared,
                "processes-initializer, numpy kernel": part("processes-initializer", "elements", kernel="numpy"),
                "processes-pickle, numpy kernel": part(
                    "processes-pickle", "elements", kernel="numpy", batch_size=1000, chunksize=1
                ),
                "velocity, numba": lambda: numba_csr.velocity(mesh, potential, effort).seconds["velocity"],
                "velocity, numpy": lambda: (
                    implementation_of("numpy").velocity(mesh, potential, effort).seconds["velocity"]
                ),
            },
            1 if quick else 7,
        ),
    }


def _scikit_fem(mesh: fem.Mesh, threads: int) -> Callable[[], float]:
    """Its own quadratic serendipity element on its own mesh of the same points, with a rule of the same order."""
    import skfem
    from skfem.helpers import dot, grad

    corners = np.unique(mesh.quad8[:, :4])
    fresh = np.zeros(len(mesh.points), dtype=np.int64)
    fresh[corners] = np.arange(len(corners))
    theirs = skfem.MeshQuad(mesh.points[corners].T.copy(), fresh[mesh.quad8[:, :4]].T.astype(np.int64))

    def laplace(u: Any, v: Any, _: Any) -> Any:
        return dot(grad(u), grad(v))

    form = skfem.BilinearForm(laplace, nthreads=threads)

    def run() -> float:
        def assemble() -> Any:
            return form.assemble(skfem.Basis(theirs, skfem.ElementQuadS2(), intorder=5))

        return timed(assemble)[0]

    return run


def loops(*, quick: bool) -> Series:
    """Seconds of the element loop in Python: one process, and two that are sent the whole mesh with every task."""
    mesh = mesh_of(1_000 if quick else 20_736)

    def pickled(size: int, workers: int) -> Callable[[], float]:
        effort = Effort(workers, size, 1)
        return lambda: implementation_of("processes-pickle").matrix(mesh, effort).seconds["elements"]

    ways: dict[str, Callable[[], float]] = {
        "python": lambda: implementation_of("python").matrix(mesh, Effort(1)).seconds["elements"],
        "threads": lambda: implementation_of("threads").matrix(mesh, Effort(WORKERS)).seconds["elements"],
    }
    ways |= {f"processes-pickle, batches of {size}": pickled(size, WORKERS) for size in (100, 1000, 5000, 10_000)}
    return {"elements": [float(len(mesh.quad8))], **in_turns(ways, 1 if quick else 5)}


def system(*, quick: bool) -> Series:
    """Seconds of boundary conditions and of each solver at 100 000 nodes, to 1e-8 and to 1e-12."""
    mesh, conditions = fem.case("channel", nx=60 if quick else 320, ny=20 if quick else 104)
    matrix = fem.assemble(mesh)
    ready = apply(mesh, matrix, conditions)

    def solver(name: str, tolerance: float) -> Callable[[], float]:
        return lambda: timed(solve_system, ready.matrix, ready.load, name, tolerance)[0]

    ways = {
        "boundary conditions": lambda: timed(apply, mesh, matrix, conditions)[0],
        "cg-amg to 1e-8": solver("cg-amg", 1e-8),
        "cg-amg to 1e-12": solver("cg-amg", 1e-12),
        "cg-jacobi to 1e-8": solver("cg-jacobi", 1e-8),
        "direct": solver("direct", 1e-12),
    }
    return {"nodes": [float(len(mesh.points))], **in_turns(ways, 1 if quick else 5)}


_WHOLE = """
import json, resource, sys, time
began = time.perf_counter()
from breakeven.workloads import fem
mesh, conditions = fem.case("channel", nx=int(sys.argv[1]), ny=int(sys.argv[2]))
made = time.perf_counter() - began
solution = fem.solve(mesh, conditions, solver=sys.argv[3])
seconds = time.perf_counter() - began
error = float(abs(solution.potential - 2.5 * (3 - mesh.points[:, 0])).max())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"nodes": len(mesh.points), "seconds": seconds, "mesh seconds": made, "peak bytes": peak,
                  "error": error, "iterations": solution.iterations, "stages": solution.stages}))
"""


def whole(*, quick: bool) -> Series:
    """A problem of 1.3 million nodes in a program of its own, from its import to the pressure, with its peak memory."""
    size = ("60", "20") if quick else ("1140", "380")
    found: Series = {}
    for solver in ("cg-amg", "direct"):
        for _ in range(1 if quick else 3):
            run = subprocess.run(
                [sys.executable, "-c", _WHOLE, *size, solver],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
            told = json.loads(run.stdout)
            stages = {f"{solver}: {name}": seconds for name, seconds in told.pop("stages").items()}
            for name, figure in {**{f"{solver}: {key}": one for key, one in told.items()}, **stages}.items():
                found.setdefault(name, []).append(float(figure))
    return found


def choice(*, quick: bool) -> Series:
    """Seconds of whole assemblies by `auto` and by each family it may use: with numba loaded, and without it."""
    found: Series = {}
    numba_csr.warm()
    for label, elements, rounds in (("small", 400, 200), ("large", 2_500 if quick else 60_000, 20)):
        mesh = mesh_of(elements)
        names = ("auto", "numpy", "processes-shared", "numba-coo", "numba-csr")
        for name, seconds in in_turns({name: whole_of(name, mesh) for name in names}, 1 if quick else rounds).items():
            found[f"{label}: {name}"] = seconds
    with without_numba():
        for elements in WITHOUT_NUMBA:
            mesh = mesh_of(400 if quick else elements)
            ways = {name: whole_of(name, mesh) for name in FAMILIES}
            for name, seconds in in_turns(ways, 1 if quick else rounds_of(elements)).items():
                found[f"{elements} elements without numba: {name}"] = seconds
    return found


def cold(*, quick: bool) -> Series:
    """The same without numba, of a mesh that is new, in fresh memory, by workers that are still to be started."""
    found: Series = {}
    with without_numba():
        for elements in WITHOUT_NUMBA[1:]:
            mesh = mesh_of(400 if quick else elements)
            ways = {name: _new(mesh, whole_of(name, mesh)) for name in FAMILIES}
            for name, seconds in in_turns(ways, 1 if quick else 8).items():
                found[f"{elements} elements, first: {name}"] = seconds
    be.shutdown()
    return found


def _new(mesh: fem.Mesh, way: Callable[[], float]) -> Callable[[], float]:
    def run() -> float:
        be.shutdown()
        processes_shared.forget()
        auto.forget(mesh)
        return way()

    return run


@contextmanager
def without_numba() -> Iterator[None]:
    """One machine stands for two."""
    is_warm, is_installed = numba_csr.is_warm, auto._is_installed  # noqa: SLF001
    try:
        numba_csr.is_warm = auto._is_installed = lambda: False  # noqa: SLF001
        yield
    finally:
        numba_csr.is_warm, auto._is_installed = is_warm, is_installed  # noqa: SLF001


def whole_of(name: str, mesh: fem.Mesh) -> Callable[[], float]:
    """A timed assembly, elements and sum; threads with the kernel of arrays, as the others without numba have it."""
    kernel = "numpy" if name == "threads" else ""
    return lambda: timed(lambda: implementation_of(name).matrix(mesh, Effort(WORKERS, kernel=kernel)))[0]


_FIRST = """
import sys, time
from breakeven.workloads import fem
mesh = fem.generate("channel", nx=10, ny=5)
import scipy.sparse
began = time.perf_counter()
fem.assemble(mesh, sys.argv[1])
print(time.perf_counter() - began)
"""


def first(*, quick: bool) -> Series:
    """Seconds of the first assembly of 50 elements in a program, on a machine on which nothing was compiled yet."""
    found: Series = {name: [] for name in ("auto", "numpy", "numba-csr")}
    for _ in range(1 if quick else 3):
        for name, seconds in found.items():
            with tempfile.TemporaryDirectory() as folder:
                run = subprocess.run(
                    [sys.executable, "-c", _FIRST, name],
                    capture_output=True,
                    text=True,
                    check=True,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NUMBA_CACHE_DIR": folder},
                )
            seconds.append(float(run.stdout))
    return found


def model(*, quick: bool) -> Series:
    """The scaling model's errors on batch sizes it was not fitted on, and the break-even, predicted and found."""
    mesh = mesh_of(1_000 if quick else 20_736)
    sizes = (50, 200) if quick else (100, 1000, 5000, 10_000)
    done = scaling(mesh, batch_sizes=sizes, workers=(1, 2), rounds=1 if quick else 5)
    be.shutdown()
    found: Series = {
        "worst error, fitted": [done.fit_error],
        "worst error, not fitted": [done.held_out_error or 0.0],
        "what was measured may be off by": [done.uncertainty or 0.0],
    }
    for run in done.runs:
        found[f"batches of {run.batch_size}, {run.workers} workers, seconds"] = run.seconds
        found[f"batches of {run.batch_size}, {run.workers} workers, model"] = [run.predicted_seconds]
    for name in ("predicted_elements", "found_elements"):
        if done.break_even.get(name) is not None:
            found[f"break-even, {name}"] = [float(done.break_even[name])]
    return found


QUESTIONS: dict[str, Callable[..., Series]] = {
    "assembly": assembly,
    "loops": loops,
    "system": system,
    "whole": whole,
    "choice": choice,
    "cold": cold,
    "first": first,
    "model": model,
}
"""Name → question, in the order in which they are asked."""
