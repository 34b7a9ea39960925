"""Files that the kernel makes up while they are read.

Lives here: reading such a file whole and taking numbers out of it. Never here: what the numbers mean.
A file that is absent, forbidden or garbled is an ordinary answer, `None`; an exception here would end a run
over something that is only worth knowing. `open()` costs twice as much as the bare calls, hence those.
"""

from __future__ import annotations

import os

TASKS = "/proc/self/task"
"""One entry for every thread of this process."""

_PIECE_BYTES = 1 << 16
_LARGEST = (1 << 64) - 1
"""No kernel counts further; what is larger is no number of its."""


def read_bytes(path: str) -> bytes | None:
    """Return the whole file, or `None` if it cannot be read.

    Reads until the end: the kernel hands out files such as `/proc/self/maps` a page at a time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        piece = whole = os.read(descriptor, _PIECE_BYTES)
        while piece:
            piece = os.read(descriptor, _PIECE_BYTES)
            whole += piece
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return whole


def read_text(path: str) -> str | None:
    """Return the whole file as text in which any path is spelt as `os.open` takes it, or `None`."""
    whole = read_bytes(path)
    return None if whole is None else os.fsdecode(whole)


def read_number(path: str) -> int | None:
    """Return the one integer a file holds; `None` where there is no file or it says anything else, such as "max"."""
    return whole_number(read_bytes(path))


def whole_number(word: bytes | str | None) -> int | None:
    r"""Return the integer a word spells, or `None`.

    >>> whole_number(b"42\n"), whole_number("max"), whole_number(None)
    (42, None, None)
    """
    try:
        number = None if word is None else int(word)
    except ValueError:
        return None
    return None if number is None or abs(number) > _LARGEST else number


def field(table: bytes | None, name: bytes) -> int | None:
    r"""Return the number that follows `name` at the start of a line, or `None`.

    >>> field(b"MemTotal:  16 kB\nMemFree:  4 kB\n", b"MemFree:")
    4
    """
    for line in (table or b"").splitlines():
        words = line.split(None, 2)
        if len(words) > 1 and words[0] == name:
            return whole_number(words[1])
    return None


def queued_seconds() -> float | None:
    """Return how long this thread has queued for a CPU since it began, or `None` where the kernel does not say.

    Costs 10 µs; what is kept open (`pressure`, `worker`) is read in 2.
    """
    words = (read_bytes("/proc/thread-self/schedstat") or b"").split()
    waited = whole_number(words[1]) if len(words) > 1 else None
    return None if waited is None else waited * 1e-9


def thread_ids() -> list[int] | None:
    """Return the system's numbers of all threads of this process, or `None` where they are not listed."""
    try:
        return [int(name) for name in os.listdir(TASKS)]  # noqa: PTH208 - pathlib is slow to import
    except OSError:
        return None
