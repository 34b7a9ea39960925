"""The first items of a call in one worker: for a plan whose function is never called in this process.

Lives here: how many are done, and what is left. Never here: what is learnt from the worker (`hearsay`), or how the rest
is run (`away`).
"""

from __future__ import annotations

from itertools import islice
from time import perf_counter as clock

from breakeven.backends.crews import Crews, drive
from breakeven.engine.stream import sliceable
from breakeven.executor.away import Away
from breakeven.executor.hearsay import Hearsay
from breakeven.executor.sampling import LEAST_ITEMS, LEAST_SECONDS, SAMPLE_SECONDS, SAMPLE_SHARE
from breakeven.ledger.recorder import Recorder
from breakeven.records import replace
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from breakeven.engine.stream import Stream
    from breakeven.executor.auto import Auto
    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice
    from breakeven.work import Options

LONGEST_SECONDS = 1.0  # whatever is known by then: items that hang or kill the worker tell nothing
ROUND_SECONDS = 2e-3  # of work that is asked for at a time,
GROWTH = 8  # and at most so many times the items of the time before


class Sounding:
    """What became of the items that were sampled: `results`, and the `choice` that follows."""

    def __init__(self, work: Work, options: Options) -> None:
        self.results: list[Any] = []
        self._error: BaseException | None = None
        self._heard = Hearsay(Recorder())
        self._ready = 0  # workers that stand ready from now on
        self._work = work
        self._left = self._sound(Crews(replace(options, backend="processes")))
        items = self.sampled or 1 if work.length is None else max(work.length - self.sampled, 0)
        self.choice = Away(options).choose(self.sample, items, self._ready)

    @property
    def sample(self) -> Sample:
        """What is known of the function."""
        return self._heard.sample()

    @property
    def sampled(self) -> int:
        """How many items are done."""
        return len(self.results)

    def break_even(self, choice: Choice) -> None:
        """None: what a loop in this process would take does not matter where the function may not be called in it."""

    def rest(self, auto: Auto, recorder: Recorder, choice: Choice) -> Iterator[list[Any]]:
        """The results of all other items, made in worker processes."""
        if self._error is not None:
            raise self._error
        return auto.go_away(self._left, recorder, ordered=True, bounded=False, planned=(choice, self.sample))

    def _sound(self, crews: Crews) -> Work:
        work, heard = self._work, self._heard
        whole = sliceable(work.source)
        source: Any = work.source if whole else iter(work.source)
        at, size = work.first, 1
        crew = crews.acquire(heard.recorder)
        crew.max_workers = 1
        began = clock()

        def turn(_: Stream) -> None:
            heard.listen()

        try:
            function = crew.function(work.fn, work.options.seed)  # once, whatever is bound to it
            while not (self._enough() or clock() - began > LONGEST_SECONDS):
                items = source[at : at + size] if whole else list(islice(source, size))
                if not len(items):
                    break
                until = at + len(items)
                part = Work(work.fn, iter(items), mode=work.mode, length=until, options=work.options, first=at)
                at = until
                for block in drive(crew, part, ordered=True, window=None, turn=turn, function=function):
                    self.results += block
                size = self._next_size(size)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - raised in its turn
            self._error = error
        finally:
            crews.give_back(crew)
            self._ready = 0 if crew.closed else len(crew.members)
        return Work(work.fn, source, mode=work.mode, length=work.length, options=work.options, first=at)

    def _enough(self) -> bool:
        observed, length = self._heard.observed, self._work.length
        most = SAMPLE_SECONDS
        if observed.items < 2 or (observed.items < LEAST_ITEMS and observed.steady_seconds < most):  # noqa: PLR2004 - the first is so often warm-up
            return False
        if length is not None:
            most = min(most, max(SAMPLE_SHARE * length * observed.steady_seconds / observed.items, LEAST_SECONDS))
        return observed.steady_seconds > most

    def _next_size(self, size: int) -> int:
        observed = self._heard.observed
        if observed.items < LEAST_ITEMS:
            return 1
        mean = observed.steady_seconds / observed.items
        return max(min(size * GROWTH, int(ROUND_SECONDS / max(mean, 1e-9))), 1)
