"""Sums over large arrays."""

from __future__ import annotations

import math

import breakeven as be
from breakeven.workloads.sums import make_arrays, total


def test_arrays_are_distinct_and_as_large_as_asked() -> None:
    """Every element lies in [number, number + 1)."""
    arrays = make_arrays(3, 8_000)
    assert [array.nbytes for array in arrays] == [8_000] * 3
    for number, array in enumerate(arrays):
        assert number <= array.min()
        assert array.max() < number + 1


def test_the_sum_is_right() -> None:
    """To the last bits, against exact summation."""
    (array,) = make_arrays(1, 80_000)
    assert math.isclose(total(array), math.fsum(array), rel_tol=1e-14)


def test_the_sum_is_the_same_float_on_every_backend() -> None:
    """Bit for bit."""
    arrays = make_arrays(4, 800_000)
    sums = [list(be.map(total, arrays, backend=backend)) for backend in ("serial", "threads", "processes")]
    assert sums[0] == sums[1] == sums[2]
