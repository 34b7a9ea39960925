"""What is submitted to a crew, mapped on it and cancelled, by several threads at once.

Lives here: one turn of driving, and all that users ask for. Never here: who drives (`helm`), the end (`pending`), what
is sent, or what follows from a fault (`engine`).
"""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from concurrent.futures import CancelledError
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from breakeven import errors  # noqa: F401 - now, since there may be no descriptor left for it when it is needed
from breakeven import work as nouns
from breakeven.backends import attendant, pending
from breakeven.backends.attendant import Attendant
from breakeven.backends.bell import Bell
from breakeven.backends.crews import KEEP_BYTES, Crews
from breakeven.backends.futures import Task, TaskFuture
from breakeven.backends.helm import NAP_SECONDS, UNASKED_SECONDS
from breakeven.backends.mapped import Mapped, MappedStream
from breakeven.backends.pending import Pending
from breakeven.engine import protocol, supervise
from breakeven.engine.functions import MOST
from breakeven.engine.member import Chunk
from breakeven.engine.repeats import Repeats
from breakeven.planning.chunks import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breakeven.engine.dispatch import Crew
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Work


class Driver(Pending):
    """The crew of an executor, and what is asked of it."""

    def __init__(self, crews: Crews, recorder: Recorder, first: int = 0) -> None:
        super().__init__(recorder)
        self._crews = crews
        self.repeats: Repeats | None = None  # large arrays among what was submitted
        self._submitted = first  # number of the next call that is submitted: `rng()` draws by it
        self._left: deque[tuple[MappedStream, bool]] = deque()  # maps whose consumer has gone
        self._unwatched: list[MappedStream] = []  # maps that run on although nobody takes their results

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
            self.repeats = Repeats(crew.lending)
            pending.crews[id(self)] = self
        if crew.broken is not None:
            raise crew.broken
        return crew

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskFuture:
        """Hand the call to an idle worker at once, on this thread, or queue it."""
        future = TaskFuture(self)
        with self._lock:
            crew = self._open_crew()
            number = self._submitted
            self._submitted = number + 1
            try:
                function = crew.function(fn, self._crews.options.seed)
            except Exception as error:  # noqa: BLE001 - the outcome of the call: it cannot be pickled
                future.set_running_or_notify_cancel()
                future.set_exception(error)
                return future
            task = future.task = Task(self, future, function)
            flags = protocol.TIMED if crew.timeout is not None else 0
            crew.queue.append(Chunk(task, function, nouns.CALL, number, [(args, kwargs)], 1, flags))
            self.pending[future] = None
            self._feed(crew)
        if self.settled:
            self._settle()
        return future

    def _feed(self, crew: Crew) -> None:
        """Hand out work, and see to it that somebody listens for what comes of it. Under the lock."""
        if self._inside and not any(stream.reading for stream in crew.streams):
            return  # called from within, by user code that is being pickled: the outer call goes on
        self._inside += 1
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
            self._inside -= 1
            self._give_up(error)
            raise
        self._inside -= 1
        if self._depth and self._holder == get_ident():
            return
        limited = crew.timeout is not None or crew.max_memory is not None
        if self._depth:  # another thread drives: there is a deadline to watch, or its own input could not be pickled
            if self._bell is not None and (limited or any(stream.error for stream in crew.streams)):
                self._bell.ring()
        elif limited:
            self._attendant.wake_within(supervise.patience(crew, NAP_SECONDS))
        else:  # nobody may ever ask for it
            self._attendant.wake_within(UNASKED_SECONDS)

    def requeue(self, chunk: Chunk, attempt: int) -> None:
        """Put a call back in the queue, first in line."""
        again = Chunk(chunk.sink, chunk.function, chunk.mode, chunk.first, chunk.items, 1, chunk.flags)
        again.attempt = attempt
        assert self._crew is not None  # noqa: S101 - it sent the chunk
        self._crew.queue.appendleft(again)

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
            if not self._inside:  # else a garbage collection cancels in the midst of a change: its result is dropped
                self._end_call(crew, task)
        call_back()
        self._tell()
        self._attend()
        return True

    def _end_call(self, crew: Crew, task: Task) -> None:
        for member in crew.members:
            for chunk in member.inflight:
                if chunk.sink is task:
                    supervise.withdraw(crew, member, chunk)
                    self._feed(crew)
                    return

    # --- a turn ---

    def _step(self, crew: Crew, timeout: float | None) -> None:
        """Wait for what workers tell, act on it, resolve futures. With the baton."""
        arrived = crew.wait(timeout)
        if not arrived and self._bell is not None:
            self._bell.hush()
        with self._lock:
            if crew.closed:
                return
            if not self._killed:
                self._inside += 1  # input that is being read may wait for a result
                try:
                    crew.process(arrived)
                finally:
                    self._inside -= 1
                if self._left or self._unwatched or self._untidy:
                    self._sweep(crew)
            if self._waiting:
                self._changed.notify_all()
        if self.settled:
            self._settle()
        if self._killed or (self._closing and not self.unfinished):
            self._end(at_once=self._killed)

    # --- maps ---

    def stream(self, work: Work, *, ordered: bool, bounded: bool, timeout: float | None = None) -> Iterator[list[Any]]:
        """Begin at once, and yield blocks; the consumer drives while it waits, `timeout` seconds in all at most."""
        deadline = None if timeout is None else clock() + timeout
        with self._lock:
            crew = self._open_crew()
            function = crew.function(work.fn, work.options.seed)
            window = WINDOW * crew.max_workers if bounded else None
            function.users += 1  # already: asking the input for its iterator may run what puts unused functions away
            try:
                stream = MappedStream(work, function, ordered=ordered, window=window)
                crew.begin(stream)
            finally:
                function.users -= 1
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
        self._inside += 1
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
            self._inside -= 1

    def _put_away(self, crew: Crew, stream: MappedStream) -> None:
        if stream in self._stopped:
            self._stopped.remove(stream)
        if not crew.closed:
            crew.end(stream)
            self._untidy = self._untidy or stream.function.heavy
