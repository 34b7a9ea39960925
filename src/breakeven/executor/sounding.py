"""The first items of a call in one worker: for a plan whose function is never called in this process.

Lives here: how many are done, and what is left. Never here: what is learnt from the worker (`hearsay`), or how the rest
is run (`away`).
"""

from __future__ import annotations

from itertools import islice
from time import perf_counter as clock

from breakeven.backends.crews import Crews, drive
from breakeven.engine.stream import sliceable
from breakeven.executor.hearsay import Hearsay
from breakeven.ledger.recorder import Recorder
from breakeven.records import replace
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.stream import Stream
    from breakeven.work import Options

LEAST_ITEMS = 3  # where they are short
LONGEST_SECONDS = 1.0  # whatever is known by then: items that hang or kill the worker tell nothing
ROUND_SECONDS = 2e-3  # of work that is asked for at a time,
GROWTH = 8  # and at most so many times the items of the time before


class Sounding:
    """What became of the first items: `results`, and the `error` that an item or the input has raised, if any."""

    def __init__(
        self, work: Work, options: Options, *, most_seconds: float, least_seconds: float, share: float
    ) -> None:
        """Do as many as take `share` of what all would, within these seconds of work."""
        self.results: list[Any] = []
        self.error: BaseException | None = None
        self.heard = Hearsay(Recorder())
        self.ready = 0  # workers that stand ready from now on
        self._bounds = most_seconds, least_seconds, share
        self._work = work
        self.rest = self._sound(Crews(replace(options, backend="processes")))

    def _sound(self, crews: Crews) -> Work:
        work, heard = self._work, self.heard
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
            self.error = error
        finally:
            crews.give_back(crew)
            self.ready = 0 if crew.closed else len(crew.members)
        return Work(work.fn, source, mode=work.mode, length=work.length, options=work.options, first=at)

    def _enough(self) -> bool:
        observed, length = self.heard.observed, self._work.length
        most, least, share = self._bounds
        if observed.items < 2 or (observed.items < LEAST_ITEMS and observed.steady_seconds < most):  # noqa: PLR2004 - the first is so often warm-up
            return False
        if length is not None:
            most = min(most, max(share * length * observed.steady_seconds / observed.items, least))
        return observed.steady_seconds > most

    def _next_size(self, size: int) -> int:
        observed = self.heard.observed
        if observed.items < LEAST_ITEMS:
            return 1
        mean = observed.steady_seconds / observed.items
        return max(min(size * GROWTH, int(ROUND_SECONDS / max(mean, 1e-9))), 1)
