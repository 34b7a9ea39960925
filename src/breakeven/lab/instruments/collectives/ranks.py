"""Ranks as processes with a pipe between every two: the program in which collectives are timed.

Lives here: the ranks and who conducts them. Never here: an algorithm, or what is concluded. For every turn all ranks
make their block, then wait for one future moment of the clock that they share, and begin.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from multiprocessing.connection import wait
from time import perf_counter_ns, sleep
from typing import TYPE_CHECKING

import numpy as np

from breakeven.lab.instruments.collectives.algorithms import ALGORITHMS, is_right, sent_block
from breakeven.lab.processes.programs import printed
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from typing import Any

    from breakeven.lab.instruments.collectives.algorithms import Block

LEAD_NS, LEAD_A_RANK_NS = 2_000_000, 500_000  # from the announcement to the start
SPIN_NS = 300_000
PATIENCE_SECONDS = 5.0


class PipeLinks:
    """`multiprocessing.Pipe`s to all other ranks; bytes as they are, nothing is pickled."""

    def __init__(self, rank: int, ends: dict[int, Connection]) -> None:
        self.rank = rank
        self.size = len(ends) + 1
        self._ends = ends

    def send(self, to: int, block: Block) -> None:
        """Send all bytes of a contiguous block to another rank."""
        self._ends[to].send_bytes(_raw(block))

    def receive(self, sender: int, into: Block) -> None:
        """Fill a contiguous block with what another rank sends."""
        self._ends[sender].recv_bytes_into(_raw(into))


def _raw(block: Block) -> memoryview:
    """The bytes of a contiguous block in one dimension: a connection takes the length of the first for all there is."""
    return block.reshape(-1).view(np.uint8).data


def wait_until(moment_ns: int, *, spin: bool) -> None:
    """Sleep nearly until a moment, and spin for the rest where there is a CPU for everybody who does."""
    margin = SPIN_NS if spin else 0
    while (left := moment_ns - margin - perf_counter_ns()) > 0:
        sleep(left * 1e-9)
    while perf_counter_ns() < moment_ns:
        pass


def serve(links: PipeLinks, control: Connection, *, spin: bool) -> None:
    """What a rank does until it is told to end: make a block, say so, wait for the start, run, report."""
    while (task := control.recv()) is not None:
        operation, algorithm, length, turn = task
        block = sent_block(links.rank, turn, length)
        control.send(None)
        wait_until(control.recv(), spin=spin)
        began = perf_counter_ns()
        result = ALGORITHMS[operation, algorithm](links, block)
        ended = perf_counter_ns()
        control.send((began, ended, is_right(operation, result, links.rank, links.size, turn, length)))


class Ranks:
    """The conductor's side of a set of ranks; a context manager."""

    def __init__(self, size: int) -> None:
        method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        self.size = size
        self._turn = 0
        self._controls: list[Connection] = []
        self._processes = []
        ends: list[dict[int, Connection]] = [{} for _ in range(size)]
        for low in range(size):
            for high in range(low + 1, size):
                ends[low][high], ends[high][low] = context.Pipe()
        spin = size <= usable_cpus()
        for rank in range(size):
            ours, theirs = context.Pipe()
            links = PipeLinks(rank, ends[rank])
            process = context.Process(target=serve, args=(links, theirs), kwargs={"spin": spin}, daemon=True)
            process.start()
            theirs.close()
            self._controls.append(ours)
            self._processes.append(process)

    def close(self) -> None:
        """Have every rank end."""
        for control in self._controls:
            control.send(None)
        for process in self._processes:
            process.join(PATIENCE_SECONDS)  # whoever has not ended by then is ended with this process

    def run(self, operation: str, algorithm: str, length: int) -> dict[str, Any]:
        """One turn; nanoseconds from the common start to the first and last rank's end, and the latest begin."""
        self._turn += 1
        for control in self._controls:
            control.send((operation, algorithm, length, self._turn))
        self._answers()
        start = perf_counter_ns() + LEAD_NS + LEAD_A_RANK_NS * self.size
        for control in self._controls:
            control.send(start)
        answers = self._answers()
        return summary(start, answers)

    def _answers(self) -> list[Any]:
        """One answer from every rank; a rank that is gone raises `EOFError`, and all others are still heard."""
        found: dict[Any, Any] = {}
        while len(found) < self.size:
            ready: list[Any] = wait([one for one in self._controls if one not in found])
            found |= {control: control.recv() for control in ready}
        return [found[control] for control in self._controls]


def summary(start_ns: int, answers: list[tuple[int, int, bool]]) -> dict[str, Any]:
    """What a turn took, out of every rank's begin and end."""
    return {
        "last_ns": max(ended for _, ended, _ in answers) - start_ns,
        "first_ns": min(ended for _, ended, _ in answers) - start_ns,
        "late_ns": max(began for began, _, _ in answers) - start_ns,
        "right": all(right for _, _, right in answers),
    }


def main(words: list[str]) -> None:
    """Conduct as many ranks as the first word says: a line {operation, algorithm, length, turns} in, the turns out."""
    ranks = Ranks(int(words[0]))
    for line in sys.stdin:
        task = json.loads(line)
        where = task["operation"], task["algorithm"], task["length"]
        printed([ranks.run(*where) for _ in range(task["turns"])])
    ranks.close()


if __name__ == "__main__":
    main(sys.argv[1:])
