"""Reduction along a tree whose shape depends on the number of items alone.

Lives here: the shape. Never here: where it is computed. Items stand, by their index, in leaves of `LEAF`; a leaf is
combined as a balanced binary tree, and the leaves' values are combined the same way by the caller. Where all values of
a leaf come to be in one place, they are combined there; the caller does it for the others. Either way the same pairs
are combined in the same order.
"""

from __future__ import annotations

from breakeven import work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# Items a leaf: enough that what comes back is an eighth; combining leaves costs the caller little.
LEAF = 8


class Joined:
    """Stands in the places of a leaf's values, but for the first, once that is the value of the whole leaf."""


class Step:
    """What is done with an item, and with the values of a whole leaf where they were made."""

    __slots__ = ("_op", "func")

    def __init__(self, op: Callable[[Any, Any], Any], mapped: Callable[[Any], Any] | None) -> None:
        self._op = op
        self.func = mapped  # named as in a partial: reports call the run by its name

    def __call__(self, item: Any) -> Any:
        """Value of one item."""
        return item if self.func is None else self.func(item)

    def fold(self, first: int, values: list[Any]) -> None:
        """Combine each leaf that is whole among the values of items `first` and following, in place.

        What `op` raises is left to the caller, who finds that leaf as it was and comes to the same.
        """
        before = work.enter(None, None)  # `op` belongs to no item, wherever it is called
        try:
            for at in range(-first % LEAF, len(values) - LEAF + 1, LEAF):
                values[at : at + LEAF] = [combine(self._op, values[at : at + LEAF]), *[Joined] * (LEAF - 1)]
        except BaseException:  # noqa: BLE001,S110 - raised again where the caller can see it
            pass
        finally:
            work.leave(before)

    def __reduce__(self) -> tuple[type[Step], tuple[Any, ...]]:
        return Step, (self._op, self.func)


class Tree:
    """Takes values in the order of their items, and keeps one a leaf."""

    def __init__(self, op: Callable[[Any, Any], Any]) -> None:
        self._op = op
        self._leaves: list[Any] = []
        self._open: list[Any] = []  # values of the leaf that is not whole yet, and what came with them

    def __len__(self) -> int:
        """How many items there have been."""
        return len(self._leaves) * LEAF + len(self._open)

    def extend(self, values: list[Any]) -> None:
        """Take the values of the next items."""
        kept = self._open
        kept += values
        whole = len(kept) - len(kept) % LEAF
        for at in range(0, whole, LEAF):
            self._leaves.append(kept[at] if kept[at + 1] is Joined else combine(self._op, kept[at : at + LEAF]))
        del kept[:whole]

    def value(self) -> Any:
        """All of it combined; raises `UsageTypeError` where there was nothing."""
        return combine(self._op, [*self._leaves, combine(self._op, self._open)] if self._open else self._leaves)


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
