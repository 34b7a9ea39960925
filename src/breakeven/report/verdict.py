"""What a ledger comes to: did it pay off, what took the most of the rest, and what to try.

Lives here: the decision, as a table of losses. Never here: layout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from breakeven.ledger.account import CLOCK_SECONDS, Efficiency, Ledger
from breakeven.ledger.states import kind_of
from breakeven.report.wording import count_of, duration, times, where_it_ran, whole_percent

_A_TIE = 0.05
"""Within this share of 1 a speed-up is called none: runs on a shared machine differ by as much."""

_WORTH_NAMING = 0.02
"""A loss below this share of the time is not worth a sentence."""

_LOSSES = {
    "imbalance": ("uneven work between the workers", "smaller chunks, or the longest items first"),
    "idle workers": ("too few items for the workers", "fewer workers, or finer items"),
    "gil_wait": ("threads queueing for the GIL", 'backend="processes"'),
    "runq": ("queueing for a CPU", "fewer workers, or a quieter machine"),
    "pickling": ("pickling", "passing less: arrays or paths in place of many small objects"),
    "transport": ("moving payload", "larger chunks, or arrays, which go through shared memory"),
    "engine": ("dispatch and merging", "larger chunks, or more work an item"),
    "caller": ("pulling the input or consuming the results", "making those cheaper, everything waits for them"),
    "start": ("start-up", "one Executor for many calls, or serial for so little work"),
    "waiting": ("waiting", "looking at the lanes: to_html shows them"),
    "unexplained": ("unexplained time", "reporting it: the ledger should know"),
}
"""Loss → what it is called, what to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence on the whole, and the largest loss with what to try; `loss` is None where there is hardly any."""

    headline: str
    loss: str | None
    loss_share: float
    advice: str

    @property
    def sentence(self) -> str:
        """Write the largest loss and what to try, or that there is none to speak of."""
        if self.loss is None:
            return "no loss worth naming"
        return f"largest loss: {self.loss}, {whole_percent(self.loss_share)}; try {self.advice}"


def verdict_on(ledger: Ledger, efficiency: Efficiency | None) -> Verdict:
    """Judge one run."""
    losses = losses_of(ledger, efficiency)
    worst = max(losses, key=lambda name: losses[name], default=None)
    headline = _headline(ledger, efficiency) + _failed(ledger)
    if worst is None or losses[worst] < _WORTH_NAMING:
        return Verdict(headline=headline, loss=None, loss_share=0.0, advice="")
    called, advice = _LOSSES[worst]
    return Verdict(headline=headline, loss=called, loss_share=losses[worst], advice=advice)


def losses_of(ledger: Ledger, efficiency: Efficiency | None) -> dict[str, float]:
    """Return loss → share: of the elapsed time for what is on the critical path, of the workers' time for the rest."""
    if ledger.seconds < CLOCK_SECONDS:
        return {}
    losses: dict[str, float] = {}
    for category, seconds in ledger.critical_path.items():
        kind = kind_of(category)
        if kind != "compute":
            losses[kind] = losses.get(kind, 0.0) + seconds / ledger.seconds
    workers_seconds = max(1, ledger.workers) * ledger.seconds
    for part in ("gil_wait", "runq"):
        spent = math.fsum((lane.compute_split or {}).get(part, 0.0) for lane in ledger.lanes)
        losses[part] = spent / workers_seconds
    if efficiency is not None and ledger.lanes:
        name = "idle workers" if ledger.items < ledger.workers else "imbalance"
        losses[name] = (1.0 - efficiency.load_balance) * efficiency.communication
    return losses


def _headline(ledger: Ledger, efficiency: Efficiency | None) -> str:
    speedup = ledger.speedup_estimate
    if efficiency is None or speedup is None:
        return f"nothing was computed in {duration(ledger.seconds)}"
    if ledger.backend == "serial":
        return f"ran serially: {whole_percent(efficiency.parallel)} of the time in the function itself"
    outcome = (
        "paid off" if speedup > 1 + _A_TIE else "did not pay off" if speedup < 1 - _A_TIE else "made no difference"
    )
    return f"{outcome}: {times(speedup)} as fast as serial (estimate) on {where_it_ran(ledger)}"


def _failed(ledger: Ledger) -> str:
    return f"; {count_of(len(ledger.failures), 'item')} FAILED" if ledger.failures else ""
