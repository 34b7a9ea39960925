"""Where a curve that was measured at some points crosses a level: speed-up one, efficiency a half.

Lives here: interpolation, for one curve or for one a block. Never here: measuring. Points lie on a logarithmic axis, as
task times and sizes do, and between two of them the curve is a line there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_STEP = 1.0001
"""Points that noise has made to change places lie so close together."""


def crossing(points: Sequence[float], heights: Sequence[float], level: float) -> float:
    """Return the point from which on the curve stays at or above `level`; NaN where it ends below.

    A curve that starts at or above it, and stays there, crosses at or before its first point: that point is returned.

    >>> round(crossing([1, 10, 100], [0.5, 0.5, 2.0], 1.0), 2)
    31.62
    >>> crossing([1, 10], [2.0, 3.0], 1.0), crossing([1, 10], [0.2, 0.9], 1.0)
    (1, nan)
    """
    below = [at for at, height in enumerate(heights) if not height >= level]
    if not below:
        return points[0]
    last = below[-1]
    if last == len(points) - 1:
        return math.nan
    left, right = math.log(points[last]), math.log(points[last + 1])
    low, high = (_log(heights[at]) for at in (last, last + 1))
    share = 1.0 if high <= low else (_log(level) - low) / (high - low)
    return math.exp(left + share * (right - left))


def crossings(heights: Mapping[float, Sequence[float]], level: float) -> tuple[float, ...]:
    """Return one crossing a block, of the curves that the blocks drew: point → heights, one a block.

    A point with fewer blocks than the best one lends the others its median. Blocks whose curve ends below the level
    have no crossing, and are left out: the caller tells how many there were.

    >>> [round(one, 1) for one in crossings({1: [0.5, 0.25], 10: [2.0, 4.0]}, 1.0)]
    [3.2, 3.2]
    """
    points = sorted(heights)
    blocks = max((len(heights[point]) for point in points), default=0)
    found = []
    for block in range(blocks):
        curve = [_at(heights[point], block) for point in points]
        found.append(crossing(points, curve, level))
    return tuple(one for one in found if not math.isnan(one))


def rising(points: Sequence[float]) -> list[float]:
    """Return the points so that none lies below the one before: a longer task that was measured as quicker is noise.

    >>> rising([1.0, 3.0, 2.0, 4.0])
    [1.0, 3.0, 3.0003, 4.0]
    """
    found: list[float] = []
    for point in points:
        found.append(max(point, found[-1] * _STEP) if found else point)
    return found


def _at(samples: Sequence[float], block: int) -> float:
    if block < len(samples):
        return samples[block]
    ordered = sorted(samples)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _log(height: float) -> float:
    return math.log(max(height, 1e-12))
