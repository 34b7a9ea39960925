"""The one clock of the benchmark and the order statistics taken from it.

Never imports anything but ``time``: a cold start is measured in the process that loads this.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Result = TypeVar("Result")

now = time.perf_counter


def timed(fn: "Callable[..., Result]", *args: object) -> "tuple[float, Result]":
    """Seconds of one call, and what it returned."""
    began = now()
    result = fn(*args)
    return now() - began, result


def median(values: "Sequence[float]") -> float:
    """The middle value; the mean of the middle two of an even number.

    >>> median([3.0, 1.0, 2.0]), median([4.0, 1.0])
    (2.0, 2.5)
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values: "Sequence[float]", share: float) -> float:
    """The value that ``share`` of all values do not exceed (nearest rank, no interpolation).

    >>> quantile(range(1, 101), 0.99)
    99
    """
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)
    return ordered[min(len(ordered), max(rank, 1)) - 1]
