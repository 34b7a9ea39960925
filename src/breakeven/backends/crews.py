"""Crews for a set of options: hired, kept warm between calls, driven for a map.

Lives here: when a crew is new and when it is one that was kept. Never here: what is sent, or what follows from a
fault (`engine`).
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

from breakeven.engine import launch, send
from breakeven.engine.dispatch import Crew
from breakeven.engine.roster import rosters
from breakeven.engine.stream import Stream
from breakeven.ledger import recorder as states
from breakeven.probes.capacity import cgroup_oom_kills, memory_limit_bytes, usable_cpus
from breakeven.probes.hazards import fork_hazard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work

IDLE_SECONDS = 60.0  # a kept worker ends after this long without work
KEEP_BYTES = 512 << 20  # pages of shared memory kept warm between calls

_warm: dict[Any, list[Crew]] = {}
_shelf = RLock()  # several threads may look for a crew at once; reentrant, since a garbage collection may end a call
_memory_limit: int | None = None


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


def _default_memory_limit() -> int | None:
    """80 % of what machine and cgroup leave, read once: the plan has to stay below it, not to follow it."""
    global _memory_limit  # noqa: PLW0603 - 110 µs to read, so once a process
    if _memory_limit is None:
        _memory_limit = memory_limit_bytes()
    return _memory_limit


class Crews:
    """What hires crews for one set of options."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.workers = options.max_workers or usable_cpus()
        self.method: str | None = options.start_method

    def hire(self, recorder: Recorder, own_threads: Callable[[], int] = int) -> Crew:
        """A new crew; `own_threads` says how many threads of ours run, which do not make a fork unsafe."""
        asked = self.options.start_method

        def choose() -> str:
            self.method = choose_start_method(asked, own_threads(), crew.recorder.note)
            return self.method

        try:
            crew = Crew(max_workers=self.workers, choose=choose, setup=self._setup())
        except OSError as error:
            from breakeven.errors import StartFailed

            raise StartFailed(asked or "fork", str(error)) from error
        crew.attach(recorder)
        crew.oom_kills = cgroup_oom_kills()
        self._equip(crew)
        return crew

    def _setup(self) -> dict[str, Any]:
        options = self.options
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
        return setup

    def _equip(self, crew: Crew) -> None:
        options = self.options
        crew.max_workers = self.workers
        crew.timeout = options.timeout
        crew.max_tasks = options.max_tasks_per_worker
        crew.max_memory = options.max_worker_memory
        crew.memory_limit = options.memory_limit or _default_memory_limit()
        crew.retries = options.retries
        retry_on: Any = options.retry_on
        crew.retry_on = retry_on if isinstance(retry_on, tuple) else (retry_on,)

    def acquire(self, recorder: Recorder) -> Crew:
        """A warm crew where one is free, else a new one."""
        if self.options.initializer is None:
            while (crew := _take_warm(self._likeness())) is not None:
                if not crew.closed and crew.owner == os.getpid():
                    self.method = crew.start_method
                    self._equip(crew)
                    crew.attach(recorder)
                    send.bring_up_to_date(crew)
                    return crew
        recorder.mark(states.START)
        return self.hire(recorder)

    @property
    def warm(self) -> bool:
        """Whether a crew that fits is kept from an earlier call, so that a start costs nothing."""
        return self.options.initializer is None and bool(_warm.get(self._likeness()))

    def _likeness(self) -> Any:
        options = self.options
        return (self.workers, options.start_method, options.threads_per_worker, options.max_worker_memory is not None)

    def give_back(self, crew: Crew) -> None:
        """Keep a crew for the next call, unless it is of no further use."""
        if crew.closed:
            return
        if self.options.initializer is not None or crew.broken is not None or crew.busy:
            crew.close()
            return
        crew.tidy(KEEP_BYTES)
        with _shelf:
            _warm.setdefault(self._likeness(), []).append(crew)

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "processes", "start_method": self.method or "fork", "workers": self.workers}


def drive(
    crew: Crew,
    work: Work,
    *,
    ordered: bool,
    window: int | None,
    turn: Callable[[Stream], float | None] | None = None,
    function: Function | None = None,
) -> Iterator[list[Any]]:
    """Run a map on a crew that this thread alone drives; `function` is the crew's of an earlier part, if there was one.

    `turn` is called once the function is pickled, before each wait, where it says how long that may last, and at the
    end.
    """
    recorder = crew.recorder
    mark = recorder.mark
    mark(states.SERIALISE)
    function = function or crew.function(work.fn, work.options.seed)
    stream = Stream(work, function, ordered=ordered, window=window)
    mark(states.DISPATCH)
    if turn is not None:
        turn(stream)
    try:
        crew.begin(stream)
        _step(crew, crew.feed)
        while True:
            block = stream.take()
            if block is not None:
                mark(states.CONSUMER)
                yield block
                mark(states.MERGE)
                if window is not None:
                    _step(crew, crew.feed)
            elif stream.over:
                if turn is not None:
                    turn(stream)
                return
            else:
                patience = None if turn is None else turn(stream)
                _step(crew, crew.pump, 0.0 if crew.hungry else patience)
    finally:
        mark(states.STOP)
        if not crew.closed:
            crew.end(stream)


def _step(crew: Crew, step: Callable[..., None], *arguments: float | None) -> None:
    """Feed or pump; after a Ctrl-C or a fault in there nobody knows what is half done, and the crew is of no use."""
    try:
        step(*arguments)
    except BaseException:
        crew.close(at_once=True)
        raise


def _take_warm(likeness: Any) -> Crew | None:
    """A crew that was kept, for this caller alone; None when there is none."""
    with _shelf:
        waiting = _warm.get(likeness)
        return waiting.pop() if waiting else None


def _forget_holder() -> None:
    """In a forked child the thread that held the lock may not exist."""
    global _shelf  # noqa: PLW0603 - the same for the whole process
    _shelf = RLock()


os.register_at_fork(after_in_child=_forget_holder)


def shutdown_warm() -> None:
    """End the workers that are kept between calls."""
    with _shelf:
        kept = [crew for crews in _warm.values() for crew in crews]
        _warm.clear()
    for crew in kept:
        crew.close()
    if not rosters:
        launch.nobody_left(rosters, template_too=True)
