"""Threads that submitted calls and maps of one executor share.

Lives here: taking turns. Never here: what a thread does with a chunk (`gangs`). All run on one pool of threads, and
never more than `max_workers` at a time. A map has as many hands; a hand does one chunk a turn, and goes to the end of
the queue when somebody waits there, so neither a long map nor a slow consumer keeps a submitted call from running.

A thread that reads a map's input runs code of the caller's, which may wait for this very executor, as in
`executor.imap(f, executor.imap(g, items))`. So one reads while the map's other hands rest, and where it comes to wait
it gives its place to one thread more, which stays, and waits for a place like all others.
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from itertools import count
from time import perf_counter as clock
from time import thread_time
from typing import TYPE_CHECKING, Any

from breakeven import work as nouns
from breakeven.backends.gangs import Gang, Hand, on_threads_of_its_own
from breakeven.backends.mapped import Mapped, MappedStream
from breakeven.backends.serial import attempts
from breakeven.engine import protocol
from breakeven.engine.codec import Encoded
from breakeven.engine.functions import Function
from breakeven.engine.stream import Stream
from breakeven.errors import TaskTimeout
from breakeven.ledger import recorder as states
from breakeven.ledger.recorder import Lane, Recorder
from breakeven.planning.chunks import WINDOW
from breakeven.probes.capacity import usable_cpus
from breakeven.records import replace
from breakeven.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from breakeven.engine.member import Chunk
    from breakeven.work import Options


class SharedThreads:
    """The backend of one executor: its threads, kept until the end."""

    name = "threads"

    def __init__(self, options: Options, recorder: Recorder) -> None:
        self._options = options
        self._recorder = recorder
        self._workers = options.max_workers or usable_cpus()
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(
            self._workers, "breakeven", options.initializer, tuple(options.initargs) if options.initializer else ()
        )
        self._here = threading.local()
        self._submitted = count()
        self._growing = threading.Lock()
        self._places = threading.Semaphore(self._workers)  # of those that work at once

    # --- the pool ---

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Run one call in a thread; with a `timeout`, in one that can be left to itself, as in a map."""
        return self.enqueue(self._call, next(self._submitted), fn, args, kwargs)

    def enqueue(self, step: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a step run in a thread when it is its turn; raises RuntimeError after the end."""
        pool = self._pool
        if pool is None:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self.stand_in()
        return pool.submit(self._in_place, step, *args)

    def _in_place(self, step: Callable[..., Any], *args: Any) -> Any:
        with self._places:
            return step(*args)

    def read(self, cut: Callable[[], Chunk | None]) -> Chunk | None:
        """Have a thread of the pool read input."""
        here = self._here
        here.reads, here.extra = True, False
        try:
            return cut()
        finally:
            here.reads = False
            if here.extra:
                self._grow(-1)
                self._places.acquire()

    def stand_in(self) -> None:
        """This thread may come to wait for the pool: one of the pool's that reads input leaves its place to another."""
        here, pool = self._here, self._pool
        if getattr(here, "reads", False) and not here.extra and pool is not None:
            self._grow(1)
            here.extra = True
            self._places.release()
            while pool._idle_semaphore.acquire(blocking=False):  # noqa: SLF001 - before 3.12 it counts busy threads, too
                pass
            pool.submit(int)

    def _grow(self, threads: int) -> None:
        if self._pool is not None:
            with self._growing:
                self._pool._max_workers += threads  # noqa: SLF001 - a pool cannot be told otherwise; see decision 0026

    def _call(self, number: int, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        lane = self.lane()
        began, cpu = clock(), thread_time()
        try:
            if self._options.timeout is None:
                return attempts(self._options, number, lambda: fn(*args, **kwargs), self._recorder)
            return self._timed(number, fn, args, kwargs)
        finally:
            now = clock()
            lane.states[states.STARVED] += max(began - lane.free_at, 0.0)
            lane.states[states.COMPUTED] += now - began
            lane.compute(now - began, thread_time() - cpu, 0.0)
            lane.tasks += 1
            lane.fresh = False
            lane.free_at = now
            self._recorder.items += 1

    def _timed(self, number: int, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the call in a thread beside this one, which waits for it no longer than its time."""
        options = replace(self._options, on_error="raise")
        source = iter([(args, kwargs)])
        work = Work(fn, source, mode=nouns.CALL, length=number + 1, options=options, first=number)
        stream = Stream(work, Function(0, fn, Encoded(b""), None), ordered=True, window=None)
        recorder = Recorder()
        gang = Gang(stream, recorder, options, 1)
        gang.open()
        try:
            (values,) = gang.blocks(None)
        except TaskTimeout as error:
            raise TaskTimeout(None, error.seconds) from None
        finally:
            self._recorder.retries += recorder.retries
        return values[0]

    def lane(self) -> Lane:
        """This thread's lane in the ledger."""
        try:
            return self._here.lane  # type: ignore[no-any-return]
        except AttributeError:
            lane = self._here.lane = self._recorder.lane(threading.current_thread().name, 0, started=True)
            lane.ready(clock(), clock())
            return lane

    @property
    def crowded(self) -> bool:
        """Whether somebody waits for a thread."""
        pool = self._pool
        return pool is not None and pool._work_queue.qsize() > 0  # noqa: SLF001 - to count here would cost a lock a call

    # --- maps ---

    def stream(
        self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool, timeout: float | None = None
    ) -> Iterator[list[Any]]:
        """Begin at once, and yield blocks, for `timeout` seconds in all at most."""
        if self._options.timeout is not None:  # a thread past it is left to itself, so it cannot be one of these
            return on_threads_of_its_own(
                work, recorder, self._options, ordered=ordered, bounded=bounded, timeout=timeout
            )
        function = Function(0, work.fn, Encoded(b""), None)
        window = WINDOW * self._workers if bounded else None
        stream = MappedStream(work, function, ordered=ordered, window=window)
        gang = SharingGang(self, stream, recorder, self._options, self._workers)
        gang.open()
        return Mapped(gang, stream, None if timeout is None else clock() + timeout)

    # --- the end ---

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """End after what was submitted is done; a running call cannot be ended."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait and not at_once, cancel_futures=cancel or at_once)

    def release(self) -> None:
        """The executor was collected: so is the pool then, whose threads end once all is done."""
        self._pool = None

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "threads", "start_method": None, "workers": self._workers}


class SharingGang(Gang):
    """The hands of one map, which take turns on the pool."""

    def __init__(
        self, shared: SharedThreads, stream: MappedStream, recorder: Recorder, options: Options, workers: int
    ) -> None:
        super().__init__(stream, recorder, options, workers)
        self._shared = shared
        self._resting: list[Hand] = []
        self._probing = True
        self._reading = False  # whether a hand reads the input

    def _hire(self) -> None:
        hand = Hand(self, Lane("", 0, clock(), [], fresh=True), len(self._hands))  # it gets its thread's lane each turn
        self._hands.append(hand)
        self._queue_up(hand)

    def _queue_up(self, hand: Hand) -> None:
        self._shared.enqueue(self._turn, hand).add_done_callback(self._turned)

    def _turned(self, turn: Future[None]) -> None:
        """A turn is over, or never came."""
        error = CancelledError("the executor was ended before this was done") if turn.cancelled() else turn.exception()
        if error is not None:
            self.gave_up(error)

    # --- called by the threads ---

    def _turn(self, hand: Hand) -> None:
        hand.lane = self._shared.lane()
        with self._changed:
            self._lanes.add(hand.lane)
        while (chunk := self.next(hand)) is not None:
            hand.work(chunk, self._options)
            if self._shared.crowded:
                try:
                    self._queue_up(hand)
                except RuntimeError:  # the executor takes nothing new: what it has taken on is finished all the same
                    continue
                return
        with self._changed:
            self._resting.append(hand)
            if not (self._stream.outstanding or self._room()):
                self._stop_probing()

    def _reserve(self, hand: Hand) -> bool:  # noqa: ARG002 - here none is ever left to itself
        with self._changed:
            if self._over or self._reading or not self._room():
                return False
            self._reading = self._stream.pulls
            self._stream.outstanding += 1  # reserved, so that nobody takes the input for done
            return True

    def _cut(self) -> Chunk | None:
        return self._shared.read(super()._cut) if self._stream.pulls else super()._cut()

    def _pulled(self, hand: Hand, chunk: Chunk | None, error: BaseException | None) -> None:
        with self._changed:
            super()._pulled(hand, chunk, error)
            self._reading = False
            self._rouse()

    def done(
        self,
        hand: Hand,
        chunk: Chunk,
        values: list[Any],
        failures: list[tuple[int, BaseException]],
        times: Any,
        *,
        last: bool,
    ) -> bool:
        """Results of a part; nothing of them is kept here."""
        with self._changed:
            wanted = super().done(hand, chunk, values, failures, times, last=last)
            values.clear()
            return wanted

    # --- called by the consumer ---

    def take(self, stream: MappedStream, deadline: float | None) -> list[Any] | None:
        """The next block of results; None at the end."""
        recorder = self._recorder
        with self._changed:
            while True:
                block = stream.take()
                if block is not None:
                    self._rouse()
                    recorder.mark(states.CONSUMER)
                    return block
                if stream.over:
                    return None
                if self._broken is not None:
                    raise self._broken
                left = None if deadline is None else deadline - clock()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._shared.stand_in()
                recorder.wait()
                self._changed.wait(left)
                recorder.mark(states.MERGE)

    def _rouse(self) -> None:
        """There is room for results again."""
        if self._resting and self._room():
            try:
                self._queue_up(self._resting.pop())
            except RuntimeError:
                self.gave_up(CancelledError("the executor was ended before this was done"))

    def leave(self, stream: MappedStream, *, run_on: bool) -> None:
        """The consumer has gone."""
        with self._changed:
            stream.unwanted = True
            stream.ready.clear()
            if not run_on:
                self._over = True
                stream.cancelled = stream.exhausted = True
                for hand in self._hands:
                    hand.board[protocol.CANCELLED] = 1
                self._stop_probing()

    def _stop_probing(self) -> None:
        """Share what threads spent off the CPU out to waiting for the GIL and being blocked (an estimate)."""
        if self._probing:
            self._probing = False
            self._account()
