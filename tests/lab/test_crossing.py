"""Where a curve crosses a level."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.lab.measuring.crossing import crossing, crossings


@given(st.floats(1e-6, 1e3), st.floats(0.2, 3.0))
def test_a_power_law_crosses_where_algebra_says(point: float, power: float) -> None:
    """Between two points the curve is a line on logarithmic axes, so a power law is met exactly."""
    points = [point / 50, point / 7, point * 3, point * 40]
    heights = [(one / point) ** power for one in points]
    assert crossing(points, heights, 1.0) == pytest.approx(point, rel=1e-6)


def test_the_last_crossing_counts() -> None:
    """A curve that rises above the level by luck and falls again has not crossed yet."""
    assert crossing([1, 2, 4, 8], [0.5, 1.2, 0.5, 2.0], 1.0) == pytest.approx(4 * 2**0.5)


def test_a_curve_that_ends_below_has_no_crossing() -> None:
    """What was never seen is not extrapolated."""
    assert math.isnan(crossing([1, 2], [3.0, 0.9], 1.0))


def test_every_block_has_its_own_crossing() -> None:
    """Two blocks, two curves, two crossings; a point with one block lends its median to the other."""
    found = crossings({1: [0.5, 0.5], 2: [0.5, 2.0], 4: [2.0]}, 1.0)
    assert found == pytest.approx((2 * 2**0.5, 2**0.5))


def test_blocks_that_end_below_are_left_out() -> None:
    """The number of samples tells how many blocks crossed."""
    assert len(crossings({1: [0.5, 0.5, 0.5], 2: [0.5, 2.0, 3.0]}, 1.0)) == 2
