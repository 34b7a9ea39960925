"""What this machine does at best: as many bare processes, told once what to do and asked once whether it is done.

Lives here: the reference that every efficiency is measured against. Never here: a backend. Nothing is pickled for a
task and no task has a message, so what such processes take is what computing on so many CPUs takes just now.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

from breakeven.lab.tasks import burn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection


@dataclass(frozen=True, slots=True)
class Bare:
    """Processes that compute when told to; each has a pipe."""

    ends: Sequence[Connection]

    def seconds(self, rounds: int, count: int) -> float:
        """Time `count` tasks, dealt out evenly: from the first telling to the last answer."""
        shares = [count // len(self.ends) + (at < count % len(self.ends)) for at in range(len(self.ends))]
        began = perf_counter_ns()
        for end, share in zip(self.ends, shares, strict=True):
            end.send((rounds, share))
        for end in self.ends:
            end.recv()
        return (perf_counter_ns() - began) / 1e9


@contextmanager
def bare_workers(workers: int) -> Iterator[Bare]:
    """Start so many, and end them with the block.

    >>> with bare_workers(2) as bare:
    ...     bare.seconds(100, 4) > 0
    True
    """
    from multiprocessing import Pipe, Process

    ours: list[Connection] = []
    processes = []
    try:
        for _ in range(workers):
            end, theirs = Pipe()
            process = Process(target=_work, args=(theirs, [*ours, end]), daemon=True)
            process.start()
            theirs.close()
            ours.append(end)
            processes.append(process)
        yield Bare(ours)
    finally:
        for end in ours:
            end.close()
        for process in processes:
            process.terminate()
            process.join()
            process.close()


def _work(end: Connection, others: Sequence[Connection]) -> None:
    """Compute until the parent closes its end; the ends of others that came along are closed at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in others:
        other.close()
    try:
        while True:
            rounds, count = end.recv()
            for _ in range(count):
                burn(rounds)
            end.send(None)
    except EOFError:
        return
