"""The exporter of a block of shared memory: an object whose end says that nobody looks at the block any more.

Lives here: why it has to be an array. Never here: what happens then.
numpy drops the `memoryview` that it was given and keeps the object behind it; so that object must be one
whose life can be watched, and that itself keeps the mapping alive (numpy#23305).
"""

from __future__ import annotations

from numpy import frombuffer, ndarray, uint8

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from typing import Any


class _Lease(ndarray):
    """Bytes of a mapping; unlike a plain mapping it can be watched by a weak reference of its own."""


def lease(mapping: mmap.mmap, at: int, nbytes: int) -> Any:
    """An exporter over `nbytes` of `mapping` from `at`."""
    return frombuffer(mapping, uint8, nbytes, at).view(_Lease)
