"""Processes that count in one shared place: the program in which an update is timed and lost updates are counted.

Lives here: every way to share a number, and processes that add to it. Never here: what is concluded. All adders of a
turn wait for one future moment of the clock that they share, and begin; each adds one, many times.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from contextlib import nullcontext
from time import perf_counter_ns, sleep
from typing import TYPE_CHECKING

import numpy as np

from breakeven.engine.sharing import SharedArray
from breakeven.lab.processes.programs import printed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

LEAD_NS = 3_000_000  # from the last adder that is ready to the start
STRIDE = 16  # of disjoint places: each adder has 128 bytes to itself, so that no two share a cache line


def add_value(number: Any, lock: AbstractContextManager[Any], count: int, rank: int) -> None:  # noqa: ARG001
    """`number.value += 1`, under the lock that is given."""
    for _ in range(count):
        with lock:
            number.value += 1


def add_item(numbers: Any, lock: AbstractContextManager[Any], count: int, rank: int) -> None:  # noqa: ARG001
    """`numbers[0] += 1`, under the lock that is given."""
    for _ in range(count):
        with lock:
            numbers[0] += 1


def add_bare_value(number: Any, lock: Any, count: int, rank: int) -> None:  # noqa: ARG001
    """`number.value += 1` and nothing around it."""
    for _ in range(count):
        number.value += 1


def add_bare_item(numbers: Any, lock: Any, count: int, rank: int) -> None:  # noqa: ARG001
    """`numbers[0] += 1` and nothing around it."""
    for _ in range(count):
        numbers[0] += 1


def add_own_item(numbers: Any, lock: Any, count: int, rank: int) -> None:  # noqa: ARG001
    """`numbers[own place] += 1`: nobody else writes there."""
    place = rank * STRIDE
    for _ in range(count):
        numbers[place] += 1


def add_locally(numbers: Any, lock: Any, count: int, rank: int) -> None:  # noqa: ARG001
    """A number of one's own, written to the own place once at the end: what sharing should be replaced by."""
    total = 0
    for _ in range(count):
        total += 1
    numbers[rank * STRIDE] += total


class Shared:
    """One way to share a number: who adds how, and what the sum is afterwards."""

    def __init__(self, add: Callable[..., None], place: Any, lock: Any, total: Callable[[], float]) -> None:
        self.add = add
        self.place = place
        self.lock = lock
        self.total = total


def opened(way: str, context: Any, manager: Callable[[], Any]) -> Shared:
    """Make the shared place that `way` names; `manager` gives the one manager process of this program."""
    if way.startswith("Value"):
        number = context.Value("q", 0, lock=way != "Value, no lock")
        lock = number.get_lock() if way == "Value, get_lock()" else None
        return Shared(add_value if lock else add_bare_value, number, lock, lambda: number.value)
    if way.startswith("Array"):
        array = context.Array("q", 1, lock=way != "Array, no lock")
        lock = array.get_lock() if way == "Array, get_lock()" else None
        return Shared(add_item if lock else add_bare_item, array, lock, lambda: array[0])
    if way.startswith("Manager().Value"):
        number = manager().Value("q", 0)
        lock = manager().Lock() if way.endswith("Lock()") else None
        return Shared(add_value if lock else add_bare_value, number, lock, lambda: number.value)
    if way.startswith("Manager().list"):
        numbers = manager().list([0])
        return Shared(add_bare_item, numbers, None, lambda: numbers[0])
    shared = SharedArray.empty(STRIDE * 64, np.int64)
    if way == "SharedArray, own places":
        return Shared(add_own_item, shared, None, lambda: int(shared.sum()))
    if way == "local, summed once":
        return Shared(add_locally, shared, None, lambda: int(shared.sum()))
    lock = context.Lock() if way == "SharedArray, Lock()" else None
    return Shared(add_item if lock else add_bare_item, shared, lock, lambda: int(shared[0]))


def adder(shared: Shared, count: int, rank: int, start: Any, results: Any) -> None:
    """What one process does: wait for the start, add, report how long it took."""
    results.put(None)
    while not start.value:
        sleep(0.0005)
    while perf_counter_ns() < start.value:
        pass
    began = perf_counter_ns()
    shared.add(shared.place, shared.lock or nullcontext(), count, rank)
    results.put((began, perf_counter_ns()))


def turn(context: Any, manager: Callable[[], Any], way: str, adders: int, count: int) -> dict[str, float]:
    """Let `adders` processes add `count` ones each; nanoseconds an update, and how many of them are in the sum."""
    shared = opened(way, context, manager)
    start, results = context.Value("q", 0, lock=False), context.SimpleQueue()
    processes = [
        context.Process(target=adder, args=(shared, count, rank, start, results), daemon=True) for rank in range(adders)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        results.get()  # one more is ready
    start.value = perf_counter_ns() + LEAD_NS
    stamps = [results.get() for _ in processes]
    for process in processes:
        process.join()
    spans = [ended - began for began, ended in stamps]
    wall = max(ended for _, ended in stamps) - min(began for began, _ in stamps)
    overlap = min(ended for _, ended in stamps) - max(began for began, _ in stamps)
    return {
        "ns_an_update": sum(spans) / len(spans) / count,
        "updates_a_second": adders * count / wall * 1e9,
        "overlap": max(overlap, 0) / wall,
        "arrived": shared.total(),
        "expected": adders * count,
    }


def main() -> None:
    """Serve: a line {way, adders, count} in, a turn out."""
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)
    managers: list[Any] = []

    def manager() -> Any:
        if not managers:
            managers.append(context.Manager())
        return managers[0]

    for line in sys.stdin:
        task = json.loads(line)
        printed(turn(context, manager, task["way"], task["adders"], task["count"]))
    for one in managers:
        one.shutdown()


if __name__ == "__main__":
    main()
