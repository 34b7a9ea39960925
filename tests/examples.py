"""How many examples hypothesis draws where each is dear.

`make soak` draws ten times as many of all, by the profile `thorough` of `conftest.py`.
"""

from __future__ import annotations

from hypothesis import settings


def dear(times: int) -> settings:
    """Settings of a test whose examples take `times` as long as most do: as many fewer are drawn.

    >>> dear(4).max_examples * 4 == settings().max_examples
    True
    """
    return settings(max_examples=max(settings().max_examples // times, 1))
