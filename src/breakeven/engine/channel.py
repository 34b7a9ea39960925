"""One duplex end between a parent and a worker: frames in, frames out, over a UNIX socket.

Lives here: reading until a frame is whole, keeping what could not be sent yet. Both ends use it.
Never here: what a frame means, nor when to wait (the parent waits on many, a worker on one).
"""

from __future__ import annotations

import select
from _socket import SO_SNDBUF, SOL_SOCKET, socketpair

from breakeven.engine.protocol import HEAD, GarbledFrameError, head_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Iterator

READ = 64 << 10  # bytes a read; larger ones would be mapped and unmapped by malloc each time
GROWTH = 4 << 20  # bytes, at least, by which the room for a large body grows
SEND_BUFFER = 4 << 20  # asked for; the kernel caps it


def pair() -> tuple[socket, socket]:
    """Two connected ends; neither is inherited by programs that are started."""
    ours, theirs = socketpair()
    for end in (ours, theirs):
        end.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)
    return ours, theirs


class Channel:
    """An end of the socket; never blocks by itself."""

    __slots__ = ("_filled", "_large", "_partial", "_unsent", "_whole", "descriptor", "garbled", "socket")

    def __init__(self, end: socket) -> None:
        end.setblocking(False)
        self.socket = end
        self.descriptor = end.fileno()
        self._partial = b""
        self._large: bytearray | None = None  # a body that did not fit into one read
        self._filled = self._whole = 0
        self._unsent: list[memoryview] = []
        self.garbled: GarbledFrameError | None = None  # what follows the frames that were received last is none

    def send(self, data: bytes) -> bool:
        """Send, or keep what the socket does not take now; True when all has gone."""
        if not self._unsent:
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return True
            self._unsent.append(memoryview(data)[sent:])
            return False
        self._unsent.append(memoryview(data))
        return self.flush()

    def flush(self) -> bool:
        """Go on sending what was kept."""
        unsent = self._unsent
        while unsent:
            try:
                sent = self.socket.send(unsent[0])
            except BlockingIOError:
                return False
            if sent == len(unsent[0]):
                del unsent[0]
            else:
                unsent[0] = unsent[0][sent:]
        return True

    @property
    def pending(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._unsent)

    def receive(self) -> bytes | bytearray | None:
        """Read once. Whole frames, or b"" when there is none yet; None when the other side is gone.

        Raises `BlockingIOError` when nothing waits: the caller decides whether to spin or to block. Raises
        `GarbledFrameError` for what is no frame; if whole ones stand before it, they are returned first, and `garbled`
        is set.
        """
        if self.garbled is not None:
            raise self.garbled
        if self._large is not None:
            return self._fill()
        try:
            got = self.socket.recv(READ)
        except ConnectionResetError:
            return None
        if not got:
            return None
        if self._partial:
            got = self._partial + got
            self._partial = b""
        at, end = 0, len(got)
        while end - at >= HEAD.size:
            try:
                after = at + HEAD.size + head_of(got, at)[2]
            except GarbledFrameError as error:
                self.garbled = error
                if not at:
                    raise
                return got[:at]
            if after > end:
                if after - at > READ:
                    self._large = bytearray(got[at:])
                    self._filled = end - at
                    self._whole = after - at
                    return got[:at]
                break
            at = after
        if at == end:
            return got
        self._partial = got[at:]
        return got[:at]

    def _fill(self) -> bytes | bytearray | None:
        large = self._large
        assert large is not None  # noqa: S101 - asked by the caller
        if self._filled == len(large):  # at most twice of what has come: a head may promise more than ever follows
            large.extend(bytes(min(self._whole - len(large), max(len(large), GROWTH))))
        room = memoryview(large)[self._filled :]
        try:
            count = self.socket.recv_into(room)
        except ConnectionResetError:
            return None
        finally:
            room.release()
        if not count:
            return None
        self._filled += count
        if self._filled < self._whole:
            return b""
        self._large = None
        return large

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


def frames(data: bytes | bytearray) -> Iterator[tuple[int, int, memoryview]]:
    """(kind, flags, body) of each frame of what `receive` returned."""
    view = memoryview(data)
    at, end = 0, len(data)
    while at < end:
        kind, flags, length = head_of(data, at)
        at += HEAD.size
        yield kind, flags, view[at : at + length]
        at += length


def wait_readable(descriptor: int, timeout_seconds: float | None) -> bool:
    """Block until a descriptor can be read; False when the time is over."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(None if timeout_seconds is None else timeout_seconds * 1000))
