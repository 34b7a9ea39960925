"""The composition root: `map`, `imap`, `starmap`, `reduce`, and the only room that names every backend.

Lives here: from what a user gives to a `Work` on a backend, and back. Never here: how a backend works.
`Executor` stands in `executor.pool`, since it needs `concurrent.futures` (13 ms) and these calls do not.
"""

from __future__ import annotations

from time import perf_counter as clock

from breakeven import work as nouns
from breakeven.engine.stream import MOST_COMPARED
from breakeven.ledger.recorder import Recorder
from breakeven.loading import loading
from breakeven.planning.validate import callable_or_refuse, options_from
from breakeven.records import replace
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Self, TypeVar

    from breakeven.backends import Backend
    from breakeven.executor.tree import Tree
    from breakeven.report import Report
    from breakeven.work import Options

    T = TypeVar("T")


WORTH_A_LOOK_SECONDS = 0.2  # a shorter call pays for no look at its memory: loading what looks costs up to 1 ms
TELL_AFTER_SECONDS = 0.5  # calls shorter than this have no progress bar


class Results(list):  # type: ignore[type-arg]
    """The results of a call, in input order, and `report`: where every second of it went."""

    __slots__ = ("_recording",)

    _recording: Callable[[], dict[str, Any]] | None

    @property
    def report(self) -> Report:
        """The ledger of the call that made these results."""
        from breakeven.report import Report

        if self._recording is None:
            raise AttributeError(
                "these results were copied from a call's results; ask the original list for its report"
            )
        return Report.from_recording(self._recording())

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


def open_backend(options: Options) -> Backend:
    """The backend that the options name."""
    name = options.backend
    if not isinstance(name, str):
        return name  # type: ignore[no-any-return]
    if nouns.in_worker or nouns.index() is not None:
        name = "serial"  # a call made inside a task: its caller has the processors already
    with loading():
        if name == "auto":
            from breakeven.executor.auto import Auto

            return Auto(options)
        if name == "serial":
            from breakeven.backends.serial import Serial

            return Serial(options)
        if name == "threads":
            from breakeven.backends.threads import Threads

            return Threads(options)
        if name == "processes":
            from breakeven.backends.processes import Processes

            return Processes(options)
    from breakeven.errors import BackendUnavailable

    raise BackendUnavailable(name, "backend='processes' until it is there", "it is not part of this version yet")


def source_of(iterables: tuple[Iterable[Any], ...]) -> tuple[Any, int, int | None]:
    """(source, mode, length or None) for the iterables of a map."""
    if not iterables:
        from breakeven.errors import UsageTypeError

        raise UsageTypeError("map needs items: give at least one iterable after the function")
    for at, iterable in enumerate(iterables):
        if not hasattr(iterable, "__iter__") and not hasattr(iterable, "__getitem__"):
            from breakeven.errors import UsageTypeError

            raise UsageTypeError(f"the items (argument {at + 2}) are {iterable!r}, which cannot be iterated over")
    lengths = [_length(iterable) for iterable in iterables]
    if len(iterables) == 1:
        return iterables[0], nouns.ONE, lengths[0]
    known = {length for length in lengths if length is not None}
    if None not in lengths and len(known) > 1:
        from breakeven.errors import UsageError

        raise UsageError(f"the iterables differ in length ({', '.join(map(str, lengths))}); give as many items in each")
    source: Any = zip(*iterables, strict=False)
    listed = all(type(iterable) in (list, tuple, range) for iterable in iterables)
    if listed and None not in lengths and min(known) <= MOST_COMPARED:
        source = list(source)  # so that an array which stands in many of them is found, and copied once
    return source, nouns.STAR, min(known) if known else None


def _length(iterable: Any) -> int | None:
    """How many items there are; None where nobody can tell, or where no machine could count so far."""
    try:
        return len(iterable)
    except Exception:  # noqa: BLE001 - it has no length, or one that cannot be had: its items can, perhaps
        return None


def work_of(fn: Callable[..., Any], iterables: tuple[Iterable[Any], ...], options: Options, *, star: bool) -> Work:
    """Describe a call; raises what is wrong with it."""
    callable_or_refuse(fn)
    source, mode, length = source_of(iterables)
    return Work(fn, source, mode=nouns.STAR if star else mode, length=length, options=options)


def _collect(work: Work, backend: Backend) -> Results:
    work.into = results = Results()
    try:
        recorder = _gather(work, backend, results)
    finally:
        work.into = None  # which the results' report knows: they would be kept until a garbage collection
    results._recording = lambda: recorder.recording(name=work.name, **backend.describe())  # noqa: SLF001 - ours
    return results


def _gather(work: Work, backend: Backend, results: Results | Tree) -> Recorder:
    """Put all results, in input order, where they belong; returns the ledger of that."""
    recorder = Recorder()
    extend = results.extend
    progress = _progress(work)
    blocks: Any = backend.stream(work, recorder, ordered=True, bounded=False)
    try:
        for block in blocks:
            extend(block)
            if progress is not None:
                progress.update(len(results), work.length, len(recorder.failures))
    finally:
        if results.__class__ is not Results:  # its `op` may have raised in the midst
            blocks.close()
        _finish(recorder)
        if progress is not None:
            progress.close()
    return recorder


def _finish(recorder: Recorder) -> None:
    """The call is over: close its ledger, and see what it holds in memory where the run has been long enough."""
    recorder.finish()
    if recorder.memory is not None or recorder.since - recorder.began > WORTH_A_LOOK_SECONDS:
        with loading():
            from breakeven.probes.memory import last_look

        recorder.memory = last_look(recorder.memory, recorder.began, clock)


def _progress(work: Work) -> Any:
    """What is told how far the call is, or None."""
    asked = work.options.progress
    if asked is None:
        import sys

        return Teller(work) if sys.stderr is not None and sys.stderr.isatty() else None
    if asked is False or hasattr(asked, "update"):
        return asked or None
    return Teller(work)


class Teller:
    """A progress bar that is made only once a call has lasted a while: making it costs as much as a short call."""

    __slots__ = ("_bar", "_began", "_work")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bar: Any = None
        self._began = clock()

    def update(self, done: int, total: int | None, failures: int) -> None:
        """Tell how far the call is."""
        if self._bar is None:
            lasted = clock() - self._began
            if lasted < TELL_AFTER_SECONDS:
                return
            from breakeven.report.progress import open_progress

            self._bar = open_progress(self._work.name, total, str(self._work.options.backend), lasted_seconds=lasted)
        self._bar.update(done, total, failures)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def map(fn: Callable[..., T], /, *iterables: Iterable[Any], **options: Any) -> Results:  # noqa: A001 - the builtin's name, on purpose
    """Call `fn` on each item, and return the results in input order as a list with a `report`.

    Several iterables are taken side by side, as `builtins.map` does. Options: see the reference; all are keyword-only.

    Raises the first exception of a task by input order (`on_error="return"`: `Failure` stands in the item's place
    instead), `UsageError` for options that cannot be meant, before anything is started.

    >>> import breakeven as be
    >>> be.map(pow, [2, 3], [5, 2])
    [32, 9]
    """
    chosen = options_from(options)
    return _collect(work_of(fn, iterables, chosen, star=False), open_backend(chosen))


def starmap(fn: Callable[..., T], items: Iterable[Iterable[Any]], /, **options: Any) -> Results:
    """Call `fn(*item)` for each item; otherwise as `map`.

    >>> import breakeven as be
    >>> be.starmap(pow, [(2, 5), (3, 2)])
    [32, 9]
    """
    chosen = options_from(options)
    return _collect(work_of(fn, (items,), chosen, star=True), open_backend(chosen))


def imap(fn: Callable[..., T], /, *iterables: Iterable[Any], ordered: bool = True, **options: Any) -> Streaming:
    """Yield results as they come, in input order or not, reading the input only a window ahead.

    Items may be an endless generator. Closing the iterator stops what is still under way.

    >>> import breakeven as be, itertools
    >>> squares = be.imap(lambda n: n * n, itertools.count())
    >>> [next(squares) for _ in range(3)]
    [0, 1, 4]
    >>> squares.close()
    """
    chosen = options_from(options)
    return Streaming(work_of(fn, iterables, chosen, star=False), open_backend(chosen), ordered=ordered)


class Streaming:
    """The iterator that `imap` returns; `report` tells where the time went so far."""

    __slots__ = ("_backend", "_items", "_recorder", "_work")

    def __init__(
        self, work: Work, backend: Backend, *, ordered: bool, recorder: Recorder | None = None, executor: object = None
    ) -> None:
        self._work = work
        self._backend = backend
        self._recorder = Recorder() if recorder is None else recorder
        self._items = _streamed(work, backend, self._recorder, executor, ordered=ordered)

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def close(self) -> None:
        """Stop what is still under way."""
        self._items.close()  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def report(self) -> Report:
        """The ledger of the stream."""
        from breakeven.report import Report

        return Report.from_recording(self._recorder.recording(name=self._work.name, **self._backend.describe()))


def _streamed(work: Work, backend: Backend, recorder: Recorder, executor: object, *, ordered: bool) -> Iterator[Any]:
    """The items of a stream. It knows nothing of its `Streaming`, so that one which is dropped ends at once.

    An executor that it runs on is kept as long as it is: `for result in Executor().imap(…)` holds no other reference.
    """
    progress = _progress(work)
    done = 0
    try:
        for block in backend.stream(work, recorder, ordered=ordered, bounded=True):
            yield from block
            done += len(block)
            if progress is not None:
                progress.update(done, work.length, len(recorder.failures))
    finally:
        if executor is None:
            _finish(recorder)
        if progress is not None:
            progress.close()


def reduce(
    op: Callable[[Any, Any], Any],
    items: Iterable[Any],
    /,
    *,
    map: Callable[[Any], Any] | None = None,  # noqa: A002 - the public name
    **options: Any,
) -> Any:
    """Combine all items (or what `map` makes of each) with `op`, along a tree that depends on their number alone.

    So a floating-point result is the same on every backend, worker count and chunking; it may differ from that of
    `functools.reduce`, which goes from left to right. `op` must be associative in the sense that you accept. Options
    count items: `timeout`, `retries`, the index of what failed, and `rng()` in `map`, are those of one item.

    Raises `UsageTypeError` for no items at all, as `functools.reduce` does, and `UsageError` for `on_error="return"`:
    in one value for all there is no place for a `Failure`.

    >>> import breakeven as be, operator
    >>> be.reduce(operator.add, range(10), map=float)
    45.0
    """

    def gather(work: Work, tree: Tree) -> None:
        _gather(work, open_backend(work.options), tree)

    return reduction(op, items, map, options_from(options), gather)


def reduction(
    op: Callable[[Any, Any], Any],
    items: Iterable[Any],
    mapped: Callable[[Any], Any] | None,
    options: Options,
    gather: Callable[[Work, Tree], object],
) -> Any:
    """Map where the work runs, combine neighbours there and the rest here."""
    from breakeven.executor.tree import Step, Tree

    callable_or_refuse(op)
    if mapped is not None:
        callable_or_refuse(mapped)
    if options.on_error != "raise":
        from breakeven.errors import UsageError

        raise UsageError(
            "on_error is 'return', but reduce gives one value, in which no Failure can stand; "
            "use map with it, and reduce what is there",
            "on_error",
        )
    source, _, length = source_of((items,))
    options = options if options.name else replace(options, name=nouns.name_of(op if mapped is None else mapped))
    tree = Tree(op)
    gather(Work(Step(op, mapped), source, mode=nouns.FOLD, length=length, options=options), tree)
    return tree.value()


def shutdown() -> None:
    """End the workers that are kept warm between calls, and what they held. The next call starts new ones."""
    import sys

    crews = sys.modules.get("breakeven.backends.crews")
    if crews is not None:
        crews.shutdown_warm()
