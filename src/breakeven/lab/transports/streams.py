"""Bytes through a pipe or a UNIX socket, by `os.read` and `os.write` alone.

Lives here: framing, and buffers that travel as they are while everything else is pickled. Never here: waiting for more
than one descriptor.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import struct
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.lab.transports.port import End

HEAD = struct.Struct("<BQ")
RAW, PICKLED = 0, 1
READ_BYTES = 64 << 10


@dataclass(slots=True)
class Ends:
    """Two sides that need nothing beside them."""

    ours: End
    theirs: End

    def close(self) -> None:
        """Nothing belongs to both."""


class Stream:
    """One side: a descriptor to read from and one to write to, which may be the same."""

    whole = False

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""

    def pack(self, payload: Any) -> tuple[int, Any]:
        """Leave bytes as they are, pickle everything else."""
        if isinstance(payload, (bytes, bytearray)):
            return RAW, payload
        return PICKLED, pickle.dumps(payload, 5)

    def write(self, packed: tuple[int, Any]) -> None:
        """Write head and body; the body of a large message is not copied to stand behind its head."""
        kind, body = packed
        head = HEAD.pack(kind, len(body))
        if len(body) <= READ_BYTES:
            _write_all(self._writing, memoryview(head + body))
            return
        view = memoryview(body)
        _write_all(self._writing, memoryview(head + bytes(view[: READ_BYTES - HEAD.size])))
        _write_all(self._writing, view[READ_BYTES - HEAD.size :])

    def wait(self) -> None:
        """Poll."""
        if not self._rest:
            _poll(self._reading)

    def read(self) -> tuple[int, bytes | bytearray]:
        """Read until the message is whole; what follows it is kept for the next."""
        got = self._rest
        while len(got) < HEAD.size:
            got += _read_some(self._reading)
        kind, length = HEAD.unpack_from(got)
        whole = HEAD.size + length
        if len(got) >= whole:
            self._rest = got[whole:]
            return kind, got[HEAD.size : whole]
        body = bytearray(length)
        filled = len(got) - HEAD.size
        body[:filled] = got[HEAD.size :]
        self._rest = b""
        view = memoryview(body)
        while filled < length:
            count = os.readv(self._reading, [view[filled:]])
            if not count:
                raise EOFError("the other side has gone in the middle of a message")
            filled += count
        return kind, body

    def unpack(self, packed: tuple[int, bytes | bytearray]) -> Any:
        """Unpickle what was pickled."""
        kind, body = packed
        return body if kind == RAW else pickle.loads(body)

    def settle(self) -> None:
        """Nothing is lent."""

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in {self._reading, self._writing}:
            os.close(descriptor)


def pipes(_capacity_bytes: int) -> Ends:
    """Two pipes, one a direction."""
    out_reading, out_writing = os.pipe()
    back_reading, back_writing = os.pipe()
    return Ends(Stream(back_reading, out_writing), Stream(out_reading, back_writing))


def sockets(_capacity_bytes: int) -> Ends:
    """A connected pair of UNIX stream sockets."""
    one, other = socket.socketpair()
    first, second = one.detach(), other.detach()
    return Ends(Stream(first, first), Stream(second, second))


def _write_all(descriptor: int, view: memoryview) -> None:
    while view.nbytes:
        view = view[os.write(descriptor, view) :]


def _read_some(descriptor: int) -> bytes:
    got = os.read(descriptor, READ_BYTES)
    if not got:
        raise EOFError("the other side has gone")
    return got


def _poll(descriptor: int) -> None:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    poller.poll()
