"""How things are timed: interleaved blocks in random order, warm-up until it is over, and a canary around each block.

Lives here: the order of calls and when to stop. Never here: what is timed, or what follows from it (`statistics`).

A block calls every case once, in an order drawn anew, so that what changes on the machine changes for all of them.
Before the first block every case is called until two batches in a row agree; how many calls that took is told. The
canary, a fixed piece of arithmetic and a fixed copy, runs around each block: where its time moves by more than 3 %, so
did the machine, and the block is counted as disturbed. None is left out. Ctrl-C ends it with what there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter as clock

import numpy as np

from breakeven.lab.measuring.statistics import median, median_interval

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

LEAST_BLOCKS = 11
MOST_BLOCKS = 101
NARROW = 0.025
"""Half the width of an interval, as a share of its median, that is narrow enough to stop."""
WARM_BATCH = 3
WARM_AGREE = 0.05
WARM_SHARE = 0.1
WARM_MOST_SECONDS = 3.0
DRIFT = 0.03
CANARY_TURNS = 20_000
CANARY_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to be timed: `once()` does it and returns a figure, or several by name, in whatever unit."""

    name: str
    once: Callable[[], float | Mapping[str, float]]


@dataclass(slots=True)
class Taken:
    """What came of it: `samples[case][quantity]`, one a block; a lone figure has the quantity's name ""."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    drifts: list[float] = field(default_factory=list)
    canaries: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0
    narrow: bool = False
    warm_only: bool = False
    interrupted: bool = False

    @property
    def blocks(self) -> int:
        """How many whole blocks were taken."""
        return len(self.drifts)

    @property
    def disturbed(self) -> int:
        """In how many of them the canary moved by more than 3 %."""
        return sum(drift > DRIFT for drift in self.drifts)

    def of(self, case: str, quantity: str = "") -> tuple[float, ...]:
        """Return the samples of one case, none where it was not reached."""
        return tuple(self.samples.get(case, {}).get(quantity, ()))

    def facts(self) -> dict[str, Any]:
        """Return what belongs into the conditions of a finding."""
        return {
            "blocks": self.blocks,
            "disturbed_blocks": self.disturbed,
            "warm_up_calls_dropped": sum(self.dropped.values()),
            "intervals_within_2.5_percent": self.narrow,
            "samples_from_warm_up": self.warm_only,
            "measuring_seconds": round(self.seconds, 3),
            **self._pace(),
        }

    def _pace(self) -> dict[str, float]:
        """How fast the machine was, by the canary; nothing before the first block."""
        names = ("canary_arithmetic_us", "canary_copy_us")
        columns = zip(*self.canaries, strict=True)
        return {name: round(median(column) * 1e6, 1) for name, column in zip(names, columns, strict=False)}


def take(
    cases: Iterable[Case],
    *,
    budget_seconds: float,
    seed: int = 0,
    least: int = LEAST_BLOCKS,
    most: int = MOST_BLOCKS,
    always: int = 1,
    warm: bool = True,
) -> Taken:
    """Time the cases in interleaved blocks until every median is known within 2.5 %, or the budget is spent.

    `always` blocks are taken whatever the budget; `least` blocks if the budget lasts. `warm=False` is for what may
    be done only once or is to be cold. `KeyboardInterrupt` ends it early: the samples so far are returned, marked.

    >>> turns = iter(range(1000))
    >>> taken = take([Case("count", lambda: float(next(turns)))], budget_seconds=5, least=3, most=3, warm=False)
    >>> taken.of("count"), taken.blocks, taken.interrupted
    ((0.0, 1.0, 2.0), 3, False)
    """
    chosen = list(cases)
    taken = Taken()
    warmed: dict[str, float | Mapping[str, float]] = {}
    rng = np.random.default_rng(seed)
    began = clock()
    try:
        if warm and chosen:
            warm_seconds = min(WARM_SHARE * budget_seconds, WARM_MOST_SECONDS) / len(chosen)
            for case in chosen:
                taken.dropped[case.name], warmed[case.name] = _warm_up(case, warm_seconds)
        before = _canary()
        while taken.blocks < most and (taken.blocks < always or _worth_another(taken, began, budget_seconds)):
            for at in rng.permutation(len(chosen)):
                _keep(taken, chosen[at].name, chosen[at].once())
            after = _canary()
            taken.canaries.append(after)
            taken.drifts.append(max(abs(late / early - 1) for early, late in zip(before, after, strict=True)))
            before = after
            taken.narrow = taken.blocks >= least and _all_narrow(taken)
            if taken.narrow:
                break
    except KeyboardInterrupt:
        taken.interrupted = True
        if not taken.samples:  # better the last call of each warm-up, which is said, than nothing
            taken.warm_only = True
            for name, value in warmed.items():
                _keep(taken, name, value)
    taken.seconds = clock() - began
    return taken


def _worth_another(taken: Taken, began: float, budget_seconds: float) -> bool:
    """Whether another block, as long as those so far, ends within the budget."""
    spent = clock() - began
    return spent + spent / (taken.blocks + 1) <= budget_seconds


def _warm_up(case: Case, budget_seconds: float) -> tuple[int, float | Mapping[str, float]]:
    """Call a case until two batches in a row agree within 5 %, or its share of time is spent.

    Returns how often it was called, and what it returned last.
    """
    began = clock()
    calls = 0
    last: float | None = None
    value: float | Mapping[str, float] = 0.0
    while True:
        batch = []
        for _ in range(WARM_BATCH):
            value = case.once()
            batch.append(_first(value))
            calls += 1
            if clock() - began >= budget_seconds:
                return calls, value
        now = median(batch)
        if last is not None and abs(now - last) <= WARM_AGREE * abs(last):
            return calls, value
        last = now


def _first(value: float | Mapping[str, float]) -> float:
    return value if isinstance(value, (int, float)) else next(iter(value.values()))


def _keep(taken: Taken, name: str, value: float | Mapping[str, float]) -> None:
    kept = taken.samples.setdefault(name, {})
    figures = {"": float(value)} if isinstance(value, (int, float)) else value
    for quantity, figure in figures.items():
        kept.setdefault(quantity, []).append(float(figure))


def _all_narrow(taken: Taken) -> bool:
    """Whether the first quantity of every case is known well enough."""
    return all(
        median_interval(next(iter(quantities.values()))).half_width_share <= NARROW
        for quantities in taken.samples.values()
    )


def _canary() -> tuple[float, float]:
    """Seconds of a fixed piece of arithmetic and of a fixed copy, the best of five: about 6 ms in all."""
    source = bytearray(CANARY_BYTES)
    return _best(_spin), _best(lambda: bytes(source))


def _spin() -> None:
    total = 0
    for turn in range(CANARY_TURNS):
        total += turn


def _best(work: Callable[[], object]) -> float:
    least = float("inf")
    for _ in range(5):
        began = clock()
        work()
        least = min(least, clock() - began)
    return least
