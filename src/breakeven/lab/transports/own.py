"""breakeven's own way: the engine's codec, its channel, and its arena for what is large.

Lives here: the engine's parts behind the port, used as the engine uses them. Never here: a copy of what they do.
"""

from __future__ import annotations

import select
import threading
from collections import deque

from breakeven.engine import protocol
from breakeven.engine.arena import Arena, Window, open_file
from breakeven.engine.channel import Channel, frames, pair, wait_readable
from breakeven.engine.codec import decode, encode
from breakeven.lab.transports.streams import Ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.codec import Encoded

_LENGTH = protocol.OFFSET


class Own:
    """One side: a channel, and where arenas are used, one to write into and a window on the other's."""

    whole = False
    lends = True

    def __init__(self, channel: Channel, arena: Arena | None, window: Window | None) -> None:
        self._channel = channel
        self._arena = arena
        self._window = window
        self._came: deque[tuple[int, memoryview]] = deque()
        self._sending = threading.Lock()

    def pack(self, payload: Any) -> Encoded:
        """Pickle; what is large goes into the arena."""
        return encode(payload, self._arena)

    def write(self, packed: Encoded) -> None:
        """Send table and pickle as one frame."""
        flags = protocol.STREAM_SHARED if packed.stream_shared else 0
        body = b"".join((_LENGTH.pack(len(packed.table)), packed.table, packed.stream))
        self._post(protocol.frame(protocol.CHUNK, body, flags))

    def read(self) -> tuple[int, memoryview]:
        """Receive until a frame is whole."""
        while not self._came:
            try:
                self._receive()
            except BlockingIOError:
                wait_readable(self._channel.descriptor, None)
        return self._came.popleft()

    def unpack(self, packed: tuple[int, memoryview]) -> Any:
        """Rebuild the payload; arrays are views into the arena."""
        flags, body = packed
        (length,) = _LENGTH.unpack_from(body)
        start = _LENGTH.size
        table = body[start : start + length]
        shared = bool(flags & protocol.STREAM_SHARED)
        return decode(body[start + length :], table, self._window, stream_shared=shared)

    def settle(self) -> None:
        """Send back what blocks are free again, and take in those of ours that are."""
        window = self._window
        if window is not None and window.released:
            gone = window.released[:]
            del window.released[: len(gone)]
            self._post(protocol.frame(protocol.RELEASED, protocol.pack_offsets(gone)))
        try:
            self._receive()
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Close channel, arena and window."""
        self._channel.close()
        if self._arena is not None:
            self._arena.close()
        if self._window is not None:
            self._window.close()

    def _post(self, data: bytes) -> None:
        with self._sending:
            done = self._channel.send(data)
            while not done:
                poller = select.poll()
                poller.register(self._channel.descriptor, select.POLLOUT)
                poller.poll()
                done = self._channel.flush()

    def _receive(self) -> None:
        got = self._channel.receive()
        if got is None:
            raise EOFError("the other side has gone")
        for kind, flags, body in frames(got):
            if kind == protocol.CHUNK:
                self._came.append((flags, body))
            elif self._arena is not None:
                for offset in protocol.unpack_offsets(body):
                    self._arena.free(offset)


def channel(_capacity_bytes: int) -> Ends:
    """The channel alone: everything in one pickle through the socket."""
    one, other = pair()
    return Ends(Own(Channel(one), None, None), Own(Channel(other), None, None))


def arena(_capacity_bytes: int) -> Ends:
    """As the engine does it: large buffers and large pickles in an arena, the rest through the channel."""
    import os

    one, other = pair()
    out, back = open_file("lab-out"), open_file("lab-back")
    ours = Own(Channel(one), Arena(out), Window(back, private=True))
    theirs = Own(Channel(other), Arena(os.dup(back)), Window(os.dup(out), private=True))
    return Ends(ours, theirs)
