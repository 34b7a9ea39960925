"""Every implementation on one mesh, in turns: seconds, bytes and messages that moved, memory a worker, and agreement.

Lives here: the runs and their figures. Never here: layout, which is the command line's. Memory is looked at in a run
apart, so that looking costs the timed ones nothing.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np

import breakeven as be
from breakeven.workloads.fem.assembly import IMPLEMENTATIONS, Effort, Traffic, implementation_of
from breakeven.workloads.fem.element import Floats
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


def compare(
    mesh: Mesh,
    effort: Effort,
    names: Iterable[str] | None = None,
    rounds: int = 3,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Run every implementation of `names` `rounds` times in turns; the first is the reference of all others."""
    chosen = list(names or IMPLEMENTATIONS)
    ways = {name: implementation_of(name) for name in chosen}
    potential = np.hypot(*(mesh.points - mesh.points.mean(axis=0)).T)
    runs: dict[str, list[tuple[float, Any, Any]]] = {name: [] for name in chosen}
    compile_seconds = dict.fromkeys(chosen, 0.0)
    for number in range(rounds):
        for name in chosen if number % 2 == 0 else reversed(chosen):
            tell(f"round {number + 1}/{rounds}: {name}")
            began = perf_counter()
            assembled = ways[name].matrix(mesh, effort)
            seconds = perf_counter() - began
            flow = ways[name].velocity(mesh, potential, effort)
            compiling = assembled.seconds.get("compile", 0.0)
            compile_seconds[name] += compiling + flow.seconds.get("compile", 0.0)
            runs[name].append((seconds - compiling, assembled, flow))
    reference = runs[chosen[0]][0]
    first = statistics.median(seconds for seconds, _, _ in runs[chosen[0]])
    rows = []
    for name in chosen:
        tell(f"checking {name}")
        each = [one for one, _, _ in runs[name]]
        assembled, flow = runs[name][-1][1:]
        apart = difference(assembled.matrix, reference[1].matrix)
        fast = _relative(flow.velocity, reference[2].velocity)
        moves = assembled.traffic.messages_out > 0
        rows.append(
            Row(
                name=name,
                chosen=assembled.note or name,
                assemble_seconds=each,
                velocity_seconds=[flow.seconds["velocity"] for _, _, flow in runs[name]],
                parts={
                    part: statistics.median(one.seconds[part] for _, one, _ in runs[name])
                    for part in assembled.seconds
                    if part != "compile"
                },
                compile_seconds=compile_seconds[name],
                elements_per_second=len(mesh.quad8) / statistics.median(each),
                speedup=first / statistics.median(each),
                matrix_difference=apart,
                velocity_difference=fast,
                agrees=apart <= SAME and fast <= SAME,
                identical=_identical(ways[name], mesh, effort, assembled.matrix) if name != "python" else True,
                traffic=assembled.traffic,
                velocity_traffic=flow.traffic,
                worker_bytes=_worker_bytes(lambda way=ways[name]: way.matrix(mesh, effort)) if moves else None,  # type: ignore[misc]
            )
        )
    return rows


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
