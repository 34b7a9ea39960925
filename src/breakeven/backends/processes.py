"""Worker processes: the backend around a crew.

Lives here: who drives the crew (the thread that wants a result, else one thread of ours), futures, and crews that
are kept warm between calls. Never here: what is sent, or what follows from a fault (`engine`).
"""

from __future__ import annotations

import os
import sys

from breakeven.engine import dispatch, launch
from breakeven.engine.dispatch import Crew
from breakeven.engine.stream import Stream
from breakeven.ledger import recorder as states
from breakeven.planning.chunks import WINDOW
from breakeven.probes.capacity import usable_cpus
from breakeven.probes.hazards import fork_hazard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.backends.shared import SharedProcesses
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work

IDLE_SECONDS = 60.0  # a kept worker ends after this long without work
KEEP_BYTES = 512 << 20  # pages of shared memory kept warm between calls

_warm: dict[Any, list[Crew]] = {}


def choose_start_method(asked: str | None, own_threads: int, notes: Callable[[str], None]) -> str:
    """Fork while that is safe, else forkserver; what was asked for is done, with a note where it is risky."""
    if asked is not None and asked != "fork":
        return asked
    hazard = fork_hazard(own_threads)
    if hazard is None:
        return "fork"
    if asked == "fork":
        notes(f"forked although {hazard}")
        return "fork"
    notes(f"forkserver instead of fork: {hazard}")
    return "forkserver"


class Processes:
    """The backend of worker processes."""

    name = "processes"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._workers = options.max_workers or usable_cpus()
        self._method = options.start_method or "fork"

    @property
    def seed(self) -> int | None:
        """The seed of the options, for calls that have no other."""
        return self._options.seed

    # --- crews ---

    def _setup(self, notes: Callable[[str], None], own_threads: int) -> tuple[str, dict[str, Any]]:
        options = self._options
        method = choose_start_method(options.start_method, own_threads, notes)
        setup: dict[str, Any] = {
            "threads": options.threads_per_worker or 1,
            "idle_seconds": IDLE_SECONDS,
            "watch_memory": options.max_worker_memory is not None,
        }
        if "logging" in sys.modules:
            from breakeven.engine import logs

            setup["levels"] = logs.levels()
        if options.initializer is not None:
            setup["initializer"] = options.initializer
            setup["initargs"] = tuple(options.initargs)
            if method != "fork":
                setup["initializer_pickled"] = _pickled_initializer(options)
        return method, setup

    def hire(self, recorder: Recorder, *, own_threads: int = 0) -> Crew:
        """A new crew for these options."""
        method, setup = self._setup(recorder.note, own_threads)
        self._method = method
        crew = Crew(max_workers=self._workers, start_method=method, setup=setup)
        self._equip(crew)
        return crew

    def _equip(self, crew: Crew) -> None:
        options = self._options
        crew.timeout = options.timeout
        crew.max_tasks = options.max_tasks_per_worker
        crew.max_memory = options.max_worker_memory
        crew.memory_limit = options.memory_limit
        crew.retries = options.retries
        crew.retry_on = options.retry_on if isinstance(options.retry_on, tuple) else (options.retry_on,)

    def _acquire(self, recorder: Recorder) -> Crew:
        """A warm crew where one is free, else a new one."""
        options = self._options
        if options.initializer is None:
            waiting = _warm.get(self._likeness())
            while waiting:
                crew = waiting.pop()
                if not crew.closed and crew.owner == os.getpid():
                    self._method = crew.start_method
                    self._equip(crew)
                    crew.attach(recorder)
                    return crew
        recorder.mark(states.START)
        crew = self.hire(recorder)
        crew.attach(recorder)
        return crew

    def _likeness(self) -> Any:
        options = self._options
        return (self._workers, options.start_method, options.threads_per_worker, options.max_worker_memory is not None)

    def _give_back(self, crew: Crew) -> None:
        """Keep a crew for the next call, unless it is of no further use."""
        if crew.closed:
            return
        if self._options.initializer is not None or crew.broken is not None or crew.busy:
            crew.close()
            return
        crew.tidy(KEEP_BYTES)
        _warm.setdefault(self._likeness(), []).append(crew)

    # --- maps ---

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """Yield results in blocks; the calling thread drives the crew."""
        crew = self._acquire(recorder)
        try:
            yield from drive(crew, work, ordered=ordered, window=WINDOW * self._workers if bounded else None)
        finally:
            recorder.mark(states.STOP)
            self._give_back(crew)

    def share(self, recorder: Recorder) -> SharedProcesses:
        """The same, with one crew of its own that several threads use at once."""
        from breakeven.backends.shared import SharedProcesses

        return SharedProcesses(self, recorder)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Run one call on a crew of its own that ends with it; `share` is for more than one."""
        from breakeven.ledger.recorder import Recorder

        shared = self.share(Recorder())
        future = shared.submit(fn, args, kwargs)
        shared.close(wait=False)
        return future

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Crews are kept for the next call; `shutdown_warm` ends them."""

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "processes", "start_method": self._method, "workers": self._workers}


def _pickled_initializer(options: Options) -> bytes:
    from breakeven.engine.codec import pickled, unpicklable

    try:
        return pickled((options.initializer, tuple(options.initargs)), 1 << 62)[0]
    except Exception as error:
        raise unpicklable((options.initializer, options.initargs), "initializer", None, error) from error


def drive(crew: Crew, work: Work, *, ordered: bool, window: int | None) -> Iterator[list[Any]]:
    """Run a map on a crew that this thread alone drives."""
    recorder = crew.recorder
    mark = recorder.mark
    mark(states.SERIALISE)
    function = crew.function(work.fn, work.options.seed)
    stream = Stream(work, function, ordered=ordered, window=window)
    mark(states.DISPATCH)
    crew.begin(stream)
    try:
        crew.feed()
        while True:
            block = stream.take()
            if block is not None:
                mark(states.CONSUMER)
                yield block
                mark(states.MERGE)
                if window is not None:
                    crew.feed()
            elif stream.over:
                return
            else:
                try:
                    crew.pump()
                except BaseException:  # Ctrl-C, or a fault in here: nobody knows what is half done
                    crew.close(at_once=True)
                    raise
    finally:
        mark(states.STOP)
        if not crew.closed:
            crew.end(stream)


def shutdown_warm() -> None:
    """End the workers that are kept between calls."""
    for crews in list(_warm.values()):
        while crews:
            crews.pop().close()
    _warm.clear()
    if not dispatch.crews:
        launch.nobody_left(template_too=True)
