"""Looking for messages and sleeping for them: how long each, and what ends the sleep.

Lives here: a worker's inbox, and spinning, which the parent does as well. Never here: what a message says, or waiting
on many (`watch`).
"""

from __future__ import annotations

import os
import select
from time import perf_counter as clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from breakeven.engine.channel import Channel

SPIN_SECONDS = 50e-6  # a blocking wake-up costs about 45 µs; longer spinning starves the others
CROWDED_SECONDS, LONGEST_SECONDS = 0.5e-3, 10e-3  # a spin that lasts so long waits for a CPU; longer: was stopped
SPARED_TIMES = 25  # as long as it lasted it is not tried again


def _nothing() -> None:
    """Where there is nothing to yield with, whoever spins just spins."""


give_way: Callable[[], None] = getattr(os, "sched_yield", _nothing)
"""Let whoever else waits for this CPU run: the other side may be among them, and cannot send before (decision 0025)."""


class Spin:
    """How long to look for a message before sleeping: not where the CPU is wanted by others, who keep it for long."""

    __slots__ = ("_spared_until",)

    def __init__(self) -> None:
        self._spared_until = 0.0

    def until(self, now: float) -> float:
        """Until when to look again and again, giving way in between."""
        return now + SPIN_SECONDS if now > self._spared_until else now

    def learn(self, end: float, now: float) -> None:
        """A spin in vain was to last until `end`, and did until `now`."""
        if now - end > CROWDED_SECONDS:
            self._spared_until = now + SPARED_TIMES * min(now - end, LONGEST_SECONDS)


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
        end = now if self._woken else self._spin.until(now)
        while True:
            try:
                got = self._channel.receive()
            except BlockingIOError:
                if now >= end:
                    self._spin.learn(end, now)
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
