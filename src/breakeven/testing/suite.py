"""How the suite reaches the backend under test.

Lives here: the hook that a subclass fills in, and what it may say about itself. Never here: a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import breakeven as be

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from breakeven.executor import Results


class Suite:
    """The base of every group of tests: override `options`, and what differs of the rest.

    A call in a test goes to `breakeven.map` or its kin with the keyword arguments that `options` returns.
    """

    workers = 2
    """How many workers the tests ask for, where they do not say."""

    concurrent = True
    """Whether several items are under way at the same time."""

    by_value = True
    """Whether tasks get copies of what they are given, and the parent copies of what they return."""

    replaces_workers = True
    """Whether `max_tasks_per_worker` can be seen: a task's process is another after that many tasks."""

    def options(self, **asked: Any) -> dict[str, Any]:
        """Return the keyword arguments with which a call runs on the backend, given those that a test asks for."""
        raise NotImplementedError("say in `options` how a call reaches the backend under test")

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **asked: Any) -> Results:
        """Call `breakeven.map` on the backend."""
        return be.map(fn, *iterables, **self._asked(asked))

    def starmap(self, fn: Callable[..., Any], items: Iterable[Iterable[Any]], **asked: Any) -> Results:
        """Call `breakeven.starmap` on the backend."""
        return be.starmap(fn, items, **self._asked(asked))

    def imap(self, fn: Callable[..., Any], *iterables: Iterable[Any], **asked: Any) -> Iterator[Any]:
        """Call `breakeven.imap` on the backend."""
        return be.imap(fn, *iterables, **self._asked(asked))

    def reduce(self, op: Callable[[Any, Any], Any], items: Iterable[Any], **asked: Any) -> Any:
        """Call `breakeven.reduce` on the backend."""
        return be.reduce(op, items, **self._asked(asked))

    def _asked(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self.options(**({"max_workers": self.workers} | asked))
