"""Where a map goes next: measured while it runs, decided once there is enough to go by, thought over as results come.

Lives here: when a look is due, what is measured then, and when a promise counts as broken. Never here: the arithmetic
of costs (`model`), the rule of choice (`planning.choice`), or how a map moves (`backends.mixed`).

Rent or buy: the caller's thread works from the first moment on, so until something else is chosen nothing is lost; a
start is bought only where even cautious figures say that it is earned back.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter as clock

from breakeven.executor import known
from breakeven.ledger import recorder as states
from breakeven.model.sample import Observed
from breakeven.planning.choice import Choice, Situation, choose
from breakeven.probes.capacity import memory_limit_bytes, running_elsewhere, usable_cpus
from breakeven.probes.hazards import fork_hazard
from breakeven.probes.kernel import queued_seconds
from breakeven.probes.memory import forget_peak, peak_resident_bytes, resident_bytes
from breakeven.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.backends.mixed import Mixed
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample
    from breakeven.work import Options, Work

LEAST_REST_SECONDS = 8e-3  # below this nothing that has to be started is earned back
LEAST_WARM_SECONDS = 1e-3  # the same, where workers stand ready
WAIT_FOR_SECOND = 16  # items left from which a second one is waited for: the first is so often warm-up
AGAIN = 1.6  # from one look to the next, in seconds of work done here
PROMISE = 0.9  # of serial speed: what workers have to deliver, or the map comes back
WINDOW_SECONDS = 60e-3  # over which that is measured: shorter, and a neighbour's moment decides
HOPELESS = 0.6  # of serial speed: seen in a third of that time
PILOT_SECONDS = 6e-3  # the same for threads on trial
PILOT_GAIN = 1.25  # threads on trial stay from here on
BACK_OFF_SECONDS = 0.1  # before what has not kept its promise is tried again; doubled each time
LARGE_CALL_BYTES = 16 << 20  # a call that takes less memory than this is not looked at twice
LOOK_SECONDS = 5e-3
ENOUGH_LOOKS = 12  # of a probe of the GIL: fewer are no estimate
ENGINE_SECONDS = 6e-3  # to load what drives worker processes, once in a program
CLOUDPICKLE_SECONDS = 22e-3  # its import; needed for what stands in `__main__`, lambdas and closures
WORTH_CLOUDPICKLE_SECONDS = 0.5  # of work left: it is imported for the sake of a figure


class Steering:
    """The decisions of one map."""

    def __init__(self, work: Work, recorder: Recorder, options: Options) -> None:
        self.observed = Observed()
        self.payload: dict[str, Any] = {}
        self.choice: Choice | None = None
        self.moves: list[dict[str, Any]] = []
        self._work = work
        self._recorder = recorder
        self._options = options
        self._cpus = usable_cpus()
        self._gil: float | None = 0.0 if _free_threaded() else None
        self._handicap = 1.0
        self._back_off = BACK_OFF_SECONDS
        self._not_before = 0.0
        self._due_seconds = 0.0  # of work done here
        self._look_at = 0.0
        self._base: tuple[float, float, int] | None = None  # (when, useful seconds, items) of the present window
        self._call_bytes = 0
        self._peak_known = False
        self._counting = False
        self._limit = options.memory_limit
        self._moved_at = 0.0
        self._method: str | None = None
        self._pilot = False
        self._queued: float | None = None  # seconds that this thread had queued for a CPU, at the last look
        self._dear = False  # sending it takes cloudpickle, which is not loaded
        self._recalled: Sample | None = None
        self._before = (0.0, 0)  # (useful seconds, items) when threads began
        self.chosen_after_seconds = 0.0  # of work done here

    # --- in the calling thread ---

    def look(self, items: Sequence[Any], results: Sequence[Any], left: int | None) -> Choice | None:
        """Where to go from here, or None to go on; `items` and `results` are those of the last block."""
        observed = self.observed
        if observed.seconds < self._due_seconds:
            return None
        if observed.items == 1 and (left is None or left >= WAIT_FOR_SECOND):
            return None
        mean = observed.seconds / observed.items
        rest = observed.seconds if left is None else left * mean
        warm = self._is_warm()
        if rest < (LEAST_WARM_SECONDS if warm else LEAST_REST_SECONDS):
            self._due_seconds = observed.seconds * AGAIN
            return None
        self._recorder.mark(states.PLAN)
        self._remember_memory()
        self._weigh(items, results, mean, rest)
        choice = self._choose(left, warm=warm)
        self._recorder.mark(states.DISPATCH)
        self._due_seconds = observed.seconds * AGAIN
        return choice if choice.forecast.backend != "serial" else None

    def sample(self) -> Sample:
        """What is known of the function by now."""
        return self.observed.sample(gil_share=self._gil, call_bytes=self._call_bytes, **self.payload)

    def _choose(self, left: int | None, *, warm: bool) -> Choice:
        sample = self.sample()
        items = max(self.observed.items, 1) if left is None else left
        choice = choose(sample, self.situation(items, known_length=left is not None, warm=warm), known.profile())
        if self.choice is None or choice.forecast.backend != "serial":
            self.choice = choice
            self.chosen_after_seconds = self.observed.seconds
        return choice

    def situation(self, items: int, *, known_length: bool, warm: bool) -> Situation:
        """What the choice depends on beside the sample."""
        options = self._options
        banned = clock() < self._not_before
        return Situation(
            items=items,
            known=known_length,
            cpus=self._cpus,
            max_workers=options.max_workers,
            start_method=self._start_method(),
            start_seconds=self._start_seconds(warm=warm),
            memory_limit=self._memory_limit(),
            threads_allowed=not self._pilot,
            processes_allowed=not banned and self._cpus > 1,
            pilot_allowed=not banned,
            handicap=self._handicap,
            why_no_processes="workers did not keep up with the loop" if banned else "",
        )

    def _start_seconds(self, *, warm: bool) -> float:
        profile = known.profile()
        start = profile.wake_seconds if warm else profile.start_up(self._start_method(), self._workers())
        if "breakeven.backends.crews" not in sys.modules:
            start += ENGINE_SECONDS
        return start + CLOUDPICKLE_SECONDS * self._dear

    def _workers(self) -> int:
        return self._options.max_workers or self._cpus

    def _start_method(self) -> str:
        if self._method is None:
            self._method = self._options.start_method or ("fork" if fork_hazard() is None else "forkserver")
        return self._method

    def _memory_limit(self) -> int | None:
        """What may still be taken: the limit given is for all, the default is of what is left."""
        if self._options.memory_limit is None:
            if self._limit is None:
                self._limit = memory_limit_bytes()
            return self._limit
        return max(self._options.memory_limit - (resident_bytes(os.getpid()) or 0), 0)

    def _is_warm(self) -> bool:
        crews = sys.modules.get("breakeven.backends.crews")
        if crews is None:
            return False
        options = replace(self._options, max_workers=self._workers())
        return bool(crews.Crews(options).warm)

    def _weigh(self, items: Sequence[Any], results: Sequence[Any], mean: float, rest: float) -> None:
        if self._cpus == 1 or (self.payload and not (self._dear and rest > WORTH_CLOUDPICKLE_SECONDS)):
            return
        from breakeven.executor.weighing import Dear, Unmovable, weigh, weigh_function

        sparing = rest < WORTH_CLOUDPICKLE_SECONDS
        self._dear = False
        self.payload = {"function_bytes": 0}
        try:
            self.payload["argument"] = weigh(items, "the items", mean, sparing=sparing)
            self.payload["result"] = weigh(results, "the results", mean, sparing=sparing)
            self.payload["function_bytes"] = weigh_function(self._work.fn, sparing=sparing)
        except Dear:
            self._dear = True
        except Unmovable as refused:
            self.payload = {"refusal": str(refused)}

    def _remember_memory(self) -> None:
        """How much memory a call takes at its most: the peak since the last look, where it stands out."""
        if self._peak_known:
            return
        now, peak = resident_bytes(os.getpid()), peak_resident_bytes()
        if now is None or peak is None:
            return
        excess = max(peak - now, 0)
        if excess < LARGE_CALL_BYTES or self._counting or not forget_peak():
            self._call_bytes, self._peak_known = excess, True
            return
        self._counting = True  # it may be of an earlier time: count from now on,
        limit = self._memory_limit()
        tight = limit is not None and excess * self._workers() > limit
        self._call_bytes = excess if tight else 0  # and be careful until the next look, where it would matter

    def count_memory(self) -> None:
        """What a call takes at its most is counted from now on."""
        self._counting = forget_peak()

    # --- for a plan, which is made without going anywhere ---

    @property
    def warm(self) -> bool:
        """Whether workers stand ready."""
        return self._is_warm()

    def weigh(self, items: Sequence[Any], results: Sequence[Any]) -> None:
        """Measure what items, results and the function weigh, and how much memory a call takes, sparing nothing."""
        self._remember_memory()
        self._weigh(items, results, self.observed.seconds / max(self.observed.items, 1), WORTH_CLOUDPICKLE_SECONDS)

    def gil_seen(self, share: float, looks: int) -> None:
        """A probe has looked so often at how much of the time the GIL is held."""
        if looks >= ENOUGH_LOOKS:
            self._gil = share

    # --- elsewhere ---

    def steer(self, mixed: Mixed) -> None:
        """Called between turns: keep to the place, or go to another."""
        now = clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        if mixed.place == "serial":
            self._reconsider(mixed)
        elif mixed.answered_at is not None and mixed.stream.has_more:
            self._hold_to_promise(mixed, now)

    def go(self, mixed: Mixed, choice: Choice) -> None:
        """Move a map to where it is to go; where that cannot be done it stays here, and the report says why."""
        forecast = choice.forecast
        sample = self.sample() if self.observed.items else self._recalled
        mixed.seconds_an_item = 0.0 if sample is None else sample.mean_seconds
        self._base = None
        self._moved_at = clock()
        self._look_at = 0.0
        self._pilot = choice.pilot
        mixed.tick_seconds = PILOT_SECONDS / 3 if choice.pilot else WINDOW_SECONDS
        if forecast.backend == "threads":
            self._before = self._useful(mixed)
            mixed.to_threads(forecast.workers)
        elif forecast.backend == "processes":
            mixed.start_seconds = known.profile().start_up(forecast.start_method or "fork", forecast.workers)
            try:
                mixed.to_processes(forecast.workers, self._options.start_method)
            except Exception as error:  # noqa: BLE001 - of pickling the function, or of starting
                from breakeven.work import told

                self._recorder.note(f"no worker processes: {told(error)}")
                self.payload = {"refusal": told(error)}
                self._told(mixed, "serial", "worker processes could not be started or given the function")
                mixed.to_serial()
                return
        else:
            mixed.to_serial()
        self._told(mixed, forecast.title, choice.reason)

    def _told(self, mixed: Mixed, where: str, reason: str) -> None:  # noqa: ARG002
        self.moves.append({"at_seconds": clock() - self._recorder.began, "to": where, "reason": reason})

    def _hold_to_promise(self, mixed: Mixed, now: float) -> None:
        useful, items = self._useful(mixed)
        if self._base is None:
            if mixed.place == "processes":
                self._base = (now, useful, items)
                return
            self._base = (self._moved_at, *self._before)
        since, useful_before, items_before = self._base
        window = now - since
        done = items - items_before
        needed = PILOT_SECONDS if self._pilot else WINDOW_SECONDS / 3
        if window < needed or done < 2 * mixed.facts["workers"]:
            return
        gain = (useful - useful_before) / window
        if mixed.place == "threads" and self._pilot:
            self._end_pilot(mixed, gain)
            return
        alone = self._alone(mixed)
        if gain < HOPELESS * alone or (window > WINDOW_SECONDS and gain < PROMISE * alone):
            self._break_off(mixed, gain)
        elif window > WINDOW_SECONDS:
            self._base = (now, useful, items)

    def _alone(self, mixed: Mixed) -> float:
        """What share of a CPU the loop would get now, among strangers."""
        strangers = running_elsewhere(mixed.facts["workers"])
        return min(1.0, self._cpus / (1.0 + strangers))

    def _useful(self, mixed: Mixed) -> tuple[float, int]:
        """(serial seconds of the work that lanes have done, items done) so far."""
        lanes = self._recorder.lanes
        items = self._recorder.items
        if mixed.place == "processes":
            return sum(lane.states[states.COMPUTED] - lane.split[1] for lane in lanes), items
        share = self.sample().cpu_share if self.observed.items else 1.0
        if share < 0.5:  # noqa: PLR2004 - mostly waiting: its CPU says little, so go by the items
            return items * mixed.seconds_an_item, items
        return sum(lane.split[0] for lane in lanes) / min(share, 1.0), items

    def _end_pilot(self, mixed: Mixed, gain: float) -> None:
        """Threads were tried: they stay, or the GIL is what holds them up."""
        self._pilot = False
        capacity = known.profile().capacity_of(mixed.facts["workers"])
        if gain >= PILOT_GAIN:
            self._gil = 0.0 if gain > PROMISE * capacity else 1.0 / gain
            mixed.tick_seconds = WINDOW_SECONDS
            self._base = None
            self._before = self._useful(mixed)
            self._moved_at = clock()
            return
        self._gil = min(1.0 / max(gain, 1e-3), 1.0)
        self._look_at = 0.0
        left = mixed.stream.remaining
        self.go(mixed, self._choose(left, warm=self._is_warm()))

    def _break_off(self, mixed: Mixed, gain: float) -> None:
        """What was promised is not kept: come back, and think again later."""
        where = mixed.facts["backend"]
        self._handicap = max(self._handicap, 1.0 / max(gain, 0.05))
        self._not_before = clock() + self._back_off
        self._back_off *= 2
        known.forget(self._work.fn)
        reason = f"{where} did {gain:.2f} times the work of the loop, where more was promised"
        self._recorder.note(f"came back from {where}: {reason}")
        self._base = None
        self._told(mixed, "serial", reason)
        mixed.to_serial()

    def _reconsider(self, mixed: Mixed) -> None:
        """In the calling thread again: is there something better by now?"""
        if clock() < self._not_before or self.observed.seconds < self._due_seconds or not mixed.stream.has_more:
            return
        self._due_seconds = self.observed.seconds * AGAIN
        if not self.observed.items:
            return
        self._handicap = 1.0 + (self._handicap - 1.0) / 2
        choice = self._choose(mixed.stream.remaining, warm=self._is_warm())
        if choice.forecast.backend != "serial":
            self.go(mixed, choice)

    # --- from call to call ---

    def recall(self, recalled: known.Known, items: int) -> Choice:
        """Choose by what calls before have shown."""
        sample = recalled.sample
        self._gil = sample.gil_share
        self._call_bytes, self._peak_known = sample.call_bytes, True
        self.payload = {"function_bytes": sample.function_bytes, "refusal": sample.refusal}
        if sample.weighed:
            self.payload |= {"argument": sample.argument, "result": sample.result}
        self._recalled = sample
        if recalled.covers(items):
            self.choice = recalled.choice
        else:
            situation = self.situation(items, known_length=True, warm=self._is_warm())
            self.choice = choose(sample, situation, known.profile())
        return self.choice

    def learn(self, mixed: Mixed) -> None:
        """The map is over: remember what it showed of the function and of the start."""
        choice, recorder = self.choice, self._recorder
        assert choice is not None  # noqa: S101 - it went somewhere
        seconds = sum(lane.states[states.COMPUTED] - lane.split[1] - lane.split[2] for lane in recorder.lanes)
        tasks = sum(lane.tasks for lane in recorder.lanes)
        sample = self.sample()
        if self._recalled is not None:
            sample = self._recalled
        if tasks and mixed.facts["backend"] == "processes":
            mean = seconds / tasks
            sample = replace(sample, mean_seconds=mean if not sample.mean_seconds else (sample.mean_seconds + mean) / 2)
        if sample.mean_seconds:
            known.remember(self._work.fn, known.Known(sample=sample, items=recorder.items, choice=choice))
        if mixed.started_seconds is not None:
            known.learn_start(str(mixed.facts["start_method"]), mixed.facts["workers"], mixed.started_seconds)

    def learn_serial(self, items: int | None) -> None:
        """The call stayed in the calling thread all the time."""
        if self.choice is not None and items:
            known.remember(self._work.fn, known.Known(sample=self.sample(), items=items, choice=self.choice))

    def observe(self, items: int, seconds: float, cpu_seconds: float) -> None:
        """So many items took so long in the calling thread."""
        self.observed.add(items, seconds)
        self.used(cpu_seconds, seconds)

    def used(self, cpu_seconds: float, seconds: float) -> None:
        """The function was on a CPU for so much of so long; what it queued for one is taken off."""
        queued = queued_seconds()
        before, self._queued = self._queued, queued
        known_queue = None if before is None or queued is None else queued - before
        self.observed.used(cpu_seconds, seconds, known_queue)


def _free_threaded() -> bool:
    enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    return enabled is not None and not enabled()
