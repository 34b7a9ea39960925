"""The ways of the standard library's `multiprocessing`: Pipe, SimpleQueue, Queue, and proxies of a Manager.

Lives here: each behind the port, used as its documentation says. Never here: anything to make them faster.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass

from breakeven.lab.transports.streams import Ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import Any


class Piped:
    """An end of `multiprocessing.Pipe`: `send` and `recv` taken apart into pickling and moving bytes."""

    whole = False
    lends = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pack(self, payload: Any) -> Any:
        """Pickle as `Connection.send` does."""
        from multiprocessing.reduction import ForkingPickler

        return ForkingPickler.dumps(payload)

    def write(self, packed: Any) -> None:
        """Send the bytes."""
        self._connection.send_bytes(packed)

    def read(self) -> bytes:
        """Receive the bytes."""
        return self._connection.recv_bytes()

    def unpack(self, packed: bytes) -> Any:
        """Unpickle as `Connection.recv` does."""
        return pickle.loads(packed)

    def settle(self) -> None:
        """Nothing is lent."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Queued:
    """An end made of two queues, one to put into and one to get from; what they do inside cannot be seen."""

    whole = True
    lends = False

    def __init__(self, out: Any, back: Any, leave: Callable[[], None] = lambda: None) -> None:
        self._put = out.put
        self._get = back.get
        self._leave = leave

    def pack(self, payload: Any) -> Any:
        """Leave it to the queue."""
        return payload

    def write(self, packed: Any) -> None:
        """Put; a `Queue` returns before its own thread has pickled and sent."""
        self._put(packed)

    def read(self) -> Any:
        """Get, pickling included."""
        return self._get()

    def unpack(self, packed: Any) -> Any:
        """The queue has done it."""
        return packed

    def settle(self) -> None:
        """Nothing is lent."""

    def close(self) -> None:
        """Leave this side's queues."""
        self._leave()


@dataclass(slots=True)
class Served:
    """Two sides and a server process between them."""

    ours: Queued
    theirs: Queued
    server: Any

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()


class Letterbox:
    """A list of a Manager used as a mailbox of one: written by item, told of through a connection."""

    def __init__(self, box: Any, bell: Connection) -> None:
        self._box = box
        self._bell = bell

    def put(self, payload: Any) -> None:
        """Write into the list and ring."""
        self._box[0] = payload
        self._bell.send_bytes(b"")

    def get(self) -> Any:
        """Wait for the bell and read the list."""
        self._bell.recv_bytes()
        return self._box[0]


def pipe(_capacity_bytes: int) -> Ends:
    """`Pipe()`, which is a socket pair."""
    one, other = _context().Pipe()
    return Ends(Piped(one), Piped(other))


def simple_queue(_capacity_bytes: int) -> Ends:
    """Two `SimpleQueue()`: a lock and a pipe each."""
    context = _context()
    out, back = context.SimpleQueue(), context.SimpleQueue()

    def leave() -> None:
        out.close()
        back.close()

    return _queued(out, back, leave)


def queue(_capacity_bytes: int) -> Ends:
    """Two `Queue()`: a lock, a pipe, and a thread that feeds it."""
    context = _context()
    out, back = context.Queue(), context.Queue()

    def leave() -> None:
        for one in (out, back):
            one._ignore_epipe = True  # noqa: SLF001 - its thread would print that the partner has gone
            started = one._thread is not None  # noqa: SLF001 - only that thread closes the writer
            one.close()
            one.join_thread()
            if not started:
                one._writer.close()  # noqa: SLF001

    return _queued(out, back, leave)


def _queued(out: Any, back: Any, leave: Callable[[], None]) -> Ends:
    """Both sides hold the same queues, so a process leaves them when it closes the second."""
    closed: list[int] = []

    def side(number: int) -> Callable[[], None]:
        def close() -> None:
            closed.append(number)
            if len(closed) == 2:
                leave()

        return close

    return Ends(Queued(out, back, side(0)), Queued(back, out, side(1)))


def manager_queue(_capacity_bytes: int) -> Served:
    """Two `Manager().Queue()`: what is put goes to a server process, and from there to who gets it."""
    server = _started()
    out, back = server.Queue(), server.Queue()
    return Served(Queued(out, back), Queued(back, out), server)


def manager_list(_capacity_bytes: int) -> Served:
    """Two lists of a Manager, an item of which is written and read; a connection says when."""
    server = _started()
    here, there = _context().Pipe()
    ours, theirs = server.list([None]), server.list([None])
    near, far = (Letterbox(theirs, here), Letterbox(ours, here)), (Letterbox(ours, there), Letterbox(theirs, there))
    return Served(Queued(*near, here.close), Queued(*far, there.close), server)


def _started() -> Any:
    """A Manager whose server does not end at Ctrl-C, since it has to be asked once more."""
    from breakeven.lab.processes.forking import quietly_forking

    with quietly_forking():
        return _context().Manager()


def _context() -> Any:
    import multiprocessing

    return multiprocessing.get_context("fork")
