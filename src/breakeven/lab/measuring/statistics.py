"""What can be said of samples without assuming how they are distributed.

Lives here: medians with intervals, ratios of medians, the signed-rank test. Never here: taking samples (`method`).
Follows Hoefler & Belli, "Scientific benchmarking of parallel computing systems", SC'15: no normality is assumed, and
no outlier is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_FOR_INTERVAL = 6
"""Fewer samples have no 95 % interval of the median by ranks: their range is all that can be told."""

EXACT_UP_TO = 25
"""Pairs up to which the signed-rank distribution is counted out; beyond, the normal one is within 1 % of it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between two bounds; `covers` is the probability with which the bounds hold the true one."""

    value: float
    low: float
    high: float
    covers: float

    @property
    def half_width_share(self) -> float:
        """Half the interval's width as a share of its value."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else math.inf


def median(samples: Sequence[float]) -> float:
    """Return the middle one, or the mean of the two in the middle; NaN of none.

    >>> median([3, 1, 2]), median([1, 2, 3, 4])
    (2.0, 2.5)
    """
    return float(np.median(np.asarray(samples, float))) if len(samples) else math.nan


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the median between two order statistics that hold the true one with at least `confidence`.

    The ranks are the exact binomial ones, symmetric about the middle. Of fewer than six samples the range is returned,
    and `covers` says how little that is worth.

    >>> median_interval(range(1, 12))
    Interval(value=6.0, low=2.0, high=10.0, covers=0.98828125)
    """
    ordered = sorted(float(sample) for sample in samples)
    count = len(ordered)
    if not count:
        return Interval(math.nan, math.nan, math.nan, 0.0)
    outside = 0.0  # probability that the true median lies below the lower rank, on one side
    rank = 0
    while rank < (count - 1) // 2:
        more = outside + _binomial(count, rank + 1)
        if 1 - 2 * (more + 0.5**count) < confidence:
            break
        outside, rank = more, rank + 1
    covers = 1 - 2 * (outside + 0.5**count)
    return Interval(median(ordered), ordered[rank], ordered[count - 1 - rank], max(0.0, covers))


def quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third.

    >>> quartiles([1, 2, 3, 4, 5])
    (2.0, 3.0, 4.0)
    """
    if not len(samples):
        return math.nan, math.nan, math.nan
    first, middle, third = np.percentile(np.asarray(samples, float), (25, 50, 75))
    return float(first), float(middle), float(third)


def ratio_of_medians(
    above: Sequence[float],
    below: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return median(above) / median(below) with a percentile bootstrap interval.

    Samples of the same block are drawn together where both arms have equally many, so that what disturbed a block
    disturbs both.

    >>> ratio = ratio_of_medians([20.0, 21.0, 19.0, 20.0, 22.0, 20.0], [10.0, 10.5, 9.5, 10.0, 11.0, 10.0])
    >>> ratio.value, 1.9 < ratio.low <= ratio.high < 2.1
    (2.0, True)
    """
    if not len(above) or not len(below):
        return Interval(math.nan, math.nan, math.nan, 0.0)
    first, second = np.asarray(above, float), np.asarray(below, float)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(first), (resamples, len(first)))
    also = drawn if len(first) == len(second) else rng.integers(0, len(second), (resamples, len(second)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.median(first[drawn], axis=1) / np.median(second[also], axis=1)
        value = float(np.median(first) / np.median(second))
    low, high = np.nanpercentile(ratios, (50 * (1 - confidence), 50 * (1 + confidence)))
    return Interval(value, float(low), float(high), confidence)


def signed_rank(differences: Sequence[float]) -> float:
    """Return the one-sided p of Wilcoxon's signed-rank test: small where `differences` lie above zero.

    Zeros are left out, ties share their rank. The distribution is counted out for up to 25 pairs without ties; beyond
    that the normal one stands in, corrected for ties and continuity.

    >>> signed_rank([1, 2, 3, 4, 5])
    0.03125
    >>> signed_rank([-1, 2, -3, 4]) > 0.2
    True
    """
    values = np.asarray(differences, float)
    values = values[values != 0]
    count = len(values)
    if not count:
        return 1.0
    ranks, sizes = _ranks(np.abs(values))
    total = float(ranks[values > 0].sum())
    if count <= EXACT_UP_TO and not (sizes > 1).any():
        ways = _rank_sums(count)
        return float(ways[round(total) :].sum() / ways.sum())
    mean = count * (count + 1) / 4
    variance = count * (count + 1) * (2 * count + 1) / 24 - float((sizes**3 - sizes).sum()) / 48
    z = (total - mean - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def _binomial(count: int, successes: int) -> float:
    return (
        math.comb(count, successes) * 0.5**count
        if count < 1000
        else math.exp(
            math.lgamma(count + 1)
            - math.lgamma(successes + 1)
            - math.lgamma(count - successes + 1)
            - count * math.log(2)
        )
    )


def _ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks from 1, ties sharing theirs, and how many values each distinct one has."""
    _, where, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return (last - (sizes - 1) / 2)[where], sizes


def _rank_sums(count: int) -> np.ndarray:
    """How many of the sign patterns of `count` pairs give each sum of positive ranks."""
    ways = np.zeros(count * (count + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, count + 1):
        ways[rank:] += ways[:-rank].copy()
    return ways
