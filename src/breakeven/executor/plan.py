"""`be.plan`: sample and forecast only, and go on from there when asked to; no item is ever called twice.

Lives here: the plan that users hold. Never here: arithmetic (`model`), the rule (`planning.choice`), or layout.
"""

from __future__ import annotations

from time import perf_counter as clock
from time import process_time

from breakeven import work as nouns
from breakeven.backends.serial import Loop
from breakeven.engine.stream import sliceable
from breakeven.executor import Results, known, work_of
from breakeven.executor.auto import Auto
from breakeven.executor.prospect import breakeven_of, prospect_of
from breakeven.executor.steering import Steering
from breakeven.ledger.recorder import Recorder
from breakeven.planning.choice import choose
from breakeven.planning.validate import only_processes, options_from
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice, Situation
    from breakeven.work import Options

EACH = (nouns.ONE, nouns.STAR)
SAMPLE_SECONDS = 50e-3  # of work done for a plan, at most (an item is never cut short),
SAMPLE_SHARE = 0.05  # or so much of the best forecast, if that is less
LEAST_SECONDS = 5e-3
PROBE_AFTER_SECONDS = 2e-3  # of sampling: a probe of the GIL is started for more than that
LEAST_ITEMS = 3  # where they are short
STRATA = (0.25, 0.5, 0.75, 1.0)  # of the items: where a few more are done, if they can be reached
STRATUM_SECONDS = 100e-6  # of work at each of these, or one item
STRATA_ITEMS = 16  # left from which that is worth it


class Plan:
    """What would be chosen for a call, every way's forecast, the break-even, and why; printed it is a table.

    The items that were sampled are done and their results kept: `run` goes on with the rest.
    """

    def __init__(self, work: Work, options: Options) -> None:
        self._options = options
        self._work = work
        self._results: list[Any] = []
        self._ran = False
        self._recorder = Recorder()
        self._loop = Loop(work, self._recorder, bounded=False)
        self._steering = Steering(work, self._recorder, options)
        self._steering.noticing.count_memory()
        self._sample_some()
        self._sample_ahead()
        self._choice, self._situation = self._choose()

    # --- what is planned ---

    @property
    def choice(self) -> str:
        """The way that would be taken: "serial", "2 threads", "2 processes (fork)"."""
        return self._choice.forecast.title

    @property
    def backend(self) -> str:
        """The backend that would be taken: "serial", "threads" or "processes"."""
        return self._choice.forecast.backend

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return self._choice.reason

    @property
    def sample(self) -> Sample:
        """What is known of the function."""
        return self._steering.noticing.sample()

    @property
    def sampled(self) -> int:
        """How many items are done."""
        return len(self._results) + len(self._work.early)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what JSON can hold; seconds are those of the items that are left."""
        sample = self.sample
        return {
            "name": self._work.name,
            "items": None if self._work.length is None else self._choice.items,
            "sampled": self.sampled,
            "profile": known.profile().source,
            **prospect_of(self._choice, 0.0, sample),
            "break_even": self._break_even(),
        }

    def _break_even(self) -> dict[str, Any] | None:
        return breakeven_of(self._choice, self.sample, self._situation, known.profile())

    def __str__(self) -> str:
        from breakeven.report.outlook import plan_table

        return plan_table(self.to_dict(), self._work.name)

    def __repr__(self) -> str:
        return f"<Plan of {self._work.name!r}: {self.choice}, {self.sampled} items done>"

    # --- going on ---

    def run(self) -> Results:
        """Do the rest where it was planned, and return all results in input order; once only.

        Raises what the first item that failed raised, as `map` does.
        """
        if self._ran:
            from breakeven.errors import UsageError

            raise UsageError("this plan has been run; plan again to call the function on the items again")
        self._ran = True
        recorder = Recorder()
        results = Results(self._results)
        auto = Auto(self._options)
        blocks = self._blocks(auto, recorder)
        try:
            for block in blocks:
                results.extend(block)
        finally:
            recorder.finish()
        results._recording = lambda: recorder.recording(name=self._work.name, **auto.describe())  # noqa: SLF001 - ours
        return results

    def _blocks(self, auto: Auto, recorder: Recorder) -> Iterable[list[Any]]:
        loop, work = self._loop, self._work
        loop.hand_over(recorder)
        self._steering.hand_over(recorder)
        if loop.done or loop.failed:
            return loop.blocks()
        rest = Work(work.fn, loop.rest, mode=work.mode, length=work.length, options=work.options, first=loop.count)
        rest.early = work.early
        return auto.follow(rest, recorder, self._steering, self._choice)

    # --- sampling ---

    def _sample_some(self) -> None:
        """Do the first items: enough to know what one costs, little against what all of them take."""
        loop, probe = self._loop, None
        began, cpu = clock(), process_time()
        try:
            while not (loop.done or loop.failed):
                before, seconds = loop.count, loop.seconds
                values = loop.block()
                self._results += values
                used = process_time()
                if loop.count > before:
                    self._steering.noticing.worked(loop.count - before, loop.seconds - seconds, used - cpu)
                if self._enough(loop):
                    break
                if probe is None and clock() - began > PROBE_AFTER_SECONDS:
                    probe = self._probe()
                cpu = process_time()
        finally:
            if probe is not None:
                self._steering.noticing.gil_seen(probe.stop(), probe.looks)

    def _sample_ahead(self) -> None:
        """Do items further on, where they can be reached: what comes may be dearer than what the first items show.

        One that raises ends this; `run` raises it in its turn.
        """
        work, loop = self._work, self._loop
        single, length, observed = loop.rest, work.length, self._steering.noticing.observed
        each_on_its_own = work.options.on_error != "raise" or bool(work.options.retries) or work.mode not in EACH
        if each_on_its_own or loop.failed or length is None or not sliceable(single):
            return
        if length - loop.count < STRATA_ITEMS:
            return
        mean = observed.steady_seconds / max(observed.items, 1)
        size = max(min(int(STRATUM_SECONDS / max(mean, 1e-9)), (length - loop.count) // STRATA_ITEMS), 1)
        most = max(SAMPLE_SHARE * mean * length, LEAST_SECONDS)
        for share in STRATA:
            start = max(int(share * length) - size, loop.count)
            seconds = self._do_early(start, single[start : start + size])
            if seconds is None:
                return
            observed.add_ahead(start / length, size, seconds)
            if seconds > most:
                return

    def _do_early(self, start: int, items: Any) -> float | None:
        """Seconds of so many items before their turn; None where one has raised."""
        work, at = self._work, start
        before = nouns.enter(work.options.seed, lambda: at)
        try:
            began = clock()
            for at, item in enumerate(items, start):
                work.early[at] = work.fn(*item) if work.mode == nouns.STAR else work.fn(item)
            return clock() - began
        except Exception as error:  # noqa: BLE001 - raised in its turn
            error.add_note(f"(item {at})")
            work.early[at] = nouns.Raised(error)
            return None
        finally:
            nouns.leave(before)

    def _enough(self, loop: Loop) -> bool:
        if loop.count == 1:  # the first is so often warm-up
            return False
        seconds = loop.seconds - loop.first_seconds
        if seconds > SAMPLE_SECONDS:
            return True
        if self._work.length is None:
            return False
        whole = seconds / max(loop.count - 1, 1) * self._work.length
        return loop.count >= LEAST_ITEMS and seconds > max(SAMPLE_SHARE * whole / 2, LEAST_SECONDS)

    def _probe(self) -> Any:
        from _thread import get_ident

        from breakeven.backends.pressure import GilProbe

        probe = GilProbe(watched=get_ident())
        probe.start()
        return probe

    def _choose(self) -> tuple[Choice, Situation]:
        loop, steering = self._loop, self._steering
        left = None if self._work.length is None else max(self._work.length - loop.count - len(self._work.early), 0)
        if self._results:
            steering.weigh(self._loop.items, self._results)
        situation = steering.situation(
            max(steering.noticing.observed.items, 1) if left is None else left,
            known_length=left is not None,
            warm=steering.warm,
        )
        choice = choose(self.sample, situation, known.profile())
        steering.choice = choice
        return choice, situation


class PlanAway(Plan):
    """The plan of a call that may run in worker processes alone: its first items are done in one."""

    def __init__(self, work: Work, options: Options) -> None:
        from breakeven.executor.away import Away
        from breakeven.executor.sounding import Sounding

        self._options = options
        self._ran = False
        done = self._done = Sounding(
            work, options, most_seconds=SAMPLE_SECONDS, least_seconds=LEAST_SECONDS, share=SAMPLE_SHARE
        )
        self._results, self._work = done.results, done.rest
        left = None if work.length is None else max(work.length - len(done.results), 0)
        self._choice = Away(options).choose(self.sample, self.sampled or 1 if left is None else left, done.ready)

    @property
    def sample(self) -> Sample:
        """What is known of the function."""
        return self._done.heard.sample()

    @property
    def sampled(self) -> int:
        """How many items are done."""
        return len(self._results)

    def _break_even(self) -> None:
        """None: what a loop in this process would take does not matter where the function may not be called in it."""

    def _blocks(self, auto: Auto, recorder: Recorder) -> Iterable[list[Any]]:
        if self._done.error is not None:
            raise self._done.error
        return auto.go_away(self._work, recorder, ordered=True, bounded=False, planned=(self._choice, self.sample))


def plan(fn: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> Plan:
    """Sample `fn` on the first items and forecast every way to run the rest; options as for `map`.

    The items sampled are really done, their results kept: `plan.run()` goes on from there. A task that raises while it
    is sampled ends the sampling; `run` raises it.

    >>> import breakeven as be
    >>> plan = be.plan(abs, range(-5, 5))
    >>> plan.backend
    'serial'
    >>> plan.run()
    [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    """
    chosen = options_from(options)
    return plan_of(work_of(fn, iterables, chosen, star=False), chosen)


def plan_of(work: Work, options: Options) -> Plan:
    """The plan of a call: sampled in the calling thread, or in a worker where the function may not be called here."""
    if options.sample == "none":
        from breakeven.errors import UsageError

        raise UsageError("sample is 'none', but a plan goes by a sample; give 'here' or 'worker'", "sample")
    return PlanAway(work, options) if only_processes(options) else Plan(work, options)
