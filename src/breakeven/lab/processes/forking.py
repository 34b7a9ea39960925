"""Child processes of the lab: forked, deaf to Ctrl-C, and never longer alive than their parent.

Lives here: starting one. Never here: what it does.
"""

from __future__ import annotations

import signal
import warnings
from contextlib import contextmanager

from breakeven.errors import BreakevenError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

_PR_SET_PDEATHSIG = 1
_MOMENT_SECONDS = 0.2


@contextmanager
def quietly_forking() -> Iterator[None]:
    """Fork without the warning about threads, since those of numpy's BLAS survive a fork, and with Ctrl-C put off."""
    import multiprocessing

    if "fork" not in multiprocessing.get_all_start_methods():
        raise UsageError("this instrument's partner process is forked, which this system cannot; use Linux", "lab")
    # A Ctrl-C that comes while a child is not yet deaf to it waits in the parent; what waits is not inherited.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(target: Callable[..., None], *arguments: Any) -> Any:
    """Fork a process that runs `target(*arguments)`; returns its `multiprocessing.Process`."""
    import multiprocessing

    with quietly_forking():
        process = multiprocessing.get_context("fork").Process(target=_run, args=(target, *arguments), daemon=True)
        process.start()
    return process


def _run(target: Callable[..., None], *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it, with what was measured so far
    die_with_parent()
    target(*arguments)


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it dies, however it does."""
    import ctypes

    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass  # not Linux: the end of its pipe is what it notices


class PartnerGone(BreakevenError):
    """A process that was being measured ended by itself; `code` is how."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return (
            f"a process that was being measured ended by itself (exit code {self.code}); where it was killed (-9), "
            "memory may have run out: ask for less"
        )


@contextmanager
def needing(processes: Sequence[Any]) -> Iterator[None]:
    """Raise `PartnerGone` as soon as one of these children ends, whatever this thread waits for; of the main thread.

    Both sides hold both ends of a queue, so nobody who waits at one is told by it that the other has gone.
    """
    import threading

    def look(*_: object) -> None:
        for process in processes:
            if not process.is_alive():
                raise PartnerGone(process.exitcode)

    if threading.current_thread() is not threading.main_thread():  # the only one that signals interrupt
        yield
        return
    before = signal.signal(signal.SIGCHLD, look)
    try:
        look()
        yield
    except (EOFError, OSError):
        for process in processes:
            process.join(_MOMENT_SECONDS)  # where a pipe was told first, the process has yet to be
        look()
        raise
    finally:
        signal.signal(signal.SIGCHLD, before)


def end(process: Any, patience_seconds: float = 0.5) -> None:
    """End a process that was told to leave, by force if it does not."""
    process.join(patience_seconds)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()
