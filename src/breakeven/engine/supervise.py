"""Watching over workers: deadlines, memory, items that take suspiciously long, chunks that wait behind a long one.

Lives here: when a worker is ended, retired, or has work taken back. Never here: who is charged (`blame`).
"""

from __future__ import annotations

import _signal
import os
from time import perf_counter as clock
from time import perf_counter_ns as clock_ns

from breakeven.engine import protocol
from breakeven.engine.channel import wait_readable
from breakeven.engine.member import UNKNOWN, Doom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.engine.member import Chunk, Member
    from breakeven.engine.roster import Roster

TERM_SECONDS = 0.02  # between asking a worker to end and ending it
STUCK_FACTOR = 40  # times the usual item: worth a warning
STUCK_SECONDS = 1.0  # and how often, at most, it is looked at
LOADING_SECONDS = 10.0  # the same while it is pickled or unpickled, which may import what it is made of
HARD_MEMORY = 1.5  # times max_worker_memory: a worker is ended in the middle of an item
LOOK_AT_MEMORY_SECONDS = 0.025
WORTH_WATCHING_SECONDS = 0.05  # calls shorter than this have no peak of memory in their report: reading it costs 0.2 ms
WORTH_RECALLING_SECONDS = 300e-6
TIMED_PHASES = (protocol.COMPUTING, protocol.DECODING, protocol.ENCODING)  # what a time limit covers


# --- while all is well ---


def patience(crew: Roster, timeout_seconds: float | None) -> float | None:
    """How long the crew may block before something has to be looked at."""
    soonest = timeout_seconds
    now = clock()
    for member in crew.members:
        if member.kill_at is not None:
            soonest = _sooner(soonest, member.kill_at - now)
        if not (member.inflight or member.skips):
            continue
        soonest = _sooner(soonest, STUCK_SECONDS)
        if may_be_recalled(member):  # an idle worker may be waiting for what another has not begun
            recallable = member.inflight[0].sent + 2 * WORTH_RECALLING_SECONDS - now
            if recallable > 0.0:
                soonest = _sooner(soonest, recallable)
        if crew.timeout is not None and member.inflight:
            soonest = _sooner(soonest, _left(crew, member, crew.timeout))
        if crew.max_memory is not None:
            soonest = _sooner(soonest, LOOK_AT_MEMORY_SECONDS)
    watch = crew.recorder.memory
    if watch is not None:
        soonest = _sooner(soonest, max(watch.due_seconds - now, 0.001))
    elif soonest is not None:
        soonest = _sooner(soonest, max(crew.recorder.began + WORTH_WATCHING_SECONDS - now, 0.001))
    return soonest


def _sooner(one: float | None, other: float) -> float:
    other = max(other, 0.0)
    return other if one is None or other < one else one


def _left(crew: Roster, member: Member, timeout: float) -> float:  # noqa: ARG001
    began = member.board[protocol.ITEM_BEGAN_NS]
    phase, seq, _ = member.running()
    if phase in TIMED_PHASES and _chunk_at(member, seq) is not None:
        return timeout - (clock_ns() - began) * 1e-9
    return timeout


def check(crew: Roster) -> None:
    """Look at deadlines, memory and items that take suspiciously long."""
    now = clock()
    for member in crew.members[:]:
        if member.kill_at is not None and now >= member.kill_at:
            member.kill_at = None
            member.started.kill(_signal.SIGKILL)
        if member.doom is None and (member.inflight or member.skips):
            running = member.running()
            if running[0] == protocol.IDLE:
                _check_idle(member, running, now)
            elif member.inflight:
                _check_running(crew, member, running, now)
    watch = crew.recorder.memory
    if watch is not None:
        watch.tick(now)
    elif now - crew.recorder.began > WORTH_WATCHING_SECONDS:
        from breakeven.probes.memory import MemoryWatch

        crew.recorder.memory = MemoryWatch([os.getpid(), *(member.pid for member in crew.members)], clock)


def _check_idle(member: Member, running: tuple[int, int, int], now: float) -> None:
    """A worker that has nothing to do must not owe an answer: if none is on its way, rubbish has swallowed it."""
    owed = min([*member.skips, *(chunk.seq for chunk in member.inflight)])
    if max(running[1], member.board[protocol.PASSED]) < owed:
        return  # it has not come to that yet
    if member.seen != running:
        member.seen, member.seen_since = running, now
    elif now - member.seen_since > STUCK_SECONDS and not wait_readable(member.channel.descriptor, 0):
        distrust(member, protocol.GarbledFrameError("an answer never came, or only a part of it"))


def _check_running(crew: Roster, member: Member, running: tuple[int, int, int], now: float) -> None:
    phase, seq, item = running
    chunk = _chunk_at(member, seq)
    if chunk is None or phase not in TIMED_PHASES:
        return
    if crew.timeout is not None and (clock_ns() - member.board[protocol.ITEM_BEGAN_NS]) * 1e-9 > crew.timeout:
        if member.running() == running:
            doom(member, "timeout", chunk, item)
        return
    if crew.max_memory is not None:
        held = _resident_bytes(member.pid)
        if held > crew.max_memory * HARD_MEMORY:
            member.resident_bytes = held
            doom(member, "memory", chunk, item)
            return
    if member.seen != running:
        member.seen, member.seen_since = running, now
    elif crew.timeout is None:
        _perhaps_warn(crew, member, chunk, now - member.seen_since)


def _chunk_at(member: Member, seq: int) -> Chunk | None:
    """The chunk that a worker says it is at; outcomes of those before it may still be held there."""
    chunk: Chunk
    for chunk in tuple(member.inflight):  # copied, since another thread may submit meanwhile
        if chunk.seq == seq:
            return chunk
    return None


def _perhaps_warn(crew: Roster, member: Member, chunk: Chunk, waited: float) -> None:
    phase, _, item = member.seen
    usual = chunk.function.seconds
    if phase == protocol.COMPUTING:
        if usual is None or waited < max(STUCK_SECONDS, STUCK_FACTOR * usual):
            return
        what = f"running for {waited:.1f} s, more than {STUCK_FACTOR} times the usual {usual:.3g} s"
    elif waited < LOADING_SECONDS:
        return
    else:
        what = f"pickled or unpickled for {waited:.1f} s"
    member.seen_since = float("inf")
    which = f"item {chunk.first + item}"
    if phase == protocol.DECODING and chunk.count > 1:
        which = f"chunk of {chunk.count} items from item {chunk.first} on"
    text = (
        f"{which} of {chunk.sink.title} in worker {member.pid} has been {what}; give a timeout to have such items ended"
    )
    crew.recorder.note(text)
    import logging

    logging.getLogger("breakeven").warning(text)


def doom(member: Member, cause: str, chunk: Chunk, item: int) -> None:
    """End a worker because of what its running item does."""
    member.doom = Doom(cause, chunk.seq, item)
    member.started.kill(_signal.SIGTERM)
    member.kill_at = clock() + TERM_SECONDS


def distrust(member: Member, error: BaseException) -> None:
    """What came from a worker is no message of ours: end it."""
    if member.doom is None:
        unanswered = member.inflight[0].seq if member.inflight else 0
        member.doom = Doom(f"sent garbage ({error})", unanswered, UNKNOWN)
    member.started.kill(_signal.SIGKILL)


def recall(crew: Roster, idle: Member) -> bool:
    """A worker finds nothing to do: take back a chunk that another has not begun; True when one was.

    The only chunk of a worker that is still starting is taken for one that is not.
    """
    now = clock()
    for member in crew.members:
        inflight = member.inflight
        if not may_be_recalled(member) or (len(inflight) == 1 and idle.state == protocol.STARTING):
            continue
        last = inflight[-1]
        waits = now - inflight[0].sent > 2 * WORTH_RECALLING_SECONDS
        if (waits or last.hint * last.count > WORTH_RECALLING_SECONDS) and take_back(crew, member):
            last.sink.again(last, 0, last.count, alone=False)
            last.sink.finished(last)
            return True
    return False


def may_be_recalled(member: Member) -> bool:
    """Whether a worker was sent what it can hardly have begun."""
    return len(member.inflight) > (member.state != protocol.STARTING)


def take_back(crew: Roster, member: Member) -> Chunk | None:
    """Recall the last chunk that was sent to a worker; None when it has begun, or there is none."""
    if not member.inflight or member.started.tokens < 0:
        return None
    try:
        os.eventfd_read(member.started.tokens)
    except BlockingIOError:
        return None  # the worker was quicker
    chunk: Chunk = member.inflight.pop()
    member.skips.add(chunk.seq)
    try:
        crew.lending.release(member, (offset for _, _, offset, _ in protocol.BUFFER.iter_unpack(chunk.table)))
    except protocol.GarbledFrameError as error:  # it has let go of what it was not to look at before it had begun
        distrust(member, error)
    perhaps_retire(crew, member)
    return chunk


def withdraw(crew: Roster, member: Member, chunk: Chunk) -> None:
    """A chunk is not wanted any more: take it back while it waits (with what waits behind it), else end its worker.

    One that waits for its worker alone ends it, too: who knows how long it starts, or loads the function.
    """
    while member.inflight[-1].behind and (last := take_back(crew, member)) is not None:
        if last is not chunk:
            last.sink.again(last, 0, last.count, alone=False)
        last.sink.finished(last)
        if last is chunk:
            return
    doom(member, "cancelled", chunk, 0)


def perhaps_retire(crew: Roster, member: Member) -> None:
    """Replace a worker that has done its number of tasks or has grown too large."""
    full = crew.max_tasks is not None and member.tasks >= crew.max_tasks
    large = crew.max_memory is not None and member.resident_bytes > crew.max_memory
    if full or large:
        member.retiring = True
    if member.retiring and not member.inflight:
        retire(crew, member)


def retire(crew: Roster, member: Member) -> None:
    """Let a worker go that has nothing under way."""
    member.retiring = True
    tell_to_stop(member)
    crew.dismissed.append(member)
    crew.set_aside(member)


def tell_to_stop(member: Member) -> None:
    """Ask an idle worker to end."""
    try:
        member.channel.send(protocol.frame(protocol.STOP))
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has gone already


def _resident_bytes(pid: int) -> int:
    from breakeven.probes.memory import resident_bytes

    return resident_bytes(pid) or 0
