"""The program whose start-up is measured: initialise, work, finalise, by one way of having a second hand.

Lives here: one program, stamped t0 … t3, that prints its three phases in nanoseconds. Never here: who starts it and
with what figures. What the user's program imports stands at the top of it, so a spawned worker imports it again.
"""

from __future__ import annotations

from time import perf_counter_ns

T0 = perf_counter_ns()

import os  # noqa: E402 - the first stamp comes before every import
import sys  # noqa: E402
from importlib import import_module  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IMPORTS_VARIABLE = "BREAKEVEN_LAB_IMPORTS"

for _name in filter(None, os.environ.get(IMPORTS_VARIABLE, "").split(",")):
    import_module(_name)


def spin(milliseconds: float) -> int:
    """Compute for about so long; what it returns is checked by nobody but has to travel."""
    until = perf_counter_ns() + int(milliseconds * 1e6)
    rounds = 0
    while perf_counter_ns() < until:
        rounds += 1
    return rounds


def send_back(queue: Any, milliseconds: float) -> None:
    """What a process of one's own does: work, and put the result into a queue."""
    queue.put(spin(milliseconds))


class Nothing:
    """Calls the function."""

    def __init__(self, method: str) -> None:
        self.method = method

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        spin(milliseconds)

    def end(self) -> None:
        """Give back what was taken."""


class OneThread(Nothing):
    """A thread that is started for the work and joined."""

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        from threading import Thread

        self.thread = Thread(target=spin, args=(milliseconds,))
        self.thread.start()
        self.thread.join()


class OneProcess(Nothing):
    """multiprocessing.Process with a queue for the result, as the course writes it."""

    def __init__(self, method: str) -> None:
        import multiprocessing

        self.context: Any = multiprocessing.get_context(method)
        self.queue = self.context.Queue()

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        self.process = self.context.Process(target=send_back, args=(self.queue, milliseconds))
        self.process.start()
        self.queue.get()

    def end(self) -> None:
        """Give back what was taken."""
        self.process.join()
        self.queue.close()
        self.queue.join_thread()


class OnePool(Nothing):
    """multiprocessing.Pool of one worker, with map."""

    def __init__(self, method: str) -> None:
        import multiprocessing

        self.pool = multiprocessing.get_context(method).Pool(1)

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        self.pool.map(spin, [milliseconds])

    def end(self) -> None:
        """Give back what was taken."""
        self.pool.close()
        self.pool.join()


class OneExecutor(Nothing):
    """concurrent.futures.ProcessPoolExecutor of one worker, with submit."""

    def __init__(self, method: str) -> None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        self.executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method))

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        self.executor.submit(spin, milliseconds).result()

    def end(self) -> None:
        """Give back what was taken."""
        self.executor.shutdown()


class OurEngine(Nothing):
    """breakeven.Executor of one worker process, with submit."""

    def __init__(self, method: str) -> None:
        import breakeven

        self.executor = breakeven.Executor(max_workers=1, backend="processes", start_method=method)

    def work(self, milliseconds: float) -> None:
        """Do the work and have the result."""
        self.executor.submit(spin, milliseconds).result()

    def end(self) -> None:
        """Give back what was taken."""
        self.executor.shutdown()


WAYS: dict[str, Callable[[str], Nothing]] = {
    "nothing": Nothing,
    "thread": OneThread,
    "process": OneProcess,
    "pool": OnePool,
    "executor": OneExecutor,
    "breakeven": OurEngine,
}


def main(words: list[str]) -> None:
    """Run `WAY METHOD MILLISECONDS`, print the differences of t0 … t3."""
    way, method, milliseconds = words[0], words[1], float(words[2])
    hand = WAYS[way](method)
    t1 = perf_counter_ns()
    hand.work(milliseconds)
    t2 = perf_counter_ns()
    hand.end()
    t3 = perf_counter_ns()
    from breakeven.lab.processes.programs import printed

    printed({"init_ns": t1 - T0, "work_ns": t2 - t1, "fini_ns": t3 - t2})


if __name__ == "__main__":
    main(sys.argv[1:])
