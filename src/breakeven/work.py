"""The nouns that travel: what is to be done, how, and what came of it.

Lives here: `Options`, `Failure`, the call modes, and where a running task stands (`index`, `rng`).
Never here: how or where work is run. On the hot path: imports nothing heavy (decision 0002).
"""

from __future__ import annotations

import _thread

from breakeven.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import numpy as np

# How one item becomes one call. CALL carries (args, kwargs) and is what `Executor.submit` sends; FOLD is as ONE, and
# then `fold` of the function joins values of neighbours where they were made.
ONE, STAR, CALL, FOLD = 0, 1, 2, 4

STOP_ITERATION = "the task raised StopIteration, which means nothing to its caller; let it return"


@record
class Options:
    """Every option of a call or an executor, validated by `planning.validate`; units in the names' docs.

    The public documentation of each is the table in the reference (`docs/reference/options.md`).
    """

    backend: Any = "auto"
    max_workers: int | None = None
    start_method: str | None = None
    chunksize: int | str = "auto"
    on_error: str = "raise"
    timeout: float | None = None
    retries: int = 0
    retry_on: tuple[type[BaseException], ...] = ()
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    max_tasks_per_worker: int | None = None
    max_worker_memory: int | None = None
    memory_limit: int | None = None
    seed: int | None = None
    progress: Any = None
    threads_per_worker: int | None = None
    name: str | None = None
    sample: str = "here"


class Failure:
    """Stands in the place of a result that could not be had.

    >>> failure = Failure(3, ValueError("odd"), "exception", 1, None, "")
    >>> failure.index, failure.cause
    (3, 'exception')
    """

    __slots__ = ("attempts", "cause", "exception", "index", "traceback_text", "worker_pid")

    def __init__(
        self,
        index: int,
        exception: BaseException,
        cause: str,
        attempts: int,
        worker_pid: int | None,
        traceback_text: str,
    ) -> None:
        """`cause` is "exception", "timeout", "killed by SIGSEGV", "out of memory", "exit 3" or the like."""
        self.index = index
        self.exception = exception
        self.cause = cause
        self.attempts = attempts
        self.worker_pid = worker_pid
        self.traceback_text = traceback_text

    def __repr__(self) -> str:
        return f"Failure(index={self.index}, cause={self.cause!r}, exception={self.exception!r})"

    def __reduce__(self) -> tuple[type[Failure], tuple[Any, ...]]:
        return Failure, (
            self.index,
            self.exception,
            self.cause,
            self.attempts,
            self.worker_pid,
            self.traceback_text,
        )


class Work:
    """One call: a function, where its items come from, and how an item becomes a call."""

    __slots__ = ("early", "first", "fn", "into", "length", "mode", "name", "options", "source")

    def __init__(
        self,
        fn: Callable[..., Any],
        source: Iterable[Any],
        *,
        mode: int,
        length: int | None,
        options: Options,
        first: int = 0,
    ) -> None:
        self.fn = fn
        self.first = first  # index of the first item still to do; `source` holds the earlier ones if it can be sliced
        self.source = source
        self.mode = mode
        self.length = length
        self.options = options
        self.name = options.name or name_of(fn)
        self.into: list[Any] | None = None  # where the results end up: what has them in order may put them there itself
        self.early: dict[int, Any] = {}  # what became of items that were done before their turn; only of sliceable ones


class Raised:
    """What an item raised that was done before its turn."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def name_of(fn: object) -> str:
    """What reports call a run of `fn`: its own name, or that of what it wraps."""
    for candidate in (fn, getattr(fn, "func", None), type(fn)):
        name = getattr(candidate, "__qualname__", None) or getattr(candidate, "__name__", None)
        if name:
            return str(name)
    return "call"


class _Position(_thread._local):  # noqa: SLF001 - threading.local without importing threading (2.9 ms)
    """Where the task that runs in this thread stands; asked by `index()` and `rng()` only, so free for others."""

    seed: int | None = None
    where: Callable[[], int] | None = None
    cached: tuple[int, Any] | None = None


position = _Position()
in_worker = False  # set once in a worker process: calls made there run serially


def enter(seed: int | None, where: Callable[[], int] | None) -> tuple[Any, Any, Any]:
    """Say, once a block of items, how the index of the running item is found; returns what `leave` takes back."""
    before = position.seed, position.where, position.cached
    position.seed = seed
    position.where = where
    position.cached = None
    return before


def leave(before: tuple[Any, Any, Any]) -> None:
    """The block is over: a call made inside a task gives the task its own place back."""
    position.seed, position.where, position.cached = before


def told(error: BaseException) -> str:
    """Type and text of an exception, for reports, even if its text cannot be made."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - a task's exception may do anything
        return type(error).__name__


def index() -> int | None:
    """Index of the item being worked on in this thread, or None outside a task."""
    where = position.where
    return None if where is None else where()


def rng() -> np.random.Generator:
    """Return the random generator of the running item: same numbers on every backend, worker count and chunking.

    Its seed sequence is (seed of the call, index of the item), so items are independent streams
    (numpy's `SeedSequence.spawn`). Called again in the same item it returns the same generator,
    which goes on where it was. Without a `seed` it is freshly seeded by the operating system.

    Raises `RuntimeError` outside a task.

    >>> import breakeven as be
    >>> first = be.map(lambda _: be.rng().integers(100), range(4), seed=7, backend="serial")
    >>> first == be.map(lambda _: be.rng().integers(100), range(4), seed=7, backend="threads")
    True
    """
    from numpy.random import SeedSequence, default_rng

    at = index()
    if at is None:
        raise RuntimeError(
            "rng() was called outside a task, where items have no index; use numpy.random.default_rng here"
        )
    cached = position.cached
    if cached is not None and cached[0] == at:
        return cached[1]  # type: ignore[no-any-return]
    seed = position.seed
    generator = default_rng() if seed is None else default_rng(SeedSequence(seed, spawn_key=(at,)))
    position.cached = (at, generator)
    return generator
