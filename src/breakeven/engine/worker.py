"""What a child process runs: take a chunk, call the function on each item, send back what came of it.

Lives here: the loop of a worker and how it says where it is (the board). Never here: how a process is
started (`launch`), or anything that a worker does not need: this module's imports are the start-up cost.
"""

from __future__ import annotations

import os
import select
import sys
from _operator import length_hint
from _pickle import loads
from _thread import allocate_lock
from itertools import islice
from time import perf_counter as clock
from time import perf_counter_ns as clock_ns
from time import thread_time

from breakeven import work
from breakeven.engine import protocol
from breakeven.engine.arena import Arena, Window
from breakeven.engine.channel import Channel, frames
from breakeven.engine.codec import Encoded, decode, encode
from breakeven.engine.inbox import Inbox
from breakeven.engine.loops import LOOPS, TIMED, sweep
from breakeven.engine.part import Part, Unloadable, facts_of, heed, queue_delay_reader, reraise, resident_bytes, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable, Iterator
    from typing import Any

NOTHING: Iterator[Any] = iter(())
BLOCK_SECONDS = 200e-6  # items between two looks at the clock
FLUSH_SECONDS = 8e-3  # finished results wait no longer than this for the rest of their chunk
SPLIT_SECONDS = 16e-3  # a chunk that takes longer than foreseen is handed back here
SWEPT = (work.ONE, work.STAR)
SWEEP_SECONDS = 1e-6  # items that take less are not named one by one on the board, which takes 40 ns each
WORTH_TIMING = 100e-6  # thread_time twice costs 1.2 µs: measured for chunks longer than this
WORTH_QUEUE = 1e-3  # schedstat costs 3 µs: read for chunks longer than this
TRIM_AFTER_SECONDS = 2.0
HOLD_SECONDS = 30e-6  # outcomes of quick chunks that came together wait this long for one another
SMALL = 4096  # bytes of an outcome that may wait


class Seat:
    """What a worker is given: its descriptors, and who it is."""

    __slots__ = ("arguments", "board", "results", "setup", "socket", "tokens")

    def __init__(
        self,
        end: socket,
        board: memoryview,
        arguments: int,
        results: int,
        tokens: int,
        setup: dict[str, Any],
    ) -> None:
        self.socket = end
        self.board = board
        self.arguments = arguments
        self.results = results
        self.tokens = tokens
        self.setup = setup


class Worker:
    """The loop, and what it keeps between two chunks."""

    __slots__ = (
        "_board",
        "_channel",
        "_fell_back",
        "_free_at",
        "_functions",
        "_held",
        "_held_since",
        "_inbox",
        "_loading",
        "_lock",
        "_queue_delay",
        "_results",
        "_seat",
        "_watch_memory",
        "_window",
        "items",
        "leave",
    )

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._board = seat.board
        self._channel = Channel(seat.socket)
        self._window = Window(seat.arguments, private=True) if seat.arguments >= 0 else None
        self._results = Arena(seat.results) if seat.results >= 0 else None
        self._functions: dict[int, tuple[Any, int | None]] = seat.setup["functions"]  # a fork inherits some
        self._inbox = Inbox(self._channel, seat.tokens)
        self._lock = allocate_lock()
        self._free_at = clock()
        self._loading = 0.0  # seconds spent on loading functions since the last outcome
        self._fell_back = 0
        self._held: list[bytes] = []  # outcomes that wait for those of the chunks that have come with theirs
        self._held_since = 0.0
        self._queue_delay = queue_delay_reader()
        self._watch_memory = bool(seat.setup.get("watch_memory"))
        self.items = NOTHING  # of the chunk at hand, those that were not begun
        self.leave: Callable[[BaseException | None], None] | None = None  # in a copy that a task has forked

    # --- the loop ---

    def serve(self) -> None:
        """Work until the parent says stop, or is gone."""
        self._free_at = clock()
        self._forward_logs()
        for kind, flags, body in self._messages():
            received = clock()
            if kind == protocol.CHUNK:
                self._chunk(flags, body, received)
            elif kind == protocol.FUNCTION:
                self._learn(flags, body)
                self._loading += clock() - received
            elif kind == protocol.SETUP:
                heed(loads(body), self._seat.setup)
                self._forward_logs()
            elif kind == protocol.FREE:
                assert self._results is not None  # noqa: S101 - blocks to free came from there
                for offset in protocol.unpack_offsets(body):
                    self._results.free(offset)
            elif kind == protocol.STOP:
                return

    def _messages(self) -> Iterator[tuple[int, int, memoryview]]:
        look = self._inbox.look
        while True:
            try:
                got = look()
            except BlockingIOError:
                if not self._sleep():
                    return
                continue
            if got is None:
                return
            yield from frames(got)
            if self._held:
                self._release()

    def _hold(self, data: bytes, now: float) -> None:
        """Keep a small outcome for the next ones to join it, while quick chunks follow: one system call for all."""
        held = self._held
        if not held:
            self._held_since = now
        held.append(data)
        self._board[protocol.PHASE] = protocol.HELD
        if len(data) > SMALL or now - self._held_since > HOLD_SECONDS:
            self._release()

    def _release(self) -> None:
        """Send what was held."""
        held = self._held
        self.send(held[0] if len(held) == 1 else b"".join(held))
        held.clear()
        self._board[protocol.PHASE] = protocol.IDLE
        self._free_at = clock()

    def _sleep(self) -> bool:
        """Wait for a message; False when there was none for so long that this worker leaves."""
        window, inbox = self._window, self._inbox
        if window is not None and window.released:
            self._tell_released(window)
        idle_seconds = self._seat.setup.get("idle_seconds")
        if not inbox.wait(TRIM_AFTER_SECONDS):
            if self._results is not None:
                self._results.trim(0)
            if "breakeven.engine.sharing" in sys.modules:
                sys.modules["breakeven.engine.sharing"].let_go()
            if not inbox.wait(idle_seconds):
                self.send(protocol.frame(protocol.BYE))
                return False
        return True

    def send(self, data: bytes) -> None:
        """Send a whole frame, waiting while the parent is slow to read."""
        channel = self._channel
        with self._lock:
            if channel.send(data):
                return
            writable = select.poll()
            writable.register(channel.descriptor, select.POLLOUT)
            while not channel.flush():
                writable.poll()

    def _tell_released(self, window: Window) -> None:
        offsets = window.released[:]
        del window.released[: len(offsets)]
        self.send(protocol.frame(protocol.RELEASED, protocol.pack_offsets(offsets)))

    # --- functions ---

    def _learn(self, flags: int, body: memoryview) -> None:
        key, buffers, forget = protocol.FUNCTION_HEAD.unpack_from(body)
        if forget:
            self._functions.pop(key, None)
            return
        self._board[protocol.PHASE] = protocol.LOADING
        at = protocol.FUNCTION_HEAD.size
        end = at + buffers * protocol.BUFFER.size
        try:
            shared = bool(flags & protocol.STREAM_SHARED)
            self._functions[key] = decode(body[end:], body[at:end], self._window, stream_shared=shared)
        except BaseException as error:  # noqa: BLE001 - told with every item that asks for the function
            self._functions[key] = (Unloadable(error), None)
        settle(self._seat.setup)
        self._forward_logs()
        self._board[protocol.PHASE] = protocol.HELD if self._held else protocol.IDLE

    def _forward_logs(self) -> None:
        """What tasks log goes to the parent, once a function may have brought logging along."""
        if "logging" in sys.modules:
            from breakeven.engine import logs

            logs.forward(self.send, self._seat.setup)

    # --- chunks ---

    def _chunk(self, flags: int, body: memoryview, received: float) -> None:
        seq, key, first, count, buffers, hint, mode = protocol.CHUNK_HEAD.unpack_from(body)
        board = self._board
        if self._held:  # nobody knows how long this one will take, however quick those before it were
            self._release()
        if flags & protocol.CLAIM and not self._claim():
            self._hold(protocol.frame(protocol.SKIPPED, protocol.OFFSET.pack(seq)), received)
            board[protocol.PASSED] = seq
            return
        if flags & protocol.TIMED:
            board[protocol.ITEM_BEGAN_NS] = clock_ns()
        board[protocol.PHASE] = protocol.DECODING
        board[protocol.AT_ITEM] = 0
        board[protocol.AT_CHUNK] = seq  # last: with it the other words are believed
        at = protocol.CHUNK_HEAD.size
        end = at + buffers * protocol.BUFFER.size
        part = Part(seq, first, self._free_at, received, count)
        fn, seed = self._functions[key]
        if mode == work.FOLD:
            part.fold = getattr(fn, "fold", None)  # none on what could not be loaded
        try:
            items = decode(body[end:], body[at:end], self._window, stream_shared=bool(flags & protocol.STREAM_SHARED))
        except BaseException as error:  # noqa: BLE001 - whatever unpickling raised is the outcome of its item
            if count > 1:
                part.decoded = part.computed = clock()
                self._finish(part, last=True, apart=True)
                return
            items = [error]
            fn, mode = reraise, work.ONE
        part.decoded = clock()
        if hint and hint < SWEEP_SECONDS and mode in SWEPT and count > 1 and not flags & protocol.TIMED:
            self._sweep(part, iter(items), fn, mode, flags, hint, seed)
        else:
            work.enter(seed, lambda: first + board[protocol.AT_ITEM])
            self._compute(part, iter(items), fn, mode, flags, hint)
        del items
        self._finish(part, last=True)
        work.enter(None, None)

    def _claim(self) -> bool:
        try:
            os.read(self._seat.tokens, 8)
        except BlockingIOError:
            return False
        return True

    def _sweep(
        self, part: Part, items: Iterator[Any], fn: Any, mode: int, flags: int, hint: float, seed: int | None
    ) -> None:
        """As `_compute`; where a task asks for its index, that follows from how many items are left."""
        last = part.index + part.count - 1
        work.enter(seed, lambda: last - length_hint(items))
        self._compute(part, items, fn, mode, flags, hint, sweeping=True)
        work.enter(seed, lambda: last)  # lets go of the items

    def _compute(
        self, part: Part, items: Iterator[Any], fn: Any, mode: int, flags: int, hint: float, *, sweeping: bool = False
    ) -> None:
        """Run blocks of items until the chunk is done, cancelled, or has taken so long that it is handed back."""
        board, count, began = self._board, part.count, part.decoded
        block = max(1, min(count, int(BLOCK_SECONDS / hint))) if hint else 1
        loop = LOOPS[TIMED if flags & protocol.TIMED else mode]
        timing = not hint or hint * count > WORTH_TIMING
        cpu = thread_time() if timing else 0.0
        queued = self._queue_delay() if timing and (not hint or hint * count > WORTH_QUEUE) else -1.0
        board[protocol.PHASE] = phase = protocol.SWEEPING if sweeping else protocol.COMPUTING
        flush, before = began + FLUSH_SECONDS, began
        self.items = items
        self._part_ways()  # forked while they were unpickled
        while True:
            try:
                if sweeping:
                    sweep(fn, items, part.done, part.values, board, mode, min(block, count - part.done))
                else:
                    loop(fn, islice(items, block), part.done, part.values.append, board, mode)
                part.done = part.first + len(part.values)
            except BaseException as error:  # noqa: BLE001 - whatever the task raised is its outcome
                self._part_ways(error)
                part.done = part.fail(error)
                if flags & protocol.STOP_ON_ERROR:
                    break
            self._part_ways()
            now = clock()
            if part.done >= count or board[protocol.CANCELLED] >= part.seq:
                break
            if now > began + SPLIT_SECONDS and flags & protocol.SPLIT:
                break
            if now > flush:
                if part.fold is not None:
                    now = self._fold(part, part.fold)
                self._time(part, cpu, queued, now)
                self._finish(part, last=False)
                cpu, queued = thread_time(), self._queue_delay()
                now = part.decoded
                flush = now + FLUSH_SECONDS
                board[protocol.PHASE] = phase
            elif now - before < BLOCK_SECONDS / 2:
                block *= 2
            elif now - before > 2 * BLOCK_SECONDS:
                block = max(1, block // 2)
            before = now
        self.items = NOTHING
        if part.fold is not None:
            self._fold(part, part.fold)
        self._time(part, cpu, queued, clock(), timing=timing)

    def _part_ways(self, error: BaseException | None = None) -> None:
        """A copy that a task has forked ends here."""
        if self.leave is not None:
            self.leave(error)

    def _fold(self, part: Part, fold: Any) -> float:
        """Join what neighbours gave, within the last one's time; not where one of them has failed. Returns now."""
        self._board[protocol.ITEM_BEGAN_NS] = clock_ns()
        if not part.failures:
            fold(part.index + part.first, part.values)
        return clock()

    def _time(self, part: Part, cpu: float, queued: float, now: float, *, timing: bool = True) -> None:
        part.computed = now
        part.cpu = thread_time() - cpu if timing else -1.0
        part.queued = self._queue_delay() - queued if queued >= 0.0 else -1.0

    def _finish(self, part: Part, *, last: bool, apart: bool = False) -> None:
        """Send what is finished; on the last part everything the chunk held is let go first."""
        board, window = self._board, self._window
        board[protocol.ITEM_BEGAN_NS] = clock_ns()  # a deadline watches over the way back, too
        board[protocol.PHASE] = protocol.ENCODING
        encoded = self._encode(part)
        failures = facts_of(part.failures) if part.failures else b""
        part.failures = []
        count, part.values = len(part.values), []
        released = b""
        gone = 0
        if window is not None and window.released:
            gone = len(window.released)
            released = protocol.pack_offsets(window.released[:gone])
            del window.released[:gone]
        resident = resident_bytes() if self._watch_memory and last else 0
        encoded_at = clock()
        head = protocol.OUTCOME_HEAD.pack(
            part.seq,
            part.first,
            count,
            encoded.buffers,
            gone,
            len(encoded.stream),
            part.free,
            part.received,
            part.decoded,
            part.computed,
            encoded_at,
            self._loading,
            part.cpu,
            part.queued,
            resident,
        )
        flags = (
            (protocol.LAST if last else 0)
            | (protocol.STREAM_SHARED if encoded.stream_shared else 0)
            | (protocol.APART if apart else 0)
            | self._fell_back
        )
        body = b"".join((head, encoded.table, released, encoded.stream, failures))
        self._hold(protocol.frame(protocol.OUTCOME, body, flags), encoded_at)
        if self._held and not last:
            self._release()
        self._loading = 0.0
        self._free_at = part.next_from(clock())

    def _encode(self, part: Part) -> Encoded:
        try:
            return encode(part.values, self._results)
        except OSError:  # no memory for shared pages: slower, and said in the report
            self._fell_back = protocol.FELL_BACK
            return encode(part.values, None)
        except BaseException:  # noqa: BLE001 - find the one that cannot be pickled, keep the others
            from breakeven.engine.remote import keep_picklable

            return keep_picklable(part.values, part.failures, part.first, self._results)
