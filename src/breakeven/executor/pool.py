"""`Executor`: the standard library's executor on our backends, with `starmap`, `imap`, `reduce` and a report.

Lives here: the face. Never here: driving (`backends.helm`), or what a backend does.
"""

from __future__ import annotations

import concurrent.futures
import threading
import weakref
from collections import deque
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, SupportsIndex

from breakeven import work as nouns
from breakeven.executor import Results, Streaming, open_backend, reduction, work_of
from breakeven.ledger.recorder import Recorder
from breakeven.planning.validate import callable_or_refuse, checked, options_from
from breakeven.records import replace
from breakeven.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from breakeven.backends import Backend
    from breakeven.backends.shared import SharedProcesses
    from breakeven.backends.shared_threads import SharedThreads
    from breakeven.executor.plan import Plan
    from breakeven.executor.tree import Tree
    from breakeven.report import Report
    from breakeven.work import Options

PER_CALL = ("chunksize", "on_error", "seed", "name", "progress")  # options that a method may be given anew


class Executor(concurrent.futures.Executor):
    """An executor of `concurrent.futures`: submit calls, map functions, leave the `with` block when all is done.

    Takes every option of `map`. Leaving the block waits for what was submitted; leaving it by an exception ends at
    once whatever still runs. A running call can be cancelled: its worker is ended, the others go on.

    >>> import breakeven as be
    >>> with be.Executor(max_workers=2) as executor:
    ...     future = executor.submit(pow, 2, 5)
    ...     squares = list(executor.map(lambda n: n * n, range(4)))
    >>> future.result(), squares
    (32, [0, 1, 4, 9])
    """

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        """Validate the options; workers start when there is work for them."""
        self._options = options_from({"max_workers": max_workers, **options})
        self._recorder = Recorder()
        if self._options.backend == "auto":  # futures are for what runs beside the caller
            self._options = replace(self._options, backend="processes")
        self._backend: Backend = open_backend(self._options)
        self._shared = _shared(self._backend, self._options, self._recorder)
        if self._shared is not None:
            self._backend = self._shared
        self._shut = False
        self._finalizer = weakref.finalize(self, _let_go, self._backend)
        self._finalizer.atexit = False
        _executors.add(self)

    # --- concurrent.futures ---

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Run `fn(*args, **kwargs)`; as `concurrent.futures.Executor.submit`."""
        callable_or_refuse(fn)
        self._refuse_after_shutdown()
        return self._backend.submit(fn, args, kwargs)

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: SupportsIndex | str = "auto",
    ) -> Iterator[Any]:
        """As `concurrent.futures.Executor.map`: begins at once, yields in input order, the shortest iterable ends it.

        Raises `TimeoutError` when the next result is not there `timeout` seconds after the call.
        """
        callable_or_refuse(fn)
        self._refuse_after_shutdown()
        options = self._for_call({"chunksize": chunksize})
        items = list(zip(*iterables, strict=False))
        work = Work(fn, items, mode=nouns.STAR, length=len(items), options=options)
        if self._shared is not None:
            return _singly(self._shared.stream(work, self._recorder, ordered=True, bounded=False, timeout=timeout))
        deadline = None if timeout is None else clock() + timeout
        blocks = self._backend.stream(work, self._recorder, ordered=True, bounded=False)
        if isinstance(options.backend, str):  # this thread does the work: it begins now, so it is done now
            return _singly(_played(*_done(blocks, deadline)))
        return _singly(blocks if deadline is None else _in_time(blocks, deadline))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the standard library's signature
        """As `concurrent.futures.Executor.shutdown`."""
        self._shut = True
        self._backend.close(wait=wait, cancel=cancel_futures)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for what was submitted; after an exception end at once."""
        if kind is None:
            self.shutdown(wait=True)
        else:
            self.kill_workers()

    def terminate_workers(self) -> None:
        """End every worker now (SIGTERM, then SIGKILL); pending calls are cancelled."""
        self._shut = True
        self._backend.close(wait=False, cancel=True, at_once=True)

    kill_workers = terminate_workers

    # --- beyond it ---

    def starmap(self, fn: Callable[..., Any], items: Iterable[Iterable[Any]], /, **options: Any) -> Results:
        """Call `fn(*item)` for each item; results in input order as a list with a `report`."""
        return self._collect(work_of(fn, (items,), self._for_call(options), star=True))

    def imap(
        self, fn: Callable[..., Any], /, *iterables: Iterable[Any], ordered: bool = True, **options: Any
    ) -> Streaming:
        """Yield results as they come, in input order or not, reading the input only a window ahead."""
        self._refuse_after_shutdown()
        work = work_of(fn, iterables, self._for_call(options), star=False)
        return Streaming(work, self._backend, ordered=ordered, recorder=self._recorder, executor=self)

    def reduce(
        self,
        op: Callable[[Any, Any], Any],
        items: Iterable[Any],
        /,
        *,
        map: Callable[[Any], Any] | None = None,  # noqa: A002 - the public name
        **options: Any,
    ) -> Any:
        """As `breakeven.reduce`, on this executor's workers."""
        return reduction(op, items, map, self._for_call(options), self._gather)

    def _gather(self, work: Work, results: Results | Tree) -> None:
        self._refuse_after_shutdown()
        blocks: Any = self._backend.stream(work, self._recorder, ordered=True, bounded=False)
        try:
            for block in blocks:
                results.extend(block)
        finally:
            blocks.close()

    def plan(self, fn: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> Plan:
        """As `breakeven.plan`: sample, forecast, and go on from there when asked to."""
        from breakeven.executor.plan import plan_of

        self._refuse_after_shutdown()
        chosen = self._for_call(options)
        return plan_of(work_of(fn, iterables, chosen, star=False), chosen)

    def _collect(self, work: Work) -> Results:
        results = Results()
        self._gather(work, results)
        results._recording = self._recording  # noqa: SLF001 - ours
        return results

    @property
    def report(self) -> Report:
        """The ledger of all that this executor has run so far."""
        from breakeven.report import Report

        return Report.from_recording(self._recording())

    def _recording(self) -> dict[str, Any]:
        return self._recorder.recording(name=self._options.name or "executor", **self._backend.describe())

    def _for_call(self, given: dict[str, Any]) -> Options:
        for name in given:
            if name not in PER_CALL:
                from breakeven.errors import UsageError

                raise UsageError(f"{name!r} belongs to the executor as a whole; give it to Executor(…)", name)
        return replace(self._options, **checked(given)) if given else self._options

    def _refuse_after_shutdown(self) -> None:
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if _interpreter_ends:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")


def _done(blocks: Iterator[list[Any]], deadline: float | None) -> tuple[deque[list[Any]], BaseException | None]:
    """All blocks, or those that were done in time or before an item failed; and what is to be raised after them."""
    done: deque[list[Any]] = deque()
    try:
        for block in blocks:
            if deadline is not None and clock() > deadline:
                return done, TimeoutError()
            done.append(block)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - raised where the results are taken
        return done, error
    finally:
        blocks.close()  # type: ignore[attr-defined]
    return done, None


def _played(done: deque[list[Any]], error: BaseException | None) -> Iterator[list[Any]]:
    while done:
        yield done.popleft()
    if error is not None:
        raise error


def _in_time(blocks: Iterator[list[Any]], deadline: float) -> Iterator[list[Any]]:
    """The blocks that come in time, from a backend that cannot be left while it works."""
    for block in blocks:
        if clock() > deadline:
            raise TimeoutError
        yield block


def _shared(backend: Backend, options: Options, recorder: Recorder) -> SharedProcesses | SharedThreads | None:
    """The same, with workers of its own that are kept, and that calls and maps of several threads share."""
    if not isinstance(options.backend, str):
        return None
    if backend.name == "processes":
        from breakeven.backends.shared import SharedProcesses

        return SharedProcesses(options, recorder)
    if backend.name == "threads":
        from breakeven.backends.shared_threads import SharedThreads

        return SharedThreads(options, recorder)
    return None


def _singly(blocks: Iterator[list[Any]]) -> Iterator[Any]:
    """Results one by one; none is held here once it has been taken."""
    try:
        for block in blocks:
            block.reverse()
            while block:
                yield block.pop()
    finally:
        blocks.close()  # type: ignore[attr-defined]  # those of every backend can be closed


def _let_go(backend: Backend) -> None:
    """The executor was collected: what was submitted is finished, then all ends; here nothing may wait."""
    release = getattr(backend, "release", None)
    if release is not None:
        release()
    else:
        backend.close(wait=False)


_executors: weakref.WeakSet[Executor] = weakref.WeakSet()
_interpreter_ends = False


def _at_exit() -> None:
    """The interpreter ends: as the standard library does, finish what was submitted first."""
    global _interpreter_ends  # noqa: PLW0603 - once
    _interpreter_ends = True
    for executor in list(_executors):
        executor.shutdown(wait=True)


threading._register_atexit(_at_exit)  # type: ignore[attr-defined]  # noqa: SLF001 - before threads are joined; concurrent.futures does the same
