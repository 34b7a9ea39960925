"""Bytes through memory that both processes map: `multiprocessing.shared_memory`, or a file by `mmap`.

Lives here: copying into a slot, telling of it through a pipe, copying out. Never here: a segment or file with a name:
it is unlinked before it is used, so that the kernel frees it with the last process.
"""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile

from breakeven.lab.transports.streams import PICKLED, RAW, Ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SLOTS = 2
"""Messages that may stand in memory at once: one is written while the other is read."""

_NOTE = struct.Struct("<BQ")


class Mapped:
    """One side: a stretch of memory to write into, another to read from, and pipes that say what stands there."""

    whole = False
    lends = False

    def __init__(
        self, out: memoryview, back: memoryview, bells: tuple[int, int, int, int], let_go: Callable[[], None]
    ) -> None:
        self._out, self._back = out, back
        self._tell, self._hear, self._credits, self._give = bells
        self._let_go = let_go
        self._free = SLOTS
        self._sent = self._taken = 0

    def pack(self, payload: Any) -> tuple[int, Any]:
        """Leave bytes as they are, pickle everything else."""
        if isinstance(payload, (bytes, bytearray)):
            return RAW, payload
        return PICKLED, pickle.dumps(payload, 5)

    def write(self, packed: tuple[int, Any]) -> None:
        """Copy into the next slot once it is free, and say so."""
        kind, body = packed
        size = len(body)
        slot = len(self._out) // SLOTS
        if size > slot:
            raise ValueError(f"a message of {size} bytes is larger than a slot of {slot}; open it with more capacity")
        if not self._free:
            self._free += len(_some(self._credits))
        at = self._sent % SLOTS * slot
        self._out[at : at + size] = body
        self._sent += 1
        self._free -= 1
        os.write(self._tell, _NOTE.pack(kind, size))

    def read(self) -> tuple[int, bytes]:
        """Copy out of the slot and give it back."""
        note = os.read(self._hear, _NOTE.size)
        if not note:
            raise EOFError("the other side has gone")
        kind, size = _NOTE.unpack(note)
        at = self._taken % SLOTS * (len(self._back) // SLOTS)
        body = bytes(self._back[at : at + size])
        self._taken += 1
        os.write(self._give, b"1")
        return kind, body

    def unpack(self, packed: tuple[int, bytes]) -> Any:
        """Unpickle what was pickled."""
        kind, body = packed
        return body if kind == RAW else pickle.loads(body)

    def settle(self) -> None:
        """Nothing is lent."""

    def close(self) -> None:
        """Close the pipes and let go of the memory."""
        for descriptor in (self._tell, self._hear, self._credits, self._give):
            os.close(descriptor)
        self._out.release()
        self._back.release()
        self._let_go()


def shared_memory(capacity_bytes: int) -> Ends:
    """Two `SharedMemory` segments, one a direction."""
    from multiprocessing.shared_memory import SharedMemory

    segments = [SharedMemory(create=True, size=SLOTS * _whole_pages(capacity_bytes)) for _ in range(2)]
    for segment in segments:
        segment.unlink()
    return _ends([(memoryview(segment.buf or b""), segment.close) for segment in segments])


def mapped_file(capacity_bytes: int) -> Ends:
    """Two files in the folder for temporary ones, mapped by both."""
    opened = []
    for _ in range(2):
        with tempfile.TemporaryFile() as file:
            file.truncate(SLOTS * _whole_pages(capacity_bytes))
            mapping = mmap.mmap(file.fileno(), 0)
        opened.append((memoryview(mapping), mapping.close))
    return _ends(opened)


def _ends(opened: list[tuple[memoryview, Callable[[], None]]]) -> Ends:
    (out, close_out), (back, close_back) = opened
    told, credited = (os.pipe(), os.pipe()), (os.pipe(), os.pipe())

    def side(near: int) -> Mapped:
        far = 1 - near
        views = (out, back) if near == 0 else (back, out)
        bells = (told[near][1], told[far][0], credited[near][0], credited[far][1])
        return Mapped(memoryview(views[0]), memoryview(views[1]), bells, lambda: close(near))

    closed: set[int] = set()

    def close(near: int) -> None:
        closed.add(near)
        if len(closed) == 2:  # each process closes both its own side and its copy of the other's
            out.release()
            back.release()
            close_out()
            close_back()

    return Ends(side(0), side(1))


def _some(descriptor: int) -> bytes:
    got = os.read(descriptor, SLOTS)
    if not got:
        raise EOFError("the other side has gone")
    return got


def _whole_pages(size_bytes: int) -> int:
    return -(-max(size_bytes, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
