"""In the calling thread, one after the other: the reference that all others are held against.

Lives here: the plain loop, at the speed of a plain loop. Never here: a worker of any kind.
"""

from __future__ import annotations

from _operator import length_hint
from itertools import count, islice, starmap
from time import perf_counter as clock

from breakeven import work as nouns
from breakeven.engine.stream import sliceable
from breakeven.ledger import recorder as states
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work

BLOCK_SECONDS = 5e-4  # items between two looks at the clock
LARGEST_BLOCK = 1 << 14


class Serial:
    """The backend of the calling thread."""

    name = "serial"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._initialized = False
        self._submitted = count()

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:  # noqa: ARG002
        """Yield results in blocks that take about half a millisecond."""
        self._initialize()
        return Loop(work, recorder, bounded=bounded).blocks()

    def _initialize(self) -> None:
        if not self._initialized:
            initialize(self._options)
        self._initialized = True

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Run the call now; the future that is returned is done. Past `timeout` it has failed, as in a map here."""
        from concurrent.futures import Future

        self._initialize()
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            began = clock()
            value = attempts(self._options, next(self._submitted), lambda: fn(*args, **kwargs))
            if self._options.timeout is not None and clock() - began > self._options.timeout:
                from breakeven.errors import TaskTimeout

                raise TaskTimeout(None, self._options.timeout)  # noqa: TRY301 - the outcome of the call
        except Exception as error:  # noqa: BLE001 - the outcome of the call
            future.set_exception(error)
        else:
            future.set_result(value)
        return future

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Nothing was started."""

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "serial", "start_method": None, "workers": 1}


class Loop:
    """A serial run that can be stopped after any block and gone on with elsewhere."""

    __slots__ = (
        "_at",
        "_block",
        "_bounded",
        "_error",
        "_input",
        "_kept",
        "_recorder",
        "_single",
        "_size",
        "_walk",
        "_work",
        "done",
        "first_seconds",
        "results",
        "seconds",
    )

    def __init__(self, work: Work, recorder: Recorder, *, bounded: bool) -> None:
        self._bounded = bounded  # a stream: each item is read when the result before it has been taken
        self._work = work
        self._recorder = recorder
        self._single: Any = work.source if sliceable(work.source) else None
        self._walk = _walk_over(work) if self._single is not None and not bounded else None
        self._input = None if self._single is not None else iter(work.source)
        self._at = work.first
        self._block = 1
        self._error: BaseException | None = None
        self.done = False
        self._size = 0  # of the last block
        self._kept: Any = ()  # its items, where they were taken out of the source
        self.results: list[Any] = []  # of the last block, or all so far where they are put together here
        self.first_seconds = 0.0  # what the first item took, which may be warm-up
        self.seconds = 0.0  # spent inside the function so far

    @property
    def work(self) -> Work:
        """What is done here."""
        return self._work

    @property
    def count(self) -> int:
        """Items taken so far."""
        return self._at

    @property
    def items(self) -> Any:
        """Those of the last block."""
        return self._kept if self._walk is None else self._single[self._at - self._size : self._at]

    @property
    def failed(self) -> bool:
        """Whether an error waits to be raised."""
        return self._error is not None

    @property
    def rest(self) -> Any:
        """Where the items that are left come from: the source if it can be sliced, else its iterator."""
        return self._single if self._single is not None else self._input

    def hand_over(self, recorder: Recorder) -> None:
        """Write what follows into another ledger."""
        self._recorder = recorder

    def blocks(self) -> Iterator[list[Any]]:
        """All blocks to the end."""
        step = self._step if self._bounded else self.block
        put_together = self._work.into is not None  # then the consumer has nothing to do
        while not self.done:
            values = step()
            if put_together:
                yield values
            elif values:
                self._recorder.mark(states.CONSUMER)
                yield values
                self._recorder.mark(states.DISPATCH)

    def _step(self) -> list[Any]:
        """The result of the next item."""
        mark, at = self._recorder.mark, self._at
        mark(states.INPUT)
        if self._single is not None:
            items = self._single[at : at + 1]
        else:
            assert self._input is not None  # noqa: S101 - one of the two is there
            items = list(islice(self._input, 1))
        if len(items) == 0:  # of an array, `not` would ask what it holds
            self.done = True
            return []
        self._at = at + 1
        self._kept = items
        began = mark(states.COMPUTE)
        before = nouns.enter(self._work.options.seed, lambda: at)
        try:
            values: list[Any] = []
            self.results = values
            self._run(iter(items), at, values)
            if not values:
                raise RuntimeError(nouns.STOP_ITERATION)  # noqa: TRY301 - named like what any task raises
        except Exception as error:
            self.done = True
            error.add_note(f"(item {at})")
            raise
        finally:
            nouns.leave(before)
            self.seconds += mark(states.DISPATCH) - began
            if at == self._work.first:
                self.first_seconds = self.seconds
        self._recorder.items += 1
        self._recorder.chunks += 1
        return values

    def block(self) -> list[Any]:
        """Results of the next few items; raises what one raised, after those before it were returned.

        Nothing is returned where results are put together (`Work.into`): they are there already, and not copied.
        """
        if self._error is not None:
            self.done = True
            raise self._error
        mark = self._recorder.mark
        mark(states.INPUT)
        size, items = self._pull()
        if not size:
            self.done = self._error is None
            mark(states.DISPATCH)
            return []
        first = self._at
        self._at += size
        began = mark(states.COMPUTE)
        into = self._work.into
        values = self.results = [] if into is None else into
        already = len(values)
        before = nouns.enter(None, None)
        try:
            self._run(items, first, values)
            if len(values) - already < size and not self._shrunk():  # C takes StopIteration for the end of items
                raise RuntimeError(nouns.STOP_ITERATION)  # noqa: TRY301 - named like what any task raises
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - raised once the results before it were delivered
            error.add_note(f"(item {first + len(values) - already})")
            self._error = error
        finally:
            nouns.leave(before)
            took = mark(states.DISPATCH) - began
            self.seconds += took
            if first == self._work.first:
                self.first_seconds = took
        self._recorder.items += len(values) - already
        self._recorder.chunks += 1
        if took < BLOCK_SECONDS / 2:
            self._block = min(self._block * (2 if took > BLOCK_SECONDS / 16 else 8), LARGEST_BLOCK)
        elif took > BLOCK_SECONDS * 2:
            self._block = max(self._block // 2, 1)
        if self._walk is not None and self._at >= len(self._single):  # by now: tasks may have added to it
            self.done = self._error is None
        return values if into is None else []

    def _pull(self) -> tuple[int, Iterator[Any]]:
        """How many items are next, and what gives them."""
        if self._walk is not None:
            size = max(min(self._block, len(self._single) - self._at), 0)
            self._size = size or self._size
            return size, islice(self._walk, size)
        items = self._read() if self._single is None else self._single[self._at : self._at + self._block]
        self._kept = items if len(items) else self._kept
        return len(items), iter(items)

    def _read(self) -> list[Any]:
        assert self._input is not None  # noqa: S101 - what cannot be sliced is read
        items: list[Any] = []
        piece, until = 1, clock() + BLOCK_SECONDS
        try:
            while len(items) < self._block:
                wanted = min(piece, self._block - len(items))
                before = len(items)
                items.extend(islice(self._input, wanted))
                if len(items) - before < wanted or clock() > until:  # a slow input gives way to what it has given
                    break
                piece *= 2
        except Exception as error:  # noqa: BLE001 - raised once the results of what came before were delivered
            self._error = error
        return items

    def _shrunk(self) -> bool:
        """Whether the caller's list has lost items that were still to come: a task may do that."""
        return self._walk is not None and len(self._single) < self._at

    def _run(self, items: Iterator[Any], first: int, values: list[Any]) -> None:
        options = self._work.options
        if options.on_error == "return" or options.timeout is not None or options.retries:
            values.extend(self._guarded(item, first + at) for at, item in enumerate(items))
            return
        if self._walk is not None:  # over the caller's own list, which may grow meanwhile
            whole, walk = self._single, self._walk
            nouns.enter(options.seed, lambda: len(whole) - length_hint(walk) - 1)
        else:
            last = first + length_hint(items) - 1
            nouns.enter(options.seed, lambda: last - length_hint(items))
        fn, mode = self._work.fn, self._work.mode
        if mode == nouns.STAR:
            values.extend(starmap(fn, items))
        else:
            values.extend(map(fn, items))

    def _guarded(self, item: Any, index: int) -> Any:
        """One item whose failure is caught, counted or tried again."""
        options, work = self._work.options, self._work
        attempt = 1
        while True:
            nouns.enter(options.seed, lambda: index)
            began = clock()
            try:
                value = work.fn(*item) if work.mode == nouns.STAR else work.fn(item)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - the outcome of the item
                if isinstance(error, options.retry_on or ()) and attempt <= options.retries:
                    attempt += 1
                    self._recorder.retries += 1
                    continue
                return self._failed(error, "exception", index, attempt)
            took = clock() - began
            if options.timeout is not None and took > options.timeout:
                from breakeven.errors import TaskTimeout

                return self._failed(TaskTimeout(index, options.timeout), "timeout", index, attempt)
            return value

    def _failed(self, error: BaseException, cause: str, index: int, attempt: int) -> Failure:
        raising = self._work.options.on_error == "raise"
        failure = Failure(index, error, cause, attempt, None, "" if raising else traceback_of(error))
        self._recorder.failed(failure)
        if raising:
            raise error
        return failure


def _walk_over(work: Work) -> Iterator[Any] | None:
    """An iterator that goes on from block to block, so that nothing is copied; None where it could not say how far.

    A piece of a range is a range, and walked without anything in between.
    """
    walk: Any = iter(work.source)
    if isinstance(work.source, range) or not hasattr(walk, "__setstate__"):
        return None
    walk.__setstate__(work.first)
    return walk  # type: ignore[no-any-return]


def attempts(options: Options, number: int, call: Callable[[], Any], recorder: Recorder | None = None) -> Any:
    """Make a submitted call here, again where `retry_on` and `retries` allow; by its `number` it draws from `rng()`."""
    attempt = 1
    while True:
        before = nouns.enter(options.seed, lambda: number)
        try:
            return call()
        except BaseException as error:
            if not isinstance(error, options.retry_on or ()) or attempt > options.retries:
                raise
            attempt += 1
            if recorder is not None:
                recorder.retries += 1
        finally:
            nouns.leave(before)


def traceback_of(error: BaseException) -> str:
    """The traceback as text, even if the exception's own text cannot be made."""
    from traceback import format_exception

    try:
        return "".join(format_exception(error))
    except Exception:  # noqa: BLE001 - a task's exception may do anything, and its text fail
        return nouns.told(error)


def initialize(options: Options) -> None:
    """Call the initializer here; what it raises becomes `InitializerFailed`."""
    if options.initializer is None:
        return
    try:
        options.initializer(*options.initargs)
    except Exception as error:
        from breakeven.errors import InitializerFailed

        raise InitializerFailed("calling it in this process", nouns.told(error)) from error
