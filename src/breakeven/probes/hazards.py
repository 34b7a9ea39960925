"""Whether this process may fork now.

Lives here: the one question, answered with a reason a report can print. Never here: the choice of another way.
A fork copies memory and one thread. A lock that another thread held stays locked in the child for ever, and a pool
of threads is remembered there that does not exist. So fork is offered only where no other thread runs, the engine's
own and OpenBLAS's excepted. Hot path: 10 µs with one thread; what tells threads apart is loaded only for more.
"""

from __future__ import annotations

import _thread
import os
import sys

from breakeven.probes.kernel import thread_ids

OWN_PREFIX = "breakeven"
"""What the names of the engine's own threads begin with, so that a reason does not name them."""

_NAMES_SHOWN = 3


def fork_hazard(own_threads: int = 0) -> str | None:
    """Return why forking now would be unsafe, or `None` if it is safe.

    `own_threads` is how many of the Python threads besides the caller are the engine's, which knows what they do.
    Holds for the moment: a thread that is started later is not foreseen.
    """
    if sys.platform == "darwin":
        return "macOS frameworks do not survive a fork once they are loaded, and Python loads some itself"
    if not hasattr(os, "fork"):
        return "this system cannot fork"
    python_threads = _python_threads()
    if python_threads > own_threads:
        return _told(python_threads - own_threads, "Python thread") + _names()
    native_threads = _native_threads(python_threads)
    if native_threads:
        return _told(native_threads, "native thread") + ", started by a library: neither Python's nor OpenBLAS's"
    return None


def _python_threads() -> int:
    """Return how many threads besides this one run Python.

    `_thread._count()` also knows those that `threading` does not, but in a forked child it still counts the parent's,
    which `sys._current_frames()` does not; the lesser of the two is true.
    """
    started = _thread._count()  # noqa: SLF001 - what threading.active_count() leaves out is counted nowhere else
    return min(started, len(sys._current_frames()) - 1) if started else 0  # noqa: SLF001


def _native_threads(python_threads: int) -> int:
    """Return how many threads that Python did not start would not survive a fork."""
    threads = thread_ids()
    if threads is None:
        return _ask_psutil(python_threads)
    if len(threads) == 1 + python_threads:
        return 0
    from breakeven.probes.natives import count_unsafe

    known = _numbers_of_python_threads()
    return count_unsafe(known | {os.getpid()}, spare=max(0, python_threads - len(known)))


def _numbers_of_python_threads() -> frozenset[int]:
    """Return the system's numbers of the threads that `threading` started.

    It also lists native threads that have called into Python; those stay native here.
    """
    threading = sys.modules.get("threading")
    if threading is None:
        return frozenset()
    threads = [thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)]  # noqa: SLF001
    return frozenset([thread.native_id for thread in threads if thread.native_id is not None]) - {os.getpid()}


def _ask_psutil(python_threads: int) -> int:
    """Count where there is no /proc; whose the threads are cannot be known there, so none is let off."""
    try:
        import psutil
    except ImportError:
        return 0
    return max(0, int(psutil.Process().num_threads()) - 1 - python_threads)


def _told(count: int, kind: str) -> str:
    return f"{count} other {kind}{' runs' if count == 1 else 's run'}"


def _names() -> str:
    threading = sys.modules.get("threading")
    if threading is None:
        return ""
    here = _thread.get_ident()
    others = [thread.name for thread in threading.enumerate() if thread.ident != here]
    names = [repr(name) for name in others if not name.startswith(OWN_PREFIX)]
    if not names:
        return ""
    return f": {', '.join(names[:_NAMES_SHOWN])}{', …' if len(names) > _NAMES_SHOWN else ''}"
