"""What follows from a death, a deadline, a failure: who is charged, what runs again, which worker goes.

Lives here: the decisions about faults, as functions of a crew and a member. Never here: sending and receiving.
The running item is charged with its worker's death; all else that the worker had goes to others.
"""

from __future__ import annotations

import _signal
import os
from time import perf_counter as clock
from time import perf_counter_ns as clock_ns
from time import sleep

from breakeven.engine import launch, protocol
from breakeven.engine.member import Chunk, Doom
from breakeven.probes.capacity import cgroup_oom_kills
from breakeven.probes.deaths import describe_exit
from breakeven.work import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.dispatch import Crew
    from breakeven.engine.member import Member
    from breakeven.engine.stream import Stream

TERM_SECONDS = 0.02  # between asking a worker to end and ending it
ABANDON_SECONDS = 0.03  # what a given-up call waits for items that are nearly done
MOST_DEATHS_AT_START = 3
STUCK_FACTOR = 40  # times the usual item: worth a warning
STUCK_SECONDS = 1.0  # and how often, at most, it is looked at
HARD_MEMORY = 1.5  # times max_worker_memory: a worker is ended in the middle of an item
LOOK_AT_MEMORY_SECONDS = 0.025
WORTH_WATCHING_SECONDS = 0.05  # calls shorter than this have no peak of memory in their report: reading it costs 0.2 ms
WORTH_RECALLING_SECONDS = 300e-6


# --- while all is well ---


def patience(crew: Crew, timeout_seconds: float | None) -> float | None:
    """How long the crew may block before something has to be looked at."""
    soonest = timeout_seconds
    now = clock()
    for member in crew.members:
        if member.kill_at is not None:
            soonest = _sooner(soonest, member.kill_at - now)
        if not member.inflight:
            continue
        soonest = _sooner(soonest, STUCK_SECONDS)
        if crew.timeout is not None:
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


def _left(crew: Crew, member: Member, timeout: float) -> float:  # noqa: ARG001
    began = member.board[protocol.ITEM_BEGAN_NS]
    phase, seq, _ = member.running()
    if phase in (protocol.COMPUTING, protocol.DECODING) and seq == member.inflight[0].seq:
        return timeout - (clock_ns() - began) * 1e-9
    return timeout


def check(crew: Crew) -> None:
    """Look at deadlines, memory and items that take suspiciously long."""
    now = clock()
    for member in crew.members[:]:
        if member.kill_at is not None and now >= member.kill_at:
            member.kill_at = None
            member.started.kill(_signal.SIGKILL)
        if member.inflight and member.doom is None:
            _check_running(crew, member, now)
    watch = crew.recorder.memory
    if watch is not None:
        watch.tick(now)
    elif now - crew.recorder.began > WORTH_WATCHING_SECONDS:
        from breakeven.probes.memory import MemoryWatch  # noqa: PLC0415 - short calls need none

        crew.recorder.memory = MemoryWatch([os.getpid(), *(member.pid for member in crew.members)], clock)


def _check_running(crew: Crew, member: Member, now: float) -> None:
    phase, seq, item = member.running()
    chunk = member.inflight[0]
    if seq != chunk.seq or phase not in (protocol.COMPUTING, protocol.DECODING):
        return
    if crew.timeout is not None and (clock_ns() - member.board[protocol.ITEM_BEGAN_NS]) * 1e-9 > crew.timeout:
        if member.running() == (phase, seq, item):
            doom(member, "timeout", chunk, item)
        return
    if crew.max_memory is not None:
        held = _resident_bytes(member.pid)
        if held > crew.max_memory * HARD_MEMORY:
            member.resident_bytes = held
            doom(member, "memory", chunk, item)
            return
    if member.stuck[:2] != (seq, item):
        member.stuck = (seq, item, now)
    elif crew.timeout is None and member.stuck[2] >= 0.0:
        _perhaps_warn(crew, member, chunk, item, now)


def _perhaps_warn(crew: Crew, member: Member, chunk: Chunk, item: int, now: float) -> None:
    usual = chunk.function.seconds
    since = member.stuck[2]
    if usual is None or now - since < max(STUCK_SECONDS, STUCK_FACTOR * usual):
        return
    member.stuck = (chunk.seq, item, -1.0)
    text = (
        f"item {chunk.first + item} of {chunk.sink.title} has been running for {now - since:.1f} s in worker {member.pid}, "
        f"more than {STUCK_FACTOR} times the usual {usual:.3g} s; give a timeout to have such items ended"
    )
    crew.recorder.note(text)
    import logging  # noqa: PLC0415 - 12 ms, only when there is something to say

    logging.getLogger("breakeven").warning(text)


def doom(member: Member, cause: str, chunk: Chunk, item: int) -> None:
    """End a worker because of what its running item does."""
    member.doom = Doom(cause, chunk.seq, item)
    member.started.kill(_signal.SIGTERM)
    member.kill_at = clock() + TERM_SECONDS


def distrust(member: Member, error: BaseException) -> None:
    """What came from a worker is no message of ours: end it."""
    if member.doom is None:
        member.doom = Doom(f"sent garbage ({error})", 0, 0)
    member.started.kill(_signal.SIGKILL)


def recall(crew: Crew) -> bool:
    """An idle worker finds nothing to do: take back a chunk that waits behind another one; True when one was."""
    now = clock()
    for member in crew.members:
        inflight = member.inflight
        if len(inflight) < 2 or member.skips:  # noqa: PLR2004
            continue
        last = inflight[-1]
        waits = now - inflight[0].sent > 2 * WORTH_RECALLING_SECONDS
        if not last.claim or not (waits or last.hint * last.count > WORTH_RECALLING_SECONDS):
            continue
        try:
            os.eventfd_read(member.started.tokens)
        except BlockingIOError:
            continue  # the worker was quicker
        inflight.pop()
        member.skips += 1
        last.sink.again(last, 0, last.count, alone=False)
        last.sink.finished(last)
        return True
    return False


def perhaps_retire(crew: Crew, member: Member) -> None:
    """Replace a worker that has done its number of tasks or has grown too large."""
    full = crew.max_tasks is not None and member.tasks >= crew.max_tasks
    large = crew.max_memory is not None and member.resident_bytes > crew.max_memory
    if full or large:
        member.retiring = True
    if member.retiring and not member.inflight:
        retire(crew, member)


def retire(crew: Crew, member: Member) -> None:
    """Let a worker go that has nothing under way."""
    member.retiring = True
    _tell_to_stop(member)
    crew.dismissed.append(member)
    crew.set_aside(member)


def _tell_to_stop(member: Member) -> None:
    try:
        member.channel.send(protocol.frame(protocol.STOP))
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has gone already


# --- failures ---


def settle(crew: Crew, member: Member, chunk: Chunk, offset: int, values: list[Any], failures: list[tuple[Any, ...]]) -> None:
    """Deliver a part in which some items failed."""
    from breakeven.engine.faults import rebuild  # noqa: PLC0415 - only when something went wrong

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


def fail(crew: Crew, chunk: Chunk, at: int, error: BaseException, cause: str, pid: int | None, text: str) -> None:
    """Charge one item with a failure."""
    index = chunk.first + at
    failures = crew.recorder.failures
    if len(failures) < 1000:  # noqa: PLR2004 - the report names the first; the caller has them all
        failures.append({"index": index, "cause": cause, "exception": f"{type(error).__name__}: {error}", "pid": pid, "attempts": chunk.attempt})
    chunk.sink.fail(Failure(index, error, cause, chunk.attempt, pid, text))


def refuse(crew: Crew, chunk: Chunk, error: BaseException) -> None:
    """Arguments of a chunk cannot be pickled: charge the items that cannot, put the others back."""
    from breakeven.engine.codec import pickled, unpicklable  # noqa: PLC0415 - cold

    start = 0
    for at in range(chunk.count):
        item = chunk.items[at]
        try:
            if chunk.count > 1:
                pickled(item, 1 << 62)
                continue
            reason = error
        except Exception as refused:  # noqa: BLE001 - any refusal
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


def unreadable(crew: Crew, member: Member, chunk: Chunk, offset: int, count: int, error: BaseException) -> None:
    """Results cannot be unpickled here. One alone is charged; of several each is run again alone, to find the one."""
    if count == 1:
        error.add_note(f"(while unpickling the result of item {chunk.first + offset}, from worker {member.pid})")
        fail(crew, chunk, offset, error, "exception", member.pid, "")
        return
    crew.recorder.note(f"results of {count} items could not be unpickled together ({error!r}): those items were run again, one by one")
    chunk.sink.again(chunk, offset, offset + count, alone=True)


def broke(crew: Crew, member: Member, described: tuple[str, str, str, bytes | None]) -> None:
    """The initializer raised: no worker of this crew can work."""
    from breakeven.engine.faults import rebuild  # noqa: PLC0415 - cold
    from breakeven.errors import InitializerFailed  # noqa: PLC0415

    name, message, text, body = described
    error = InitializerFailed(member.started.method, f"{name}: {message}")
    error.__cause__ = rebuild(name, message, text, body)
    give_up(crew, error)


def give_up(crew: Crew, error: BaseException) -> None:
    """No worker can be had any more: everything that waits fails with `error`."""
    crew.broken = error
    for member in crew.members:
        while member.inflight:
            _fail_all(crew, member.inflight.popleft(), error)
    while crew.queue:
        _fail_all(crew, crew.queue.popleft(), error)
    for stream in crew.streams:
        stream.error, stream.stop_at, stream.exhausted = error, stream.next_index, True


def _fail_all(crew: Crew, chunk: Chunk, error: BaseException) -> None:
    for at in range(chunk.done, chunk.count):
        fail(crew, chunk, at, error, "exception", None, "")
    chunk.sink.finished(chunk)


# --- deaths ---


def lost(crew: Crew, member: Member) -> None:
    """A worker has ended: charge the item that it ran, put back the rest, let another take its place."""
    cause = _cause_of(crew, member)
    phase, seq, item = member.running()
    stack = member.started.stack()
    chunks = list(member.inflight)
    member.inflight.clear()
    expected = member.retiring or member.gone_idle
    if not expected:
        crew.recorder.deaths += 1
        if member.state == protocol.STARTING:
            crew.deaths_at_start += 1
    if crew.recorder.memory is not None:
        crew.recorder.memory.remove(member.pid)
    crew.dismiss(member)
    for at, chunk in enumerate(chunks):
        if at == 0 and seq == chunk.seq and phase not in (protocol.IDLE, protocol.LOADING):
            _charge(crew, member, chunk, phase, item, cause, stack)
        else:
            chunk.sink.again(chunk, chunk.done, chunk.count, alone=False)
        chunk.sink.finished(chunk)
    if crew.deaths_at_start >= MOST_DEATHS_AT_START:
        from breakeven.errors import StartFailed  # noqa: PLC0415 - cold

        reason = f"{crew.deaths_at_start} workers in a row ended at their start ({cause})"
        give_up(crew, StartFailed(crew.start_method, reason))


def _cause_of(crew: Crew, member: Member) -> str:
    deadline = clock() + launch.REAP_SECONDS
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


def _charge(crew: Crew, member: Member, chunk: Chunk, phase: int, item: int, cause: str, stack: str) -> None:
    """The chunk that was running when its worker ended."""
    alone = chunk.count - chunk.done == 1
    if phase == protocol.COMPUTING or alone:
        culprit = max(min(item, chunk.count - 1), chunk.done) if not alone else chunk.done
        if culprit > chunk.done:  # finished, but their results went down with the worker
            chunk.sink.again(chunk, chunk.done, culprit, alone=False)
        if culprit + 1 < chunk.count:
            chunk.sink.again(chunk, culprit + 1, chunk.count, alone=False)
        _charge_item(crew, member, chunk, culprit, cause, stack)
    else:  # it ended while (un)pickling several items: alone, the culprit will show itself
        chunk.sink.again(chunk, chunk.done, chunk.count, alone=True)


def _charge_item(crew: Crew, member: Member, chunk: Chunk, at: int, cause: str, stack: str) -> None:
    from breakeven.errors import MemoryExceeded, TaskTimeout, WorkerDied  # noqa: PLC0415 - cold

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


# --- the end of a call, the end of a crew ---


def abandon(crew: Crew, stream: Stream) -> None:
    """Stop what still runs of a call that is over: at the next item where possible, else the worker is ended."""
    concerned = []
    for member in crew.members:
        while member.inflight and member.inflight[-1].claim and member.inflight[-1].sink is stream and _take_back(member):
            pass
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
        crew.pump(left)
    for member in concerned:
        if member in crew.members and member.inflight:
            member.inflight.clear()
            end(crew, member)


def _take_back(member: Member) -> bool:
    try:
        os.eventfd_read(member.started.tokens)
    except BlockingIOError:
        return False
    chunk = member.inflight.pop()
    member.skips += 1
    chunk.sink.finished(chunk)
    return True


def end(crew: Crew, member: Member) -> None:
    """End one worker now."""
    member.started.kill(_signal.SIGKILL)
    crew.set_aside(member)
    crew.dismissed.append(member)
    bury(crew, wait=True)


def bury(crew: Crew, *, wait: bool) -> None:
    """Collect workers that were told to go; kill those that do not."""
    deadline = clock() + (launch.REAP_SECONDS if wait else 0.0)
    while crew.dismissed:
        crew.dismissed[:] = [member for member in crew.dismissed if not _gone(crew, member)]
        if not crew.dismissed or clock() >= deadline:
            break
        sleep(0.0002)
    if wait:
        for member in crew.dismissed:
            member.started.kill(_signal.SIGKILL)


def _gone(crew: Crew, member: Member) -> bool:
    if not member.started.ended():
        return False
    crew.release_all(member)
    member.close()
    return True


def end_all(crew: Crew, *, at_once: bool) -> None:
    """End every worker: idle ones are told to stop, busy ones are ended (asked first, unless `at_once`)."""
    for member in crew.members:
        if member.inflight or at_once or member.doom is not None or member.state == protocol.STARTING:
            member.started.kill(_signal.SIGKILL if at_once else _signal.SIGTERM)
        else:
            _tell_to_stop(member)
    crew.dismissed += [member for member in crew.members]
    asked = clock()
    for member in crew.members[:]:
        crew.set_aside(member)
    killed = at_once
    pause = 0.0001
    while crew.dismissed:
        crew.dismissed[:] = [member for member in crew.dismissed if not _gone(crew, member)]
        patience_seconds = TERM_SECONDS if any(member.inflight for member in crew.dismissed) else 1.0
        if not killed and clock() - asked > patience_seconds:
            killed = True
            for member in crew.dismissed:
                member.started.kill(_signal.SIGKILL)
        if crew.dismissed:
            sleep(pause)
            pause = min(2 * pause, 0.002)


def _resident_bytes(pid: int) -> int:
    from breakeven.probes.memory import resident_bytes  # noqa: PLC0415 - only where a limit was set

    return resident_bytes(pid) or 0
