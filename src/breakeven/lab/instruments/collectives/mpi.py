"""The same collectives by mpi4py, started by mpiexec: the reference for the pipes.

Lives here: a program whose rank 0 is told what to do by lines of JSON. Never here: what is concluded. A rank that
waits for work sleeps between looks, since MPI's own waiting takes a whole CPU, which others here need meanwhile.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter_ns, sleep
from typing import TYPE_CHECKING

import numpy as np

from breakeven.lab.instruments.collectives.algorithms import is_right, sent_block
from breakeven.lab.instruments.collectives.ranks import LEAD_A_RANK_NS, LEAD_NS, summary, wait_until
from breakeven.lab.processes.programs import printed
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    from typing import Any

LOOK_SECONDS = 5e-3


def run(comm: Any, operation: str, block: Any) -> Any:
    """One collective of MPI's on buffers; its library chooses the algorithm."""
    root = comm.rank == 0
    if operation == "gather":
        whole = np.empty((comm.size, block.size)) if root else None
        comm.Gather(block, whole, root=0)
        return whole
    total = np.empty_like(block) if root or operation == "allreduce" else None
    if operation == "reduce":
        comm.Reduce(block, total, root=0)
    else:
        comm.Allreduce(block, total)
    return total


def turn(comm: Any, task: dict[str, Any], count: int) -> dict[str, Any] | None:
    """Make the block, agree on a start, run; the summary on rank 0."""
    block = sent_block(comm.rank, count, task["length"])
    comm.Barrier()
    lead = LEAD_NS + LEAD_A_RANK_NS * comm.size
    start = comm.bcast(perf_counter_ns() + lead if comm.rank == 0 else None, root=0)
    wait_until(start, spin=comm.size <= usable_cpus())
    began = perf_counter_ns()
    result = run(comm, task["operation"], block)
    ended = perf_counter_ns()
    right = is_right(task["operation"], result, comm.rank, comm.size, count, task["length"])
    answers = comm.gather((began, ended, right), root=0)
    return summary(start, answers) if comm.rank == 0 else None


def received(comm: Any) -> Any:
    """The next task: read by rank 0, passed on to the others."""
    if comm.rank == 0:
        line = sys.stdin.readline()
        task = json.loads(line) if line else None
        for rank in range(1, comm.size):
            comm.send(task, dest=rank)
        return task
    while not comm.iprobe(source=0):
        sleep(LOOK_SECONDS)
    return comm.recv(source=0)


def main() -> None:
    """Serve until rank 0's input ends."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    count = 0
    while (task := received(comm)) is not None:
        turns = []
        for _ in range(task["turns"]):
            count += 1
            turns.append(turn(comm, task, count))
        if comm.rank == 0:
            printed(turns)


if __name__ == "__main__":
    main()
