"""Ways for bytes to travel between two processes, each behind the same small port.

Lives here: the table of them. Never here: timing one (`exchange`), or starting the other process (`links`).
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.lab.transports.port import Pair

LOCAL = {
    "os.pipe": ("streams", "pipes"),
    "socketpair": ("streams", "sockets"),
    "mp.Pipe": ("standard", "pipe"),
    "mp.SimpleQueue": ("standard", "simple_queue"),
    "mp.Queue": ("standard", "queue"),
    "Manager.Queue": ("standard", "manager_queue"),
    "Manager.list": ("standard", "manager_list"),
    "shared_memory": ("mapped", "shared_memory"),
    "mmap file": ("mapped", "mapped_file"),
    "our channel": ("own", "channel"),
    "our arena": ("own", "arena"),
}
"""Transport → module and function that opens it; "our" ones are the engine's own."""

MPI = "mpi4py"
"""The transport that needs processes started by MPI's own launcher."""

NAMES = (*LOCAL, MPI)


def open_pair(name: str, capacity_bytes: int) -> Pair:
    """Open both sides of a transport for messages of up to so many bytes.

    >>> pair = open_pair("os.pipe", 4096)
    >>> pair.ours.write(pair.ours.pack([1, 2]))
    >>> pair.theirs.unpack(pair.theirs.read())
    [1, 2]
    >>> pair.ours.close(), pair.theirs.close(), pair.close()
    (None, None, None)
    """
    module, function = LOCAL[name]
    opened: Pair = getattr(import_module(f"{__name__}.{module}"), function)(capacity_bytes)
    return opened
