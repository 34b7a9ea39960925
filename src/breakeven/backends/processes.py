"""Worker processes, each call on a crew that the calling thread drives and that is kept warm for the next.

Lives here: the backend's face. Never here: crews (`crews`), or many threads on one (`shared`).
"""

from __future__ import annotations

from itertools import count

from breakeven.backends.crews import Crews, drive
from breakeven.ledger import recorder as states
from breakeven.planning.chunks import WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work


class Processes:
    """The backend of worker processes."""

    name = "processes"

    def __init__(self, options: Options) -> None:
        self._crews = Crews(options)
        self._submitted = count()

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """Yield results in blocks; the calling thread drives the crew."""
        crews = self._crews
        crew = crews.acquire(recorder)
        try:
            yield from drive(crew, work, ordered=ordered, window=WINDOW * crews.workers if bounded else None)
        finally:
            recorder.mark(states.STOP)
            crews.give_back(crew)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Run one call on a crew of its own that ends with it; an `Executor` keeps one for many."""
        from breakeven.backends.shared import SharedProcesses
        from breakeven.ledger.recorder import Recorder

        shared = SharedProcesses(self._crews.options, Recorder(), next(self._submitted))
        future = shared.submit(fn, args, kwargs)
        shared.close(wait=False)
        return future

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Crews are kept for the next call; `breakeven.shutdown` ends them."""

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return self._crews.describe()
