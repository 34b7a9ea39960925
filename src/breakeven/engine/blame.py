"""What a failure or a death costs whom: the item that was running is charged, all else runs on.

Lives here: decisions about outcomes that are no values. Never here: ending a worker (`supervise`, `endings`), or how an
exception travels (`remote`).
"""

from __future__ import annotations

import _signal
from time import perf_counter as clock
from time import sleep

from breakeven.engine import protocol
from breakeven.engine.member import UNKNOWN
from breakeven.engine.programs import REAP_SECONDS
from breakeven.probes.capacity import cgroup_oom_kills
from breakeven.probes.deaths import describe_exit
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.member import Chunk, Doom, Member
    from breakeven.engine.roster import Roster

MOST_DEATHS_AT_START = 3


def settle(
    crew: Roster, member: Member, chunk: Chunk, offset: int, values: list[Any], failures: list[tuple[Any, ...]]
) -> None:
    """Deliver a part in which some items failed."""
    from breakeven.engine.remote import rebuild

    start = 0
    for at, *facts in sorted(failures, key=lambda failure: failure[0]):
        index = chunk.first + at
        here = at - offset
        if here > start:
            chunk.sink.accept(chunk.first + offset + start, values[start:here])
        start = here + 1
        error = rebuild(*facts)
        if isinstance(error, crew.retry_on or ()) and chunk.attempt <= crew.retries:
            crew.recorder.retries += 1
            chunk.sink.retry(chunk, at)
            continue
        error.add_note(f"(item {index}, worker {member.pid})" if chunk.sink.counted else f"(worker {member.pid})")
        fail(crew, chunk, at, error, "exception", member.pid, facts[2])
    if start < len(values):
        chunk.sink.accept(chunk.first + offset + start, values[start:])


def fail(crew: Roster, chunk: Chunk, at: int, error: BaseException, cause: str, pid: int | None, text: str) -> None:
    """Charge one item with a failure."""
    failure = Failure(chunk.first + at, error, cause, chunk.attempt, pid, text)
    crew.recorder.failed(failure)
    chunk.sink.fail(failure)


def refuse(crew: Roster, chunk: Chunk, error: BaseException) -> None:
    """Arguments of a chunk cannot be pickled: charge the items that cannot, put the others back."""
    from breakeven.engine.codec import pickled, unpicklable

    start = 0
    for at in range(chunk.count):
        item = chunk.items[at]
        try:
            if chunk.count > 1:
                pickled(item, 1 << 62)
                continue
            reason = error
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as refused:  # noqa: BLE001 - any refusal
            reason = refused
        if at > start:
            chunk.sink.again(chunk, start, at, alone=False)
        start = at + 1
        fail(crew, chunk, at, unpicklable(item, "argument", chunk.first + at, reason), "exception", None, "")
    if start == 0 and chunk.count > 1:  # each can be pickled, but not all together
        chunk.sink.again(chunk, 0, chunk.count, alone=True)
    elif start < chunk.count:
        chunk.sink.again(chunk, start, chunk.count, alone=False)
    chunk.sink.finished(chunk)


def unreadable(crew: Roster, member: Member, chunk: Chunk, offset: int, count: int, error: BaseException) -> None:
    """Results cannot be unpickled here. One alone is charged; of several each is run again alone, to find the one."""
    if count == 1:
        error.add_note(f"(while unpickling the result of item {chunk.first + offset}, from worker {member.pid})")
        fail(crew, chunk, offset, error, "exception", member.pid, "")
        return
    crew.recorder.note(
        f"results of {count} items could not be unpickled together ({error!r}): those items were run again, one by one"
    )
    chunk.sink.again(chunk, offset, offset + count, alone=True)


def broke(crew: Roster, member: Member, described: tuple[str, str, str, bytes | None]) -> None:
    """The initializer raised: no worker of this crew can work."""
    from breakeven.engine.remote import rebuild
    from breakeven.errors import InitializerFailed

    name, message, text, body = described
    error = InitializerFailed(member.started.method, f"{name}: {message}")
    error.__cause__ = rebuild(name, message, text, body)
    give_up(crew, error)


def give_up(crew: Roster, error: BaseException, *, for_good: bool = True) -> None:
    """No worker can be had: what waits fails with `error`, and if it is `for_good`, what comes later, too."""
    if for_good or crew.exclusive:
        crew.broken = error
    for member in crew.members:
        while member.inflight:
            _fail_all(crew, member.inflight.popleft(), error)
    while crew.queue:
        _fail_all(crew, crew.queue.popleft(), error)
    for stream in crew.streams:
        stream.error, stream.stop_at, stream.exhausted = error, stream.next_index, True


def _fail_all(crew: Roster, chunk: Chunk, error: BaseException) -> None:
    for at in range(chunk.done, chunk.count):
        fail(crew, chunk, at, error, "exception", None, "")
    chunk.sink.finished(chunk)


# --- deaths ---


def lost(crew: Roster, member: Member) -> None:
    """A worker has ended: charge the item that it ran, put back the rest, let another take its place."""
    cause = _cause_of(crew, member)
    phase, seq, item = member.running()
    stack = member.started.stack()
    chunks = list(member.inflight)
    member.inflight.clear()
    doom = member.doom
    expected = member.retiring or member.gone_idle or (doom is not None and doom.cause == "cancelled")
    # It may have gone on to other work between our decision to end it and its end: that work is not to blame.
    innocent = doom is not None and doom.index != UNKNOWN and (doom.seq, doom.index) != (seq, item)
    if not expected:
        crew.recorder.deaths += 1
        if member.state == protocol.STARTING:
            crew.deaths_at_start += 1
    if crew.recorder.memory is not None:
        crew.recorder.memory.remove(member.pid)
    crew.dismiss(member)
    suspect = _suspect(chunks, phase, seq, doom)
    for chunk in chunks:
        if seq == chunk.seq and phase not in (protocol.IDLE, protocol.LOADING) and not innocent and not suspect:
            _charge(crew, member, chunk, phase, item, cause, stack)
        elif chunk.seq == suspect:
            _charge(crew, member, chunk, protocol.HELD, item, cause, stack)
        elif phase == protocol.LOADING and chunk.seq > seq and not member.doom:
            _charge_all(crew, member, chunk, cause, stack)
            phase = protocol.IDLE
        else:
            chunk.sink.again(chunk, chunk.done, chunk.count, alone=False)
        chunk.sink.finished(chunk)
    if crew.deaths_at_start >= MOST_DEATHS_AT_START:
        from breakeven.errors import StartFailed

        reason = f"{crew.deaths_at_start} workers in a row ended at their start ({cause})"
        give_up(crew, StartFailed(str(crew.start_method), reason))


def _suspect(chunks: list[Chunk], phase: int, seq: int, doom: Doom | None) -> int:
    """The chunk that has harmed its worker's channel, if one has: the first without an answer; 0 for none."""
    if doom is not None:
        return doom.seq if doom.index == UNKNOWN else 0
    ended = phase in (protocol.IDLE, protocol.HELD) and any(chunk.seq == seq for chunk in chunks)
    return seq if ended else 0  # it has run to its end, and its answer never came


def _cause_of(crew: Roster, member: Member) -> str:
    deadline = clock() + REAP_SECONDS
    while not member.started.ended():
        if clock() > deadline:  # its socket is closed but it lives: it is of no use
            member.started.kill(_signal.SIGKILL)
            deadline += 1e9
        sleep(0.0002)
    kills = cgroup_oom_kills()
    status = member.started.status
    cause = describe_exit(None if status == -1 else status, oom_before=crew.oom_kills, oom_after=kills)
    crew.oom_kills = kills
    return cause


def _charge(crew: Roster, member: Member, chunk: Chunk, phase: int, item: int, cause: str, stack: str) -> None:
    """The chunk that was running when its worker ended."""
    alone = chunk.count - chunk.done == 1
    if phase == protocol.COMPUTING or alone:
        culprit = max(min(item, chunk.count - 1), chunk.done) if not alone else chunk.done
        if culprit > chunk.done:  # finished, but their results went down with the worker
            chunk.sink.again(chunk, chunk.done, culprit, alone=False)
        if culprit + 1 < chunk.count:
            chunk.sink.again(chunk, culprit + 1, chunk.count, alone=False)
        _charge_item(crew, member, chunk, culprit, cause, stack)
    elif phase == protocol.SWEEPING:  # it is one of these: alone, it will show itself
        start = max(min(item, chunk.count), chunk.done)
        stop = min(start + protocol.SWEEP, chunk.count)
        chunk.sink.again(chunk, chunk.done, start, alone=False)
        chunk.sink.again(chunk, start, stop, alone=True)
        chunk.sink.again(chunk, stop, chunk.count, alone=False)
    else:  # it ended while (un)pickling several items: alone, the culprit will show itself
        chunk.sink.again(chunk, chunk.done, chunk.count, alone=True)


def _charge_all(crew: Roster, member: Member, chunk: Chunk, cause: str, stack: str) -> None:
    """The function itself cannot be loaded without harm: none of its items can be run."""
    for at in range(chunk.done, chunk.count):
        _charge_item(crew, member, chunk, at, cause, stack)


def _charge_item(crew: Roster, member: Member, chunk: Chunk, at: int, cause: str, stack: str) -> None:
    from breakeven.errors import MemoryExceeded, TaskTimeout, WorkerDied

    if getattr(chunk.sink, "cancelled", False):
        return
    doomed = member.doom
    index = chunk.first + at if chunk.sink.counted else None
    if doomed is not None and doomed.cause == "cancelled":
        return
    if chunk.attempt <= crew.retries:
        crew.recorder.retries += 1
        chunk.sink.retry(chunk, at)
        return
    error: BaseException
    if doomed is not None and doomed.cause == "timeout":
        error, cause = TaskTimeout(index, crew.timeout or 0.0, member.pid), "timeout"
    elif doomed is not None and doomed.cause == "memory":
        error, cause = MemoryExceeded(index, member.pid, member.resident_bytes, crew.max_memory or 0), "out of memory"
    else:
        cause = doomed.cause if doomed is not None else cause
        error = WorkerDied(index, member.pid, cause, stack)
    fail(crew, chunk, at, error, cause, member.pid, stack)
