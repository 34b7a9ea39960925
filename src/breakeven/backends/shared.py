"""A crew that several threads use at once: futures, and maps beside them.

Lives here: who drives. Whoever wants a result and finds nobody driving takes the baton and drives the crew, for all;
a thread of ours takes it only while something is under way and nobody else does, for those who wait on many futures
or on none. So a lone `submit(…).result()` never pays for a thread hop, which costs more than a pickle.
Never here: what is sent, or what follows from a fault (`engine`).
"""

from __future__ import annotations

import os
import select
import threading
import weakref
from concurrent.futures import CancelledError, Future
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from breakeven import work as nouns
from breakeven.backends.crews import Crews
from breakeven.engine import protocol, supervise
from breakeven.engine.member import Chunk
from breakeven.engine.stream import Stream
from breakeven.planning.chunks import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breakeven.engine.dispatch import Crew
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Failure, Options, Work

NAP_SECONDS = 5.0  # our thread looks around at least this often while something is under way
own_threads = 0  # how many threads of ours run in this process: those do not make a fork unsafe


def _own_threads() -> int:
    return own_threads


class Task:
    """Where the outcome of a submitted call goes. It is a `Sink`."""

    __slots__ = ("_driver", "cancelled", "future", "started")

    counted = False
    title = "a submitted call"
    shared = None

    def __init__(self, driver: Driver, future: TaskFuture) -> None:
        self._driver = driver
        self.future = future
        self.started = False
        self.cancelled = False

    def start(self) -> bool:
        """Called when the chunk is about to be sent; False when the future was cancelled meanwhile."""
        if not self.started:
            self.started = self.future.set_running_or_notify_cancel()
        return self.started

    def accept(self, first: int, values: list[Any]) -> None:  # noqa: ARG002 - a Sink
        """The call has returned."""
        self._driver.settled.append((self.future, values[0], None))

    def fail(self, failure: Failure) -> None:
        """The call has failed."""
        self._driver.settled.append((self.future, None, failure.exception))

    def again(self, chunk: Chunk, start: int, stop: int, *, alone: bool) -> None:  # noqa: ARG002
        """It has not run, or must run again."""
        if not self.cancelled and stop > start:
            self._driver.requeue(chunk)

    def retry(self, chunk: Chunk, offset: int) -> None:  # noqa: ARG002
        """Run it again as the next attempt."""
        self._driver.requeue(chunk, attempt=chunk.attempt + 1)

    def finished(self, chunk: Chunk) -> None:
        """Nothing is held for it."""


class TaskFuture(Future):  # type: ignore[type-arg]
    """A future whose waiting thread drives the crew, and whose `cancel` ends a call that runs already."""

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self._driver = driver
        self.task: Task | None = None

    def result(self, timeout: float | None = None) -> Any:
        """As `concurrent.futures.Future.result`."""
        if not self.done():
            self._driver.until(self.done, timeout)
        return super().result(0 if timeout is not None or self.done() else None)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `concurrent.futures.Future.exception`."""
        if not self.done():
            self._driver.until(self.done, timeout)
        return super().exception(0 if timeout is not None or self.done() else None)

    def cancel(self) -> bool:
        """Cancel the call; if it runs already, its worker is ended and another takes its place."""
        return super().cancel() or self._driver.cancel_running(self)


class Driver:
    """The crew of an executor, and who drives it."""

    def __init__(self, crews: Crews, recorder: Recorder) -> None:
        self._crews = crews
        self._recorder = recorder
        self._crew: Crew | None = None
        self._lock = threading.RLock()
        self._baton = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0
        self.settled: list[tuple[TaskFuture, Any, BaseException | None]] = []
        self.pending: dict[TaskFuture, None] = {}
        self._thread: threading.Thread | None = None
        self._outer: select.epoll | None = None
        self._poke = -1
        self._armed = False
        self._wakes_at = float("inf")
        self._closing = False
        self._closed = False
        self._owner = os.getpid()

    # --- submitting ---

    @property
    def crew(self) -> Crew:
        """The crew, hired when first needed."""
        if self._crew is None:
            self._crew = self._crews.hire(self._recorder, _own_threads)
            self._crew.exclusive = False
        return self._crew

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskFuture:
        """Hand the call to an idle worker at once, on this thread, or queue it."""
        future = TaskFuture(self)
        with self._lock:
            crew = self.crew
            if crew.broken is not None:
                raise crew.broken
            task = future.task = Task(self, future)
            try:
                function = crew.function(fn, self._crews.options.seed)
            except Exception as error:  # noqa: BLE001 - the outcome of the call: it cannot be pickled
                future.set_running_or_notify_cancel()
                future.set_exception(error)
                return future
            flags = protocol.TIMED if crew.timeout is not None else 0
            crew.queue.append(Chunk(task, function, nouns.CALL, 0, [(args, kwargs)], 1, flags))
            self.pending[future] = None
            crew.feed()
            self._ensure_watched()
        self._settle()
        return future

    def requeue(self, chunk: Chunk, attempt: int = 0) -> None:
        """Put a call back in the queue, first in line."""
        again = Chunk(chunk.sink, chunk.function, chunk.mode, 0, chunk.items, 1, chunk.flags)
        again.attempt = attempt or chunk.attempt
        self.crew.queue.appendleft(again)

    def cancel_running(self, future: TaskFuture) -> bool:
        """End the worker that runs this future's call; False when it is done already."""
        with self._lock:
            crew = self._crew
            if crew is None or future.done():
                return False
            task = future.task
            for member in crew.members:
                for at, chunk in enumerate(member.inflight):
                    if chunk.sink is task and task is not None:
                        task.cancelled = True
                        if at == 0:
                            supervise.doom(member, "cancelled", chunk, 0)
                        else:
                            member.board[protocol.CANCELLED] = chunk.seq
            with future._condition:  # noqa: SLF001 - a running future has no public way to be cancelled
                if future.done():
                    return False
                future._state = "CANCELLED_AND_NOTIFIED"  # noqa: SLF001
                for waiter in future._waiters:  # noqa: SLF001
                    waiter.add_cancelled(future)
                future._condition.notify_all()  # noqa: SLF001
            future._invoke_callbacks()  # type: ignore[attr-defined]  # noqa: SLF001
            self.pending.pop(future, None)
            self._changed.notify_all()
            self._wake()
        return True

    # --- driving ---

    def until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Drive the crew, or wait while another does, until `done()`; False when the time is over."""
        deadline = None if timeout is None else clock() + timeout
        while not done():
            left = None if deadline is None else deadline - clock()
            if left is not None and left <= 0:
                return False
            if self._crew is None or self._closed:
                return done()
            if self._baton.acquire(blocking=False):
                try:
                    self._disarm()
                    self._drive(done, deadline)
                finally:
                    self._baton.release()
                    self._arm()
            else:
                with self._lock:
                    self._waiting += 1
                    try:
                        if not done():
                            self._changed.wait(left)
                    finally:
                        self._waiting -= 1
        return True

    def _drive(self, done: Callable[[], bool], deadline: float | None) -> None:
        crew = self.crew
        try:
            while not done() and not crew.closed:
                left = None if deadline is None else deadline - clock()
                if left is not None and left <= 0:
                    return
                arrived = crew.wait(left)
                with self._lock:
                    if crew.closed:
                        return
                    crew.process(arrived)
                    if self._waiting:
                        self._changed.notify_all()
                self._settle()
        except BaseException as error:  # Ctrl-C, or a fault in here: nobody knows what is half done
            with self._lock:
                crew.close(at_once=True)
                self._fail_pending(error)
            raise

    def _settle(self) -> None:
        """Resolve futures, outside the lock, since their callbacks may do anything."""
        settled = self.settled
        while settled:
            try:
                future, value, error = settled.pop(0)
            except IndexError:
                return
            self.pending.pop(future, None)
            future.task = None
            try:
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)
            except Exception:  # noqa: BLE001,S110 - it was cancelled meanwhile
                pass
        if self._waiting:
            with self._lock:
                self._changed.notify_all()

    def _fail_pending(self, error: BaseException) -> None:
        for future in list(self.pending):
            self.settled.append((future, None, error if isinstance(error, Exception) else CancelledError()))
        self._settle()

    # --- maps ---

    def stream(self, work: Work, *, ordered: bool, bounded: bool, timeout: float | None = None) -> Iterator[list[Any]]:
        """Begin at once, and yield blocks; the consumer drives while it waits, `timeout` seconds in all at most."""
        deadline = None if timeout is None else clock() + timeout
        with self._lock:
            crew = self.crew
            if crew.broken is not None:
                raise crew.broken
            function = crew.function(work.fn, work.options.seed)
            stream = Stream(work, function, ordered=ordered, window=WINDOW * crew.max_workers if bounded else None)
            crew.begin(stream)
            crew.feed()
            self._ensure_watched()
        return self._blocks(crew, stream, deadline)

    def _blocks(self, crew: Crew, stream: Stream, deadline: float | None) -> Iterator[list[Any]]:
        try:
            while True:
                with self._lock:
                    block = stream.take()
                    over = block is None and stream.over
                    if block is not None and stream.window is not None and not crew.closed:
                        crew.feed()
                if block is not None:
                    yield block
                elif over:
                    return
                else:
                    left = None if deadline is None else deadline - clock()
                    if not self.until(lambda: bool(crew.closed or stream.deliverable), left):
                        raise TimeoutError
                    if crew.closed and not stream.deliverable:
                        raise CancelledError
        finally:
            with self._lock:
                if not crew.closed:
                    crew.end(stream)

    # --- our thread ---

    def _ensure_watched(self) -> None:
        """See to it that somebody hears the workers: our thread, unless another drives."""
        if self._thread is None:
            self._start_thread()
        crew = self.crew
        if crew.timeout is not None and self._wakes_at > clock() + crew.timeout:
            self._wake()
        if not self._armed and not self._baton.locked():
            self._arm()

    def _start_thread(self) -> None:
        global own_threads  # noqa: PLW0603 - counted for the whole process
        if self._crew is None or self._crew.watch.descriptor < 0:
            return
        self._outer = select.epoll()
        self._poke = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._outer.register(self._poke, select.EPOLLIN)
        self._outer.register(self._crew.watch.descriptor, 0)
        self._thread = threading.Thread(
            target=_watch, args=(weakref.ref(self), self._outer, self._poke), daemon=True, name="breakeven-watch"
        )
        own_threads += 1
        self._thread.start()

    def _arm(self) -> None:
        if self._outer is not None and not self._closed and self.crew.busy_or_queued:
            self._armed = True
            self._outer.modify(self.crew.watch.descriptor, select.EPOLLIN)

    def _disarm(self) -> None:
        if self._armed and self._outer is not None:
            self._armed = False
            self._outer.modify(self.crew.watch.descriptor, 0)

    def _wake(self) -> None:
        if self._poke >= 0:
            os.eventfd_write(self._poke, 1)

    def nap(self) -> float | None:
        """How long our thread may sleep; None when nothing is under way."""
        crew = self._crew
        if crew is None or not (crew.busy or self._closing):
            self._wakes_at = float("inf")
            return None
        patience = supervise.patience(crew, NAP_SECONDS)
        self._wakes_at = clock() + (patience or 0.0)
        return patience

    def look(self) -> bool:
        """One turn of our thread: drive while nobody else does; False when all is over."""
        if self._closed:
            return False
        if self._baton.acquire(blocking=False):
            try:
                self._disarm()
                crew = self.crew
                arrived = crew.wait(0)
                with self._lock:
                    if not crew.closed:
                        crew.process(arrived)
                        if self._waiting:
                            self._changed.notify_all()
                self._settle()
            except Exception as error:
                with self._lock:
                    self.crew.close(at_once=True)
                self._fail_pending(error)
                raise
            finally:
                self._baton.release()
                self._arm()
        if self._closing and not self.unfinished:
            self.close()
            return False
        return True

    # --- the end ---

    @property
    def unfinished(self) -> bool:
        """Whether calls or maps are still to be done."""
        crew = self._crew
        if crew is None or crew.closed:
            return False
        return bool(
            self.pending or self.settled or any(stream.outstanding or stream.has_more for stream in crew.streams)
        )

    def shutdown(self, *, wait: bool, cancel: bool) -> None:
        """End when all that was submitted is done; here if `wait`, else on our thread."""
        with self._lock:
            self._closing = True
            crew = self._crew
            if crew is None:
                self._closed = True
                return
            if cancel:
                while crew.queue:
                    task = crew.queue.pop().sink
                    future = getattr(task, "future", None)
                    if future is not None:
                        future.cancel()
                        future.set_running_or_notify_cancel()
                        self.pending.pop(future, None)
        if wait:
            self.until(lambda: not self.unfinished, None)
            self.close()
        elif not self.unfinished:
            self.close()
        else:
            self._wake()

    def close(self, *, at_once: bool = False) -> None:
        """End the workers now; whatever is pending is cancelled."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            crew = self._crew
            if crew is not None:
                crew.close(at_once=at_once)
            self._recorder.finish()
            for future in list(self.pending):
                self.settled.append((future, None, CancelledError("the executor was ended")))
            self._changed.notify_all()
        self._settle()
        self._wake()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()


def _watch(reference: weakref.ref[Driver], outer: select.epoll, poke: int) -> None:
    """Our thread: sleeps until a worker has something to tell and nobody else listens."""
    global own_threads  # noqa: PLW0603 - counted for the whole process
    try:
        while True:
            driver = reference()
            if driver is None:
                return
            nap = driver.nap()
            del driver
            events = outer.poll(nap)
            for descriptor, _ in events:
                if descriptor == poke:
                    os.eventfd_read(poke)
            driver = reference()
            if driver is None or not driver.look():
                return
            del driver
    finally:
        own_threads -= 1
        outer.close()
        os.close(poke)


class SharedProcesses:
    """The backend of one executor: a crew of its own, kept until the end."""

    name = "processes"

    def __init__(self, options: Options, recorder: Recorder) -> None:
        self._crews = Crews(options)
        self._driver = Driver(self._crews, recorder)

    def stream(
        self,
        work: Work,
        recorder: Recorder,
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
            self._driver.close(at_once=True)
        else:
            self._driver.shutdown(wait=wait, cancel=cancel)

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return self._crews.describe()
