"""Both ranks of the MPI transport: `mpiexec -n 2 python -m breakeven.lab.transports.ranks`.

Lives here: MPI behind the port. Never here: another way of timing; orders, one JSON a line on stdin of rank 0, are
carried out by `exchange` as for every other transport. Rank 1 waits for orders in a socket, since a rank that waits in
MPI takes a whole CPU from whatever else is measured.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from contextlib import ExitStack
from time import perf_counter as clock

import numpy as np

from breakeven.lab.processes.heap import nothing_kept
from breakeven.lab.transports.exchange import LEAVE, Order, follow, lead
from breakeven.lab.transports.payloads import make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RAW, PICKLED = 1, 2
BUFFERS = "round trip, same buffers"
"""As OSU's benchmarks do it: both ranks send from and receive into the same two buffers every time, written before."""

UNWRITTEN = "round trip, same buffers, never written"
"""The same from a buffer that nobody has written: the kernel has one page of zeros stand for all of its pages, which a
cache then holds, and 256 KiB take 3/4 of the time. mpi4py's own benchmark does so, from 128 KiB on."""

_INTO_PAGE_BYTES = 16

READY = "ready"
"""No message: memory is to be counted. Both ranks keep nothing that is freed from now on, and rank 0 makes what its
payloads are cut from, so that this does not count as theirs."""


class Rank:
    """One side: bytes as a buffer, everything else pickled by mpi4py."""

    whole = True
    lends = False

    def __init__(self, world: Any) -> None:
        from mpi4py import MPI

        self._world = world
        self._other = 1 - world.rank
        self._mpi = MPI
        self._until_the_end = ExitStack()

    def pack(self, payload: Any) -> Any:
        """Leave it to mpi4py."""
        return payload

    def write(self, packed: Any) -> None:
        """`Send` a buffer, `send` anything else."""
        if isinstance(packed, (bytes, bytearray)):
            self._world.Send([packed, self._mpi.BYTE], self._other, RAW)
        else:
            self._world.send(packed, self._other, PICKLED)

    def read(self) -> Any:
        """Receive into a buffer that is as long as the message."""
        status = self._mpi.Status()
        self._world.Probe(self._other, status=status)
        if status.Get_tag() == PICKLED:
            return self._world.recv(source=self._other, tag=PICKLED)
        body = bytearray(status.Get_count(self._mpi.BYTE))
        self._world.Recv([body, self._mpi.BYTE], self._other, RAW)
        return body

    def unpack(self, packed: Any) -> Any:
        """mpi4py has done it."""
        return packed

    def lead(self, order: Order) -> dict[str, list[float]]:
        """Time `BUFFERS` or `UNWRITTEN`, rank 0's part, or get `READY`."""
        if order.kind == READY:
            self._until_the_end.enter_context(nothing_kept())
            make(order.shape, order.size_bytes, np.random.default_rng(0))
            return {}
        out, back = self._buffers(order)
        world, other = self._world, self._other
        seconds = []
        for _ in range(order.count):
            began = clock()
            world.Send(out, other)
            world.Recv(back, other)
            seconds.append(clock() - began)
        return {"round trip": seconds}

    def follow(self, order: Order) -> None:
        """Answer as rank 1."""
        if order.kind == READY:
            self._until_the_end.enter_context(nothing_kept())
            return
        out, back = self._buffers(order)
        for _ in range(order.count):
            self._world.Recv(back, self._other)
            self._world.Send(out, self._other)

    def _buffers(self, order: Order) -> tuple[list[Any], list[Any]]:
        size = order.size_bytes
        out = _unwritten(size) if order.kind == UNWRITTEN else bytearray(size)
        return [out, size, self._mpi.BYTE], [bytearray(size), size, self._mpi.BYTE]

    def settle(self) -> None:
        """Nothing is lent."""

    def close(self) -> None:
        """MPI is finalised when the program ends."""


def _unwritten(size: int) -> memoryview:
    """Fresh memory that begins where malloc's large blocks do: from a page's first byte, 256 KiB take 1/5 more."""
    return memoryview(mmap.mmap(-1, size + _INTO_PAGE_BYTES, flags=mmap.MAP_PRIVATE))[_INTO_PAGE_BYTES:]


def main() -> None:
    """Be rank 0 or rank 1."""
    from mpi4py import MPI

    from breakeven.lab.processes.forking import die_with_parent

    die_with_parent()
    world = MPI.COMM_WORLD
    end = Rank(world)
    control = _control(world)
    pids = world.gather(os.getpid())
    if world.rank:
        follow(end, control)
        return
    print(json.dumps({"pids": pids}), flush=True)  # noqa: T201 - the answer that says it is there
    for line in sys.stdin:
        print(json.dumps(lead(Order(**json.loads(line)), end, control)), flush=True)  # noqa: T201
    control.send(Order(LEAVE))


def _control(world: Any) -> Any:
    """A socket between the ranks, under a name that lives in no folder."""
    from multiprocessing.connection import Client, Listener

    address = world.bcast(f"\0breakeven-lab-{os.getpid()}", 0)
    if world.rank == 0:
        with Listener(address, "AF_UNIX") as listener:
            world.barrier()
            return listener.accept()
    world.barrier()
    return Client(address, "AF_UNIX")


if __name__ == "__main__":
    main()
