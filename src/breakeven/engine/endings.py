"""The end of a call, of a worker, of a crew: nothing goes on running, nothing is left behind.

Lives here: stopping and collecting. Never here: why (`supervise`, `blame`).
"""

from __future__ import annotations

import _signal
from time import perf_counter as clock
from time import sleep

from breakeven.engine import protocol
from breakeven.engine.programs import REAP_SECONDS
from breakeven.engine.supervise import TERM_SECONDS, take_back, tell_to_stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from breakeven.engine.member import Member
    from breakeven.engine.roster import Roster
    from breakeven.engine.stream import Stream

ABANDON_SECONDS = 0.03  # what a given-up call waits for items that are nearly done


def abandon(crew: Roster, stream: Stream, pump: Callable[[float], None]) -> None:
    """Stop what still runs of a call that is over: at the next item where possible, else the worker is ended."""
    concerned = []
    for member in crew.members[:]:
        inflight = member.inflight
        while inflight and inflight[-1].sink is stream and inflight[-1].behind and (last := take_back(crew, member)):
            stream.finished(last)
        if any(chunk.sink is stream for chunk in member.inflight):
            member.board[protocol.CANCELLED] = max(chunk.seq for chunk in member.inflight if chunk.sink is stream)
            concerned.append(member)
    if not concerned or not crew.exclusive:
        return
    deadline = clock() + ABANDON_SECONDS
    while any(member in crew.members and member.inflight for member in concerned):
        left = deadline - clock()
        if left <= 0:
            break
        pump(left)
    for member in concerned:
        if member in crew.members and member.inflight:
            member.inflight.clear()
            end(crew, member)


def end(crew: Roster, member: Member) -> None:
    """End one worker now."""
    member.started.kill(_signal.SIGKILL)
    crew.set_aside(member)
    crew.dismissed.append(member)
    bury(crew, wait=True)


def bury(crew: Roster, *, wait: bool) -> None:
    """Collect workers that were told to go; kill those that do not."""
    deadline = clock() + (REAP_SECONDS if wait else 0.0)
    while crew.dismissed:
        crew.dismissed[:] = [member for member in crew.dismissed if not _gone(crew, member)]
        if not crew.dismissed or clock() >= deadline:
            break
        sleep(0.0002)
    if wait:
        for member in crew.dismissed:
            member.started.kill(_signal.SIGKILL)


def _gone(crew: Roster, member: Member) -> bool:
    if not member.started.ended():
        return False
    crew.lending.release_all(member)
    member.close()
    return True


def end_all(crew: Roster, *, at_once: bool) -> None:
    """End every worker: idle ones are told to stop, busy ones are ended (asked first, unless `at_once`)."""
    for member in crew.members:
        if member.inflight or at_once or member.doom is not None or member.state == protocol.STARTING:
            member.started.kill(_signal.SIGKILL if at_once else _signal.SIGTERM)
        else:
            tell_to_stop(member)
    crew.dismissed += list(crew.members)
    asked = clock()
    for member in crew.members[:]:
        crew.set_aside(member)
    killed = at_once
    pause = 0.0001
    while crew.dismissed:
        crew.dismissed[:] = [member for member in crew.dismissed if not _gone(crew, member)]
        unwilling = any(member.inflight or member.state == protocol.STARTING for member in crew.dismissed)
        patience_seconds = TERM_SECONDS if unwilling else 1.0
        if not killed and clock() - asked > patience_seconds:
            killed = True
            for member in crew.dismissed:
                member.started.kill(_signal.SIGKILL)
        if crew.dismissed:
            sleep(pause)
            pause = min(2 * pause, 0.002)
