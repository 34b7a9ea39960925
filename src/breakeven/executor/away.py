"""A call that may run in worker processes alone: begun there, forecast from what they tell, done by as many as pay.

Lives here: when a forecast is due, and when another worker is started. Never here: what is learnt from workers
(`hearsay`), the arithmetic (`model`), the rule (`planning.choice`), or a call of the user's function in this process.

Rent or buy once more: where the function is feared (`sample="worker"`), one worker begins. The others are started once
a forecast says that they pay, or once the first has worked for as long as starting them takes. Where it is not feared
(a timeout, an initializer), all are started at once, and the forecast is made all the same.
"""

from __future__ import annotations

from time import perf_counter as clock

from breakeven.backends.crews import Crews, drive
from breakeven.engine import protocol
from breakeven.executor import known
from breakeven.executor.hearsay import Hearsay
from breakeven.executor.prospect import prospect_of
from breakeven.ledger import recorder as states
from breakeven.planning.choice import Situation, choose_workers
from breakeven.planning.chunks import WINDOW
from breakeven.planning.validate import only_processes
from breakeven.probes.capacity import memory_limit_bytes
from breakeven.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from breakeven.engine.dispatch import Crew
    from breakeven.engine.stream import Stream
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice
    from breakeven.work import Options, Work

ENOUGH_SECONDS = 4e-3  # of work seen, before anything is forecast,
ENOUGH_ITEMS = 2  # the first being so often warm-up
AGAIN = 1.6  # from one forecast to the next, in seconds of work seen, while there are fewer workers than might be


class Away:
    """One call in worker processes alone."""

    def __init__(self, options: Options, planned: tuple[Choice, Sample] | None = None) -> None:
        """`planned` is what a plan has chosen, and by what."""
        self._options = options
        self._planned = planned
        self._choice = None if planned is None else planned[0]
        self._crews = Crews(replace(options, backend="processes"))
        self._one_first = options.sample == "worker"
        self._deaf = options.sample == "none"
        self._answered_at: float | None = None  # when the first worker stood ready
        self._patience_ended = False
        self._due_seconds = ENOUGH_SECONDS  # of work seen: when to forecast next

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return self._crews.describe()

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """The results, in blocks."""
        crews = self._crews
        recorder.choice = f"processes, since {only_processes(self._options)}"
        crew = crews.acquire(recorder)
        if self._planned is not None:
            crew.max_workers = max(self._planned[0].forecast.workers, len(crew.members))
            self._tell(recorder, *self._planned)
        elif self._one_first:
            crew.max_workers = max(len(crew.members), 1)
        heard = Hearsay(recorder)

        def turn(stream: Stream) -> float | None:
            return self._steer(crew, stream, heard)

        window = WINDOW * crews.workers if bounded else None
        try:
            yield from drive(crew, work, ordered=ordered, window=window, turn=None if self._deaf else turn)
        finally:
            recorder.mark(states.STOP)
            crews.give_back(crew)

    def _steer(self, crew: Crew, stream: Stream, heard: Hearsay) -> float | None:
        """Forecast where that is due, and have more workers where they pay; how long to wait for the next word."""
        wide = crew.max_workers >= self._crews.workers
        if wide and self._choice is not None:  # nothing is left to decide, and listening takes 10 µs
            return None
        heard.listen()
        observed, length = heard.observed, stream.length
        if length is not None and observed.items >= ENOUGH_ITEMS and observed.steady_seconds >= self._due_seconds:
            self._due_seconds = AGAIN * observed.seconds
            left = length - stream.work.first - heard.items
            if left > 0:
                sample = heard.sample()
                choice = self.choose(sample, left, len(crew.members))
                self._tell(crew.recorder, choice, sample)
                self._choice = choice
                return _widen(crew, choice.forecast.workers)
        if wide or self._choice is not None or self._patience_ended:
            return None
        if all(member.state == protocol.STARTING for member in crew.members):
            return None
        now = clock()
        self._answered_at = self._answered_at or now
        patience = self._answered_at + self._others_seconds() - now
        if patience > 0:
            return patience
        self._patience_ended = True  # once: the system may refuse more workers, and would be asked for ever
        return _widen(crew, self._crews.workers)

    def choose(self, sample: Sample, items: int, ready: int) -> Choice:
        """How many workers, by what is known of the function; `ready` of them are there."""
        options = self._options
        situation = Situation(
            items=items,
            known=True,
            cpus=known.cpus(),
            max_workers=options.max_workers,
            start_method=self._method(),
            memory_limit=options.memory_limit or memory_limit_bytes(),
        )
        return choose_workers(sample, situation, known.profile(), ready)

    def _method(self) -> str:
        return known.start_method(self._crews.method)

    def _others_seconds(self) -> float:
        """What starting all the others takes."""
        profile, method = known.profile(), self._method()
        return profile.start_up(method, self._crews.workers) - profile.start_up(method, 1)

    def _tell(self, recorder: Recorder, choice: Choice, sample: Sample) -> None:
        recorder.choice = f"{choice.forecast.title}, since {only_processes(self._options)}; {choice.reason}"
        recorder.forecast = prospect_of(choice, clock() - recorder.began, sample)


def _widen(crew: Crew, workers: int) -> float | None:
    """Have as many workers, where there are fewer; 0 if they are to be fed at once."""
    if workers <= crew.max_workers:
        return None
    crew.widen(workers)
    return 0.0
