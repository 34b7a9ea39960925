"""`be.plan`: sample and forecast only, and go on from there when asked to; no item is ever called twice.

Lives here: the plan that users hold. Never here: arithmetic (`model`), the rule (`planning.choice`), or layout.
"""

from __future__ import annotations

from breakeven.executor import Results, known, work_of
from breakeven.executor.auto import Auto
from breakeven.executor.prospect import prospect_of
from breakeven.ledger.recorder import Recorder
from breakeven.planning.validate import only_processes, options_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice
    from breakeven.work import Options, Work

    class Sampled(Protocol):
        """Items that were done for a plan: in the calling thread (`sampling`), or in a worker (`sounding`)."""

        results: list[Any]
        choice: Choice

        @property
        def sample(self) -> Sample:
            """What is known of the function."""

        @property
        def sampled(self) -> int:
            """How many items are done."""

        def break_even(self, choice: Choice) -> dict[str, Any] | None:
            """From where on the choice is quicker than the loop, where there may be one."""

        def rest(self, auto: Auto, recorder: Recorder, choice: Choice) -> Iterable[list[Any]]:
            """The results of all other items."""


class Plan:
    """What would be chosen for a call, every way's forecast, the break-even, and why; printed it is a table.

    The items that were sampled are done and their results kept: `run` goes on with the rest.
    """

    def __init__(self, work: Work, options: Options, done: Sampled) -> None:
        self._work = work
        self._options = options
        self._done = done
        self._choice = done.choice
        self._ran = False

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
        return self._done.sample

    @property
    def sampled(self) -> int:
        """How many items are done."""
        return self._done.sampled

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what JSON can hold; seconds are those of the items that are left."""
        sample = self.sample
        return {
            "name": self._work.name,
            "items": None if self._work.length is None else self._choice.items,
            "sampled": self.sampled,
            "profile": known.profile().source,
            **prospect_of(self._choice, 0.0, sample),
            "break_even": self._done.break_even(self._choice),
        }

    def __str__(self) -> str:
        from breakeven.report.outlook import plan_table

        return plan_table(self.to_dict(), self._work.name)

    def __repr__(self) -> str:
        return f"<Plan of {self._work.name!r}: {self.choice}, {self.sampled} items done>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - as IPython calls it
        """What IPython and notebooks show of it: the table."""
        printer.text(str(self))

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
        results = Results(self._done.results)
        auto = Auto(self._options)
        try:
            for block in self._done.rest(auto, recorder, self._choice):
                results.extend(block)
        finally:
            recorder.finish()
        results._recording = lambda: recorder.recording(name=self._work.name, **auto.describe())  # noqa: SLF001 - ours
        return results


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
    if only_processes(options):
        from breakeven.executor.sounding import Sounding

        return Plan(work, options, Sounding(work, options))
    from breakeven.executor.sampling import Sampling

    return Plan(work, options, Sampling(work, options))
