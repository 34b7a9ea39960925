"""Places where work can run: one a file, all behind the port that stands here. Imports nothing by itself."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any, Protocol

    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Work

    class Backend(Protocol):
        """A place where work can run.

        A backend is made for one set of options and owns whatever it starts; `close` ends all of that and may be called
        twice. `stream` and `submit` may be called from several threads. What a task raises is never raised by `submit`,
        and by `stream` only where the work says so (`on_error="raise"`: the failure of lowest index, once all results
        before it were yielded). A backend that cannot run at all raises `BackendUnavailable` when it is made.
        """

        name: str

        def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
            """Yield results in blocks: in input order, or as they come.

            `bounded`: read the input no further ahead of the consumer than a window. Every item is called exactly once,
            but for retries that the options ask for. Closing the iterator stops what is still under way.
            """

        def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
            """Run one call."""

        def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
            """End: after what was submitted is done; `cancel` what has not begun; `at_once` whatever runs."""

        def describe(self) -> dict[str, Any]:
            """Facts for the report: backend, start_method, workers."""
