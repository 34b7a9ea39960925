"""Where a map goes next: decided once there is enough to go by, thought over as results come.

Lives here: when a look is due, and what follows when a promise is broken. Never here: the measuring (`noticing`,
`promise`), the arithmetic of costs (`model`), the rule of choice (`planning.choice`), or how a map moves
(`backends.mixed`).

Rent or buy: the caller's thread works from the first moment on, so until something else is chosen nothing is lost; a
start is bought only where even cautious figures say that it is earned back.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter as clock

from breakeven.engine.sameness import stamp_of
from breakeven.executor import known, promise
from breakeven.executor.noticing import WORTH_CLOUDPICKLE_SECONDS, Noticing
from breakeven.executor.promise import Promise
from breakeven.ledger import recorder as states
from breakeven.model.forecast import gil_share_of
from breakeven.planning.choice import Choice, Situation, choose
from breakeven.probes.capacity import memory_limit_bytes, running_elsewhere
from breakeven.probes.memory import resident_bytes
from breakeven.records import replace
from breakeven.work import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breakeven.backends.mixed import Mixed
    from breakeven.executor.lessons import Lesson
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample
    from breakeven.work import Options, Work

LEAST_REST_SECONDS = 8e-3  # below this nothing that has to be started is earned back
LEAST_WARM_SECONDS = 1e-3  # the same, where workers stand ready
AGAIN = 1.6  # from one look to the next, in seconds of work done here,
AGAIN_THEN = 4.0  # and to the next where the choice is clear
LOOK_AGAIN_SHARE = 0.25  # of what calls before have taken: until then nothing new is expected of this one
LOOK_SECONDS = 5e-3  # between two looks at a place that is not here
KEPT = 0.9  # of a loop's speed: what workers have to deliver, or the map comes back
HOPELESS = 0.6  # of a loop's speed: seen sooner
TRIAL_GAIN = 1.25  # threads on trial stay from here on
FORGIVEN = 0.75  # of a handicap is left in the next call
BACK_OFF_SECONDS = 0.1  # before what has not kept its promise is tried again; doubled each time
WORTH_CHOOSING_SECONDS = 5e-3  # of work in a call whose function is known: below, the last choice is taken as it is
ENGINE_SECONDS = 6e-3  # to load what drives worker processes, once in a program,
THREADS_SECONDS = 4e-3  # and what drives threads
CLOUDPICKLE_SECONDS = 22e-3  # its import; needed for what stands in `__main__`, lambdas and closures


class Steering:
    """The decisions of one map."""

    def __init__(self, work: Work, recorder: Recorder, options: Options) -> None:
        self.noticing = Noticing(work.fn)
        self.choice: Choice | None = None
        self.chosen_after_seconds = 0.0  # of work done here
        self.moves: list[dict[str, Any]] = []
        self.calls_before = 0  # of this function, each too short to pay for a start alone
        self._work = work
        self._recorder = recorder
        self._options = options
        self._cpus = known.cpus()
        self._method: str | None = None
        self._limit: int | None = None
        self._recalled: Sample | None = None  # what calls before have shown
        self._chosen_by: Sample | None = None  # what was known when the choice was made
        self._due_seconds = 0.0  # of work done here: when to look next
        self._look_at = 0.0  # the same, elsewhere
        self._promise: Promise | None = None
        self._lesson: Lesson | None = None
        self._trial = False  # threads, of which nobody knows whether the GIL lets them
        self._tried_in_crowd = False  # so that what threads gained says little of the GIL
        self._handicap = 1.0
        self._broken = False  # a promise, in this call
        self._back_off = BACK_OFF_SECONDS
        self._not_before = 0.0

    def hand_over(self, recorder: Recorder) -> None:
        """Go by another ledger, and write into that: a plan's run has its own."""
        self._recorder = recorder

    # --- in the calling thread ---

    @property
    def quiet_until_seconds(self) -> float:
        """Of work done here: until then calls before leave nothing to be looked at."""
        return 0.0 if self._recalled is None else self._due_seconds

    @property
    def calm_seconds(self) -> float:
        """Of work done here: how much is still to come before the choice is thought over."""
        return self._due_seconds - self.noticing.observed.seconds

    def look(self, items: Sequence[Any], results: Sequence[Any], left: int | None) -> Choice | None:
        """Where to go from here, or None to go on; `items` are the last ones, `results` end with theirs."""
        observed = self.noticing.observed
        if observed.seconds < self._due_seconds or self.noticing.doubtful:
            return None
        steady = observed.steady_seconds
        self._due_seconds = observed.seconds + steady * (AGAIN - 1)
        rest = observed.seconds if left is None else left * observed.latest_seconds
        warm = self.warm
        if rest * (1 + self.calls_before) < (LEAST_WARM_SECONDS if warm else LEAST_REST_SECONDS):
            return None
        self._recorder.mark(states.PLAN)
        self.weigh(items, results, rest)
        choice = self._choose(left, warm=warm)
        self._recorder.mark(states.DISPATCH)
        if self._recalled is not None or choice.clear:
            self._due_seconds = observed.seconds + steady * (AGAIN_THEN - 1)
        return choice if choice.forecast.backend != "serial" else None

    def weigh(self, items: Sequence[Any], results: Sequence[Any], rest: float = WORTH_CLOUDPICKLE_SECONDS) -> None:
        """Measure what items, results and function weigh, and how much memory a call takes."""
        self.noticing.look_at_memory(self._room_bytes)
        if self._cpus > 1:
            self.noticing.weigh(items, results, rest, self._work.source, inherited=self._inherited())

    def sample(self) -> Sample | None:
        """What is known of the function by now."""
        if self.noticing.observed.items:
            return self.noticing.sample()
        return None if self._recalled is None else replace(self._recalled, gil_share=self.noticing.gil)

    def _choose(self, left: int | None, *, warm: bool) -> Choice:
        observed = self.noticing.observed
        items = max(observed.items, 1) if left is None else left
        sample = self.sample() or self.noticing.sample()
        choice = self._chosen(sample, self._situation(items, known_length=left is not None, warm=warm))
        if self.choice is None or choice.forecast.backend != "serial":
            self.choice, self._chosen_by = choice, sample
            self.chosen_after_seconds = observed.seconds
        return choice

    def _chosen(self, sample: Sample, situation: Situation) -> Choice:
        """The choice, within what room there is: reading that takes as long as two choices, and the loop needs none."""
        choice = choose(sample, situation, known.profile())
        if choice.forecast.backend != "serial":
            room = self._room_bytes()
            if room is not None and choice.forecast.memory_bytes > room:
                choice = choose(sample, replace(situation, memory_limit=room), known.profile())
        return choice

    # --- what a choice depends on beside the sample ---

    def situation(self, items: int, *, known_length: bool, warm: bool) -> Situation:
        """Machine, options and experience, as a choice needs them."""
        situation = self._situation(items, known_length=known_length, warm=warm)
        return replace(situation, memory_limit=self._room_bytes())

    def _situation(self, items: int, *, known_length: bool, warm: bool) -> Situation:
        """The same, whatever room there is in memory."""
        banned = clock() < self._not_before
        return Situation(
            items=items,
            known=known_length,
            cpus=self._cpus,
            max_workers=self._options.max_workers,
            start_method=self._start_method(),
            start_seconds=self._start_seconds(warm=warm),
            threads_load_seconds=0.0 if "breakeven.backends.gangs" in sys.modules else THREADS_SECONDS,
            threads_allowed=not self._trial,
            processes_allowed=not banned and self._cpus > 1,
            pilot_allowed=not banned,
            handicap=self._handicap,
            why_no_processes="workers did not keep up with the loop" if banned else "",
        )

    @property
    def warm(self) -> bool:
        """Whether workers stand ready."""
        crews = sys.modules.get("breakeven.backends.crews")
        if crews is None:
            return False
        return bool(crews.Crews(replace(self._options, max_workers=self._workers())).warm)

    def _inherited(self) -> bool:
        """Whether workers would have the function from their birth: they are still to be forked."""
        return self._start_method() == "fork" and not self.warm and stamp_of(self._work.fn) is not None

    def _start_seconds(self, *, warm: bool) -> float:
        profile = known.profile()
        start = profile.wake_seconds if warm else profile.start_up(self._start_method(), self._workers())
        if "breakeven.backends.crews" not in sys.modules:
            start += ENGINE_SECONDS
        return (start + CLOUDPICKLE_SECONDS * self.noticing.dear) / (1 + self.calls_before)

    def _terms(self) -> tuple[Any, ...]:
        """What limits the choice besides the work."""
        options = self._options
        return self._workers(), self._cpus, options.start_method, options.memory_limit

    def _workers(self) -> int:
        return self._options.max_workers or self._cpus

    def _start_method(self) -> str:
        if self._method is None:
            self._method = known.start_method(self._options.start_method)
        return self._method

    def _room_bytes(self) -> int | None:
        """What may still be taken: a limit that was given is for all, the default one of what is left."""
        given = self._options.memory_limit
        if given is not None:
            return max(given - (resident_bytes(os.getpid()) or 0), 0)
        if self._limit is None:
            self._limit = memory_limit_bytes()
        return self._limit

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
        forecast, sample = choice.forecast, self.sample()
        mixed.seconds_an_item = 0.0 if sample is None else sample.mean_seconds
        self._promise = None
        self._look_at = 0.0
        self._trial = choice.pilot
        mixed.tick_seconds = promise.TRIAL_SECONDS / 3 if choice.pilot else promise.WINDOW_SECONDS
        try:
            if forecast.backend == "threads":
                mixed.to_threads(forecast.workers)
                self._promise = Promise(self._recorder, mixed, clock(), 1.0 if sample is None else sample.cpu_share)
            elif forecast.backend == "processes":
                mixed.start_seconds = known.profile().start_up(forecast.start_method or "fork", forecast.workers)
                # Crews are kept by their size: of the usual one, where only the items are too few for all of it.
                few = forecast.workers == min(self._workers(), choice.items)
                size = self._workers() if few else forecast.workers
                from breakeven.executor.lessons import Lesson

                self._lesson = self._lesson or Lesson(self._recorder)
                mixed.to_processes(size, self._options.start_method, forecast.workers)
            else:
                mixed.to_serial()
        except Exception as error:  # noqa: BLE001 - of pickling the function, or of starting
            self._recorder.note(f"no workers: {told(error)}")
            self.noticing.refused(told(error))
            mixed.to_serial()
            self._moved("serial", "workers could not be started, or not be given the function")
            return
        self._moved(forecast.title, choice.reason)

    def _moved(self, where: str, reason: str) -> None:
        self.moves.append({"at_seconds": clock() - self._recorder.began, "to": where, "reason": reason})

    def _hold_to_promise(self, mixed: Mixed, now: float) -> None:
        kept = self._promise
        if kept is None:
            if self._recalled is None or not self._forecast_anew(mixed, self._recalled):
                self._promise = Promise(self._recorder, mixed, now, 1.0)
            return
        gain = kept.gain(mixed, now, promise.TRIAL_SECONDS if self._trial else promise.SHORT_SECONDS)
        if gain is None:
            return
        if self._trial:
            self._end_trial(mixed, gain, kept)
            return
        alone = min(1.0, self._cpus / (1.0 + running_elsewhere(mixed.facts["workers"])))  # of a CPU, for the loop
        if gain < HOPELESS * alone or (kept.over(now) and gain < KEPT * alone):
            self._break_off(mixed, gain)
        elif kept.over(now):
            kept.restart(mixed, now)

    def _forecast_anew(self, mixed: Mixed, recalled: Sample) -> bool:
        """Whether items are so unlike those of calls before that the map goes elsewhere; its forecast is made anew."""
        mean = promise.seconds_a_task(self._recorder)
        if mean is None or known.as_long(mean, recalled.mean_seconds):
            return False
        from breakeven.executor.prospect import prospect_of

        sample = self._recalled = replace(recalled, mean_seconds=mean, spread_seconds=mean / 2, error=0.3)
        mixed.seconds_an_item = mean
        left = mixed.stream.remaining or 1
        choice = choose(sample, self.situation(left, known_length=True, warm=True), known.profile())
        self._recorder.forecast = prospect_of(choice, clock() - self._recorder.began, sample)
        if choice.forecast.backend != "serial":
            return False
        self.go(mixed, choice)
        return True

    def _end_trial(self, mixed: Mixed, gain: float, kept: Promise) -> None:
        """Threads were tried: they stay, or the GIL is what holds them up."""
        self._trial = False
        workers = mixed.facts["workers"]
        self._tried_in_crowd = workers + running_elsewhere(workers) > self._cpus
        self.noticing.gil = gil_share_of(gain, self.sample() or self.noticing.sample(), workers, known.profile())
        if gain >= TRIAL_GAIN:
            mixed.tick_seconds = promise.WINDOW_SECONDS
            kept.restart(mixed, clock())
        left = mixed.stream.remaining
        choice = self._choose(left, warm=self.warm) if left != 0 else None
        if choice is not None and (choice.forecast.backend != "threads" or gain < TRIAL_GAIN):
            self.go(mixed, choice)

    def _break_off(self, mixed: Mixed, gain: float) -> None:
        """What was promised is not kept: come back, and think again later."""
        where = mixed.facts["backend"]
        self._handicap = max(self._handicap, 1.0 / max(gain, 0.05))
        self._not_before = clock() + self._back_off
        self._back_off *= 2
        self._promise = None
        self._broken = True
        reason = f"{where} did {gain:.2f} times the work of the loop, where more was promised"
        self._recorder.note(f"came back from {where}: {reason}")
        mixed.to_serial()
        self._moved("serial", reason)

    def _reconsider(self, mixed: Mixed) -> None:
        """In the calling thread again: is there something better by now?"""
        observed = self.noticing.observed
        if clock() < self._not_before or observed.seconds < self._due_seconds or not mixed.stream.has_more:
            return
        self._due_seconds = observed.seconds * AGAIN
        if not observed.items:
            return
        self._handicap = 1.0 + (self._handicap - 1.0) / 2
        choice = self._choose(mixed.stream.remaining, warm=self.warm)
        if choice.forecast.backend != "serial":
            self.go(mixed, choice)

    # --- from call to call ---

    def recall(self, recalled: known.Known, items: int) -> Choice | None:
        """Choose by what calls before have shown; None where this one has to be seen, too."""
        sample = recalled.sample
        expected = items * sample.mean_seconds
        calls = self.calls_before
        doubled = calls and not calls & (calls - 1)  # twice as many may be worth a start by now
        settled = expected < WORTH_CHOOSING_SECONDS and not doubled
        stands = settled or (recalled.choice.clear and not sample.refusal)
        stands = stands and recalled.covers(items, self._terms())
        if not stands and (sample.refusal or not sample.weighed):  # it was of the items before, or nobody weighed any
            return None
        self._handicap = 1.0 + FORGIVEN * (recalled.handicap - 1.0)
        self.noticing.recall(sample)
        if sample.error >= known.DOUBTED:  # how long items take has to be seen anew
            return None
        self._recalled = self._chosen_by = sample
        if stands:
            self.choice, self._due_seconds = recalled.choice, known.MISTAKEN * expected
        else:
            self.choice = self._chosen(sample, self._situation(items, known_length=True, warm=self.warm))
            self._due_seconds = LOOK_AGAIN_SHARE * expected
        return self.choice

    def learn(self, mixed: Mixed | None, mean_seconds: float | None = None) -> None:
        """The call is over: remember what it showed of the function and of a start; items took `mean_seconds` here."""
        sample, choice, items = self.sample(), self.choice, self._recorder.items
        if sample is None or choice is None:
            return
        if mean_seconds is not None and not self.noticing.observed.items:  # it was over before anybody looked
            agrees = known.as_long(mean_seconds, sample.mean_seconds)
            sample = sample if agrees else replace(sample, mean_seconds=mean_seconds)
        if sample.mean_seconds and items:
            stands = not self._broken and (self._chosen_by is None or known.alike(sample, self._chosen_by))
            learnt = known.Known(
                sample=replace(sample, gil_share=None) if self._tried_in_crowd else sample,
                items=items if stands else 0,
                choice=choice,
                terms=self._terms(),
                handicap=self._handicap,
            )
            there = promise.seconds_a_task(self._recorder)
            if there is not None and mixed is not None and mixed.facts["backend"] != "serial":
                crowded = promise.crowded(self._recorder)
                learnt = learnt.done_elsewhere(there, mixed.facts["backend"], broken=self._broken, crowded=crowded)
            known.remember(self._work.fn, learnt)
        if mixed is None:
            return
        stayed = mixed.stream.shared is None and len(self.moves) == 1  # what comes again is copied once
        if stayed and self._lesson is not None and sample.weighed:
            self._lesson.learn(sample, mixed.pickling_seconds)
        if mixed.started_seconds is not None:
            known.learn_start(str(mixed.facts["start_method"]), mixed.facts["workers"], mixed.started_seconds)
