"""Where to measure next: between sizes whose times no line through their neighbours explains.

Lives here: choosing sizes from times. Never here: measuring, or fitting. After SKaMPI's adaptive refinement: points
that lie on a line with those beside them need no more of their kind; where a buffer fills or a protocol changes they
do not, and the change has to be found between two sizes.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OFF = 0.1
"""A time that is so far, as a share, from the line through its neighbours asks for sizes beside it."""
CLOSE = 1.3
"""Sizes of a smaller ratio are not parted further."""
SMALL_BYTES = 64


def sizes_between(sizes: Sequence[int], times: Sequence[float], *, gaps: int = 3) -> tuple[int, ...]:
    """Return new sizes in at most so many gaps, the worst ones; none where everything lies on lines.

    Two a gap: one just above its lower end, where a step is that comes with a full buffer, and one in the middle, on a
    logarithmic axis. Sizes ascend.

    >>> sizes_between([1024, 2048, 4096, 8192], [1.0, 2.0, 4.0, 8.0])
    ()
    >>> sizes_between([1024, 2048, 4096, 8192, 16384], [10.0, 10.0, 10.0, 30.0, 30.0], gaps=1)
    (4160, 5793)
    """
    wanted: dict[tuple[int, int], float] = {}
    for at in range(1, len(sizes) - 1):
        (left, here, right), (low, time, high) = sizes[at - 1 : at + 2], times[at - 1 : at + 2]
        line = low + (high - low) * (here - left) / (right - left)
        off = abs(line / time - 1)
        if off > OFF:
            steeper = (left, here) if abs(math.log(time / low)) > abs(math.log(high / time)) else (here, right)
            for gap in ((left, here), (here, right)):
                wanted[gap] = max(wanted.get(gap, 0.0), off if gap == steeper else off / 2)
    worst = sorted((gap for gap in wanted if _wide(*gap)), key=lambda gap: -wanted[gap])[:gaps]
    return tuple(sorted({size for gap in worst for size in _within(*gap)}))


def _wide(left: int, right: int) -> bool:
    return left >= SMALL_BYTES and right > CLOSE * left


def _within(left: int, right: int) -> tuple[int, int]:
    return left + max(1, left >> 6), round(math.sqrt(left * right))
