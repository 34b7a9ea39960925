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
    from collections.abc import Collection
    from typing import Any, Protocol

    from breakeven.engine.arena import Arena, Window

    class Known(Protocol):
        """Blocks that hold what is put again: `Shared` for a map, `Repeats` for submitted calls."""

        def find(self, raw: memoryview) -> tuple[int, int, int, int] | None:
            """The block that holds these bytes already."""

        def keep(self, raw: memoryview, block: tuple[int, int, int, int]) -> bool:
            """Remember a block; True when it is kept for a next time, and not its sender's to free."""

        def offsets(self) -> Collection[int]:
            """Offsets of all blocks kept."""


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


def pickled(value: Any, large: int, *, calls: bool = False) -> tuple[bytes, list[memoryview]]:
    """Pickle `value`; buffers of `large` bytes and more stay outside, in order.

    `calls` says that it is what workers call: a function of `__main__` shares its globals there with others.
    """
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
    if calls:
        from breakeven.engine.namespace import pickled_by_value

        return pickled_by_value(value, keep_inside), outside
    import cloudpickle

    return cloudpickle.dumps(value, 5, buffer_callback=keep_inside), outside


class Shared:
    """Arrays that occur again in one call, and where each was put, so that it is copied once.

    Only objects that the call keeps alive from end to end count. What is made for pickling alone (the view that numpy
    makes of an array in Fortran order, a buffer that an object fills for its `__reduce__`) may lie where another lay
    before, or be the same one with other contents.
    """

    __slots__ = ("_blocks", "_owners")

    def __init__(self, owners: list[Any]) -> None:
        self._owners = {id(owner): owner for owner in owners}
        self._blocks: dict[int, tuple[int, int, int, int]] = {}

    def find(self, raw: memoryview) -> tuple[int, int, int, int] | None:
        """The block that holds these bytes already."""
        return self._blocks.get(self._owner(raw))

    def keep(self, raw: memoryview, block: tuple[int, int, int, int]) -> bool:
        """Remember a block; False when the bytes are not those of an object that occurs again."""
        owner = self._owner(raw)
        if owner:
            self._blocks[owner] = block
        return bool(owner)

    def _owner(self, raw: memoryview) -> int:
        """Identity of the object all of whose bytes these are; 0 for none that is known."""
        for candidate in (raw.obj, getattr(raw.obj, "base", None)):
            if id(candidate) in self._owners and getattr(candidate, "nbytes", -1) == raw.nbytes:
                return id(candidate)
        return 0

    def offsets(self) -> set[int]:
        """Offsets of all blocks kept."""
        return {block[2] for block in self._blocks.values()}


def encode(value: Any, arena: Arena | None, shared: Known | None = None, *, calls: bool = False) -> Encoded:
    """Pickle `value` and put what is large into the arena; `shared` remembers what was put before in this call."""
    if arena is None:
        return Encoded(pickled(value, 1 << 62, calls=calls)[0])
    stream, outside = pickled(value, LARGE, calls=calls)
    encoded = Encoded(stream)
    if len(stream) >= LARGE:
        outside.insert(0, memoryview(stream))
        encoded.stream = b""
        encoded.stream_shared = True
    if not outside:
        return encoded
    table = []
    try:
        for raw in outside:
            block = shared.find(raw) if shared is not None else None
            if block is None:
                block = arena.put(raw)
                encoded.shared_bytes += raw.nbytes
                if shared is None or not shared.keep(raw, block):
                    encoded.blocks.append(block[2])
            table.append(BUFFER.pack(*block))
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
    if not isinstance(error, Exception):
        return error  # sys.exit() in a `__reduce__` stands for itself, as it does in a task
    from breakeven.engine.culprit import path_to_culprit
    from breakeven.errors import Unpicklable

    path, culprit = path_to_culprit(value, what)
    return Unpicklable(path, what, f"{type(error).__name__}: {error}" if culprit is None else culprit, index)
