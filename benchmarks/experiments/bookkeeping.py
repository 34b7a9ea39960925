"""What it costs breakeven to account for every chunk: the recorder's calls of a real run, played again and timed.

The recorder cannot be switched off, so a run without it cannot be timed; and beside a chunk's 15 µs on the way, a
difference of two noisy runs would drown what is asked for. What the worker spends on its stamps is added.
"""

import gc
import os
import time

from benchmarks import tasks
from benchmarks.clock import median, now, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from benchmarks.experiments import Cell

    Call = tuple[Callable[..., object], tuple[Any, ...]]

WORKER_STAMPS = 6
"""Readings of the clock that a worker sends back with each part of a chunk."""
REPLAYS = 7
SCHEDSTAT = "/proc/thread-self/schedstat"


def ledger_cost(cell: "Cell") -> "dict[str, float | None]":
    """Microseconds a chunk, parent and worker together; and the share of chunks that compute for a millisecond."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    stamps = WORKER_STAMPS * _cost(time.perf_counter)
    tiny = _recorded_seconds(lambda: peer.single(tasks.double, range(cell.options["chunks"])))
    tiny_chunk = tiny / cell.options["chunks"] + stamps
    turns = [cell.options["turns_per_ms"]] * (cell.options["chunks"] // 10)
    long = _recorded_seconds(lambda: peer.single(tasks.spin, turns))
    descriptor = os.open(SCHEDSTAT, os.O_RDONLY)
    probes = 2 * _cost(time.thread_time) + 2 * _cost(os.pread, descriptor, 100, 0)
    os.close(descriptor)
    long_chunk = long / len(turns) + stamps + probes
    peer.stop()
    return {
        "chunk_us": tiny_chunk * 1e6,
        "worker_stamps_us": stamps * 1e6,
        "long_chunk_us": long_chunk * 1e6,
        "share_percent": long_chunk / median([timed(tasks.spin, turns[0])[0] for _ in range(25)]) * 100,
    }


def _cost(fn: "Callable[..., object]", *args: object) -> float:
    """Seconds of one call of something fast, the loop around it not counted."""
    rounds = range(5_000)
    costs = []
    for _ in range(REPLAYS):
        began = now()
        for _ in rounds:
            pass
        empty = now() - began
        began = now()
        for _ in rounds:
            fn(*args)
        costs.append((now() - began - empty) / len(rounds))
    return median(costs)


def _recorded_seconds(run: "Callable[[], object]") -> float:
    """Seconds that the parent's recorder took during a run, by playing its calls again on the same lanes."""
    from breakeven.ledger import recorder

    kind = recorder.Recorder
    noted: list[Call] = []
    depth: list[int] = []
    originals = {
        name: method
        for name, method in vars(kind).items()
        if callable(method) and name not in ("recording", "finish", "lane", "__init__", "__new__")
    }
    for name, method in originals.items():
        setattr(kind, name, _noting(method, noted, depth))
    try:
        run()
    finally:
        for name, method in originals.items():
            setattr(kind, name, method)
    gc.disable()  # a hundred thousand kept calls are this experiment's garbage, not the ledger's
    try:
        return median([_replayed(noted, originals["outcome"]) for _ in range(REPLAYS)])
    finally:
        gc.enable()


def _noting(method: "Callable[..., object]", noted: "list[Call]", depth: list[int]) -> "Callable[..., object]":
    """The method, its calls noted but for those that another noted method makes."""

    def note(*args: object) -> object:
        if not depth:
            noted.append((method, args))
        depth.append(1)
        try:
            return method(*args)
        finally:
            depth.pop()

    return note


def _replayed(noted: "list[Call]", outcome: "Callable[..., object]") -> float:
    """Seconds of all calls, and of what the dispatcher keeps for itself with each outcome: a path, and a record."""
    kept: list[object] = []
    path = [0.0] * 27
    began = now()
    for method, args in noted:
        method(*args)
        if method is outcome:
            path = path[:]
            kept.append((0, 1, 1, *args[4:], now()))
    played = now() - began
    began = now()
    for method, _args in noted:
        if method is outcome:
            pass
    return played - (now() - began)
