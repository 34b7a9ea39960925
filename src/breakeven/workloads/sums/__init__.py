"""Sums over large arrays: next to no work a byte, so that moving the bytes is what decides.

Lives here: making the arrays, and the sum of one. Never here: how the work is spread over workers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["make_arrays", "total"]

_STEP = 0.618_033_988_749_894_9
"""Golden ratio: its multiples modulo 1 fill the interval evenly, so no two arrays are alike."""


def make_arrays(count: int, size_bytes: int) -> list[NDArray[np.float64]]:
    """Make `count` distinct arrays of float64, each of `size_bytes` bytes, every element in [number, number + 1).

    >>> [array.nbytes for array in make_arrays(2, 800)]
    [800, 800]
    """
    import numpy as np

    ramp = np.arange(size_bytes // 8, dtype=np.float64)
    ramp *= _STEP
    np.mod(ramp, 1.0, out=ramp)
    return [ramp + number for number in range(count)]


def total(array: NDArray[np.float64]) -> float:
    """Sum an array, in numpy's pairwise order: the same float wherever it is computed.

    >>> total(make_arrays(2, 80)[1]) > 10
    True
    """
    return float(array.sum())
