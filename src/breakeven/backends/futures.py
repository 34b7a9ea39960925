"""What a submitted call is to its user, and to the crew.

Lives here: `TaskFuture`, which the user holds, and `Task`, where the outcome goes. Never here: who drives (`shared`).
"""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from breakeven.engine.functions import Function
    from breakeven.engine.member import Chunk
    from breakeven.engine.repeats import Repeats
    from breakeven.work import Failure

    class Driving(Protocol):
        """What drives the crew that a call was submitted to."""

        repeats: Repeats | None

        settled: deque[tuple[TaskFuture, Any, BaseException | None]]

        def until(self, done: Callable[[], bool], timeout: float | None) -> bool:
            """Drive, or wait while another does, until `done()`; False when the time is over."""

        def requeue(self, chunk: Chunk, attempt: int) -> None:
            """Put a call back in the queue."""

        def resolved(self, task: Task) -> None:
            """A call has come to its end."""

        def dropped(self, future: TaskFuture) -> None:
            """A call was cancelled before it was sent."""

        def observe(self) -> None:
            """Somebody wants to hear of a call's end without waiting for it here."""

        def stop(self, future: TaskFuture) -> bool:
            """End a call that was sent already; False when it is done."""


CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED = "CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED"  # as `Future` has them


class Task:
    """Where the outcome of a submitted call goes. It is a `Sink`."""

    __slots__ = ("_driving", "cancelled", "function", "future", "shared", "started")

    counted = False
    title = "a submitted call"

    def __init__(self, driving: Driving, future: TaskFuture, function: Function) -> None:
        self._driving = driving
        self.future = future
        self.shared: Any = driving.repeats
        self.function: Function | None = function  # until the call has come to its end
        self.started = False
        self.cancelled = False
        function.users += 1

    def start(self) -> bool:
        """Called when the chunk is about to be sent; False when it is no longer wanted."""
        if not self.started and not self.cancelled:
            self.started = self.future.set_running_or_notify_cancel()
            self.cancelled = not self.started
            if self.cancelled:
                self._driving.resolved(self)
        return not self.cancelled

    def accept(self, first: int, values: list[Any]) -> None:  # noqa: ARG002 - a Sink
        """The call has returned."""
        if not self.cancelled:
            self._driving.settled.append((self.future, values[0], None))
            self._driving.resolved(self)

    def fail(self, failure: Failure) -> None:
        """The call has failed."""
        if not self.cancelled:
            self._driving.settled.append((self.future, None, failure.exception))
            self._driving.resolved(self)

    def again(self, chunk: Chunk, start: int, stop: int, *, alone: bool) -> None:  # noqa: ARG002
        """It has not run, or must run again."""
        if not self.cancelled and stop > start:
            self._driving.requeue(chunk, chunk.attempt)

    def retry(self, chunk: Chunk, offset: int) -> None:  # noqa: ARG002
        """Run it again as the next attempt."""
        if not self.cancelled:
            self._driving.requeue(chunk, chunk.attempt + 1)

    def finished(self, chunk: Chunk) -> None:
        """Nothing is held for it."""


class Waiters(list):  # type: ignore[type-arg]
    """Those who wait on several futures (`wait`, `as_completed`); they join by `append`."""

    __slots__ = ("_driving",)

    def __init__(self, driving: Driving) -> None:
        super().__init__()
        self._driving = driving

    def append(self, waiter: Any) -> None:
        """One more who has to be told."""
        super().append(waiter)
        self._driving.observe()


class TaskFuture(Future):  # type: ignore[type-arg]
    """A future whose waiting thread drives the crew, and whose `cancel` ends a call that runs already."""

    def __init__(self, driving: Driving) -> None:
        super().__init__()
        self._driving = driving
        self._waiters = Waiters(driving)
        self.task: Task | None = None  # while the call is under way

    def done(self) -> bool:
        """As `concurrent.futures.Future.done`."""
        if self._state == FINISHED:
            return True
        self._driving.observe()
        return super().done()

    def running(self) -> bool:
        """As `concurrent.futures.Future.running`."""
        self._driving.observe()
        return super().running()

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        """As `concurrent.futures.Future.add_done_callback`."""
        super().add_done_callback(fn)
        self._driving.observe()

    def _over(self) -> bool:
        return self._state in (FINISHED, CANCELLED, CANCELLED_AND_NOTIFIED)

    def result(self, timeout: float | None = None) -> Any:
        """As `concurrent.futures.Future.result`."""
        if not self._over():
            self._driving.until(self._over, timeout)
        return super().result(0 if timeout is not None else None)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `concurrent.futures.Future.exception`."""
        if not self._over():
            self._driving.until(self._over, timeout)
        return super().exception(0 if timeout is not None else None)

    def cancel(self) -> bool:
        """Cancel the call; if it runs already, its worker is ended and another takes its place."""
        if super().cancel():
            self._driving.dropped(self)
            return True
        return self._driving.stop(self)

    def discard(self) -> Callable[[], None] | None:
        """Cancel it whether or not it runs; None when it is done, else what calls its callbacks.

        That is to be called without locks. A running future has no public way to be cancelled, since the standard
        executors have no way to end a call.
        """
        with self._condition:
            if self._state in (FINISHED, CANCELLED_AND_NOTIFIED):
                return None
            told = self._state == CANCELLED
            self._state = CANCELLED_AND_NOTIFIED
            for waiter in self._waiters:
                waiter.add_cancelled(self)
            self._condition.notify_all()
        return _nothing if told else self._invoke_callbacks  # type: ignore[attr-defined]

    def settle(self, value: Any, error: BaseException | None) -> None:
        """Set the outcome, unless it was cancelled meanwhile."""
        self.task = None
        try:
            if error is None:
                self.set_result(value)
            else:
                self.set_exception(error)
        except InvalidStateError:
            pass


def _nothing() -> None:
    """The callbacks were called when it was cancelled."""
