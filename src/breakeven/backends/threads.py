"""Threads of this process, each call on threads of its own.

Lives here: the backend's face. Never here: what threads do (`gangs`), or those that an executor keeps
(`shared_threads`), on which submitted calls run.
"""

from __future__ import annotations

from breakeven.backends.gangs import on_threads_of_its_own
from breakeven.ledger.recorder import Recorder
from breakeven.probes.capacity import usable_cpus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.backends.shared_threads import SharedThreads
    from breakeven.work import Options, Work


class Threads:
    """The backend of threads."""

    name = "threads"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._workers = options.max_workers or usable_cpus()
        self._shared: SharedThreads | None = None

    def stream(
        self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool, timeout: float | None = None
    ) -> Iterator[list[Any]]:
        """Yield results in blocks; threads take chunks as they become free."""
        return on_threads_of_its_own(work, recorder, self._options, ordered=ordered, bounded=bounded, timeout=timeout)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Run one call in a thread, as an executor's threads do."""
        if self._shared is None:
            from breakeven.backends.shared_threads import SharedThreads  # with concurrent.futures: 13 ms

            self._shared = SharedThreads(self._options, Recorder())
        return self._shared.submit(fn, args, kwargs)

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """End the threads of `submit`; those of a stream end with it."""
        if self._shared is not None:
            self._shared.close(wait=wait, cancel=cancel, at_once=at_once)

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "threads", "start_method": None, "workers": self._workers}
