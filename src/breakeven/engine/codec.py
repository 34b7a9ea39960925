"""Objects ⇄ payload: a pickle, with large buffers beside it in shared memory.

Lives here: what is pickled how (protocol 5, buffers out of band; cloudpickle for what pickle cannot
name; what stands in `__main__` by value), and which part travels through the arena.
Never here: a socket. What cannot be pickled becomes `Unpicklable`, naming the path to the culprit.
"""

from __future__ import annotations

from _pickle import PickleBuffer, dumps, loads

from breakeven.engine.protocol import BUFFER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.arena import Arena, Window

# Bytes from which a buffer or a whole pickle travels through the arena: two copies fewer than the
# channel, but an allocation and a view (about 40 µs), break even near 100 kB.
LARGE = 96 << 10


class Encoded:
    """A payload ready to be framed: the buffer table, the stream, and the blocks it occupies."""

    __slots__ = ("blocks", "buffers", "shared_bytes", "stream", "stream_shared", "table")

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.table = b""
        self.buffers = 0
        self.blocks: list[int] = []
        self.shared_bytes = 0
        self.stream_shared = False


def pickled(value: Any, large: int) -> tuple[bytes, list[memoryview]]:
    """Pickle `value`; buffers of `large` bytes and more stay outside, in order."""
    outside: list[memoryview] = []

    def keep_inside(buffer: PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous: nothing to share
            return True
        if raw.nbytes < large:
            return True
        outside.append(raw)
        return False

    try:
        stream = dumps(value, 5, buffer_callback=keep_inside)
        if b"__main__" not in stream:
            return stream, outside
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException:  # noqa: BLE001,S110 - whatever pickle stumbled over, cloudpickle may know better
        pass
    # What stands in `__main__` goes by value: a worker's `__main__` is another module, or an older one.
    outside.clear()
    import cloudpickle

    return cloudpickle.dumps(value, 5, buffer_callback=keep_inside), outside


def encode(
    value: Any,
    arena: Arena | None,
    shared: dict[int, tuple[int, int, int, int]] | None = None,
) -> Encoded:
    """Pickle `value` and put what is large into the arena.

    `shared` remembers, for one call, the blocks of buffers that were put before (by identity of the
    object behind the buffer, which the call keeps alive), so that a repeated array is copied once.
    """
    if arena is None:
        return Encoded(pickled(value, 1 << 62)[0])
    stream, outside = pickled(value, LARGE)
    encoded = Encoded(stream)
    if len(stream) >= LARGE:
        outside.insert(0, memoryview(stream))
        encoded.stream = b""
        encoded.stream_shared = True
    if not outside:
        return encoded
    table = []
    try:
        for at, raw in enumerate(outside):
            key = 0 if shared is None or (at == 0 and encoded.stream_shared) else id(raw.obj)
            address = shared.get(key) if shared is not None and key else None
            if address is None or address[3] != raw.nbytes:
                address = arena.put(raw)
                encoded.shared_bytes += raw.nbytes
                if shared is not None and key:
                    shared[key] = address
                else:
                    encoded.blocks.append(address[2])
            table.append(BUFFER.pack(*address))
    except BaseException:
        for offset in encoded.blocks:
            arena.free(offset)
        raise
    encoded.buffers = len(table)
    encoded.table = b"".join(table)
    return encoded


def decode(
    stream: bytes | memoryview,
    table: bytes | memoryview,
    window: Window | None,
    *,
    stream_shared: bool,
) -> Any:
    """Rebuild what `encode` took apart; arrays are views into shared memory."""
    if not len(table):
        return loads(stream)
    assert window is not None  # noqa: S101 - a table is only made with an arena
    addresses = list(BUFFER.iter_unpack(table))
    if stream_shared:
        start, size, offset, nbytes = addresses[0]
        whole = window.peek(start, size, offset, nbytes)
        try:
            return loads(whole, buffers=[window.view(*address) for address in addresses[1:]])
        finally:
            whole.release()
            window.released.append(offset)
    return loads(stream, buffers=[window.view(*address) for address in addresses])


def unpicklable(value: Any, what: str, index: int | None, error: BaseException) -> BaseException:
    """The error to raise for `value`, with the attribute path to what pickle refused."""
    from breakeven.engine.culprit import path_to_culprit
    from breakeven.errors import Unpicklable

    path, culprit = path_to_culprit(value, what)
    return Unpicklable(path, what, f"{type(error).__name__}: {error}" if culprit is None else culprit, index)
