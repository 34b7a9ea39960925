"""Every way to run one function over items here: a plain loop, our backends, and the standard library's two pools.

Lives here: opening them all at once, so that they can be run in turns; one timed call; and ending them. Never here:
what is made of the times. All ways are warm, which means that they were used a moment ago; the one that is called cold
starts its workers in the timed call.
"""

from __future__ import annotations

import os
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

LOOP = "plain loop"
SERIAL = "serial"
THREADS = "threads"
PROCESSES = "processes"
COLD = "processes, cold"
AUTO = "auto"
POOL = "mp.Pool"
FUTURES = "ProcessPoolExecutor"

OURS = (SERIAL, THREADS, PROCESSES, AUTO)
PEERS = (POOL, FUTURES)
EVERY = (LOOP, *OURS, *PEERS)


_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Way:
    """One way, open: `run` takes a function and items, and returns the results in input order."""

    name: str
    run: Callable[[Callable[[Any], Any], Sequence[Any]], Sequence[Any]]
    before: Callable[[], Any] | None = None
    """What is done, untimed, before every timed call."""
    end: Callable[[], Any] | None = None
    """Ends what it still does at once, where leaving it would wait for that."""

    def seconds(self, fn: Callable[[Any], Any], items: Sequence[Any], expected: Sequence[Any] | None = None) -> float:
        """Time one call, from entry to return; raises `ArithmeticError` where the results are not the expected ones."""
        if self.before is not None:
            self.before()
        began = perf_counter_ns()
        results = self.run(fn, items)
        ended = perf_counter_ns()
        if expected is not None and list(results) != expected:
            raise ArithmeticError(f"{self.name} gave other results than the plain loop did: do not trust its times")
        return (ended - began) / 1e9


@contextmanager
def opened(names: Sequence[str], workers: int, *, chunksize: int | None = None) -> Iterator[Mapping[str, Way]]:
    """Open the ways of these names with so many workers each, started and used once; all end with the block.

    `chunksize` None leaves every way its own default.

    >>> with opened([LOOP, THREADS], 2) as ways:
    ...     {name: way.run(abs, [-1, -2]) for name, way in ways.items()}
    {'plain loop': [1, 2], 'threads': [1, 2]}
    """
    import breakeven as be

    with ExitStack() as stack:
        stack.callback(be.shutdown)
        # The second of two pools is forked while the first one's threads are there; they hold nothing that it needs.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)
        ways = {name: _opened(name, workers, chunksize, stack) for name in names}
        for way in ways.values():
            way.run(abs, range(-workers, 0))
        try:
            yield ways
        except BaseException:
            end_if(True, ways)
            raise


def _opened(name: str, workers: int, chunksize: int | None, stack: ExitStack) -> Way:
    if name == LOOP:
        return Way(name, _plain_loop)
    if name == POOL:
        from multiprocessing import Pool

        pool = stack.enter_context(Pool(workers, _be_deaf, (os.getpid(),)))
        return _warm(name, lambda fn, items: pool.map(fn, items, chunksize), workers)
    if name == FUTURES:
        from concurrent.futures import Future, ProcessPoolExecutor
        from multiprocessing import active_children

        others = active_children()
        executor = stack.enter_context(ProcessPoolExecutor(workers, initializer=_be_deaf, initargs=(os.getpid(),)))

        def end() -> None:
            # Up to Python 3.11 its thread, when it finds its workers gone, fails on calls that are cancelled already.
            for item in list(getattr(executor, "_pending_work_items", {}).values()):
                if item.future.cancelled():
                    item.future = Future()
            for child in active_children():
                if child not in others and not child.daemon:  # daemons are a pool's, which ends them itself
                    child.terminate()

        way = _warm(name, lambda fn, items: list(executor.map(fn, items, chunksize=chunksize or 1)), workers)
        return replace(way, end=end)
    return _ours(name, workers, chunksize)


def _ours(name: str, workers: int, chunksize: int | None) -> Way:
    import breakeven as be

    options: dict[str, Any] = {"backend": PROCESSES if name == COLD else name, "progress": False}
    if name != SERIAL:
        options |= {"max_workers": workers}
        options |= {} if chunksize is None else {"chunksize": chunksize}

    def run(fn: Callable[[Any], Any], items: Sequence[Any]) -> Sequence[Any]:
        return be.map(fn, items, **options)

    if name == COLD:
        return Way(name, run, be.shutdown)
    return Way(name, run) if name == SERIAL else _warm(name, run, workers)


def _warm(name: str, run: Callable[[Callable[[Any], Any], Sequence[Any]], Sequence[Any]], workers: int) -> Way:
    """Used a moment before every timed call: a way that another one's cold start has ended is warm again."""
    return Way(name, run, lambda: run(abs, range(-workers, 0)))


def _plain_loop(fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [fn(item) for item in items]


def _be_deaf(parent: int) -> None:
    """Leave Ctrl-C to the parent, where a pool's worker would print a traceback and be replaced; and end with it.

    Workers of the standard library's pools hold both ends of their queues: a parent that is killed leaves them waiting.
    """
    import ctypes
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(libc := ctypes.CDLL(None), "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this worker had asked to be told
        os._exit(1)


def end_if(interrupted: bool, ways: Mapping[str, Way]) -> None:  # noqa: FBT001 - reads as the sentence that it is
    """End what workers still do, where leaving a way would wait for that: after Ctrl-C nobody wants to."""
    for way in ways.values():
        if interrupted and way.end is not None:
            way.end()
