"""The first items of a call in the calling thread, for a plan: how many, which others, and what they show.

Lives here: sampling that is work. Never here: what is noticed of an item (`noticing`), the rule (`planning.choice`), or
a call whose function may not be called here (`sounding`).
"""

from __future__ import annotations

from time import perf_counter as clock
from time import process_time

from breakeven import work as nouns
from breakeven.backends.serial import Loop
from breakeven.engine.stream import sliceable
from breakeven.executor import known
from breakeven.executor.prospect import breakeven_of
from breakeven.executor.steering import Steering
from breakeven.ledger.recorder import Recorder
from breakeven.planning.choice import choose
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from breakeven.executor.auto import Auto
    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice
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


class Sampling:
    """What became of the items that were sampled: `results`, and the `choice` that follows."""

    def __init__(self, work: Work, options: Options) -> None:
        self.results: list[Any] = []
        self._work = work
        recorder = Recorder()
        self._loop = Loop(work, recorder, bounded=False)
        self.steering = Steering(work, recorder, options)
        self.steering.noticing.count_memory()
        self._sample_some()
        self._sample_ahead()
        left = None if work.length is None else max(work.length - self._loop.count - len(work.early), 0)
        if self.results:
            self.steering.weigh(self._loop.items, self.results)
        self._situation = self.steering.situation(
            max(self.steering.noticing.observed.items, 1) if left is None else left,
            known_length=left is not None,
            warm=self.steering.warm,
        )
        self.choice = self.steering.choice = choose(self.sample, self._situation, known.profile())

    @property
    def sample(self) -> Sample:
        """What is known of the function."""
        return self.steering.noticing.sample()

    @property
    def sampled(self) -> int:
        """How many items are done."""
        return len(self.results) + len(self._work.early)

    def break_even(self, choice: Choice) -> dict[str, Any] | None:
        """From how many items, and of which length, something else than the loop is quicker."""
        return breakeven_of(choice, self.sample, self._situation, known.profile())

    def rest(self, auto: Auto, recorder: Recorder, choice: Choice) -> Iterable[list[Any]]:
        """The results of all other items, wherever they are made."""
        loop, work = self._loop, self._work
        loop.hand_over(recorder)
        self.steering.hand_over(recorder)
        if loop.done or loop.failed:
            return loop.blocks()
        rest = Work(work.fn, loop.rest, mode=work.mode, length=work.length, options=work.options, first=loop.count)
        rest.early = work.early
        return auto.follow(rest, recorder, self.steering, choice)

    def _sample_some(self) -> None:
        """Do the first items: enough to know what one costs, little against what all of them take."""
        loop, probe = self._loop, None
        began, cpu = clock(), process_time()
        try:
            while not (loop.done or loop.failed):
                before, seconds = loop.count, loop.seconds
                values = loop.block()
                self.results += values
                used = process_time()
                if loop.count > before:
                    self.steering.noticing.worked(loop.count - before, loop.seconds - seconds, used - cpu)
                if self._enough(loop):
                    break
                if probe is None and clock() - began > PROBE_AFTER_SECONDS:
                    probe = self._probe()
                cpu = process_time()
        finally:
            if probe is not None:
                self.steering.noticing.gil_seen(probe.stop(), probe.looks, probe.queued_share)

    def _sample_ahead(self) -> None:
        """Do items further on, where they can be reached: what comes may be dearer than what the first items show.

        One that raises ends this; `run` raises it in its turn.
        """
        work, loop = self._work, self._loop
        single, length, observed = loop.rest, work.length, self.steering.noticing.observed
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
