"""The same work on every backend, in rounds, so that a slow minute of the machine hits all of them alike.

Lives here: the order of runs, their times, and the proof that results are equal. Never here: words about them.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from breakeven.ledger.account import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A piece of work: what it is, how it is run on a named backend, and what its results come to."""

    key: str
    title: str
    amount: str
    noun: str
    """What one item is called."""
    work: Callable[[str], Any]
    """Backend → results, with a `report`."""
    fingerprint: Callable[[Any], str]
    """Results → a text that is equal only for equal results."""
    facts: Callable[[Any], Mapping[str, Any]]
    """Results → what they say, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One backend: its runs in the order in which they were made."""

    backend: str
    seconds: tuple[float, ...]
    ledgers: tuple[Ledger, ...]
    fingerprints: tuple[str, ...]

    @property
    def median(self) -> float:
        """Median time of a run."""
        return statistics.median(self.seconds)

    @property
    def typical(self) -> Ledger:
        """Ledger of the run whose time is nearest to the median."""
        nearest = min(range(len(self.seconds)), key=lambda place: abs(self.seconds[place] - self.median))
        return self.ledgers[nearest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All runs of one case; the first entry is serial, which the others are measured by."""

    case: Case
    entries: tuple[Entry, ...]
    facts: Mapping[str, Any]

    @property
    def identical(self) -> bool:
        """Whether every run of every backend gave the same results."""
        return len({text for entry in self.entries for text in entry.fingerprints}) == 1

    @property
    def serial(self) -> Entry:
        """What the others are measured by."""
        return self.entries[0]

    def speedup(self, entry: Entry) -> float:
        """How many times as fast as serial a backend was, by the medians."""
        return self.serial.median / entry.median if entry.median > 0 else 1.0

    @property
    def fastest(self) -> Entry:
        """The backend with the least median."""
        return min(self.entries, key=lambda entry: entry.median)


@dataclass(slots=True)
class _Tally:
    seconds: list[float] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)


def compare(
    case: Case,
    backends: Sequence[str],
    rounds: int,
    tell: Callable[[str], None],
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Run a case `rounds` times on every backend, in turns; the order moves on by one each round.

    Times are taken from outside, around the whole call. `tell` hears what is about to run.
    """
    tallies = {backend: _Tally() for backend in backends}
    facts: Mapping[str, Any] = {}
    for turn in range(rounds):
        for place in range(len(backends)):
            backend = backends[(turn + place) % len(backends)]
            tell(f"{case.title}: round {turn + 1} of {rounds}, {backend}")
            began = clock()
            results = case.work(backend)
            seconds = clock() - began
            tally = tallies[backend]
            tally.seconds.append(seconds)
            tally.ledgers.append(results.report.ledger)
            tally.fingerprints.append(case.fingerprint(results))
            facts = facts or case.facts(results)
    entries = tuple(
        Entry(
            backend=backend,
            seconds=tuple(tally.seconds),
            ledgers=tuple(tally.ledgers),
            fingerprints=tuple(tally.fingerprints),
        )
        for backend, tally in tallies.items()
    )
    return Comparison(case=case, entries=entries, facts=facts)
