"""Threads on one stream: what the GIL allows, without a copy of anything.

Lives here: threads that take chunks from a stream. Never here: where they come from (`threads`, `shared_threads`). A
thread cannot be ended from outside: an item past its `timeout` fails, and its thread is left to itself, which another
replaces.
"""

from __future__ import annotations

import threading
from itertools import islice
from time import perf_counter as clock
from time import perf_counter_ns as clock_ns
from time import thread_time

from breakeven import work as nouns
from breakeven.backends.pressure import GilProbe
from breakeven.backends.serial import initialize, traceback_of
from breakeven.engine import protocol
from breakeven.engine.codec import Encoded
from breakeven.engine.functions import Function
from breakeven.engine.loops import LOOPS, TIMED
from breakeven.engine.stream import Stream
from breakeven.ledger import recorder as states
from breakeven.planning.chunks import WINDOW, chunk_size
from breakeven.probes.capacity import usable_cpus
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from breakeven.engine.member import Chunk
    from breakeven.ledger.recorder import Lane, Recorder
    from breakeven.work import Options, Work

SMOOTHING = 0.4
PART_SECONDS = 2e-3  # after which a thread tells what it has done: that is no message, and costs next to nothing
BOUNDED_CHUNK = 64  # items in a chunk of a stream, so that it does not read far ahead
ABANDON_SECONDS = 0.05  # what the end of a call waits for threads that are in the middle of an item


def on_threads_of_its_own(
    work: Work, recorder: Recorder, options: Options, *, ordered: bool, bounded: bool, timeout: float | None = None
) -> Iterator[list[Any]]:
    """Yield results in blocks; threads take chunks as they become free, and end with the stream."""
    workers = options.max_workers or usable_cpus()
    function = Function(0, work.fn, Encoded(b""), None)
    window = WINDOW * workers if bounded else None
    gang = Gang(Stream(work, function, ordered=ordered, window=window), recorder, options, workers)
    gang.open()
    return gang.blocks(None if timeout is None else clock() + timeout)


class Gang:
    """Threads on one stream."""

    def __init__(self, stream: Stream, recorder: Recorder, options: Options, workers: int) -> None:
        stream.shared = None  # nothing is copied here, so what comes again need not go alone
        self._stream = stream
        self._recorder = recorder
        self._options = options
        self._workers = workers
        self._changed = threading.Condition()
        self._input = threading.Lock()
        self._hands: list[Hand] = []
        self._lanes: set[Lane] = set()
        self._probe = GilProbe()
        self._broken: BaseException | None = None
        self._over = False

    def open(self) -> None:
        """Start as many threads as there is work for."""
        self._recorder.mark(states.START)
        self._probe.start()
        length = self._stream.length
        for _ in range(self._workers if length is None else max(min(self._workers, length), 1)):
            self._hire()
        self._recorder.mark(states.DISPATCH)

    def _hire(self) -> None:
        number = len(self._hands)
        lane = self._recorder.lane(f"thread {number}", 0, started=True)
        self._lanes.add(lane)
        hand = Hand(self, lane, number)
        self._hands.append(hand)
        hand.start()

    def blocks(self, deadline: float | None) -> Iterator[list[Any]]:
        """What the consumer iterates over."""
        stream, mark = self._stream, self._recorder.mark
        try:
            while True:
                with self._changed:
                    block = stream.take()
                    if block is None and not stream.deliverable:
                        self._wait(deadline)
                        continue
                    if block is None and stream.over:
                        return
                    self._changed.notify_all()
                if block is not None:
                    mark(states.CONSUMER)
                    yield block
                    mark(states.MERGE)
        finally:
            self.close()

    def _wait(self, deadline: float | None, *, quietly: bool = False) -> None:
        if self._broken is not None:
            raise self._broken
        self._recorder.wait()
        left = None if deadline is None else deadline - clock()
        if left is not None and left <= 0 and not quietly:
            raise TimeoutError
        limit = self._options.timeout
        if limit is not None:
            left = min(limit / 4, 0.05, *(() if left is None else (left,)))
        self._changed.wait(left)
        self._recorder.mark(states.MERGE)
        self._recorder.join(max(self._recorder.lanes, key=lambda lane: lane.free_at))
        if limit is not None:
            for hand in self._hands[:]:
                self._look_at(hand, limit)

    def _look_at(self, hand: Hand, limit: float) -> None:
        chunk, board = hand.chunk, hand.board
        if chunk is None or (clock_ns() - board[protocol.ITEM_BEGAN_NS]) * 1e-9 < limit:
            return
        at = board[protocol.AT_ITEM]
        hand.chunk = None  # whatever it comes to later is not wanted
        self._hands.remove(hand)
        self._take(chunk, hand.values[: at - chunk.done], chunk.done)
        self._stream.again(chunk, at + 1, chunk.count, alone=False)
        if chunk.attempt <= self._options.retries:
            self._stream.retry(chunk, at)
        else:
            from breakeven.errors import TaskTimeout

            self._fail(chunk, at, TaskTimeout(chunk.first + at, limit), "timeout", "")
        self._stream.finished(chunk)
        self._hire()

    # --- for a map that may go on elsewhere (`mixed`) ---

    def next_block(self) -> list[Any] | None:
        """The next block for the consumer, if it is here."""
        with self._changed:
            block = self._stream.take()
            if block is not None:
                self._changed.notify_all()
            return block

    def over(self) -> bool:
        """Whether nothing more will come."""
        with self._changed:
            return self._stream.over

    def turn(self, seconds: float | None) -> None:
        """Wait until there is something for the consumer, or so long."""
        with self._changed:
            if not self._stream.deliverable:
                self._wait(None if seconds is None else clock() + seconds, quietly=True)

    def release(self) -> None:
        """Take no more chunks; what each thread has in hand it does, and puts the rest of its chunk back."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for hand in self._hands:
            hand.board[protocol.CANCELLED] = 1
        for hand in self._hands:
            hand.join(None)
        self._account()

    def close(self) -> None:
        """End: what is still under way is dropped."""
        with self._changed:
            self._over = True
            self._stream.cancelled = self._stream.exhausted = True
            self._changed.notify_all()
        self._recorder.mark(states.STOP)
        until = clock() + ABANDON_SECONDS
        for hand in self._hands:
            hand.board[protocol.CANCELLED] = 1
            hand.join(max(until - clock(), 0.0))  # one that does not end is left to itself: none can be ended
        self._account()

    def _account(self) -> None:
        """Share what threads spent off the CPU out to waiting for the GIL and being blocked (an estimate)."""
        held = self._probe.stop()
        for lane in self._lanes:
            blocked = lane.split[3]
            lane.split[2] += blocked * held
            lane.split[3] -= blocked * held

    @property
    def records(self) -> list[tuple[float, ...]]:
        """Where chunks are noted for traces and replays."""
        return self._recorder.records

    # --- called by the threads ---

    def next(self, hand: Hand) -> Chunk | None:
        """A chunk for this thread; None when there is no more to do."""
        while self._reserve(hand):
            chunk = self._pull(hand)
            if chunk is not None:
                return chunk
        return None

    def _reserve(self, hand: Hand) -> bool:
        """Wait until a chunk may be cut; False when no more will be."""
        with self._changed:
            while not self._room():
                if self._over or hand not in self._hands or not (self._stream.has_more or self._stream.outstanding):
                    return False
                self._changed.wait()
            if self._over or hand not in self._hands:
                return False
            self._stream.outstanding += 1  # reserved, so that nobody takes the input for done
            return True

    def _room(self) -> bool:
        return self._stream.has_more and self._stream.in_reach(self._workers)

    def _pull(self, hand: Hand) -> Chunk | None:
        chunk = None
        try:
            with self._input:  # and not the other lock: the consumer is not to wait for a slow input
                chunk = self._cut()
        except BaseException as error:
            self._pulled(hand, None, error)
            raise
        self._pulled(hand, chunk, None)
        return chunk

    def _pulled(self, hand: Hand, chunk: Chunk | None, error: BaseException | None) -> None:
        """Give the reservation back, and say why there is no more: a torn input must not pass for a done one."""
        with self._changed:
            if error is not None:
                self._broken = self._stream.input_error = error
                self._stream.exhausted = True
            self._stream.outstanding -= 1
            hand.board[protocol.AT_ITEM] = 0
            hand.board[protocol.ITEM_BEGAN_NS] = clock_ns()  # or it would be judged by the begin of an earlier item
            hand.chunk = chunk
            self._changed.notify_all()

    def _cut(self) -> Chunk | None:
        stream, function = self._stream, self._stream.function
        size = stream.fixed_size or chunk_size(function.seconds, function.size, stream.remaining, self._workers)
        if stream.window is not None:
            size = min(size, BOUNDED_CHUNK)
        chunk = stream.cut(size)
        function.size = max(size, 1)
        self._recorder.chunks += chunk is not None
        return chunk

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
        """Results of a part; False when this thread is no longer wanted."""
        with self._changed:
            if hand.chunk is not chunk:
                return False
            hand.account(chunk, times, len(values))
            start = chunk.done
            chunk.done = start + len(values)
            self._recorder.items += len(values)
            at = 0
            for offset, error in failures:
                self._take(chunk, values[at : offset - start], start + at)
                at = offset - start + 1
                if isinstance(error, self._options.retry_on or ()) and chunk.attempt <= self._options.retries:
                    self._recorder.retries += 1
                    self._stream.retry(chunk, offset)
                    continue
                error.add_note(f"(item {chunk.first + offset}, thread {hand.number})")
                self._fail(chunk, offset, error, "exception", traceback_of(error))
            self._take(chunk, values[at:], start + at)
            if last:
                if chunk.done < chunk.count:
                    self._stream.again(chunk, chunk.done, chunk.count, alone=False)
                hand.chunk = None
                self._stream.finished(chunk)
            self._changed.notify_all()
            return True

    def _take(self, chunk: Chunk, values: list[Any], start: int) -> None:
        if values:
            self._stream.accept(chunk.first + start, values)

    def _fail(self, chunk: Chunk, at: int, error: BaseException, cause: str, text: str) -> None:
        failure = Failure(chunk.first + at, error, cause, chunk.attempt, None, text)
        self._recorder.failed(failure)
        self._stream.fail(failure)

    def gave_up(self, error: BaseException) -> None:
        """The initializer, or the input, failed in a thread."""
        with self._changed:
            self._broken = error
            self._changed.notify_all()


class Hand:
    """One thread."""

    def __init__(self, gang: Gang, lane: Lane, number: int) -> None:
        self.gang = gang
        self.lane = lane
        self.number = number
        self.board = [0] * protocol.WORDS
        self.values: list[Any] = []
        self.chunk: Chunk | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name=f"breakeven-{self.number}", daemon=True)
        self._thread.start()

    def join(self, seconds: float | None) -> None:
        """Wait so long for the end of its thread."""
        self._thread.join(seconds)

    def _run(self) -> None:
        gang = self.gang
        options = gang._options  # noqa: SLF001 - one room
        self.lane.ready(clock(), clock())
        try:
            initialize(options)
            while (chunk := gang.next(self)) is not None:
                self.work(chunk, options)
        except BaseException as error:  # noqa: BLE001 - raised where the consumer waits
            gang.gave_up(error)

    def work(self, chunk: Chunk, options: Options) -> None:
        """Run the items of a chunk."""
        board, function = self.board, chunk.function
        board[protocol.AT_ITEM] = 0
        board[protocol.ITEM_BEGAN_NS] = clock_ns()
        nouns.enter(options.seed, lambda: chunk.first + board[protocol.AT_ITEM])
        items = iter(chunk.items)
        loop = LOOPS[TIMED if chunk.flags & protocol.TIMED else chunk.mode]
        began, cpu = clock(), thread_time()
        failures: list[tuple[int, BaseException]] = []
        at, size = 0, 1
        while True:
            values = self.values = [] if at == chunk.done else self.values
            try:
                loop(function.fn, islice(items, size), at, values.append, board, chunk.mode)
                at = chunk.done + len(values)
            except BaseException as error:  # noqa: BLE001 - the outcome of the item
                at = board[protocol.AT_ITEM] + 1
                del values[at - 1 - chunk.done :]
                values.append(None)
                failures.append((at - 1, error))
            now = clock()
            stop = at >= chunk.count or board[protocol.CANCELLED] or (failures and chunk.flags & protocol.STOP_ON_ERROR)
            if stop or failures or now - began > PART_SECONDS:
                if chunk.mode == nouns.FOLD and not failures:
                    now = self._fold(chunk, values)
                times = (began, now, thread_time() - cpu)
                seconds = (now - began) / max(len(values), 1)
                before = function.seconds
                function.seconds = seconds if before is None else before + SMOOTHING * (seconds - before)
                if not self.gang.done(self, chunk, values, failures, times, last=bool(stop)) or stop:
                    break
                failures, began, cpu = [], clock(), thread_time()
            elif now - began < PART_SECONDS / 4:
                size *= 2
        nouns.enter(None, None)

    def _fold(self, chunk: Chunk, values: list[Any]) -> float:
        """Join what neighbours gave, within the last one's time. Returns now."""
        self.board[protocol.ITEM_BEGAN_NS] = clock_ns()
        fn: Any = chunk.function.fn
        fn.fold(chunk.first + chunk.done, values)
        return clock()

    def account(self, chunk: Chunk, times: tuple[float, float, float], count: int) -> None:
        """Add a part to the lane."""
        began, now, cpu = times
        lane = self.lane
        lane.spend(states.STARVED, max(began - lane.free_at, 0.0))
        lane.spend(states.COMPUTED, now - began)
        lane.compute(now - began, cpu, 0.0)
        lane.tasks += count
        lane.fresh = False
        lane.free_at = now
        records = self.gang.records
        if len(records) < states.MOST_RECORDS:
            at = chunk.first + chunk.done
            records.append((lane.index, at, count, began, began, began, now, now, now, now))
