"""Waiting for messages: on many descriptors at once, on one, and how long to look before sleeping.

Lives here: the one place that knows epoll from poll, and whether looking again and again pays. Never here: what a
descriptor means.
"""

from __future__ import annotations

import os
import select
from time import perf_counter as clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from breakeven.engine.channel import Channel

HAS_EPOLL = hasattr(select, "epoll")
SPIN_SECONDS = 50e-6  # a blocking wake-up costs about 45 µs; longer spinning starves the others
CROWDED_SECONDS, SPARED = 0.5e-3, 25  # a spin that lasted so long is not tried again for so many times as long


def _nothing() -> None:
    """Where there is nothing to yield with, whoever spins just spins."""


give_way: Callable[[], None] = getattr(os, "sched_yield", _nothing)
"""Let whoever else waits for this CPU run: the other side may be among them, and cannot send before (decision 0025)."""


class Spin:
    """How long to look for a message before sleeping: not where the CPU is wanted by others, who keep it for long."""

    __slots__ = ("_spared_until",)

    def __init__(self) -> None:
        self._spared_until = 0.0

    def end(self, now: float) -> float:
        """Until when to look again and again, giving way in between."""
        return now + SPIN_SECONDS if now > self._spared_until else now

    def ended(self, end: float, now: float) -> None:
        """Learn from a spin that was to last until `end`, and did until `now`."""
        if now - end > CROWDED_SECONDS:
            self._spared_until = now + SPARED * (now - end)


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


class Inbox:
    """What one worker is sent: looked for, then slept for, until the parent rings or sends."""

    __slots__ = ("_both", "_channel", "_quiet", "_spin", "_woken")

    def __init__(self, channel: Channel, bell: int) -> None:
        """`bell` becomes readable just before a message comes, or is -1."""
        self._channel = channel
        self._spin = Spin()
        self._quiet = self._both = select.poll()
        if bell >= 0:
            self._quiet = select.poll()
            self._quiet.register(channel.descriptor, select.POLLIN)
            self._both.register(bell, select.POLLIN)
        self._both.register(channel.descriptor, select.POLLIN)
        self._woken = False  # just now; if it was the bell, its message may be on the way

    def look(self) -> bytes | bytearray | None:
        """What `Channel.receive` returns; raises `BlockingIOError` when nothing has come in some 50 µs."""
        now = clock()
        end = now if self._woken else self._spin.end(now)
        while True:
            try:
                got = self._channel.receive()
            except BlockingIOError:
                if now >= end:
                    self._spin.ended(end, now)
                    raise
                give_way()
                now = clock()
                continue
            self._woken = False
            return got

    def wait(self, timeout_seconds: float | None) -> bool:
        """Sleep until there is something to look for; False when the time is over.

        The bell is heard once a message: nobody takes it back from a worker whose message does not come.
        """
        poller = self._quiet if self._woken else self._both
        self._woken = bool(poller.poll(None if timeout_seconds is None else timeout_seconds * 1000))
        return self._woken


def _poller() -> Any:
    return select.epoll() if HAS_EPOLL else select.poll()
