"""What a worker says, and what that changes.

Lives here: one function a kind of message. Never here: reading it (`channel`, `dispatch`), or what follows from a
failure (`blame`).
"""

from __future__ import annotations

from _pickle import loads
from time import perf_counter as clock

from breakeven.engine import blame, protocol, supervise
from breakeven.engine.codec import decode
from breakeven.ledger import recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.engine.dispatch import Crew
    from breakeven.engine.functions import Function
    from breakeven.engine.member import Member

SOON_SECONDS = 300e-6  # results are expected within this: worth spinning for
SMOOTHING = 0.4  # weight of the newest chunk in the time an item takes


def handle(crew: Crew, member: Member, kind: int, flags: int, body: memoryview) -> None:
    """Act on one message of a worker; raises `GarbledFrameError` for what it may not say now."""
    rec = crew.recorder
    rec.messages_in += 1
    rec.bytes_in += len(body)
    following = protocol.EXPECTED[member.state].get(kind)
    if following is None:
        raise protocol.GarbledFrameError(f"a message of kind {kind} came from a worker that is {member.state}")
    member.state = following
    if kind == protocol.OUTCOME:
        _outcome(crew, member, flags, body)
    elif kind == protocol.READY:
        _, booted, ready, _ = protocol.READY_BODY.unpack(body)
        crew.deaths_at_start = 0
        assert member.lane is not None  # noqa: S101 - given when it was hired
        member.lane.ready(booted, ready)
    elif kind == protocol.SKIPPED:
        member.skips -= 1
    elif kind == protocol.RELEASED:
        crew.lending.release(member, protocol.unpack_offsets(body))
    elif kind == protocol.LOG:
        from breakeven.engine import logs  # noqa: PLC0415 - only when a task logs

        logs.emit(body, member.number, member.pid)
    elif kind == protocol.BROKEN:
        blame.broke(crew, member, loads(body))
    elif kind == protocol.BYE:
        member.gone_idle = True


def _outcome(crew: Crew, member: Member, flags: int, body: memoryview) -> None:
    head = protocol.OUTCOME_HEAD
    seq, offset, count, buffers, gone, length, *times, cpu, queued, resident = head.unpack_from(body)
    chunk = member.inflight[0]
    if chunk.seq != seq or offset != chunk.done or offset + count > chunk.count:
        raise protocol.GarbledFrameError(f"an outcome of chunk {seq} came while {chunk.seq} is under way")
    rec, lane = crew.recorder, member.lane
    assert lane is not None  # noqa: S101 - given when it was hired
    arrived = rec.since
    rec.outcome(lane, chunk.sent, chunk.path, times, cpu, queued)
    rec.mark(recorder.DESERIALISE)
    at = head.size
    table_end = at + buffers * protocol.BUFFER.size
    released_end = table_end + gone * protocol.OFFSET.size
    if gone:
        crew.lending.release(member, protocol.unpack_offsets(body[table_end:released_end]))
    values_end = released_end + length
    failures = loads(body[values_end:]) if len(body) > values_end else []
    if flags & protocol.FELL_BACK:
        rec.note("shared memory was refused in a worker: results travelled through the channel")
    try:
        values = decode(
            body[released_end:values_end],
            body[at:table_end],
            member.window,
            stream_shared=bool(flags & protocol.STREAM_SHARED),
        )
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - a result whose unpickling raises is its item's failure
        values = None
        blame.unreadable(crew, member, chunk, offset, count, error)
    shared = 0
    if buffers:
        shared = sum(nbytes for _, _, _, nbytes in protocol.BUFFER.iter_unpack(body[at:table_end]))
        rec.shared_in += shared
    rec.mark(recorder.MERGE)
    done = chunk.done = offset + count
    lane.tasks += count
    rec.items += count
    member.tasks += count
    member.resident_bytes = resident
    if values is not None:
        if failures:
            blame.settle(crew, member, chunk, offset, values, failures)
        elif count:
            chunk.sink.accept(chunk.first + offset, values)
    if len(rec.records) < recorder.MOST_RECORDS:
        _, received, decoded, computed, encoded, _ = times
        rec.records.append(
            (member.number, chunk.first + offset, count, chunk.sent, received, decoded, computed, encoded, arrived, clock())
        )
    if count:
        _learn(crew, chunk.function, (times[3] - times[2]) / count)
        chunk.function.bytes_an_item = (shared + length) / count
    if flags & protocol.LAST:
        member.inflight.popleft()
        if done < chunk.count:
            chunk.sink.again(chunk, done, chunk.count, alone=False)
        chunk.sink.finished(chunk)
        supervise.perhaps_retire(crew, member)


def _learn(crew: Crew, function: Function, seconds: float) -> None:
    before = function.seconds
    function.seconds = seconds if before is None else before + SMOOTHING * (seconds - before)
    crew.soon = function.seconds * function.size < SOON_SECONDS
