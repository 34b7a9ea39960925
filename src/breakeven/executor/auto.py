"""`auto`: begins in the calling thread at once, and goes where a forecast says that it is quicker.

Lives here: one call from its first item to what is learnt from it. Never here: when a look is due and what is measured
(`steering`), the arithmetic (`model`), the rule (`planning.choice`). No item is called twice, whatever is planned.
"""

from __future__ import annotations

from time import perf_counter as clock
from time import process_time

from breakeven.backends.serial import Loop
from breakeven.ledger import recorder as states
from breakeven.loading import loading
from breakeven.planning.validate import only_processes
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.backends import Backend
    from breakeven.backends.mixed import Mixed
    from breakeven.executor.away import Away
    from breakeven.executor.known import Known
    from breakeven.executor.steering import Steering
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice
    from breakeven.work import Options

    Going = tuple[Steering, Choice | None, Work]  # who steers, where to if not on here, and what is left

FIRST_LOOK_SECONDS = 1e-3  # of work done here, before anything but the work itself costs time
OBSERVE_SECONDS = 5e-4  # items are timed together for so long at least,
OBSERVE_SHARE = 0.1  # and for so much of the time spent so far,
OBSERVED_TIMES = 4  # or so many times from one decision to the next: each takes 40 µs
COUNTS_SECONDS = 4e-3  # a call of this length is remembered, so that many of them may pay for a start together
LOAD_WORTH_SECONDS = 40e-3  # of work left for which what decides is loaded, once in a program: that takes 4 ms
MOVED_SECONDS = 120e-9  # what moving the least of items there and back costs both sides: 60 ns each
WAIT_FOR_SECOND = 16  # items left from which a second one is waited for: the first is so often warm-up,
WAITS_SHARE = 0.2  # unless it was hardly on a CPU
WORTH_SECONDS = 2e-3  # of work in a call whose function is known: below, nothing is looked up


class Auto:
    """The backend that decides where the work is done."""

    name = "auto"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._elsewhere: Backend | None = None
        self._mixed: Mixed | None = None
        self._away: Away | None = None

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """Yield results in blocks, wherever they were made."""
        if only_processes(self._options):
            return self.go_away(work, recorder, ordered=ordered, bounded=bounded)
        return self._run(work, recorder, ordered=ordered, bounded=bounded)

    def _run(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        going = _decided_before(work, recorder, self._options)
        if going is None or going[1] is None:
            going = yield from self._here(work, recorder, None if going is None else going[0], bounded=bounded)
        if going is None:
            return
        steering, choice, work = going
        if choice is not None:
            yield from self._go_on(work, recorder, steering, choice, ordered=ordered, bounded=bounded)

    def _here(
        self, work: Work, recorder: Recorder, steering: Steering | None, *, bounded: bool
    ) -> Generator[list[Any], None, Going | None]:
        """The items in the calling thread, to the end or until something else is chosen, which is returned."""
        watch = _Watch(work, Loop(work, recorder, bounded=bounded), steering)
        loop = watch.loop
        for block in loop.blocks():
            yield block
            if loop.seconds > watch.due_seconds and not (loop.done or loop.failed):
                choice = watch.look(recorder, self._options)
                if choice is not None:
                    left = Work(
                        work.fn, loop.rest, mode=work.mode, length=work.length, options=work.options, first=loop.count
                    )
                    assert watch.steering is not None  # noqa: S101 - who chooses, steers
                    return watch.steering, choice, left
        _finish_serially(recorder, watch.steering, loop, work)
        return None

    def follow(self, work: Work, recorder: Recorder, steering: Steering, choice: Choice) -> Iterator[list[Any]]:
        """Begin where a plan says."""
        return self._go_on(work, recorder, steering, choice, ordered=True, bounded=False)

    def _go_on(
        self, work: Work, recorder: Recorder, steering: Steering, choice: Choice, *, ordered: bool, bounded: bool
    ) -> Iterator[list[Any]]:
        with loading():
            from breakeven.backends.mixed import Mixed

        observe = steering.noticing.worked
        mixed = self._mixed = Mixed(work, recorder, self._options, ordered=ordered, bounded=bounded, observe=observe)
        spent = clock() - recorder.began
        recorder.choice = f"{choice.forecast.title}: {choice.reason}"
        recorder.forecast = _forecast(choice, spent, steering)
        steering.go(mixed, choice)
        yield from mixed.blocks(steering.steer)
        if isinstance(recorder.forecast, dict):
            recorder.forecast["moves"] = steering.moves
        steering.learn(mixed)

    def go_away(
        self,
        work: Work,
        recorder: Recorder,
        *,
        ordered: bool,
        bounded: bool,
        planned: tuple[Choice, Sample] | None = None,
    ) -> Iterator[list[Any]]:
        """In worker processes alone, as planned or as is found out there."""
        from breakeven.executor.away import Away

        away = self._away = Away(self._options, planned)
        return away.stream(work, recorder, ordered=ordered, bounded=bounded)

    def _open(self, name: str) -> Backend:
        from breakeven.executor import open_backend
        from breakeven.records import replace

        self._elsewhere = self._elsewhere or open_backend(replace(self._options, backend=name))
        return self._elsewhere

    def submit(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Futures are for what runs beside the caller: processes."""
        return self._open("processes").submit(fn, args, kwargs)

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Close what was chosen."""
        if self._elsewhere is not None:
            self._elsewhere.close(wait=wait, cancel=cancel, at_once=at_once)

    def describe(self) -> dict[str, Any]:
        """Facts for the report: of what was chosen."""
        if self._away is not None:
            return self._away.describe()
        if self._elsewhere is not None:
            return self._elsewhere.describe()
        if self._mixed is not None:
            return self._mixed.facts
        return {"backend": "serial", "start_method": None, "workers": 1}


class _Watch:
    """What is seen of a loop from time to time: how long its items took, and on how much of a CPU."""

    __slots__ = ("_cpu", "_cpu_since", "_items", "_left", "_rented", "_seconds", "due_seconds", "loop", "steering")

    def __init__(self, work: Work, loop: Loop, steering: Steering | None) -> None:
        self.loop = loop
        self.steering = steering
        # Of work done here: when to look next.
        self.due_seconds = max(FIRST_LOOK_SECONDS, 0.0 if steering is None else steering.quiet_until_seconds)
        self._left = work.length
        self._rented = _rented(work)
        self._items, self._seconds = work.first, 0.0
        self._cpu, self._cpu_since = process_time(), 0.0

    def look(self, recorder: Recorder, options: Options) -> Choice | None:
        """Time what was done since the last look; where to go from here, if elsewhere."""
        used, loop = process_time(), self.loop
        left = None if self._left is None else self._left - loop.count
        seen = loop.seconds - loop.first_seconds  # a dear first item must not make all looks come late
        self.due_seconds = loop.seconds + OBSERVE_SECONDS + OBSERVE_SHARE * seen
        if self._alone(left, used - self._cpu):
            self._cpu, self._cpu_since = used, loop.seconds  # on what CPUs warm-up was, says nothing of the others
            return None
        if self.steering is None and not _worth_loading(loop, left, self._rented):
            return None
        recorder.mark(states.PLAN)
        steering = self.steering = self.steering or _steering(loop.work, recorder, options)
        steering.calls_before = self._rented
        noticing = steering.noticing
        items, spent = loop.count - self._items, loop.seconds - self._seconds
        if not self._seconds and items > 1:
            noticing.observed.add(1, loop.first_seconds)
            noticing.observed.add(items - 1, max(spent - loop.first_seconds, 0.0))
        else:
            noticing.observed.add(items, spent)
        noticing.used(used - self._cpu, loop.seconds - self._cpu_since)
        self._items, self._seconds = loop.count, loop.seconds
        self._cpu_since = loop.seconds
        choice = steering.look(loop.items, loop.results, left)
        self.due_seconds = loop.seconds + max(OBSERVE_SECONDS, steering.calm_seconds / OBSERVED_TIMES)
        self._cpu = process_time()  # what looking took is not the function's
        return choice

    def _alone(self, left: int | None, cpu_seconds: float) -> bool:
        """Whether one item is all there is to go by, and it may have been warm-up: what waits does not warm up."""
        if self.loop.count - self._items != 1 or self._seconds or not (left is None or left >= WAIT_FOR_SECOND):
            return False
        return cpu_seconds > WAITS_SHARE * self.loop.seconds


def _rented(work: Work) -> int:
    """How many calls of this function have been made here: none was worth a start, together they may be."""
    import sys

    memory = sys.modules.get("breakeven.executor.known")  # without it there was no call that counts
    return 0 if memory is None else memory.calls_of(work.fn)


def _count_call(work: Work) -> None:
    """One more call that was done here; from the second on a part of what decides is loaded: no call pays for all."""
    from breakeven.executor import known

    if known.calls_of(work.fn):
        with loading():
            import breakeven.planning.choice  # noqa: F401 - and the model with it: a third of the whole
    known.count_call(work.fn)


def _recall(work: Work) -> Known | None:
    """What is known of the function, where the call is long enough for that to matter."""
    import sys

    memory = sys.modules.get("breakeven.executor.known")
    if memory is None or work.length is None:
        return None
    recalled: Known | None = memory.recall(work.fn)
    if recalled is None or recalled.sample.mean_seconds * work.length < WORTH_SECONDS:
        return None
    return recalled


def _decided_before(work: Work, recorder: Recorder, options: Options) -> Going | None:
    """Go by what the calls before have shown, without sampling anew; the promise is held to all the same."""
    recalled = _recall(work)
    if recalled is None:
        return None
    steering = _steering(work, recorder, options)
    steering.calls_before = _rented(work)
    choice = steering.recall(recalled, work.length or 0)
    return steering, None if choice is None or choice.forecast.backend == "serial" else choice, work


def _worth_loading(loop: Loop, left: int | None, rented: int) -> bool:
    """Whether enough is left to load what decides, if that has not been done in this program.

    Items that take less than moving them count for nothing: nobody gains by giving them away.
    """
    import sys

    if "breakeven.executor.steering" in sys.modules:
        return True
    worth = LOAD_WORTH_SECONDS / (1 + rented)
    if left is None:
        return loop.seconds > worth
    others = loop.count - 1  # the first is so often warm-up
    known = others > 0 and left > 1
    mean = (loop.seconds - loop.first_seconds) / others if known else loop.seconds
    return left * (mean - MOVED_SECONDS) > worth


def _steering(work: Work, recorder: Recorder, options: Options) -> Steering:
    with loading():
        from breakeven.executor.steering import Steering

    return Steering(work, recorder, options)


def _forecast(choice: Choice, spent: float, steering: Steering) -> dict[str, Any]:
    from breakeven.executor.prospect import prospect_of

    return prospect_of(choice, spent, steering.sample())


def _finish_serially(recorder: Recorder, steering: Steering | None, loop: Loop, work: Work) -> None:
    choice = None if steering is None else steering.choice
    if loop.seconds > COUNTS_SECONDS:
        _count_call(work)
    if steering is None or choice is None:
        recorder.choice = "serial: done before workers could have been started"
        return
    recorder.choice = f"serial: {choice.reason}"
    spent, decided = steering.chosen_after_seconds, steering
    # Who does not ask for the report need not wait for it.
    recorder.forecast = lambda: _forecast(choice, spent, decided)
    steering.learn(None, loop.seconds / max(loop.count - work.first, 1))
