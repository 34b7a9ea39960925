"""Threads of this process that Python did not start, and whose they are.

Lives here: telling OpenBLAS's own pool, which survives a fork, from every other native thread, which does not.
Never here: what to do about it. Only what a fork needs is loaded: nothing that is not built into the interpreter.

Why OpenBLAS is let off: built with POSIX threads, it registers a handler with `pthread_atfork` that ends its pool
before the fork and lets both sides start a new one when they next need it (OpenBLAS pull request 343, in releases since
2014; `openblas_fork_handler` in driver/others/memory.c, where a comment also says that built upon GNU OpenMP it may
still hang). Seen here with OpenBLAS 0.3.31: after `os.fork()` the pool's threads are gone from the parent too.
GNU OpenMP registers nothing (GCC bug 60035): a child whose parent has used it hangs in its next parallel region.

How a thread is told: one of OpenBLAS's that has nothing to do waits on a condition variable in its library's static
memory, and `/proc/self/task/TID/syscall` gives that address. While such a thread spins (2**28 cycles, 0.1 s here,
after each call of BLAS) it says nothing of itself; then only the pool's size, asked of the library, is left to go by.
"""

from __future__ import annotations

import os
import sys
import time

from breakeven.probes.kernel import TASKS, read_bytes, read_text, thread_ids

_OPENMP_LIBRARIES = ("libgomp", "libomp", "libiomp")
_AFFIXES = tuple([(prefix, suffix) for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")])
_POSIX_THREADS = 1
"""What `openblas_get_parallel` answers when the pool is OpenBLAS's own: 0 is no pool, 2 is OpenMP's."""

_ELF_64_BIT = b"\x7fELF\x02"
_PT_LOAD = 1

_LOOK_AGAIN_SECONDS = 0.0002
_ENDING_SECONDS = 0.005
"""A Python thread that was joined may be seen for some 0.1 ms more; one that stays this long is not about to end."""
_SPINNING_SECONDS = 0.15
"""Longer than OpenBLAS's threads spin, and shorter than another start method takes to load what the parent has."""


def count_unsafe(known: frozenset[int], spare: int = 0) -> int:
    """Return how many native threads a forked child would miss without knowing; 0 says that it would miss none.

    `known` are the threads that are none of our business here (the main one, Python's own); `spare` is how many
    more of those there are whose number is not known. A thread that sleeps is judged in 1 ms. A thread that runs may
    be about to end, and gets 5 ms for it. Only where it may be OpenMP's as well as OpenBLAS's, it gets 0.15 s to show.
    """
    started_seconds = time.monotonic()
    libraries = _Libraries()
    foreign_before: list[tuple[int, bytes]] | None = None
    while True:
        foreign, awake, pool_idle = _sort(_system_calls(known), libraries)
        of_pool = min(awake, max(0, libraries.pool_size() - pool_idle)) if awake else 0
        unclear = of_pool if libraries.openmp else 0
        unsafe = len(foreign) + awake - of_pool + unclear - spare
        if unsafe <= 0:
            return 0
        if foreign == foreign_before and len(foreign) > spare:
            return unsafe - unclear
        patience_seconds = _SPINNING_SECONDS if unsafe <= unclear else _ENDING_SECONDS
        if time.monotonic() - started_seconds > patience_seconds:
            return unsafe
        foreign_before = foreign
        time.sleep(_LOOK_AGAIN_SECONDS)


def _sort(threads: list[tuple[int, bytes]], libraries: _Libraries) -> tuple[list[tuple[int, bytes]], int, int]:
    """Return the threads that sleep elsewhere than in OpenBLAS, how many are awake, and how many sleep in OpenBLAS."""
    foreign = [(thread, call) for thread, call in threads if call and not libraries.is_pool_wait(call)]
    awake = sum([not call for _, call in threads])
    return foreign, awake, len(threads) - len(foreign) - awake


def _system_calls(known: frozenset[int]) -> list[tuple[int, bytes]]:
    """Return (thread, what it waits in) of all but `known`; nothing where it runs or cannot be looked at."""
    calls = []
    for thread in thread_ids() or ():
        if thread in known:
            continue
        call = read_bytes(f"{TASKS}/{thread}/syscall")
        if call is None and not os.path.exists(f"{TASKS}/{thread}"):  # noqa: PTH110 - pathlib is slow to import
            continue  # it ended between the two looks
        calls.append((thread, call if call and call[:1].isdigit() else b""))
    return calls


class _Libraries:
    """Where OpenBLAS has its static memory in this process, and whether an OpenMP run-time is loaded as well."""

    __slots__ = ("_pool_size", "openblas", "openmp")

    def __init__(self) -> None:
        self.openblas: dict[str, tuple[int, int]] = {}
        self.openmp = False
        self._pool_size: int | None = None
        for line in (read_text("/proc/self/maps") or "").splitlines():
            words = line.split(None, 5)
            path = words[-1]
            name = path.rpartition("/")[2]
            if "openblas" in name and path not in self.openblas:
                start = int(words[0].partition("-")[0], 16)
                self.openblas[path] = (start, start + _size_in_memory(path))
            elif name.startswith(_OPENMP_LIBRARIES):
                self.openmp = True

    def is_pool_wait(self, call: bytes) -> bool:
        """Say whether a system call's first argument, a futex's address, lies in OpenBLAS's memory."""
        words = call.split(None, 2)
        address = int(words[1], 16) if len(words) > 1 else 0
        return any(start <= address < end for start, end in self.openblas.values())

    def pool_size(self) -> int:
        """Return how many threads OpenBLAS has besides those that call it, or will have when it is next called."""
        if self._pool_size is None:
            self._pool_size = sum([_pool_size(path) for path in self.openblas])
        return self._pool_size


def _size_in_memory(path: str) -> int:
    """Return how much address space a 64-bit ELF library takes, from its program headers; 0 if it cannot be read.

    /proc/self/maps does not say: what a library leaves uninitialised (.bss, where the pool waits) shows as memory
    without a file, and may have grown together with a neighbour that is none of the library's.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        header = os.read(descriptor, 64)
        if header[:5] != _ELF_64_BIT:
            return 0
        size, count = _integer(header, 54, 2), _integer(header, 56, 2)
        table = os.pread(descriptor, size * count, _integer(header, 32, 8))
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    loaded = [at for at in range(0, len(table), size) if _integer(table, at, 4) == _PT_LOAD]
    if not loaded:
        return 0
    first = min([_integer(table, at + 16, 8) for at in loaded])
    return max([_integer(table, at + 16, 8) + _integer(table, at + 40, 8) for at in loaded]) - first


def _integer(table: bytes, at: int, size: int) -> int:
    return int.from_bytes(table[at : at + size], sys.byteorder)


def _pool_size(path: str) -> int:
    import ctypes  # numpy has loaded it already

    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return 0
    for prefix, suffix in _AFFIXES:  # builds differ in what they add to the names
        kind = getattr(library, f"{prefix}openblas_get_parallel{suffix}", None)
        size = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
        if kind is not None and size is not None:
            return max(0, size() - 1) if kind() == _POSIX_THREADS else 0
    return 0
