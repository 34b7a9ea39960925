"""What the model says before anything is measured here: break-even and METG of the tasks that instruments burn.

Lives here: asking the model. Never here: the model (`breakeven.model`), or what came of it. The machine's profile is
the kept one; where there is none, a full run measures one and does not keep it, since that would change later
decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breakeven.lab import tasks
from breakeven.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from breakeven.model.forecast import Forecast
    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Sample

_TASK_SECONDS = 1e-3
_TASKS = 64


@dataclass(frozen=True, slots=True)
class Expected:
    """A task time that is forecast, with the interval that the forecasts' own 80 % intervals give; None is never.

    >>> print(Expected(2e-4, 1e-4, 4e-4))
    200 µs (100 µs – 400 µs)
    """

    seconds: float | None
    low_seconds: float | None
    high_seconds: float | None

    def __str__(self) -> str:
        if self.seconds is None:
            return "never"
        low, high = (_told(bound) for bound in (self.low_seconds, self.high_seconds))
        return f"{format_seconds(self.seconds)} ({low} – {high})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Break-evens for a number of tasks, workers warm and cold, and what they rest on."""

    warm: Expected
    cold: Expected
    source: str


def of_burning(items: int, workers: int, *, quick: bool) -> Outlook:
    """Forecast from which time on a task that computes is worth processes, for so many tasks and workers."""
    sample, method = _sampled(workers)
    profile = profile_here(quick=quick)
    return Outlook(
        warm=_break_even(sample, items, workers, profile, method, 0.0),
        cold=_break_even(sample, items, workers, profile, method, None),
        source=profile.source,
    )


def metg_of_burning(workers: int, efficiency: float, *, quick: bool) -> float | None:
    """Forecast the shortest task, one a message, that keeps so much of the workers busy."""
    from breakeven.model.forecast import metg_seconds

    sample, _ = _sampled(workers)
    return metg_seconds(sample, workers, profile_here(quick=quick), efficiency)


def profile_here(*, quick: bool) -> MachineProfile:
    """Return the kept profile of this machine; where there is none, an assumed one if quick, else one measured now."""
    global _measured  # noqa: PLW0603 - measuring takes a second: once a process
    import breakeven as be
    from breakeven.executor import calibration

    known = be.machine_profile()
    if quick or known.source != "assumed":
        return known
    if _measured is None:
        _measured = calibration.measure()
    return _measured


_measured: MachineProfile | None = None


def _sampled(workers: int) -> tuple[Sample, str]:
    """What a plan learns of a task of one millisecond, and how it would start processes."""
    import breakeven as be

    rounds = tasks.pace().rounds(_TASK_SECONDS)
    plan = be.plan(tasks.burn, [rounds] * _TASKS, max_workers=workers)
    methods = (one["start_method"] for one in plan.to_dict()["candidates"])
    return plan.sample, next((method for method in methods if method), "fork")


def _break_even(
    sample: Sample, items: int, workers: int, profile: MachineProfile, method: str, start: float | None
) -> Expected:
    from breakeven.model import forecast as model
    from breakeven.records import replace

    def at(bound: str) -> Callable[[Sample, int], Forecast]:
        def parallel(sample: Sample, items: int) -> Forecast:
            found = model.processes(sample, items, workers, profile, method, start_seconds=start)
            return replace(found, seconds=getattr(found, bound))

        return parallel

    bounds = ("seconds", "low_seconds", "high_seconds")
    return Expected(*(model.breakeven_task_seconds(sample, items, at(bound)) for bound in bounds))


def _told(seconds: float | None) -> str:
    return "never" if seconds is None else format_seconds(seconds)
