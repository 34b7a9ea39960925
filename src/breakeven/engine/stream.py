"""One call's tasks: chunks cut from the input as they are wanted, outcomes put in order for the consumer.

Lives here: what is still to do, what has come back, which error counts. Never here: workers.
"""

from __future__ import annotations

import sys
from _collections import deque
from itertools import islice
from time import perf_counter as clock

from breakeven import work
from breakeven.engine import protocol
from breakeven.engine.codec import LARGE, Shared
from breakeven.engine.member import Chunk
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.work import Work

# An input that has been read for so long gives way to results that wait to be delivered.
SLOW_SECONDS = 1e-3
MOST_COMPARED = 4096  # items of a list that are looked through for arrays that occur again
MOST_PARTS = 64  # of one such item
PIECE = 32  # items read between two looks at the clock


def sliceable(source: object) -> bool:
    """Whether chunks can be cut from `source` without iterating over it."""
    if isinstance(source, list | tuple):
        return type(source) in (list, tuple)
    kind = type(source)
    if kind is range:
        try:
            len(source)  # type: ignore[arg-type]
        except OverflowError:  # longer than any index: it can only be iterated over
            return False
        return True
    return kind.__module__ == "numpy" and kind.__name__ == "ndarray" and bool(source.shape)  # type: ignore[attr-defined]


class Stream:
    """A map under way. It is a `Sink`."""

    __slots__ = (
        "_again",
        "_at",
        "_early",
        "_flags",
        "_input",
        "_ordered",
        "_raising",
        "_single",
        "cancelled",
        "error",
        "exhausted",
        "fixed_size",
        "function",
        "input_error",
        "length",
        "next_index",
        "outstanding",
        "pulls",
        "reading",
        "ready",
        "ready_count",
        "shared",
        "slow",
        "stop_at",
        "window",
        "work",
    )

    counted = True  # its items have an index that users know

    def __init__(self, work_: Work, function: Function, *, ordered: bool, window: int | None) -> None:
        options = work_.options
        self.window = window  # chunks that may be ahead of the consumer; None when all results are kept anyway
        self.work = work_
        self.function = function
        self.length = work_.length
        self.exhausted = False
        self.cancelled = False
        self.input_error: BaseException | None = None
        self.outstanding = 0  # chunks at workers
        self.ready: dict[int, list[Any]] = {}
        self.ready_count = 0
        self.next_index = work_.first  # of the next item that the consumer gets, where there is an order
        self.stop_at: int | None = None  # index of the failure that ends the call
        self.error: BaseException | None = None
        self.shared: Shared | None = None
        self.fixed_size = options.chunksize if isinstance(options.chunksize, int) else None
        self._ordered = ordered
        self._raising = options.on_error == "raise"
        self._at = work_.first
        self._early = deque(sorted(work_.early))  # items that are done already, and are not cut
        self._again: deque[tuple[int, Any, bool, int]] = deque()  # (index, items, alone, attempt)
        self._flags = (protocol.STOP_ON_ERROR if self._raising else 0) | (protocol.TIMED if options.timeout else 0)
        if self.fixed_size is None and work_.mode != work.CALL:
            self._flags |= protocol.SPLIT
        self._single: Any = work_.source if sliceable(work_.source) else None
        self._input: Iterator[Any] | None = None if self._single is not None else iter(work_.source)
        self.slow = False  # whether the input was slow in coming, the last time
        self.pulls = self._input is not None  # whether cutting runs code of the caller's
        self.reading = False  # whether it runs now; what it asks for may lead back here
        if isinstance(self._single, list | tuple) and len(self._single) <= MOST_COMPARED:
            again = large_arrays_that_occur_again(self._single)
            if again:
                self.shared = Shared(again)
        for index in self._early:
            outcome = work_.early[index]
            if isinstance(outcome, work.Raised):
                break
            self.accept(index, [outcome])

    @property
    def title(self) -> str:
        """What warnings call it."""
        return self.work.name

    # --- what is still to do ---

    @property
    def remaining(self) -> int | None:
        """Items not yet cut, if that is known."""
        return (
            None
            if self.length is None
            else max(self.length - self._at - len(self._early), 0) + sum(len(again[1]) for again in self._again)
        )

    def cut(self, size: int) -> Chunk | None:
        """The next chunk of at most `size` items, or None when there is none (any more)."""
        if self._again:
            return self._cut_again(size)
        if self.exhausted or self.reading:
            return None
        single = self._single
        if self._early and (size := self._up_to_next(size)) == 0:
            return None
        first = self._at
        if self.shared is not None:
            size = 1  # of two items in one chunk that are the same array, one would see what the other wrote
        if single is not None:
            items = single[first : first + size]
            count = len(items)
            self.exhausted = first + count >= len(single)
        else:
            assert self._input is not None  # noqa: S101 - one of the two is there
            items, ended = self._pull(size)
            count = len(items)
            if ended:
                self.exhausted = True
                if self.length is None:
                    self.length = first + count
        if not count:
            return None
        self._at = first + count
        self.outstanding += 1
        return Chunk(self, self.function, self.work.mode, first, items, count, self._flags)

    def _up_to_next(self, size: int) -> int:
        """Pass over items that are done, and return how many of `size` come before the next such."""
        early = self._early
        while early and early[0] == self._at:
            outcome = self.work.early[early.popleft()]
            if isinstance(outcome, work.Raised):  # raised when all before it has been delivered
                self.input_error, self.exhausted = outcome.error, True
                return 0
            self._at += 1
        return min(size, early[0] - self._at) if early else size

    def _pull(self, size: int) -> tuple[list[Any], bool]:
        """Up to `size` items of the input, fewer when they are slow in coming; and whether it has ended."""
        assert self._input is not None  # noqa: S101 - asked for where there is one
        items: list[Any] = []
        piece, until = 1, clock() + SLOW_SECONDS
        self.slow, self.reading = False, True
        try:
            while len(items) < size:
                wanted = min(piece, size - len(items))
                before = len(items)
                items.extend(islice(self._input, wanted))
                if len(items) - before < wanted:
                    return items, True
                if clock() > until:
                    self.slow = True
                    break
                piece = min(2 * piece, PIECE)
        except Exception as error:  # noqa: BLE001 - raised when all before it has been delivered
            self.input_error = error
            return items, True
        finally:
            self.reading = False
        return items, False

    def _cut_again(self, size: int) -> Chunk:
        first, items, alone, attempt = self._again.popleft()
        size = 1 if alone else size
        if len(items) > size:
            self._again.appendleft((first + size, items[size:], alone, attempt))
            items = items[:size]
        self.outstanding += 1
        chunk = Chunk(self, self.function, self.work.mode, first, items, len(items), self._flags)
        chunk.attempt = attempt
        return chunk

    @property
    def returned(self) -> bool:
        """Whether items that were cut before must be cut again."""
        return bool(self._again)

    def in_reach(self, more: int) -> bool:
        """Whether the next chunk is not too far ahead of the consumer: the window, and `more` chunks in hand."""
        if self.window is None or self._again:  # counted when first cut; and all that is ready may wait for these
            return True
        return self.outstanding + self.ready_count < self.window + more

    @property
    def has_more(self) -> bool:
        """Whether `cut` may give another chunk."""
        return bool(self._again) or not self.exhausted

    # --- what has come back (Sink) ---

    def start(self) -> bool:
        """Chunks that were cut are sent."""
        return True

    def accept(self, first: int, values: list[Any]) -> None:
        """Results of items `first` and following."""
        if self.cancelled:
            return
        self.ready[first] = values
        self.ready_count += 1

    def fail(self, failure: Failure) -> None:
        """A failure takes its item's place, or ends the call at that item."""
        if self.cancelled:
            return
        if not self._raising:
            self.accept(failure.index, [failure])
        elif self.stop_at is None or failure.index < self.stop_at:
            self.stop_at = failure.index
            self.error = _raisable(failure.exception)
            self.exhausted = True
            self._again = deque(again for again in self._again if again[0] < failure.index)

    def again(self, chunk: Chunk, start: int, stop: int, *, alone: bool) -> None:
        """Put items back to be cut again."""
        first = chunk.first + start
        if self.cancelled or start >= stop or (self.stop_at is not None and first >= self.stop_at):
            return
        self._again.append((first, chunk.items[start:stop], alone, chunk.attempt))
        if len(self._again) > 1:
            self._again = deque(sorted(self._again, key=lambda again: again[0]))

    def retry(self, chunk: Chunk, offset: int) -> None:
        """Run one item again, alone, as the next attempt."""
        self._again.appendleft((chunk.first + offset, chunk.items[offset : offset + 1], True, chunk.attempt + 1))

    def finished(self, chunk: Chunk) -> None:  # noqa: ARG002 - a Sink
        """A chunk is done with."""
        self.outstanding -= 1

    # --- the consumer's side ---

    def take(self) -> list[Any] | None:
        """The next block of results for the consumer, if it is here; raises the error that ends the call."""
        if self._ordered:
            if self.stop_at == self.next_index and self.error is not None:
                raise self.error
            values = self.ready.pop(self.next_index, None)
            if values is None:
                return None
        else:
            if self.error is not None:
                raise self.error
            if not self.ready:
                return None
            values = self.ready.pop(next(iter(self.ready)))
        self.next_index += len(values)
        self.ready_count -= 1
        return values

    @property
    def deliverable(self) -> bool:
        """Whether `take` has something for the consumer, or nothing more will come."""
        if self._ordered:
            here = self.next_index in self.ready or (self.stop_at == self.next_index and self.error is not None)
        else:
            here = bool(self.ready) or self.error is not None
        return here or not (self.outstanding or self.has_more)

    @property
    def over(self) -> bool:
        """Whether nothing more will come; raises what the input raised, once all before it was delivered."""
        if self.outstanding or self.has_more or self.ready:
            return False
        if self.stop_at is not None and self.error is not None:
            raise self.error
        if self.next_index != self._at:  # better no result than too few
            raise AssertionError(
                f"{self._at - self.next_index} items of {self.title} have no outcome: a fault of breakeven's"
            )
        if self.input_error is not None:
            raise self.input_error
        return True


def _raisable(error: BaseException) -> BaseException:
    """What a generator can raise: it would take a task's `StopIteration` for a fault of its own."""
    if not isinstance(error, StopIteration):
        return error
    instead = RuntimeError(work.STOP_ITERATION)
    instead.__cause__ = error
    for note in getattr(error, "__notes__", ()):
        instead.add_note(note)
    return instead


def large_arrays_that_occur_again(items: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Large arrays that are an item more than once, or stand directly in such an item, or in several items."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not items:
        return []
    first = parts_of(items[0])
    if first and any(_is_large(part, numpy) for part in first):  # as a rule all items are made alike
        candidates = [part for item in items for part in {id(part): part for part in parts_of(item)}.values()]
    elif len(set(map(id, items))) == len(items):
        return []
    else:
        candidates = list(items)
    seen: set[int] = set()
    again: dict[int, Any] = {}
    for item in candidates:
        if id(item) in seen:
            again[id(item)] = item
        seen.add(id(item))
    found = list(again.values())
    for item in again.values():
        found += parts_of(item)
    return [one for one in found if _is_large(one, numpy)]


def parts_of(item: Any) -> list[Any]:
    """What stands directly in a short tuple, list or dictionary."""
    if type(item) not in (list, tuple, dict) or len(item) > MOST_PARTS:
        return []
    return list(item.values() if type(item) is dict else item)


def _is_large(one: Any, numpy: Any) -> bool:
    """Whether it is an array that would be copied through shared memory; a `SharedArray` is not copied at all."""
    return isinstance(one, numpy.ndarray) and one.nbytes >= LARGE and getattr(one, "shared_token", None) is None
