"""A map whose place can change while it runs: the caller's thread, threads, worker processes, and back.

Lives here: how one stream is worked on in one place and then in another, so that every item is called once. Never
here: which place, and when (`executor.auto`), or how a place works (`own`, `threads`, `crews`).
"""

from __future__ import annotations

from time import perf_counter as clock

from breakeven.backends.own import OwnHand
from breakeven.engine import protocol
from breakeven.engine.codec import Encoded
from breakeven.engine.functions import Function
from breakeven.engine.stream import Stream
from breakeven.ledger import recorder as states
from breakeven.loading import loading
from breakeven.planning.chunks import GROWTH, WINDOW, fits_beside_a_start
from breakeven.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from breakeven.backends.crews import Crews
    from breakeven.backends.gangs import Gang
    from breakeven.engine.dispatch import Crew
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options, Work

SERIAL, THREADS, PROCESSES = "serial", "threads", "processes"
FIRST_CHUNK_SECONDS = 1e-3  # of a function whose items have been timed here
HELP_SHARE = 0.25  # the caller's thread helps while workers start, with items that take less than this of a start


class Mixed:
    """One map, in one place at a time; made anew for each call."""

    def __init__(
        self,
        work: Work,
        recorder: Recorder,
        options: Options,
        *,
        ordered: bool,
        bounded: bool,
        observe: Callable[[int, float, float], None] | None = None,
    ) -> None:
        """`observe` hears of what the calling thread did: items, wall seconds, CPU seconds."""
        self.work = work
        self.recorder = recorder
        self.options = options
        self.place = SERIAL
        self.seconds_an_item = 0.0  # as expected of the next ones
        self.answered_at: float | None = None  # when the workers of this place first answered
        self.start_seconds = 0.0  # what a start is expected to take
        self.started_seconds: float | None = None  # what it took until new workers were ready
        self.pickling_seconds = 0.0  # what the function took, the last time
        self.tick_seconds: float | None = None  # how long a wait may last before the place is thought over
        self._bounded = bounded
        self._observe = observe
        function = Function(0, work.fn, Encoded(b""), None)
        workers = options.max_workers or 2
        self.stream = Stream(work, function, ordered=ordered, window=WINDOW * workers if bounded else None)
        self._plain = function
        self._own: OwnHand | None = None
        self._crews: Crews | None = None
        self._crew: Crew | None = None
        self._gang: Gang | None = None
        self._start_began: float | None = None
        self.facts: dict[str, Any] = {"backend": SERIAL, "start_method": None, "workers": 1}

    def blocks(self, steer: Callable[[Mixed], None]) -> Iterator[list[Any]]:
        """Results in blocks; `steer` is called between turns and may move the map."""
        mark = self.recorder.mark
        try:
            while True:
                block = self._take()
                if block is not None:
                    mark(states.CONSUMER)
                    yield block
                    mark(states.MERGE)
                    if self._bounded and self.place == PROCESSES:
                        self._step(self._busy_crew().feed)
                elif self._over():
                    return
                else:
                    self._turn()
                steer(self)
        finally:
            self._end()

    # --- where to ---

    def to_threads(self, workers: int) -> None:
        """Go on in so many threads of this process, once workers have given back what they have in hand."""
        self._leave()
        self._await_workers()
        from breakeven.backends.gangs import Gang

        self.recorder.mark(states.START)
        self._plain.seconds = self.seconds_an_item or None
        self._plain.size = self._first_chunk()
        self._gang = Gang(self.stream, self.recorder, self.options, workers)
        self._gang.open()
        self._arrive(THREADS, None, workers)

    def to_processes(self, workers: int, start_method: str | None, at_once: int | None = None) -> None:
        """Go on in up to `workers` worker processes, `at_once` of them started now, the others as there is work.

        Raises what pickling the function or starting workers raises.
        """
        self._leave()
        with loading():
            from breakeven.backends.crews import Crews

        crews = Crews(replace(self.options, backend=PROCESSES, max_workers=workers, start_method=start_method))
        crew = self._crew
        if crew is None or crew.closed or crew.max_workers != workers:
            self._drop_crew()
            crew = crews.acquire(self.recorder)
        cold = not crew.members
        try:
            # What is forked has what was there before, such as cloudpickle; others start while the function is pickled.
            began = clock()
            if cold and not crew.about_to_fork():
                self._hire(crew, at_once or workers)
            before = self.recorder.mark(states.SERIALISE)
            function = crew.function(self.work.fn, self.options.seed)
            self.pickling_seconds = self.recorder.mark(states.START) - before
            if len(crew.members) < (at_once or workers):
                began = clock()
                self._hire(crew, at_once or workers)
            self._start_began = began if cold else None
        except BaseException:
            crew.close(at_once=True)
            raise
        self._crews, self._crew = crews, crew
        function.seconds = self.seconds_an_item or function.seconds
        function.size = max(function.size, self._first_chunk())
        self.stream.function = function
        crew.begin(self.stream)
        self._arrive(PROCESSES, crews.method, workers)
        self._step(crew.feed)

    def _hire(self, crew: Crew, workers: int) -> None:
        while len(crew.members) < workers:
            crew.hire()

    def to_serial(self) -> None:
        """Go on in the calling thread; what workers have begun comes back when it is done."""
        self._leave()
        self._arrive(SERIAL, None, 1)

    def _arrive(self, place: str, start_method: str | None, workers: int) -> None:
        self.place = place
        self.answered_at = None
        if place != SERIAL or self.facts["backend"] == SERIAL:
            self.facts = {"backend": place, "start_method": start_method, "workers": workers}

    def _leave(self) -> None:
        """Take no more chunks to where the map is now."""
        if self._gang is not None:
            self._gang.release()
            self._gang = None
        crew = self._crew
        if crew is not None and self.stream in crew.streams:
            crew.streams.remove(self.stream)
            self.stream.function.users -= 1
            self.stream.function = self._plain

    def _await_workers(self) -> None:
        """Let workers finish what they were sent: only one side at a time may touch the stream."""
        crew = self._crew
        while crew is not None and not crew.closed and crew.busy:
            self._step(crew.pump)

    def _first_chunk(self) -> int:
        """The size that a first chunk may be `GROWTH` times of."""
        return max(int(FIRST_CHUNK_SECONDS / GROWTH / self.seconds_an_item), 1) if self.seconds_an_item else 1

    # --- turns ---

    def _turn(self) -> None:
        if self._gang is not None:
            self._gang.turn(self.tick_seconds)
            if self.answered_at is None and self.stream.ready:
                self.answered_at = clock()
            return
        crew = self._crew
        if crew is None or not (crew.busy_or_queued or self.place == PROCESSES):
            self._do_some()
        elif self.place == SERIAL:
            worked = self.stream.in_reach(crew.max_workers) and self._do_some()  # workers may have what is next
            self._step(crew.pump, *((0.0,) if worked else ()))
        else:
            self._with_workers(crew)

    def _with_workers(self, crew: Crew) -> None:
        helping = self.answered_at is None and self._starting(crew) and self._do_some()
        self._step(crew.pump, *((0.0,) if helping or crew.hungry else ()))
        if self._start_began is not None and not self._starting_at_all(crew):
            self.started_seconds, self._start_began = clock() - self._start_began, None
        if self.answered_at is None and self._has_answered(crew):
            self.answered_at = clock()

    def _starting(self, crew: Crew) -> bool:
        """Whether workers are still on their way, and items short enough to be done meanwhile."""
        if self._bounded or self._start_began is None or not self._starting_at_all(crew):
            return False
        seconds = self.seconds_an_item
        if seconds <= HELP_SHARE * self.start_seconds:
            return True
        left_seconds = self.start_seconds - (clock() - self._start_began)
        items = self.stream.remaining
        if items is not None:
            items += sum(chunk.count for member in crew.members for chunk in member.inflight)
        return fits_beside_a_start(seconds, left_seconds, items, len(crew.members))

    def _starting_at_all(self, crew: Crew) -> bool:
        return bool(crew.members) and all(member.state == protocol.STARTING for member in crew.members)

    def _has_answered(self, crew: Crew) -> bool:
        return any(member.tasks for member in crew.members)

    def _do_some(self) -> bool:
        """Do a few items here; False when there is nothing left to take."""
        own = self._own
        if own is None:
            own = self._own = OwnHand(
                self.stream, self.recorder, self.options, self.seconds_an_item, most=1 if self._bounded else None
            )
        did = own.turn()
        if did is not None and self._observe is not None:
            self._observe(*did)
        return did is not None

    def _busy_crew(self) -> Crew:
        assert self._crew is not None  # noqa: S101 - the map is in worker processes
        return self._crew

    def _step(self, step: Callable[..., None], *arguments: float) -> None:
        """Feed or pump; after a Ctrl-C or a fault in there nobody knows what is half done: that crew is of no use."""
        try:
            step(*arguments)
        except BaseException:
            self._busy_crew().close(at_once=True)
            raise

    # --- results ---

    def _take(self) -> list[Any] | None:
        return self.stream.take() if self._gang is None else self._gang.next_block()

    def _over(self) -> bool:
        return self.stream.over if self._gang is None else self._gang.over()

    # --- the end ---

    def _end(self) -> None:
        self.recorder.mark(states.STOP)
        if self._gang is not None:
            self._gang.close()
            self._gang = None
        crew = self._crew
        if crew is not None:
            if not crew.closed:
                crew.end(self.stream)
            self._drop_crew()

    def _drop_crew(self) -> None:
        if self._crew is not None and self._crews is not None:
            self._crews.give_back(self._crew)
        self._crew = None
