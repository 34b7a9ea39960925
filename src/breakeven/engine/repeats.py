"""Large arrays that are submitted again: not copied again while the copy is still in use.

Lives here: when a block holds what an array holds. Never here: arrays of one map, which are known before
it begins (`stream`). Between two calls a caller may have written into an array, so its identity says where to look, and
its bytes decide.
"""

from __future__ import annotations

import sys
from _weakref import ref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from breakeven.engine.lending import Lending

STEP_BYTES = 1 << 20  # compared at a time: it stays in the cache, and a difference is mostly found in the first


class Repeats:
    """Where each array was put last, as long as it lives. To `encode` it is what `Shared` is for a map."""

    __slots__ = ("_blocks", "_lending")

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._blocks: dict[int, tuple[ref[Any], tuple[int, int, int, int]]] = {}

    def find(self, raw: memoryview) -> tuple[int, int, int, int] | None:
        """A block that a worker may still look at, and that holds these bytes."""
        known = self._blocks.get(id(_owner(raw)))
        if known is None:
            return None
        _, block = known
        _, _, offset, nbytes = block
        arena = self._lending.arena
        if arena is None or nbytes != raw.nbytes or not self._lending.is_lent(offset):
            return None
        if arena.size_of(offset) < nbytes:  # it was freed meanwhile, and a shorter block begins there now
            return None
        there = arena.peek(offset, nbytes)
        try:
            return block if _same(raw, there) else None
        finally:
            there.release()

    def keep(self, raw: memoryview, block: tuple[int, int, int, int]) -> bool:
        """Remember a block. It stays its sender's to free: here nothing is kept for a next time."""
        owner = _owner(raw)
        if owner is not None:
            key, blocks = id(owner), self._blocks
            blocks[key] = ref(owner, lambda _: blocks.pop(key, None)), block
        return False

    def offsets(self) -> tuple[int, ...]:
        """Blocks to be kept although nobody looks: none."""
        return ()


def _owner(raw: memoryview) -> Any:
    """The array whose bytes these are; None for anything else."""
    numpy = sys.modules.get("numpy")
    return raw.obj if numpy is not None and isinstance(raw.obj, numpy.ndarray) else None


def _same(one: memoryview, other: memoryview) -> bool:
    """Whether all bytes are the same: eight at a time, the last few one by one."""
    from numpy import array_equal, frombuffer

    whole = one.nbytes - one.nbytes % 8
    for at in range(0, whole, STEP_BYTES):
        end = min(at + STEP_BYTES, whole)
        if not array_equal(frombuffer(one[at:end], "u8"), frombuffer(other[at:end], "u8")):
            return False
    return one[whole:] == other[whole:]
