"""What the lab says of samples, against scipy and against what is known by counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from breakeven.lab.measuring.statistics import median_interval, quartiles, ratio_of_medians, signed_rank


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    """Of 2000 draws of a skewed distribution, at least 94 % of the 95 % intervals hold its true median."""
    rng = np.random.default_rng(1)
    true = np.log(2.0)
    for count in (6, 11, 40):
        held = [
            found.low <= true <= found.high
            for found in (median_interval(rng.exponential(size=count).tolist()) for _ in range(2000))
        ]
        assert np.mean(held) >= 0.94, count


def test_the_interval_is_as_narrow_as_its_confidence_allows() -> None:
    """One rank further in on both sides would cover less than 95 %: the binomial says so, by scipy."""
    for count in (6, 7, 11, 25, 101, 1500):
        found = median_interval(range(1, count + 1))
        rank = int(found.low)
        assert found.covers == pytest.approx(1 - 2 * stats.binom.cdf(rank - 1, count, 0.5))
        assert found.covers >= 0.95
        assert 1 - 2 * stats.binom.cdf(rank, count, 0.5) < 0.95


def test_fewer_than_six_samples_give_their_range_and_say_what_it_covers() -> None:
    """The range of five holds the median in 15 of 16 cases: less than 95 %."""
    found = median_interval([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (found.low, found.high, found.covers) == (1.0, 5.0, 1 - 2 / 32)


@pytest.mark.parametrize("count", [5, 12, 25])
def test_the_signed_rank_test_counts_as_scipy_does(count: int) -> None:
    """Without ties, up to 25 pairs, both count out the exact distribution."""
    differences = np.random.default_rng(count).normal(0.3, 1.0, count)
    theirs = stats.wilcoxon(differences, alternative="greater", method="exact").pvalue
    assert signed_rank(differences.tolist()) == pytest.approx(theirs)


def test_with_ties_and_many_pairs_the_normal_distribution_stands_in_as_in_scipy() -> None:
    """Ties share ranks and take from the variance; continuity is corrected; zeros are left out."""
    rounded = np.round(np.random.default_rng(3).normal(0.4, 2.0, 60))
    theirs = stats.wilcoxon(rounded, alternative="greater", method="asymptotic", correction=True).pvalue
    assert signed_rank(rounded.tolist()) == pytest.approx(theirs)


def test_a_ratio_of_medians_lies_in_its_interval_and_is_drawn_by_blocks() -> None:
    """What disturbs a block disturbs both arms: paired draws know the ratio far better than the arms' spread."""
    rng = np.random.default_rng(5)
    disturbance = rng.lognormal(0.0, 0.5, 60)
    below = disturbance * rng.normal(1.0, 0.01, 60)
    found = ratio_of_medians((2 * disturbance).tolist(), below.tolist())
    assert found.low <= 2.0 <= found.high
    assert found.high - found.low < 0.25


def test_quartiles_are_those_of_numpy() -> None:
    """The default definition, by linear interpolation."""
    samples = [3.0, 1.0, 7.0, 9.0]
    assert quartiles(samples) == tuple(np.percentile(samples, (25, 50, 75)))
