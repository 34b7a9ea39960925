"""Reduction along a tree whose shape depends on the number of items alone.

Lives here: the shape. Never here: where it is computed. Items go, in order, into leaves of `LEAF`; a leaf is
combined as a balanced binary tree by whoever runs it, and the leaves' values are combined the same way by the caller.
"""

from __future__ import annotations

from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

# Items a leaf: few enough that a handful of heavy ones spreads over workers; combining leaves costs the caller little.
LEAF = 8


class Leaf:
    """What a worker does with the items of a leaf: map each, combine all."""

    __slots__ = ("_mapped", "_op")

    def __init__(self, op: Callable[[Any, Any], Any], mapped: Callable[[Any], Any] | None) -> None:
        self._op = op
        self._mapped = mapped

    def __call__(self, items: list[Any]) -> Any:
        """Value of one leaf."""
        return combine(self._op, items if self._mapped is None else [self._mapped(item) for item in items])

    def __reduce__(self) -> tuple[type[Leaf], tuple[Any, ...]]:
        return Leaf, (self._op, self._mapped)


def leaves(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut items into leaves, in order."""
    iterator = iter(items)
    while leaf := list(islice(iterator, LEAF)):
        yield leaf


def combine(op: Callable[[Any, Any], Any], values: Iterable[Any]) -> Any:
    """Combine neighbours, then neighbours of those, until one is left.

    >>> combine(lambda left, right: f"({left}{right})", "abcde")
    '(((ab)(cd))e)'
    """
    level = list(values)
    if not level:
        from breakeven.errors import UsageTypeError

        raise UsageTypeError("reduce needs at least one item; there were none")
    while len(level) > 1:
        paired = [op(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]
