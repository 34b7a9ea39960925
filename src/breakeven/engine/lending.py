"""Blocks of shared memory that workers look at: who was given which, and when a block is free again.

Lives here: counting. Never here: the memory itself (`arena`), or what is in a block.
A block may be lent to several workers, and to one several times; pinned blocks (a call's repeated array, what is
bound to a function) stay until they are unpinned, even while nobody looks.
"""

from __future__ import annotations

from breakeven.engine import arena, protocol
from breakeven.engine.arena import Arena, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from breakeven.engine.member import Member


class Lending:
    """The parent's arena, and what of it is lent."""

    __slots__ = ("_lent", "_pinned", "arena", "remark")

    def __init__(self) -> None:
        self.arena: Arena | None = None
        self._lent: dict[int, int] = {}  # offset → looks under way
        self._pinned: set[int] = set()
        try:
            self.arena = Arena(open_file("arguments"))
            self.remark = arena.substitute  # what a report should say of it
        except OSError as error:
            self.remark = f"no shared memory here ({error}): arrays travel through the channel"

    @property
    def descriptor(self) -> int:
        """Of the arena, for workers; -1 where there is none."""
        return -1 if self.arena is None else self.arena.descriptor

    def lend(self, member: Member, table: bytes) -> None:
        """Count what is sent to a worker."""
        for _, _, offset, _ in protocol.BUFFER.iter_unpack(table):
            member.leases[offset] = member.leases.get(offset, 0) + 1
            self._lent[offset] = self._lent.get(offset, 0) + 1

    def release(self, member: Member, offsets: Iterable[int]) -> None:
        """A worker has let go of blocks."""
        for offset in offsets:
            left = member.leases.get(offset, 0) - 1
            if left < 0:
                raise protocol.GarbledFrameError("a block was released that was not lent")
            if left:
                member.leases[offset] = left
            else:
                del member.leases[offset]
            self._take_back(offset, 1)

    def release_all(self, member: Member) -> None:
        """A worker is gone, and with it every look at what it was lent."""
        for offset, count in member.leases.items():
            self._take_back(offset, count)
        member.leases.clear()

    def _take_back(self, offset: int, count: int) -> None:
        left = self._lent[offset] - count
        if left:
            self._lent[offset] = left
            return
        del self._lent[offset]
        if offset not in self._pinned and self.arena is not None:
            self.arena.free(offset)

    def is_lent(self, offset: int) -> bool:
        """Whether a worker may look at a block: its bytes stay as they are until it has let go."""
        return offset in self._lent

    def pin(self, offsets: Iterable[int]) -> None:
        """Keep blocks although nobody looks."""
        self._pinned.update(offsets)

    def unpin(self, offsets: Iterable[int]) -> None:
        """Blocks are no longer wanted; each is freed when the last worker has let go."""
        for offset in offsets:
            if offset in self._pinned:
                self._pinned.discard(offset)
                if offset not in self._lent and self.arena is not None:
                    self.arena.free(offset)

    def close(self) -> None:
        """Let go of the arena."""
        if self.arena is not None:
            self.arena.close()
            self.arena = None
