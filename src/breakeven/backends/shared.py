"""The backend of an executor: one crew of worker processes that is kept, and that several threads use at once.

Lives here: its face, and what becomes of it when the interpreter ends or forks. Never here: how it works (`driver`).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from breakeven.backends import pending
from breakeven.backends.crews import Crews
from breakeven.backends.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breakeven.backends.futures import TaskFuture
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work


class SharedProcesses:
    """The backend of one executor: a crew of its own, kept until the end."""

    name = "processes"

    def __init__(self, options: Options, recorder: Recorder, first: int = 0) -> None:
        """`first` is the number of the first call that will be submitted."""
        self._crews = Crews(options)
        self._driver = Driver(self._crews, recorder, first)

    def stream(
        self,
        work: Work,
        recorder: Recorder,  # noqa: ARG002 - all that an executor runs goes into one ledger
        *,
        ordered: bool,
        bounded: bool,
        timeout: float | None = None,
    ) -> Iterator[list[Any]]:
        """Begin at once, and yield blocks."""
        return self._driver.stream(work, ordered=ordered, bounded=bounded, timeout=timeout)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskFuture:
        """Run one call."""
        return self._driver.submit(fn, args, kwargs)

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """End after what was submitted is done, or at once."""
        if at_once:
            self._driver.kill()
        else:
            self._driver.shutdown(wait=wait, cancel=cancel)

    def release(self) -> None:
        """The executor was collected: end after what was submitted is done, without waiting here."""
        self._driver.release()

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return self._crews.describe()


def _finish_all() -> None:
    """The interpreter ends: what was submitted is done first, as the standard library's executors do it."""
    for driver in list(pending.crews.values()):
        driver.shutdown(wait=True, cancel=False)


def _forget_all() -> None:
    for driver in list(pending.crews.values()):
        driver.forget()
    pending.crews.clear()


threading._register_atexit(_finish_all)  # type: ignore[attr-defined]  # noqa: SLF001 - before threads are joined; concurrent.futures does the same
os.register_at_fork(after_in_child=_forget_all)
