"""The calling thread as one more worker on a stream: it takes chunks of it like any other, between looking after them.

Lives here: how the caller's own thread does a chunk. Never here: when it should (`mixed`).
"""

from __future__ import annotations

from itertools import starmap
from time import process_time

from breakeven import work as nouns
from breakeven.backends.serial import traceback_of
from breakeven.engine import protocol
from breakeven.engine.loops import LOOPS
from breakeven.ledger import recorder as states
from breakeven.ledger.states import OWN_WORKER
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.member import Chunk
    from breakeven.engine.stream import Stream
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options

TURN_SECONDS = 5e-4  # then somebody looks whether there is something better to do
LARGEST = 1 << 14


class OwnHand:
    """The caller's thread, working on a stream."""

    __slots__ = ("_most", "_options", "_recorder", "_size", "_stream")

    def __init__(
        self,
        stream: Stream,
        recorder: Recorder,
        options: Options,
        seconds_an_item: float,
        *,
        most: int | None = None,
    ) -> None:
        """`most` bounds the items of a turn, for a stream that is not to read ahead."""
        self._stream = stream
        self._recorder = recorder
        self._options = options
        self._most = most or LARGEST
        self._size = max(min(int(TURN_SECONDS / max(seconds_an_item, 1e-9)), self._most), 1)

    def turn(self) -> tuple[int, float, float] | None:
        """Do a few items; (how many, wall seconds, CPU seconds), or None when there is nothing left to take."""
        recorder, stream = self._recorder, self._stream
        if stream.pulls:
            recorder.mark(states.INPUT)
        chunk = stream.cut(self._size)
        if chunk is None:
            recorder.mark(states.DISPATCH)
            return None
        began = recorder.mark(states.COMPUTE)
        cpu = process_time()
        values: list[Any] = []
        error: BaseException | None = None
        before = nouns.enter(None, None)
        try:
            error = self._run(chunk, values)
        finally:
            nouns.leave(before)
            used = process_time() - cpu
            now = recorder.mark(states.MERGE)
        took = now - began
        recorder.chunks += 1
        done = len(values) + (error is not None)
        recorder.items += done
        records = recorder.records
        if len(records) < states.MOST_RECORDS:
            records.append((OWN_WORKER, chunk.first, chunk.count, began, began, began, now, now, now, now))
        self._settle(chunk, values, error)
        if took < TURN_SECONDS / 2:
            self._size = min(self._size * 2, self._most)
        elif took > TURN_SECONDS * 2:
            self._size = max(self._size // 2, 1)
        return max(done, 1), took, used

    def _run(self, chunk: Chunk, values: list[Any]) -> BaseException | None:
        """Fill `values`; what a task raised is returned, the interrupt of the caller is raised."""
        items = iter(chunk.items)
        last = chunk.first + chunk.count - 1
        hint = items.__length_hint__
        nouns.enter(self._options.seed, lambda: last - hint())
        fn = self._stream.work.fn
        try:
            if self._options.on_error == "return":
                LOOPS[chunk.mode](fn, items, 0, values.append, [0] * protocol.WORDS, chunk.mode)
            elif chunk.mode == nouns.STAR:
                values.extend(starmap(fn, items))
            else:
                values.extend(map(fn, items))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the outcome of the item
            return error
        # The loops in C take a task's StopIteration for the end of the input; it is told apart where it is kept.
        return RuntimeError(nouns.STOP_ITERATION) if len(values) < chunk.count else None

    def _settle(self, chunk: Chunk, values: list[Any], error: BaseException | None) -> None:
        stream, done = self._stream, len(values)
        if values:
            stream.accept(chunk.first, values)
        if error is not None:
            self._charge(chunk, done, error)
            stream.again(chunk, done + 1, chunk.count, alone=False)
        stream.finished(chunk)

    def _charge(self, chunk: Chunk, at: int, error: BaseException) -> None:
        """One item has failed: try it again, or let its failure take its place."""
        options, recorder = self._options, self._recorder
        if isinstance(error, options.retry_on or ()) and chunk.attempt <= options.retries:
            recorder.retries += 1
            self._stream.retry(chunk, at)
            return
        index = chunk.first + at
        error.add_note(f"(item {index})")
        text = "" if options.on_error == "raise" else traceback_of(error)
        failure = Failure(index, error, "exception", chunk.attempt, None, text)
        recorder.failed(failure)
        self._stream.fail(failure)
