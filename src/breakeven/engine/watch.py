"""Waiting on many descriptors at once.

Lives here: the one place that knows epoll from poll. Never here: what a descriptor means.
"""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

HAS_EPOLL = hasattr(select, "epoll")


class Watch:
    """A set of descriptors to wait for."""

    __slots__ = ("_poller", "descriptor")

    def __init__(self) -> None:
        self._poller = _poller()
        self.descriptor: int = self._poller.fileno() if HAS_EPOLL else -1

    def add(self, descriptor: int) -> None:
        """Wait for `descriptor` to become readable, too."""
        self._poller.register(descriptor, select.POLLIN)

    def writing(self, descriptor: int, *, wanted: bool) -> None:
        """Wait for `descriptor` to become writable as well, or no longer."""
        self._poller.modify(descriptor, select.POLLIN | select.POLLOUT if wanted else select.POLLIN)

    def remove(self, descriptor: int) -> None:
        """Forget `descriptor`."""
        try:
            self._poller.unregister(descriptor)
        except (OSError, KeyError, ValueError):
            pass  # it was closed, or never added

    def wait(self, timeout_seconds: float | None) -> Iterable[int]:
        """Descriptors with something to tell, within the time; none when it is over."""
        if HAS_EPOLL:
            events = self._poller.poll(timeout_seconds)
        else:
            events = self._poller.poll(None if timeout_seconds is None else timeout_seconds * 1000)
        return [descriptor for descriptor, _ in events]

    def close(self) -> None:
        """Close it."""
        if HAS_EPOLL:
            self._poller.close()


def _poller() -> Any:
    return select.epoll() if HAS_EPOLL else select.poll()
