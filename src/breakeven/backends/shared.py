"""A crew that several threads use at once: futures, and maps beside them.

Lives here: who drives. Whoever wants a result and finds nobody driving takes the baton and drives the crew, for all;
an attendant of ours drives only while something is under way and nobody else does, for those who wait on many futures
or on none. So a lone `submit(…).result()` never pays for a thread hop, which costs more than a pickle.
Never here: what is sent, or what follows from a fault (`engine`).

Who holds what: `_lock` guards all that is known of workers and work, and is never held while user code is called but
for pickling and reading input; `_baton` belongs to the thread that listens to the workers, and only that thread may
end the crew. Both are reentrant: a callback may submit, wait, cancel and shut down.
"""

from __future__ import annotations

import _signal
import os
import threading
from _thread import get_ident
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from breakeven import work as nouns
from breakeven.backends import attendant
from breakeven.backends.attendant import Attendant
from breakeven.backends.bell import Bell
from breakeven.backends.crews import KEEP_BYTES, Crews
from breakeven.backends.futures import Task, TaskFuture
from breakeven.backends.mapped import Mapped, MappedStream
from breakeven.engine import protocol, supervise
from breakeven.engine.functions import MOST
from breakeven.engine.member import Chunk
from breakeven.planning.chunks import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breakeven.engine.dispatch import Crew
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work

NAP_SECONDS = 5.0  # the attendant looks around at least this often while something is under way
KILL_SECONDS = 1.0  # what ending at once waits for a thread that is in a user's callback

drivers: dict[int, Driver] = {}  # those with workers, each until its end: an executor may go before its work is done


class Driver:
    """The crew of an executor, and who drives it."""

    def __init__(self, crews: Crews, recorder: Recorder) -> None:
        self._crews = crews
        self._recorder = recorder
        self._crew: Crew | None = None
        self._attendant: Attendant | None = None
        self._make_locks()
        self._depth = 0  # how often the baton is held, by one thread
        self._holder = 0  # the thread that has it, or had it last
        self._inside = False  # the lock is held in the midst of a change
        self._waiting = 0  # threads that wait for the one that drives
        self._bell: Bell | None = None  # wakes the thread that drives
        self.settled: deque[tuple[TaskFuture, Any, BaseException | None]] = deque()
        self.pending: dict[TaskFuture, None] = {}
        self._left: deque[tuple[MappedStream, bool]] = deque()  # maps whose consumer has gone
        self._unwatched: list[MappedStream] = []  # maps that run on although nobody takes their results
        self._stopped: list[MappedStream] = []  # maps of which no more is sent
        self._untidy = False
        self._observed = False  # whether somebody asked to be told of a call under way
        self._closing = False
        self._killed = False
        self._closed = False
        self._refusal: BaseException | None = None  # why no more is taken on

    def _make_locks(self) -> None:
        self._lock = threading.RLock()
        self._baton = threading.RLock()
        self._changed = threading.Condition(self._lock)

    # --- submitting ---

    def _open_crew(self) -> Crew:
        """The crew, hired when first needed; raises where none can be had any more."""
        if self._refusal is not None:
            raise self._refusal
        if self._closing:
            raise RuntimeError("cannot schedule new futures after shutdown")
        crew = self._crew
        if crew is None:
            crew = self._crew = self._crews.hire(self._recorder, attendant.count)
            crew.exclusive = False
            self._bell = Bell()
            crew.watch.add(self._bell.descriptor)
            drivers[id(self)] = self
        if crew.broken is not None:
            raise crew.broken
        return crew

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskFuture:
        """Hand the call to an idle worker at once, on this thread, or queue it."""
        future = TaskFuture(self)
        with self._lock:
            crew = self._open_crew()
            try:
                function = crew.function(fn, self._crews.options.seed)
            except Exception as error:  # noqa: BLE001 - the outcome of the call: it cannot be pickled
                future.set_running_or_notify_cancel()
                future.set_exception(error)
                return future
            task = future.task = Task(self, future, function)
            flags = protocol.TIMED if crew.timeout is not None else 0
            crew.queue.append(Chunk(task, function, nouns.CALL, 0, [(args, kwargs)], 1, flags))
            self.pending[future] = None
            self._feed(crew)
        if self.settled:
            self._settle()
        return future

    def _feed(self, crew: Crew) -> None:
        """Hand out work, and see to it that somebody listens for what comes of it. Under the lock."""
        if self._inside:  # called from within, by user code that is being pickled: the outer call goes on
            return
        self._inside = True
        try:
            if len(crew.functions) > 2 * MOST:
                crew.tidy(KEEP_BYTES)
            crew.feed()
            if self._attendant is None:
                self._attendant = Attendant(crew.watch.descriptor, self.look, self._nap)
                self._attendant.listen(wanted=False)
            if not self._depth:
                self._listen(crew, self._attendant)
        except BaseException as error:
            self._inside = False
            self._give_up(error)
            raise
        self._inside = False
        if self._depth and self._holder == get_ident():
            return
        limited = crew.timeout is not None or crew.max_memory is not None
        if self._depth:  # another thread drives: there is a deadline to watch, or its own input could not be pickled
            if self._bell is not None and (limited or any(stream.error for stream in crew.streams)):
                self._bell.ring()
        elif limited:
            self._attendant.wake_within(supervise.patience(crew, NAP_SECONDS))

    def _wanted(self, crew: Crew) -> bool:
        """Whether the attendant is to hear the workers.

        Not while each has at most the one call that it was handed and nobody asks what came of it: the thread that
        submitted it will, and the attendant's waking up at the same time would cost that thread more than the call.
        """
        return (
            self._observed
            or self._closing
            or bool(crew.queue or crew.streams)
            or crew.timeout is not None
            or crew.max_memory is not None
            or any(len(member.inflight) > 1 for member in crew.members)
        )

    def _listen(self, crew: Crew, ours: Attendant) -> None:
        ours.listen(wanted=self._wanted(crew))
        if self._observed:  # `observe` takes no lock, so it may have come between
            ours.listen(wanted=True)

    def observe(self) -> None:
        """Somebody wants to hear of a call's end without waiting for it here.

        Takes no lock: `concurrent.futures.wait` holds those of its futures here, which are taken under ours elsewhere.
        """
        if not self._observed:
            self._observed = True
            ours = self._attendant
            if ours is not None and not self._depth:
                ours.listen(wanted=True)

    def requeue(self, chunk: Chunk, attempt: int) -> None:
        """Put a call back in the queue, first in line."""
        again = Chunk(chunk.sink, chunk.function, chunk.mode, 0, chunk.items, 1, chunk.flags)
        again.attempt = attempt
        assert self._crew is not None  # noqa: S101 - it sent the chunk
        self._crew.queue.appendleft(again)

    def resolved(self, task: Task) -> None:
        """A call has come to its end: what was bound to its function need not be kept for it."""
        function, task.function = task.function, None
        if function is not None:
            function.users -= 1
            self._untidy = self._untidy or bool(function.encoded.blocks and not function.users)

    # --- cancelling ---

    def dropped(self, future: TaskFuture) -> None:
        """A call was cancelled before it was sent."""
        self.pending.pop(future, None)
        self._tell()

    def stop(self, future: TaskFuture) -> bool:
        """End a call that was sent already, with its worker if it runs; False when it is done."""
        with self._lock:
            task, crew = future.task, self._crew
            if task is None or crew is None or crew.closed:
                return future.cancelled()
            call_back = future.discard()
            if call_back is None:
                return future.cancelled()
            task.cancelled = True
            self.pending.pop(future, None)
            self.resolved(task)
            future.task = None
            self._end_call(crew, task)
        call_back()
        self._tell()
        self._attend()
        return True

    def _end_call(self, crew: Crew, task: Task) -> None:
        for member in crew.members:
            for chunk in member.inflight:
                if chunk.sink is task:
                    supervise.withdraw(member, chunk)
                    self._feed(crew)
                    return

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
            if self._take_baton():
                try:
                    self._drive(done, deadline)
                finally:
                    self._pass_baton()
            else:
                with self._lock:
                    self._waiting += 1
                    try:
                        if not done() and not self._closed:
                            self._changed.wait(left)
                    finally:
                        self._waiting -= 1
        return True

    def _take_baton(self) -> bool:
        if not self._baton.acquire(blocking=False):
            return False
        self._depth += 1
        if self._depth == 1:
            self._holder = get_ident()
            with self._lock:
                if self._attendant is not None:
                    self._attendant.listen(wanted=False)
        return True

    def _pass_baton(self) -> None:
        """Stop driving; who waits may go on, else the attendant listens."""
        self._depth -= 1
        self._baton.release()
        with self._lock:
            if self._waiting:
                self._changed.notify()
            crew, ours = self._crew, self._attendant
            if not self._depth and ours is not None and crew is not None and not crew.closed:
                self._listen(crew, ours)
                if crew.busy:
                    ours.wake_within(supervise.patience(crew, NAP_SECONDS))

    def _drive(self, done: Callable[[], bool], deadline: float | None) -> None:
        crew = self._crew
        assert crew is not None  # noqa: S101 - asked by the caller
        try:
            while not done() and not crew.closed:
                left = None if deadline is None else deadline - clock()
                if left is not None and left <= 0:
                    return
                self._step(crew, left)
        except BaseException as error:  # Ctrl-C, or a fault in here: nobody knows what is half done
            self._give_up(error)
            raise

    def _step(self, crew: Crew, timeout: float | None) -> None:
        """Wait for what workers tell, act on it, resolve futures. With the baton."""
        arrived = crew.wait(timeout)
        if not arrived and self._bell is not None:
            self._bell.hush()
        with self._lock:
            if crew.closed:
                return
            if not self._killed:
                self._inside = True
                try:
                    crew.process(arrived)
                finally:
                    self._inside = False
                if self._left or self._unwatched or self._untidy:
                    self._sweep(crew)
            if self._waiting:
                self._changed.notify_all()
        if self.settled:
            self._settle()
        if self._killed or (self._closing and not self.unfinished):
            self._end(at_once=self._killed)

    def _settle(self) -> None:
        """Resolve futures, outside the lock, since their callbacks may do anything."""
        settled = self.settled
        while settled:
            try:
                future, value, error = settled.popleft()
            except IndexError:
                break
            self.pending.pop(future, None)
            future.settle(value, error)
            del future, value, error
        with self._lock:  # or a call that is submitted and observed just now would be forgotten
            if not self.pending:
                self._observed = False
        self._tell()

    def _tell(self) -> None:
        """Something has changed that threads wait for."""
        if self._waiting:
            with self._lock:
                self._changed.notify_all()
        if self._depth and self._holder != get_ident() and self._bell is not None:
            self._bell.ring()

    def _attend(self) -> None:
        """Have whoever drives look again at deadlines, and at whether the end has come."""
        if self._bell is not None:
            self._bell.ring()
        if self._attendant is not None:  # it may be deaf to the bell, and who drives may be about to leave
            self._attendant.poke()

    # --- maps ---

    def stream(self, work: Work, *, ordered: bool, bounded: bool, timeout: float | None = None) -> Iterator[list[Any]]:
        """Begin at once, and yield blocks; the consumer drives while it waits, `timeout` seconds in all at most."""
        deadline = None if timeout is None else clock() + timeout
        with self._lock:
            crew = self._open_crew()
            function = crew.function(work.fn, work.options.seed)
            window = WINDOW * crew.max_workers if bounded else None
            stream = MappedStream(work, function, ordered=ordered, window=window)
            crew.begin(stream)
            self._feed(crew)
        if self.settled:
            self._settle()
        return Mapped(self, stream, deadline)

    def take(self, stream: MappedStream, deadline: float | None) -> list[Any] | None:
        """The next block of a map, None at its end; drives, or waits, until there is one."""
        crew = self._crew
        assert crew is not None  # noqa: S101 - the map was begun on it
        while True:
            with self._lock:
                block = stream.take()
                if block is not None:
                    if stream.window is not None and not crew.closed:
                        self._feed(crew)
                    return block
                if stream.over:
                    return None
            left = None if deadline is None else deadline - clock()
            if not self.until(lambda: crew.closed or stream.deliverable, left):
                raise TimeoutError
            if crew.closed and not stream.deliverable:
                raise CancelledError("the executor was ended before this was done")

    def leave(self, stream: MappedStream, *, run_on: bool) -> None:
        """The consumer of a map has gone. May be called by a garbage collection, so it waits for nothing."""
        self._left.append((stream, run_on))
        if self._lock.acquire(blocking=False):
            try:
                crew = self._crew
                if crew is not None and not self._inside:
                    self._sweep(crew)
            finally:
                self._lock.release()
        else:
            self._attend()

    def _sweep(self, crew: Crew) -> None:
        """Put away maps that nobody takes results from, and functions that nobody needs. Under the lock."""
        self._inside = True
        try:
            while self._left:
                stream, run_on = self._left.popleft()
                stream.unwanted = True
                stream.ready.clear()
                if run_on:
                    self._unwatched.append(stream)
                else:
                    self._put_away(crew, stream)
            for stream in self._unwatched[:]:
                if crew.closed or not (stream.outstanding or stream.has_more):
                    self._unwatched.remove(stream)
                    self._put_away(crew, stream)
            if self._untidy and not crew.closed:
                crew.tidy(KEEP_BYTES)
            self._untidy = False
        finally:
            self._inside = False

    def _put_away(self, crew: Crew, stream: MappedStream) -> None:
        if stream in self._stopped:
            self._stopped.remove(stream)
        if not crew.closed:
            crew.end(stream)
            self._untidy = self._untidy or bool(stream.function.encoded.blocks)

    # --- the attendant ---

    def _nap(self) -> float | None:
        """How long it may sleep; None when nothing is under way."""
        with self._lock:
            crew = self._crew
            if crew is None or crew.closed or not crew.busy:
                return None
            return supervise.patience(crew, NAP_SECONDS)

    def look(self) -> bool:
        """Drive for one turn, unless another thread drives; False when all is over."""
        crew = self._crew
        if self._closed or crew is None:
            return False
        if self._baton.acquire(blocking=False):
            self._depth += 1
            self._holder = get_ident()
            try:
                self._step(crew, 0.0)
            except BaseException as error:
                self._give_up(error)
                raise
            finally:
                self._pass_baton()
        return not self._closed

    # --- the end ---

    @property
    def unfinished(self) -> bool:
        """Whether calls or maps are still to be done; of those that read ahead only a window, what has been sent."""
        crew = self._crew
        if crew is None or crew.closed:
            return False
        if self.pending or self.settled:
            return True
        if crew.broken is not None:
            return False
        if any(stream.outstanding for stream in self._stopped):
            return True
        return any(stream.outstanding or stream.has_more for stream in crew.streams)

    def shutdown(self, *, wait: bool, cancel: bool) -> None:
        """End when all that was submitted is done; here if `wait`, else on the attendant's thread."""
        dropped: list[TaskFuture] = []
        with self._lock:
            self._closing = True
            crew = self._crew
            if crew is None:
                self._closed = True
            if crew is None or self._closed:
                return
            self._stop_streams(crew, bounded=not cancel)
            while cancel and crew.queue:
                sink = crew.queue.popleft().sink
                assert isinstance(sink, Task)  # noqa: S101 - maps are cut when they are sent
                dropped.append(sink.future)
            inside = self._inside
        for future in dropped:
            self._discard(future)
        if wait and not inside:
            self._finish(at_once=False)
        else:
            self._attend()

    def _stop_streams(self, crew: Crew, *, bounded: bool) -> None:
        """Send no more of any map, or of those that read as their consumer goes, which have no end of their own."""
        for stream in crew.streams[:]:
            if isinstance(stream, MappedStream) and (stream.window is not None or not bounded):
                crew.streams.remove(stream)
                stream.function.users -= 1
                self._stopped.append(stream)

    def _discard(self, future: TaskFuture) -> None:
        task, call_back = future.task, future.discard()
        self.pending.pop(future, None)
        if call_back is not None:
            future.task = None
            if task is not None:
                task.cancelled = True
                self.resolved(task)
            call_back()

    def release(self) -> None:
        """Nobody can submit any more: end when all is done. For a garbage collection, so it waits for nothing."""
        self._closing = True
        if self._crew is None:
            self._closed = True
        self._attend()

    def kill(self) -> None:
        """End every worker now; whatever is pending is cancelled."""
        with self._lock:
            self._closing = True
            crew = self._crew
            if crew is None:
                self._closed = True
            if crew is None or self._closed:
                return
            self._killed = True
            for member in crew.members:
                member.started.kill(_signal.SIGKILL)
            if self._inside:
                self._attend()
                return
        self._finish(at_once=True)

    def _finish(self, *, at_once: bool) -> None:
        """See to the end: here, or by the thread that has the baton."""
        if not at_once:
            self.until(lambda: self._closed or not self.unfinished, None)
        deadline = clock() + KILL_SECONDS
        while not self._closed and (not at_once or clock() < deadline):
            if self._take_baton():
                try:
                    self._end(at_once=at_once)
                finally:
                    self._pass_baton()
            else:
                self._attend()
                with self._lock:
                    self._waiting += 1
                    try:
                        if not self._closed:
                            self._changed.wait(KILL_SECONDS)
                    finally:
                        self._waiting -= 1
        if self._closed and self._attendant is not None:
            self._attendant.join()

    def _give_up(self, error: BaseException) -> None:
        """What happened leaves nothing to rely on: end all, and fail what is pending."""
        with self._lock:
            if self._refusal is None:
                self._refusal = BrokenExecutor(f"the executor was ended by {error!r}; make a new one")
                self._refusal.__cause__ = error
        if self._take_baton():
            try:
                self._end(at_once=True, error=error if isinstance(error, Exception) else None)
            finally:
                self._pass_baton()
        else:
            self._killed = True
            self._attend()

    def _end(self, *, at_once: bool, error: Exception | None = None) -> None:
        """End the workers; what is pending fails with `error`, or is cancelled. With the baton."""
        with self._lock:
            crew = self._crew
            if self._closed or crew is None:
                return
            self._closed = self._closing = True
            drivers.pop(id(self), None)
            crew.close(at_once=at_once)
            assert self._bell is not None  # noqa: S101 - made with the crew
            self._bell.close()
            self._recorder.finish()
            self._changed.notify_all()
            ours, pending = self._attendant, list(self.pending)
        for future in pending:
            if error is None:
                self._discard(future)
            else:
                self.settled.append((future, None, error))
        self._settle()
        if ours is not None:
            ours.poke()

    def forget(self) -> None:
        """In a forked child: the workers are the parent's."""
        self._make_locks()
        self._depth = 0
        self._inside = False
        self._closed = self._closing = True
        self._refusal = RuntimeError("this executor belongs to the process that made it; make another one here")
        self.pending.clear()
        self.settled.clear()
        if self._attendant is not None:
            self._attendant.forget()
            self._attendant = None
        if self._bell is not None:
            self._bell.forget()


class SharedProcesses:
    """The backend of one executor: a crew of its own, kept until the end."""

    name = "processes"

    def __init__(self, options: Options, recorder: Recorder) -> None:
        self._crews = Crews(options)
        self._driver = Driver(self._crews, recorder)

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
    for driver in list(drivers.values()):
        driver.shutdown(wait=True, cancel=False)


def _forget_all() -> None:
    for driver in list(drivers.values()):
        driver.forget()
    drivers.clear()


threading._register_atexit(_finish_all)  # type: ignore[attr-defined]  # noqa: SLF001 - before threads are joined; concurrent.futures does the same
os.register_at_fork(after_in_child=_forget_all)
