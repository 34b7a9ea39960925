"""A worker hears that a message comes, sleeps when none does, and does not keep a CPU that others want."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from breakeven.engine import inbox as room
from breakeven.engine import protocol
from breakeven.engine.channel import Channel, pair
from breakeven.engine.inbox import Inbox, Spin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="no eventfd here")

FRAME = protocol.frame(protocol.STOP)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, int, Inbox]]:
    """The sender's end, a bell, and who listens to both."""
    ours, theirs = map(Channel, pair())
    bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
    try:
        yield ours, bell, Inbox(theirs, bell)
    finally:
        os.close(bell)
        ours.close()
        theirs.close()


def test_a_bell_wakes_and_its_message_may_come_later(ends: tuple[Channel, int, Inbox]) -> None:
    """Who was woken for nothing sleeps on, however long the bell can be heard; the message wakes again."""
    ours, bell, inbox = ends
    os.eventfd_write(bell, 1)
    assert inbox.wait(None)
    with pytest.raises(BlockingIOError):
        inbox.look()
    assert not inbox.wait(0.01)
    ours.send(FRAME)
    assert inbox.wait(None)
    assert inbox.look() == FRAME


def test_a_bell_is_heard_once_a_message(ends: tuple[Channel, int, Inbox]) -> None:
    """After a message the next one may be announced."""
    ours, bell, inbox = ends
    os.eventfd_write(bell, 1)
    ours.send(FRAME)
    assert inbox.wait(None)
    assert inbox.look() == FRAME
    assert inbox.wait(None)
    with pytest.raises(BlockingIOError):
        inbox.look()


def test_a_message_alone_wakes_too(ends: tuple[Channel, int, Inbox]) -> None:
    """As where there is no bell."""
    ours, _, inbox = ends
    assert not inbox.wait(0.0)
    ours.send(FRAME)
    assert inbox.wait(None)
    assert inbox.look() == FRAME
    ours.close()
    assert inbox.look() is None


def test_a_cpu_that_others_keep_is_not_spun_on() -> None:
    """A spin that lasts far beyond its end was spent waiting for the CPU: there is none for a while."""
    spin = Spin()
    now = 100.0
    end = spin.until(now)
    assert end == now + room.SPIN_SECONDS
    spin.learn(end, end)
    assert spin.until(now) > now
    late = end + 4e-3
    spin.learn(end, late)
    assert spin.until(late + 0.05) == late + 0.05
    assert spin.until(late + 0.2) > late + 0.2


def test_who_was_stopped_spins_again_soon() -> None:
    """A minute in a debugger is no sign of a crowd."""
    spin = Spin()
    spin.learn(100.0, 160.0)
    assert spin.until(161.0) > 161.0
