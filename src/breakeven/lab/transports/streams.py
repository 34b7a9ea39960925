"""Bytes through a pipe or a UNIX socket, by `os.read` and `os.write` alone.

Lives here: framing, and buffers that travel as they are while everything else is pickled. Never here: waiting for more
than one descriptor.
"""

from __future__ import annotations

import os
import pickle
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
    """One side: a descriptor to read from and one to write to, which may be the same.

    Where both sides know that messages are bytes of one length (`expect`), these are all that is written and read.
    Otherwise a head says what follows: an empty message is a head alone.
    """

    whole = False
    lends = False

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""
        self._plain_out = self._plain_in = 0

    def expect(self, out_bytes: int, in_bytes: int) -> None:
        """Know the length of plain bytes to be written and read; 0 for anything else."""
        self._plain_out, self._plain_in = out_bytes, in_bytes

    def pack(self, payload: Any) -> Any:
        """Leave bytes as they are, pickle everything else."""
        if self._plain_out:
            return payload
        if isinstance(payload, (bytes, bytearray)):
            return RAW, payload
        return PICKLED, pickle.dumps(payload, 5)

    def write(self, packed: Any) -> None:
        """Write head and body; the body of a large message is not copied to stand behind its head."""
        if self._plain_out:
            if (done := os.write(self._writing, packed)) < len(packed):
                _write_all(self._writing, memoryview(packed)[done:])
            return
        kind, body = packed
        head = HEAD.pack(kind, len(body))
        view = memoryview(body)
        _write_all(self._writing, memoryview(head + view[: READ_BYTES - HEAD.size]))
        if len(body) > READ_BYTES - HEAD.size:
            _write_all(self._writing, view[READ_BYTES - HEAD.size :])

    def read(self) -> Any:
        """Read until the message is whole; what follows it is kept for the next."""
        if length := self._plain_in:
            got = os.read(self._reading, length) if length <= READ_BYTES else b""
            return got if len(got) == length else self._read_plain(got, length)
        got = self._rest
        while len(got) < HEAD.size:
            got += _some(self._reading, READ_BYTES)
        kind, length = HEAD.unpack_from(got)
        whole = HEAD.size + length
        if len(got) >= whole:
            self._rest = got[whole:]
            return kind, got[HEAD.size : whole]
        body = bytearray(length)
        filled = len(got) - HEAD.size
        body[:filled] = got[HEAD.size :]
        self._rest = b""
        self._fill(body, filled)
        return kind, body

    def _read_plain(self, got: bytes, length: int) -> bytes | bytearray:
        """Read what is missing: into one buffer where it is much."""
        if length > READ_BYTES:
            body = bytearray(length)
            self._fill(body, 0)
            return body
        while len(got) < length:
            got += _some(self._reading, length - len(got))
        return got

    def _fill(self, body: bytearray, filled: int) -> None:
        view = memoryview(body)
        while filled < len(body):
            count = os.readv(self._reading, [view[filled:]])
            if not count:
                raise EOFError("the other side has gone in the middle of a message")
            filled += count

    def unpack(self, packed: Any) -> Any:
        """Unpickle what was pickled."""
        if self._plain_in:
            return packed
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


def _some(descriptor: int, most_bytes: int) -> bytes:
    got = os.read(descriptor, most_bytes)
    if not got:
        raise EOFError("the other side has gone")
    return got
