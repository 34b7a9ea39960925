"""A program with workers that hold what they were given: the tree whose memory is looked at from outside.

Lives here: the ways workers come by a payload, and the two pauses at which the tree stands still: before the first
worker, and when every worker holds its payload and has read all of it. Never here: a measurement.
"""

from __future__ import annotations

import multiprocessing
import sys
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from breakeven.lab.processes.programs import printed

if TYPE_CHECKING:
    from collections.abc import Callable

_held: list[Any] = []  # what this process was given, so that it stays

LIST_ITEM_BYTES = 32  # a float of 24 bytes and the reference to it


def read_all(payload: Any) -> float:
    """Look at every byte or every object of a payload."""
    if payload is None:
        return 0.0
    return float(sum(payload)) if isinstance(payload, list) else float(np.asarray(payload).view(np.uint64).sum())


def hold_inherited(ready: Any, ended: Any) -> None:
    """A worker that has its payload from before the fork."""
    read_all(_held[0])
    ready.release()
    ended.acquire()


def hold_sent(payload: Any, ready: Any, ended: Any) -> None:
    """A worker that takes its payload out of a pipe, or is handed a reference to shared memory as an argument."""
    _held.append(payload.recv() if hasattr(payload, "recv") else payload)
    hold_inherited(ready, ended)


def hold_task(payload: Any, flags: Any, place: int, workers: int) -> None:
    """A task of breakeven's that keeps its payload, and ends when as many workers have begun one each."""
    _held.append(payload)
    read_all(payload)
    flags[place] = 1
    while int(flags[:workers].sum()) < workers:
        sleep(0.001)


def made(sharing: str, size_bytes: int) -> Any:
    """The payload in the parent: random bytes, in an array, a shared array, or as a list of objects."""
    if sharing == "nothing held":
        return None
    if sharing.endswith("list"):
        return [float(number) for number in range(size_bytes // LIST_ITEM_BYTES)]
    array = np.random.default_rng(1).integers(0, 2**63, size_bytes // 8, dtype=np.uint64)
    if sharing == "SharedArray":
        from breakeven import SharedArray

        return SharedArray.from_array(array)
    return array


def with_processes(method: str, sharing: str, workers: int, payload: Any) -> Callable[[], None]:
    """Start multiprocessing's processes, wait until all hold their payload; returns how to end them."""
    context: Any = multiprocessing.get_context(method)
    ready, ended = context.Semaphore(0), context.Semaphore(0)
    _held.append(payload)
    processes = []
    for _ in range(workers):
        pipe = context.Pipe(duplex=False) if sharing == "copied" else None
        if pipe is not None:
            process = context.Process(target=hold_sent, args=(pipe[0], ready, ended))
        elif sharing == "SharedArray" or (sharing == "nothing held" and method != "fork"):
            process = context.Process(target=hold_sent, args=(payload, ready, ended))
        else:
            process = context.Process(target=hold_inherited, args=(ready, ended))
        process.start()
        processes.append(process)
        if pipe is not None:
            pipe[0].close()
            pipe[1].send(payload)
            pipe[1].close()
    for _ in range(workers):
        ready.acquire()

    def end() -> None:
        for _ in processes:
            ended.release()
        for process in processes:
            process.join()

    return end


def with_engine(method: str, workers: int, payload: Any) -> Callable[[], None]:
    """Start breakeven's workers and give every one the payload as an argument; returns how to end them."""
    import breakeven

    flags = breakeven.SharedArray.empty(workers, np.int64)
    executor = breakeven.Executor(max_workers=workers, backend="processes", start_method=method)
    futures = [executor.submit(hold_task, payload, flags, place, workers) for place in range(workers)]
    for future in futures:
        future.result()
    return executor.shutdown


def main(words: list[str]) -> None:
    """Run `WHO METHOD SHARING WORKERS BYTES`: print, wait, start workers, print, wait, end."""
    who, method, sharing, workers, size_bytes = words[0], words[1], words[2], int(words[3]), int(words[4])
    payload = made(sharing, size_bytes)
    if who == "breakeven":
        import breakeven.executor.pool  # noqa: F401 - its modules are no part of what workers add
    printed("payload")
    sys.stdin.readline()
    if who == "breakeven":
        end = with_engine(method, workers, payload)
    else:
        end = with_processes(method, sharing, workers, payload)
    printed("held")
    sys.stdin.readline()
    end()


if __name__ == "__main__":
    main(sys.argv[1:])
