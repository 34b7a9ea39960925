"""`SharedArray`: an array that the parent and all workers see, by reference.

Lives here: the array, and how it is found again in another process. Never here: arguments by value (`arena`).
Each lies in a memfd of its own that workers open through the parent's `/proc/<pid>/fd`, so it has no name, and the
kernel frees it when the last process that maps it is gone.
"""

from __future__ import annotations

import mmap
import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from breakeven.engine.arena import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_attached: dict[tuple[int, int, int], Any] = {}  # (pid, descriptor, inode) → weak reference to the mapping's array


MOST_KEPT = 8
_kept: dict[tuple[int, int, int], Any] = {}  # mappings used last: mapping one again costs as much as reading it twice


def let_go() -> None:
    """Let go of mappings that no array uses; called when a worker has been idle for a while."""
    _kept.clear()


def _let_go_of_the_dead() -> None:
    """Keep nothing for next time that its owner has let go of: it would only hold the memory."""
    for pid, descriptor, inode in tuple(_kept):
        try:
            lives = os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino == inode
        except OSError:
            lives = False
        if not lives:
            _kept.pop((pid, descriptor, inode), None)  # two threads of a task may be here at once


class SharedArray(np.ndarray):
    """An `ndarray` whose memory is shared: what one process writes, all see. Nothing is locked.

    Made by `SharedArray.empty(shape, dtype)` or `SharedArray.from_array(array)`; views and slices of one are shared
    too and travel to workers as a few bytes. What is computed from one (`a + 1`) is an ordinary array.
    Disjoint writes by several workers, as in an assembly, need no lock; others do.

    >>> import breakeven as be, numpy as np
    >>> squares = be.SharedArray.empty(4, np.int64)
    >>> def fill(at, out=squares):
    ...     out[at] = at * at
    >>> _ = be.map(fill, range(4), backend="processes", max_workers=2)
    >>> squares.tolist()
    [0, 1, 4, 9]
    """

    shared_token: tuple[int, int, int, int] | None = None
    shared_address: int = 0

    @classmethod
    def empty(cls, shape: int | Sequence[int], dtype: Any = np.float64) -> SharedArray:
        """A shared array of zeros (fresh pages), C order; `shape` and `dtype` as for `numpy.empty`.

        Raises `TypeError` for a dtype that holds Python objects, `OSError` where there is no memory for it.
        """
        kind = np.dtype(dtype)
        if kind.hasobject:
            raise TypeError(f"a SharedArray cannot hold {kind}: objects live in one process; use a numeric dtype")
        shape = (int(shape),) if isinstance(shape, int | np.integer) else tuple(int(side) for side in shape)
        nbytes = max(int(np.prod(shape, dtype=np.int64)) * kind.itemsize, 1)
        descriptor = open_file("shared")
        try:
            os.ftruncate(descriptor, nbytes)
            return _make(cls, descriptor, (os.getpid(), descriptor, os.fstat(descriptor).st_ino, nbytes), shape, kind)
        except BaseException:
            os.close(descriptor)
            raise

    @classmethod
    def from_array(cls, array: Any) -> SharedArray:
        """A shared copy of `array`."""
        source = np.asarray(array)
        shared = cls.empty(source.shape, source.dtype)
        shared[...] = source
        return shared

    def __array_finalize__(self, parent: Any) -> None:
        """Views of a shared array are shared; everything else that numpy makes from one is not."""
        if isinstance(parent, SharedArray) and parent.shared_token is not None and _within(self, parent):
            self.shared_token = parent.shared_token
            self.shared_address = parent.shared_address

    def __reduce_ex__(self, protocol: Any) -> Any:
        token = self.shared_token
        if token is None:
            return np.asarray(self).__reduce_ex__(protocol)
        offset = self.__array_interface__["data"][0] - self.shared_address
        return _attach, (
            token,
            offset,
            self.shape,
            self.dtype.str if self.dtype.fields is None else self.dtype,
            self.strides,
        )

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Results of arithmetic are ordinary arrays, unless they were written into this one."""
        if array is self:
            return array
        plain = array.view(np.ndarray)
        return plain[()] if return_scalar and plain.ndim == 0 else plain


class _Mapping:
    """Owner of a mapping and its descriptor: ends when the last view is gone."""

    __slots__ = ("__weakref__", "descriptor", "map")

    def __init__(self, descriptor: int, nbytes: int) -> None:
        self.descriptor = descriptor
        self.map = mmap.mmap(descriptor, nbytes)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        """Let go of the descriptor; `close` is bound here, since at exit `os` may be gone before this is."""
        if self.descriptor >= 0:
            close(self.descriptor)


class _Base(np.ndarray):
    """The bytes of a mapping; keeps the mapping's owner alive for all views."""

    owner: Any = None


def _make(
    cls: type[SharedArray], descriptor: int, token: tuple[int, int, int, int], shape: tuple[int, ...], kind: Any
) -> SharedArray:
    base = _base(descriptor, token[3])
    key = token[:3]
    _attached[key] = weakref.ref(base, lambda _: _attached.pop(key, None))
    array: Any = base[: int(np.prod(shape, dtype=np.int64)) * kind.itemsize].view(kind).reshape(shape).view(cls)
    array.shared_token = token
    array.shared_address = base.__array_interface__["data"][0]
    return array  # type: ignore[no-any-return]


def _base(descriptor: int, nbytes: int) -> Any:
    owner = _Mapping(descriptor, nbytes)
    base = np.frombuffer(owner.map, np.uint8).view(_Base)
    base.owner = owner
    return base


def _within(view: Any, parent: Any) -> bool:
    token = parent.shared_token
    start = view.__array_interface__["data"][0] - parent.shared_address
    return bool(0 <= start <= token[3] and np.may_share_memory(view, parent))


def _attach(
    token: tuple[int, int, int, int], offset: int, shape: tuple[int, ...], kind: Any, strides: tuple[int, ...]
) -> Any:
    """Find the shared memory again in this process; each is mapped once a process."""
    pid, descriptor, inode, nbytes = token
    key = (pid, descriptor, inode)
    known = _attached.get(key)
    base = known() if known is not None else None
    if base is None:
        _let_go_of_the_dead()
        base = _open(pid, descriptor, inode, nbytes)
        _attached[key] = weakref.ref(base, lambda _: _attached.pop(key, None))
    if pid != os.getpid():
        _kept.pop(key, None)
        _kept[key] = base
        if len(_kept) > MOST_KEPT:
            del _kept[next(iter(_kept))]
    array = np.ndarray.__new__(SharedArray, shape, np.dtype(kind), base, offset, strides)
    array.shared_token = token
    array.shared_address = base.__array_interface__["data"][0]
    return array


def _open(pid: int, descriptor: int, inode: int, nbytes: int) -> Any:
    try:
        own = os.open(f"/proc/{pid}/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        reason = f"its owner has let go of it or has ended ({error})"
        raise FileNotFoundError(f"a SharedArray of process {pid} is gone; {reason}") from error
    if os.fstat(own).st_ino != inode:
        os.close(own)
        raise FileNotFoundError(f"a SharedArray of process {pid} is gone; its owner has let go of it")
    return _base(own, nbytes)
