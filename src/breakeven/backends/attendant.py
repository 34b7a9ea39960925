"""A thread that looks after a crew while no other thread drives it: for those who wait on many futures, or on none.

Lives here: when that thread wakes. Never here: what it does then (`shared`).
"""

from __future__ import annotations

import select
import threading
from time import perf_counter as clock
from typing import TYPE_CHECKING

from breakeven.backends.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable

running = 0  # of these threads in this process: they hold nothing that a fork could break


def count() -> int:
    """How many of these threads run."""
    return running


class Attendant:
    """Wakes when a worker has something to tell and nobody else listens, when a deadline comes, when it is poked."""

    def __init__(self, inner: int, turn: Callable[[], bool], nap: Callable[[], float | None]) -> None:
        """`inner` is readable when a worker tells something; `turn` says False at the end; `nap` how long to sleep."""
        global running  # noqa: PLW0603 - counted for the whole process
        self._inner = inner
        self._turn = turn
        self._nap = nap
        self._wakes_at = 0.0
        self._lock = threading.Lock()
        self._open = True
        self._bell = Bell()
        self._outer = select.epoll()
        self._outer.register(self._bell.descriptor, select.EPOLLIN)
        self._outer.register(inner, select.EPOLLIN)
        self._listening = True
        self._thread = threading.Thread(target=self._run, daemon=True, name="breakeven-attendant")
        running += 1
        try:
            self._thread.start()
        except BaseException:
            self._close()
            raise

    def listen(self, *, wanted: bool) -> None:
        """Hear the workers, or not, since another thread does."""
        if wanted is not self._listening:
            with self._lock:
                if self._open:
                    self._listening = wanted
                    self._outer.modify(self._inner, select.EPOLLIN if wanted else 0)

    def poke(self) -> None:
        """Have it look, and think again about how long it may sleep."""
        self._bell.ring()

    def wake_within(self, seconds: float | None) -> None:
        """Poke it, unless it wakes by itself before that."""
        if seconds is not None and clock() + seconds < self._wakes_at:
            self.poke()

    def join(self) -> None:
        """Wait for its end, which comes when its turn says False."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _close(self) -> None:
        global running  # noqa: PLW0603 - counted for the whole process
        with self._lock:
            if self._open:
                self._open = False
                running -= 1
                self._outer.close()
        self._bell.close()

    def forget(self) -> None:
        """Close what it holds in a forked child, where its thread does not exist, nor any that held the lock."""
        self._lock = threading.Lock()
        self._bell.forget()
        self._close()

    def _run(self) -> None:
        try:
            while self._turn():
                self._wakes_at = float("inf")
                seconds = self._nap()
                if seconds is not None:
                    self._wakes_at = clock() + seconds
                for descriptor, _ in self._outer.poll(seconds):
                    if descriptor == self._bell.descriptor:
                        self._bell.hush()
        finally:
            self._close()
