"""What is concluded from blocks of items as they were done."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.model.sample import MOST_BLOCKS, Observed


def observed(*seconds: float) -> Observed:
    """Items that took so long, one a block."""
    seen = Observed()
    for one in seconds:
        seen.add(1, one)
    return seen


def test_equal_items_have_their_own_time_as_mean_and_no_spread() -> None:
    """And no error to speak of."""
    sample = observed(*[2e-3] * 10).sample()
    assert sample.mean_seconds == pytest.approx(2e-3)
    assert sample.spread_seconds == pytest.approx(0.0, abs=1e-12)
    assert sample.error == pytest.approx(0.0, abs=1e-9)


def test_a_dear_first_item_is_warm_up_and_kept_apart() -> None:
    """It says nothing of the items to come."""
    sample = observed(0.5, *[1e-3] * 9).sample()
    assert sample.first_excess_seconds == pytest.approx(0.499)
    assert sample.mean_seconds == pytest.approx(1e-3)


def test_one_item_alone_is_trusted_little() -> None:
    """Its error is more than half of it."""
    assert observed(1e-3).sample().error > 0.5


def test_items_that_grow_are_expected_at_what_they_cost_lately() -> None:
    """The mean of the last half of the time, with an error that covers the earlier."""
    sample = observed(*[at * 1e-3 for at in range(1, 41)]).sample()
    assert sample.drift > 2
    assert sample.mean_seconds == pytest.approx(35e-3, rel=0.05)
    assert sample.error > 0.2


def test_many_cheap_items_do_not_hide_that_they_have_become_dear() -> None:
    """Two thousand of 20 µs, then thirty of 5 ms: those to come will be of the latter kind."""
    seen = Observed()
    for items, seconds in [(20, 20 * 20e-6)] * 100 + [(1, 5e-3)] * 30:
        seen.add(items, seconds)
    assert seen.sample().mean_seconds == pytest.approx(5e-3, rel=0.2)
    assert seen.latest_seconds == pytest.approx(5e-3)


def test_items_that_differ_at_random_have_no_drift() -> None:
    """Chance alone is not taken for a trend."""
    dice = random.Random(4)  # noqa: S311 - noise, not secrets
    sample = observed(*[dice.uniform(0.5e-3, 1.5e-3) for _ in range(200)]).sample()
    assert sample.drift == 1.0
    assert sample.mean_seconds == pytest.approx(1e-3, rel=0.05)


def test_the_spread_of_items_is_found_from_blocks_of_many() -> None:
    """A block's mean varies by the root of its size less."""
    dice = random.Random(7)  # noqa: S311 - noise, not secrets
    seen = Observed()
    for _ in range(100):
        seen.add(25, sum(dice.gauss(1e-3, 2e-4) for _ in range(25)))
    assert seen.sample().spread_seconds == pytest.approx(2e-4, rel=0.25)


def test_queueing_for_a_cpu_is_no_waiting_of_the_function() -> None:
    """A busy machine does not make a function look as if it slept."""
    seen = observed(*[1e-3] * 8)
    seen.used(cpu_seconds=4e-3, wall_seconds=8e-3, queued_seconds=4e-3)
    assert seen.sample().blocked_share == pytest.approx(0.0)


def test_a_function_that_sleeps_is_seen_to_wait() -> None:
    """Nine tenths of it, here."""
    seen = observed(*[1e-3] * 8)
    seen.used(cpu_seconds=0.8e-3, wall_seconds=8e-3, queued_seconds=0.0)
    assert seen.sample().blocked_share == pytest.approx(0.9)


def test_a_first_look_does_not_take_a_crowd_for_waiting() -> None:
    """Where queueing is not known, half of a CPU may be all that was to be had; a twentieth is not."""
    crowded, asleep = observed(8e-3), observed(8e-3)
    crowded.used(cpu_seconds=4e-3, wall_seconds=8e-3)
    asleep.used(cpu_seconds=0.4e-3, wall_seconds=8e-3)
    assert crowded.sample().blocked_share == 0.0
    assert asleep.sample().blocked_share == pytest.approx(0.95)


def test_a_function_with_threads_of_its_own_is_seen_by_its_cpu() -> None:
    """More CPU than wall."""
    seen = observed(*[1e-3] * 8)
    seen.used(cpu_seconds=15e-3, wall_seconds=8e-3, queued_seconds=0.0)
    assert seen.sample().cpu_share > 1.5


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(1e-9, 10.0)), min_size=1, max_size=600))
def test_nothing_that_was_observed_is_lost(blocks: list[tuple[int, float]]) -> None:
    """However many blocks, memory stays bounded and the sums are those of all."""
    seen = Observed()
    for items, seconds in blocks:
        seen.add(items, seconds)
    sample = seen.sample()
    assert sample.items == sum(items for items, _ in blocks)
    assert sample.seconds == pytest.approx(sum(seconds for _, seconds in blocks))
    assert len(seen.blocks) <= MOST_BLOCKS
    assert sample.mean_seconds > 0
    assert 0 <= sample.error <= 1
