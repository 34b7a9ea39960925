"""Shared memory without names, so that nothing can leak.

Lives here: `Arena`, the owner's side (allocate, write, free, trim), and `Window`, the reader's side
(views that say when they are done with). Never here: which message carries a block.

An arena is one `memfd` (an unlinked file where there is none), handed to the other side when the worker
starts; the kernel frees it when the last process is gone, `SIGKILL` included. It grows by extents, each
mapped once on either side: a fresh shared page costs about ten times a warm one (measured: 1.3 against
14 GB/s), so blocks are reused lowest address first and mappings are kept.
"""

from __future__ import annotations

import mmap
import os
from _weakref import ref
from errno import EMFILE, ENFILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PAGE = mmap.PAGESIZE
FIRST_EXTENT, LARGEST_EXTENT = 64 << 20, 1 << 30  # bytes
NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
POPULATE_READ = 22  # MADV_POPULATE_READ, Linux 5.14: maps pages in without a copy-on-write


substitute = ""
"""What serves where there is no memfd, and why; empty where there is one. For reports."""


def open_file(label: str) -> int:
    """Descriptor of a new file in memory that has no name."""
    global substitute  # noqa: PLW0603 - the same for the whole process
    reason = "this system has none"
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create(f"breakeven-{label}", os.MFD_CLOEXEC)
        except OSError as error:  # seccomp without memfd: an unlinked file serves
            if error.errno in (EMFILE, ENFILE):
                raise
            reason = str(error)
    import tempfile

    directory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - unlinked at once
    descriptor, path = tempfile.mkstemp(prefix="breakeven-", dir=directory)
    substitute = f"no memfd ({reason}): shared memory lies in unlinked files in {os.path.dirname(path)}"
    os.unlink(path)
    return descriptor


class Extent:
    """A stretch of the arena that is mapped as one."""

    __slots__ = ("_mapping", "free", "holed", "size", "start", "touched")

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.size = size
        self.touched = 0  # bytes from the start that have pages already
        self.holed = False  # but for some that were given back
        self.free: list[tuple[int, int]] = [(0, size)]  # (offset, bytes), sorted, never adjacent
        self._mapping: mmap.mmap | None = None

    def mapping(self, descriptor: int) -> mmap.mmap:
        """The owner's mapping, made when first needed."""
        if self._mapping is None:
            self._mapping = mmap.mmap(descriptor, self.size, offset=self.start)
        return self._mapping

    def take(self, size: int) -> int | None:
        """Offset of the lowest free block of `size` bytes, or None."""
        for at, (offset, room) in enumerate(self.free):
            if room >= size:
                if room == size:
                    del self.free[at]
                else:
                    self.free[at] = (offset + size, room - size)
                return offset
        return None

    def give_back(self, offset: int, size: int) -> None:
        """Mark a block as free and join it with its neighbours."""
        free = self.free
        at = 0
        while at < len(free) and free[at][0] < offset:
            at += 1
        if at < len(free) and offset + size == free[at][0]:
            size += free[at][1]
            del free[at]
        if at and free[at - 1][0] + free[at - 1][1] == offset:
            at -= 1
            offset, size = free[at][0], free[at][1] + size
            free[at] = (offset, size)
        else:
            free.insert(at, (offset, size))

    def close(self) -> None:
        """Unmap, unless somebody still looks through it."""
        if self._mapping is not None:
            try:
                self._mapping.close()
            except BufferError:
                pass  # a view is alive; the mapping goes with it
            self._mapping = None


class Arena:
    """The side that writes: blocks are allocated here and come back when the reader has let go."""

    __slots__ = ("_extents", "_used", "descriptor", "used_bytes")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.used_bytes = 0
        self._extents: list[Extent] = []
        self._used: dict[int, tuple[Extent, int]] = {}

    def put(self, raw: memoryview) -> tuple[int, int, int, int]:
        """Copy bytes in; returns (extent start, extent size, offset, bytes), all the reader needs."""
        nbytes = raw.nbytes
        size = -(-nbytes // PAGE) * PAGE
        for extent in self._extents:
            offset = extent.take(size)
            if offset is not None:
                break
        else:
            extent = self._grow(size)
            offset = extent.take(size)
            assert offset is not None  # noqa: S101 - it was made to fit
        self._used[extent.start + offset] = (extent, size)
        self.used_bytes += size
        try:
            self._write(extent, offset, raw)
        except BaseException:
            self.free(extent.start + offset)
            raise
        return extent.start, extent.size, extent.start + offset, nbytes

    def _grow(self, size: int) -> Extent:
        end = self._extents[-1].start + self._extents[-1].size if self._extents else 0
        extent = Extent(end, max(size, min(FIRST_EXTENT << len(self._extents), LARGEST_EXTENT)))
        os.ftruncate(self.descriptor, end + extent.size)
        self._extents.append(extent)
        return extent

    def _write(self, extent: Extent, offset: int, raw: memoryview) -> None:
        nbytes = raw.nbytes
        if not extent.touched:
            extent.holed = False
        # Through the mapping only where there are pages: on a full disk a new one would be a SIGBUS, not an error.
        warm = 0 if extent.holed else min(max(extent.touched - offset, 0), nbytes)
        if warm:
            memoryview(extent.mapping(self.descriptor))[offset : offset + warm] = raw[:warm]
        at = warm  # pwrite into pages that are not there yet: 2.1 against 1.3 GB/s for faulting them in
        while at < nbytes:
            at += os.pwrite(self.descriptor, raw[at : at + (1 << 30)], extent.start + offset + at)
        extent.touched = max(extent.touched, offset + nbytes)

    def free(self, offset: int) -> None:
        """Take a block back."""
        extent, size = self._used.pop(offset)
        self.used_bytes -= size
        extent.give_back(offset - extent.start, size)

    def size_of(self, offset: int) -> int:
        """Bytes of a block that is in use, rounded up to pages."""
        return self._used[offset][1]

    def peek(self, offset: int, nbytes: int) -> memoryview:
        """Bytes of a block that is in use, read at once and not kept."""
        extent, _ = self._used[offset]
        at = offset - extent.start
        return memoryview(extent.mapping(self.descriptor))[at : at + nbytes]

    def trim(self, keep_bytes: int) -> None:
        """Give pages of free blocks back to the system, but for about `keep_bytes` of them."""
        kept = self.used_bytes
        for extent in self._extents:
            for offset, size in extent.free:
                end = min(offset + size, -(-extent.touched // PAGE) * PAGE)
                if end <= offset:
                    continue
                if kept + end - offset <= keep_bytes:
                    kept += end - offset
                    continue
                extent.mapping(self.descriptor).madvise(mmap.MADV_REMOVE, offset, end - offset)
                if end == -(-extent.touched // PAGE) * PAGE:
                    extent.touched = offset
                else:
                    extent.holed = True

    def close(self) -> None:
        """Let go of mappings and descriptor; pages live on while a reader's view does."""
        for extent in self._extents:
            extent.close()
        self._extents.clear()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Window:
    """The side that reads: turns block addresses into buffers and learns when each has been let go.

    `private` maps copy on write: the reader may write into what it got, and nobody sees that.
    Blocks that were let go stand in `released` until somebody tells their owner.
    """

    __slots__ = ("_alive", "_mappings", "_private", "_settled", "descriptor", "released")

    def __init__(self, descriptor: int, *, private: bool) -> None:
        self.descriptor = descriptor
        self.released: list[int] = []
        self._private = private
        self._mappings: dict[int, mmap.mmap] = {}
        self._alive: dict[int, list[ref[Any]]] = {}  # offset → exporters over it; the end of each is told
        self._settled: dict[int, int] = {}  # offset → bytes known to be mapped in, unwritten

    def _map(self, start: int, size: int) -> mmap.mmap:
        mapping = self._mappings.get(start)
        if mapping is None:
            mapping = self._mappings[start] = self._fresh(start, size)
        return mapping

    def _fresh(self, start: int, size: int) -> mmap.mmap:
        if self._private:
            return mmap.mmap(
                self.descriptor,
                size,
                flags=mmap.MAP_PRIVATE | NORESERVE,
                prot=mmap.PROT_READ | mmap.PROT_WRITE,
                offset=start,
            )
        return mmap.mmap(self.descriptor, size, offset=start)

    def peek(self, start: int, size: int, offset: int, nbytes: int) -> memoryview:
        """Bytes that are read at once and not kept."""
        return memoryview(self._map(start, size))[offset - start : offset - start + nbytes]

    def view(self, start: int, size: int, offset: int, nbytes: int) -> memoryview:
        """A buffer over the block; when everything made from it is gone, the block is in `released`."""
        from breakeven.engine.lease import lease

        again = self._private and offset in self._alive
        # Kept from an earlier task, perhaps written into: whoever gets the block again needs pages of its own.
        mapping = self._fresh(start, size) if again else self._map(start, size)
        exporter = lease(mapping, offset - start, nbytes)
        faults = self._settle(mapping, offset - start, nbytes) if self._private and not again else -1
        released, alive = self.released, self._alive
        droppable = self._private and not again

        def let_go(gone: ref[Any]) -> None:
            holders = alive[offset]
            holders.remove(gone)
            if not holders:
                del alive[offset]
            if droppable:
                self._drop_copies(mapping, offset - start, nbytes, faults)
            released.append(offset)

        alive.setdefault(offset, []).append(ref(exporter, let_go))
        return memoryview(exporter)

    def _settle(self, mapping: mmap.mmap, at: int, nbytes: int) -> int:
        """Map the pages in, so that a later page fault can only mean a write; returns the count of faults so far."""
        if self._settled.get(at, 0) < nbytes:
            try:
                mapping.madvise(POPULATE_READ, at, nbytes)
                self._settled[at] = nbytes
            except OSError:
                return -1  # an old kernel: every block counts as written
        return _page_faults()

    def _drop_copies(self, mapping: mmap.mmap, at: int, nbytes: int, faults: int) -> None:
        """Forget the pages that the reader wrote into, so that the block's next content is seen."""
        if faults < 0 or _page_faults() != faults:
            mapping.madvise(mmap.MADV_DONTNEED, at, nbytes)
            self._settled.pop(at, None)

    def close(self) -> None:
        """Let go of the descriptor and of every mapping that nobody looks through."""
        for mapping in self._mappings.values():
            try:
                mapping.close()
            except BufferError:
                pass  # views outlive the window; their mapping goes with them
        self._mappings.clear()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


_usage: Any = None


def _page_faults() -> int:
    """Minor page faults of this process so far: none in between means that no page was copied on write."""
    global _usage  # noqa: PLW0603 - the module is imported when first needed
    if _usage is None:
        from resource import getrusage as _usage
    return _usage(0).ru_minflt  # type: ignore[no-any-return]
