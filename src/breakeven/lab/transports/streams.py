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
    from collections.abc import Callable
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

    Where both sides know that messages are bytes of one length (`expect`), these are all that is written and read, by
    a call that knows nothing else. Otherwise a head says what follows: an empty message is a head alone.
    """

    whole = False
    lends = False

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""
        self.expect(0, 0)

    def expect(self, out_bytes: int, in_bytes: int) -> None:
        """Know the length of plain bytes to be written and read; 0 for anything else."""
        self.pack: Callable[[Any], Any] = _unchanged if out_bytes else _headed
        self.write: Callable[[Any], None] = _writer(self._writing) if out_bytes else self._write_headed
        self.read: Callable[[], Any] = _reader(self._reading, in_bytes) if in_bytes else self._read_headed
        self.unpack: Callable[[Any], Any] = _unchanged if in_bytes else _unheaded

    def _write_headed(self, packed: tuple[int, Any]) -> None:
        """Write head and body; the body of a large message is not copied to stand behind its head."""
        kind, body = packed
        head = HEAD.pack(kind, len(body))
        view = memoryview(body)
        _write_all(self._writing, memoryview(head + view[: READ_BYTES - HEAD.size]))
        if len(body) > READ_BYTES - HEAD.size:
            _write_all(self._writing, view[READ_BYTES - HEAD.size :])

    def _read_headed(self) -> tuple[int, Any]:
        """Read until the message is whole; what follows it is kept for the next."""
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
        return kind, _filled(self._reading, body, filled)

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


def _unchanged(payload: Any) -> Any:
    return payload


def _headed(payload: Any) -> tuple[int, Any]:
    """What stands behind a head: bytes as they are, everything else pickled."""
    if isinstance(payload, (bytes, bytearray)):
        return RAW, payload
    return PICKLED, pickle.dumps(payload, 5)


def _unheaded(packed: tuple[int, Any]) -> Any:
    kind, body = packed
    return body if kind == RAW else pickle.loads(body)


def _writer(descriptor: int) -> Callable[[Any], None]:
    """What writes plain bytes: the system's call, and little beside it."""
    write = os.write

    def whole(message: Any) -> None:
        if (done := write(descriptor, message)) < len(message):
            _write_all(descriptor, memoryview(message)[done:])

    return whole


def _reader(descriptor: int, length: int) -> Callable[[], Any]:
    """What reads plain bytes of a length: at once where that may be, into one buffer where they are many."""
    if length > READ_BYTES:
        return lambda: _filled(descriptor, bytearray(length), 0)
    read = os.read

    def whole() -> bytes:
        got = read(descriptor, length)
        while len(got) < length:
            got += _some(descriptor, length - len(got))
        return got

    return whole


def _filled(descriptor: int, body: bytearray, filled: int) -> bytearray:
    view = memoryview(body)
    while filled < len(body):
        count = os.readv(descriptor, [view[filled:]])
        if not count:
            raise EOFError("the other side has gone in the middle of a message")
        filled += count
    return body


def _write_all(descriptor: int, view: memoryview) -> None:
    while view.nbytes:
        view = view[os.write(descriptor, view) :]


def _some(descriptor: int, most_bytes: int) -> bytes:
    got = os.read(descriptor, most_bytes)
    if not got:
        raise EOFError("the other side has gone")
    return got
