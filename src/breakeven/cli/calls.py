"""Ways to call a user's function with one item. Sent to workers, so nothing else may live here or be imported."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Star:
    """Calls `fn(*item)`; the item has to be a list."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, item: Any) -> Any:
        """Call it."""
        if not isinstance(item, list):
            raise TypeError(f"--star needs a list for every item; this one is {item!r:.60}")
        return self.fn(*item)


class Keywords:
    """Calls `fn(**item)`; the item has to be a dict."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, item: Any) -> Any:
        """Call it."""
        if not isinstance(item, dict):
            raise TypeError(f"--kwargs needs an object for every item; this one is {item!r:.60}")
        return self.fn(**item)


class Numbered:
    """Calls `fn(item)` on an (index, item) pair and returns (index, value): unordered results keep their number."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, pair: tuple[int, Any]) -> tuple[int, Any]:
        """Call it."""
        index, item = pair
        return index, self.fn(item)
