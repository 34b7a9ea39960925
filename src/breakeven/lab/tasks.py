"""The pieces of work that instruments have done: fixed amounts of computing, never "until the clock says so".

Lives here: tasks that any worker can import, and how many rounds of one take how long on this machine. Never here: who
runs them. A task that spun until a time had passed would look equally quick on a CPU that it shares with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_ROUNDS = 20_000
_LEAST_TIMES = 9
_MOST_TIMES = 400


def burn(rounds: int) -> float:
    """Add so many square roots: computing in pure Python, which holds the GIL, and next to no data.

    >>> burn(3)
    2.414213562373095
    """
    total = 0.0
    for number in range(rounds):
        total += sqrt(number)
    return total


def nothing(item: Any) -> None:
    """Take an item and give nothing back: what is left is the cost of the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What `burn` takes here: `call_seconds + rounds · round_seconds`; `samples` are of seconds a round."""

    call_seconds: float
    round_seconds: float
    samples: tuple[float, ...] = ()

    def rounds(self, seconds: float) -> int:
        """So many rounds take that long, or none where calling takes longer.

        >>> Pace(call_seconds=1e-6, round_seconds=1e-7).rounds(1e-3)
        9990
        """
        return max(0, round((seconds - self.call_seconds) / self.round_seconds))


def pace(least_seconds: float = 0.05) -> Pace:
    """Time `burn` for about so long, once the CPU has come up to speed."""
    _warm_up()
    ended = perf_counter_ns() + int(least_seconds * 1e9)
    long: list[float] = []
    while (perf_counter_ns() < ended or len(long) < _LEAST_TIMES) and len(long) < _MOST_TIMES:
        long.append(_seconds_of(_ROUNDS))
    call = _median([_seconds_of(0) for _ in range(200)])
    return Pace(
        call_seconds=call,
        round_seconds=max((_median(long) - call) / _ROUNDS, 1e-12),
        samples=tuple(seconds / _ROUNDS for seconds in long),
    )


def _warm_up() -> None:
    """Burn until two in a row agree within 5 %, twenty times at most."""
    before = _seconds_of(_ROUNDS)
    for _ in range(20):
        now = _seconds_of(_ROUNDS)
        if abs(now / before - 1.0) <= 0.05:
            return
        before = now


def _seconds_of(rounds: int) -> float:
    began = perf_counter_ns()
    burn(rounds)
    return (perf_counter_ns() - began) / 1e9


def _median(samples: Sequence[float]) -> float:
    ordered = sorted(samples)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
