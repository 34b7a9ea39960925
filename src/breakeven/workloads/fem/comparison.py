"""Every implementation on one mesh, in turns: seconds, bytes and messages that moved, memory a worker, and agreement.

Lives here: the runs and their figures. Never here: layout, which is the command line's. Memory is looked at in a run
apart, so that looking costs the timed ones nothing.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import (
    IMPLEMENTATIONS,
    Effort,
    Traffic,
    auto,
    implementation_of,
    numba_csr,
    processes_shared,
)
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.verification import SAME, difference

__all__ = ["Row", "compare"]

_LOOK_EVERY_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """One implementation's figures; seconds are medians over the rounds, `assemble_seconds` holds each round's.

    `matrix_difference` and `velocity_difference` are to the reference, as shares of its largest entry. `identical` says
    whether other numbers of workers and other batches gave the same bits. `speedup` is the reference's assembly time
    over this one's. `worker_bytes` is the most that one worker had to itself, None without workers.
    """

    name: str
    chosen: str
    assemble_seconds: list[float]
    velocity_seconds: list[float]
    parts: dict[str, float]
    compile_seconds: float
    elements_per_second: float
    speedup: float
    matrix_difference: float
    velocity_difference: float
    agrees: bool
    identical: bool
    traffic: Traffic
    velocity_traffic: Traffic
    worker_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Runs:
    """What the rounds of one implementation left: seconds, and the last results."""

    assemble_seconds: list[float] = field(default_factory=list)
    velocity_seconds: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)
    compile_seconds: float = 0.0
    assembled: Any = None
    flow: Any = None

    def add(self, way: Any, mesh: Mesh, potential: Floats, effort: Effort) -> None:
        """One round, from nothing: what the round before left does not count."""
        processes_shared.forget()
        for kept in (numba_csr, auto):
            kept.forget(mesh)
        began = perf_counter()
        self.assembled = way.matrix(mesh, effort)
        seconds = perf_counter() - began
        self.flow = way.velocity(mesh, potential, effort)
        compiling = self.assembled.seconds.get("compile", 0.0)
        self.assemble_seconds.append(seconds - compiling)
        self.velocity_seconds.append(self.flow.seconds["velocity"])
        self.parts.append(self.assembled.seconds)
        self.compile_seconds += compiling + self.flow.seconds.get("compile", 0.0)


def compare(
    mesh: Mesh,
    effort: Effort,
    names: Iterable[str] | None = None,
    rounds: int = 3,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Run every implementation of `names` `rounds` times in turns; the first is the reference of all others."""
    needed("scipy.sparse", "a comparison")  # or whoever came first would be timed with its import
    chosen = list(names or IMPLEMENTATIONS)
    ways = {name: implementation_of(name) for name in chosen}
    potential = np.hypot(*(mesh.points - mesh.points.mean(axis=0)).T)
    runs = {name: _Runs() for name in chosen}
    for number in range(rounds):
        for name in chosen if number % 2 == 0 else reversed(chosen):
            tell(f"round {number + 1}/{rounds}: {name}")
            runs[name].add(ways[name], mesh, potential, effort)
    rows = []
    for name in chosen:
        tell(f"checking {name}")
        rows.append(_row(name, ways[name], runs[name], runs[chosen[0]], mesh, effort))
    return rows


def _row(name: str, way: Any, runs: _Runs, reference: _Runs, mesh: Mesh, effort: Effort) -> Row:
    """One implementation's figures, with what is looked at in runs apart."""
    assembled, flow = runs.assembled, runs.flow
    seconds = statistics.median(runs.assemble_seconds)
    apart = difference(assembled.matrix, reference.assembled.matrix)
    fast = _relative(flow.velocity, reference.flow.velocity)
    moves = assembled.traffic.messages_out > 0
    return Row(
        name=name,
        chosen=assembled.note or name,
        assemble_seconds=runs.assemble_seconds,
        velocity_seconds=runs.velocity_seconds,
        parts={
            part: statistics.median(one[part] for one in runs.parts) for part in assembled.seconds if part != "compile"
        },
        compile_seconds=runs.compile_seconds,
        elements_per_second=len(mesh.quad8) / seconds,
        speedup=statistics.median(reference.assemble_seconds) / seconds,
        matrix_difference=apart,
        velocity_difference=fast,
        agrees=apart <= SAME and fast <= SAME,
        identical=name == "python" or _identical(way, mesh, effort, assembled.matrix),
        traffic=assembled.traffic,
        velocity_traffic=flow.traffic,
        worker_bytes=_worker_bytes(lambda: way.matrix(mesh, effort)) if moves else None,
    )


def _relative(found: Floats, reference: Floats) -> float:
    return float(np.abs(found - reference).max() / np.abs(reference).max())


def _identical(way: Any, mesh: Mesh, effort: Effort, matrix: Any) -> bool:
    """Whether one worker and uneven batches give the same bits."""
    other = Effort(1, 777, effort.chunksize, effort.start_method, effort.kernel)
    found = way.matrix(mesh, other).matrix
    return bool(np.array_equal(found.indptr, matrix.indptr) and np.array_equal(found.data, matrix.data))


def _worker_bytes(run: Callable[[], Any]) -> int | None:
    """The most memory that one worker process had to itself while `run` ran, workers started anew."""
    import psutil

    be.shutdown()
    this = psutil.Process()
    before = {child.pid for child in this.children(recursive=True)}
    most: list[int] = [0]
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_SECONDS):
            for child in this.children(recursive=True):
                if child.pid not in before:
                    try:
                        most[0] = max(most[0], child.memory_full_info().uss)
                    except psutil.Error:  # gone meanwhile
                        continue

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        run()
    finally:
        over.set()
        watcher.join()
    return most[0] or None
