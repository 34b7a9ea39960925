"""What a worker says, and what that changes.

Lives here: one function a kind of message. Never here: reading it (`channel`, `dispatch`), or what follows from a
failure (`blame`).
"""

from __future__ import annotations

from _pickle import loads
from time import perf_counter as clock

from breakeven.engine import blame, protocol, supervise
from breakeven.engine.codec import decode
from breakeven.ledger import recorder as states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.engine.member import Chunk, Member
    from breakeven.engine.roster import Roster

SOON_SECONDS = 300e-6  # results are expected within this: worth spinning for
SMOOTHING = 0.4  # weight of the newest chunk in the time an item takes


def handle(crew: Roster, member: Member, kind: int, flags: int, body: memoryview) -> None:
    """Act on one message of a worker; raises `GarbledFrameError` for what it may not say now."""
    recorder = crew.recorder
    recorder.messages_in += 1
    recorder.bytes_in += len(body)
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
        (seq,) = protocol.OFFSET.unpack(body)
        if seq not in member.skips:
            raise protocol.GarbledFrameError(f"it passed over chunk {seq}, which was not recalled")
        member.skips.discard(seq)
    elif kind == protocol.RELEASED:
        crew.lending.release(member, protocol.unpack_offsets(body))
    elif kind == protocol.LOG:
        from breakeven.engine import logs

        logs.emit(_facts(body), member.number, member.pid)
    elif kind == protocol.BROKEN:
        blame.broke(crew, member, _facts(body))
    elif kind == protocol.BYE:
        member.gone_idle = True


def _facts(body: memoryview) -> Any:
    """What a worker tells of itself, which it has pickled from plain facts."""
    try:
        return loads(body)
    except Exception as error:
        raise protocol.GarbledFrameError(f"what it told could not be unpickled: {error}") from error


def _outcome(crew: Roster, member: Member, flags: int, body: memoryview) -> None:
    """A part of a chunk has come back: account for it, deliver what it holds, see what its chunk's end brings."""
    head = protocol.OUTCOME_HEAD
    seq, offset, count, buffers, gone, length, *times, cpu, queued, resident = head.unpack_from(body)
    chunk = member.inflight[0]
    if chunk.seq != seq or offset != chunk.done or offset + count > chunk.count:
        raise protocol.GarbledFrameError(f"an outcome of chunk {seq} came while {chunk.seq} is under way")
    recorder, lane = crew.recorder, member.lane
    assert lane is not None  # noqa: S101 - given when it was hired
    arrived = recorder.since
    recorder.outcome(lane, chunk.sent, chunk.path, times, cpu, queued)
    recorder.mark(states.DESERIALISE)
    at = head.size
    shared = 0
    if buffers or gone:
        table_end = at + buffers * protocol.BUFFER.size
        shared = sum(nbytes for _, _, _, nbytes in protocol.BUFFER.iter_unpack(body[at:table_end]))
        values_at = table_end + gone * protocol.OFFSET.size
        crew.lending.release(member, protocol.unpack_offsets(body[table_end:values_at]))
    else:
        table_end = values_at = at
    values_end = values_at + length
    values = _values(crew, member, (offset, count), flags, body[values_at:values_end], body[at:table_end])
    recorder.shared_in += shared
    recorder.mark(states.MERGE)
    chunk.done = offset + count
    member.resident_bytes = resident
    if values is None:
        pass
    elif len(body) > values_end:
        blame.settle(crew, member, chunk, offset, values, _facts(body[values_end:]))
    elif count:
        chunk.sink.accept(chunk.first + offset, values)
    if count:
        lane.tasks += count
        member.tasks += count
        recorder.items += count
        chunk.function.result_bytes = (shared + length) / count
        _learn(crew, chunk.function, (times[3] - times[2]) / count)
    if len(recorder.records) < states.MOST_RECORDS:
        recorder.records.append((lane.index, chunk.first + offset, count, chunk.sent, *times[1:5], arrived, clock()))
    if flags & protocol.LAST:
        _end(crew, member, chunk, alone=bool(flags & protocol.APART))


def _values(
    crew: Roster, member: Member, part: tuple[int, int], flags: int, stream: memoryview, table: memoryview
) -> list[Any] | None:
    """The results; None when they cannot be unpickled here, which is dealt with."""
    if flags & protocol.FELL_BACK:
        crew.recorder.note("shared memory was refused in a worker: results travelled through the channel")
    try:
        values: list[Any] = decode(stream, table, member.window, stream_shared=bool(flags & protocol.STREAM_SHARED))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - a result whose unpickling raises is its item's failure
        blame.unreadable(crew, member, member.inflight[0], *part, error)
        return None
    return values


def _end(crew: Roster, member: Member, chunk: Chunk, *, alone: bool) -> None:
    member.inflight.popleft()
    if chunk.done < chunk.count:
        chunk.sink.again(chunk, chunk.done, chunk.count, alone=alone)
    chunk.sink.finished(chunk)
    if member.retiring or crew.max_tasks is not None or crew.max_memory is not None:
        supervise.perhaps_retire(crew, member)


def _learn(crew: Roster, function: Function, seconds: float) -> None:
    """What an item takes, as measured last."""
    before = function.seconds
    function.seconds = seconds if before is None else before + SMOOTHING * (seconds - before)
    crew.soon = function.seconds * function.size < SOON_SECONDS
