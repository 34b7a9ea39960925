"""What malloc keeps of freed memory, and how to have it keep nothing while memory is counted.

Lives here: glibc's own settings. Never here: counting (`watching`).

A process that has freed much keeps it, resident, and serves the next large block from it: what is then allocated adds
nothing to what the process holds. Giving it back to the kernel is not enough, since a block that moves within such a
hole as it grows leaves its tracks there, and they count. So each hole is taken, untouched, and large blocks have to be
mapped, each by itself, and are unmapped when they are freed.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LARGE_BYTES = 128 << 10
"""Blocks of this size and above are mapped by themselves, as in a process that has just begun."""
_GROWN_BYTES = 32 << 20  # the most that glibc lets the bound grow to by itself; trimming begins at twice that
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # mallopt(3)
_LARGEST_HOLE_BYTES = 1 << 30


class _Counts(ctypes.Structure):
    """`struct mallinfo2`: eight counts that are not asked for here, and the bytes that are free in the heap."""

    _fields_ = (("others", ctypes.c_size_t * 8), ("free_bytes", ctypes.c_size_t), ("keepcost", ctypes.c_size_t))


@contextmanager
def nothing_kept() -> Iterator[bool]:
    """Have this process, and those that it forks meanwhile, give freed memory back; yields whether libc can do it.

    Afterwards malloc keeps as much as it does in a process that has worked for long, since glibc cannot be told to
    find its bounds by itself again.
    """
    libc: Any = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        yield False  # no glibc, or one before 2.33
        return
    libc.mallinfo2.restype = _Counts
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    libc.free.restype, libc.free.argtypes = None, (ctypes.c_void_p,)
    holes: list[int] = []
    try:
        _set_bound(libc, LARGE_BYTES)
        libc.malloc_trim(0)
        _take(libc, holes)
        yield True
    finally:
        for hole in holes:
            libc.free(hole)
        _set_bound(libc, _GROWN_BYTES)


def _set_bound(libc: Any, nbytes: int) -> None:
    libc.mallopt(_MMAP_THRESHOLD, nbytes)
    libc.mallopt(_TRIM_THRESHOLD, 2 * nbytes)


def _take(libc: Any, holes: list[int]) -> None:
    """Allocate what is free in the heap, the largest first; what would have to be mapped is not wanted."""
    nbytes = _LARGEST_HOLE_BYTES
    while nbytes >= LARGE_BYTES:
        free = libc.mallinfo2().free_bytes
        block = libc.malloc(nbytes)
        if block and libc.mallinfo2().free_bytes <= free - nbytes:
            holes.append(block)
        else:
            libc.free(block)
            nbytes //= 2
