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
        _Outcome(member, flags, body).take(crew)
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
        from breakeven.engine import logs

        logs.emit(body, member.number, member.pid)
    elif kind == protocol.BROKEN:
        blame.broke(crew, member, loads(body))
    elif kind == protocol.BYE:
        member.gone_idle = True


class _Outcome:
    """A part of a chunk that has come back."""

    __slots__ = (
        "body",
        "buffers",
        "chunk",
        "count",
        "cpu",
        "flags",
        "length",
        "member",
        "offset",
        "queued",
        "released",
        "resident",
        "table_end",
        "times",
        "values_at",
        "values_end",
    )

    def __init__(self, member: Member, flags: int, body: memoryview) -> None:
        head = protocol.OUTCOME_HEAD
        seq, self.offset, self.count, self.buffers, self.released, self.length, *self.times = head.unpack_from(body)
        self.resident: int = self.times.pop()
        self.queued: float = self.times.pop()
        self.cpu: float = self.times.pop()
        self.member = member
        self.flags = flags
        self.body = body
        self.chunk: Chunk = member.inflight[0]
        if self.chunk.seq != seq or self.offset != self.chunk.done or self.offset + self.count > self.chunk.count:
            raise protocol.GarbledFrameError(f"an outcome of chunk {seq} came while {self.chunk.seq} is under way")
        self.table_end = head.size + self.buffers * protocol.BUFFER.size
        self.values_at = self.table_end + self.released * protocol.OFFSET.size
        self.values_end = self.values_at + self.length

    def take(self, crew: Roster) -> None:
        """Account for it, deliver what it holds, and see what its chunk's end brings."""
        recorder, member, chunk = crew.recorder, self.member, self.chunk
        assert member.lane is not None  # noqa: S101 - given when it was hired
        arrived = recorder.since
        recorder.outcome(member.lane, chunk.sent, chunk.path, self.times, self.cpu, self.queued)
        recorder.mark(states.DESERIALISE)
        if self.released:
            crew.lending.release(member, protocol.unpack_offsets(self.body[self.table_end : self.values_at]))
        values = self._values(crew)
        shared = self._shared_bytes()
        recorder.shared_in += shared
        recorder.mark(states.MERGE)
        chunk.done = self.offset + self.count
        member.resident_bytes = self.resident
        self._deliver(crew, values)
        if self.count:
            self._count(crew, shared)
        if len(recorder.records) < states.MOST_RECORDS:
            where = (member.number, chunk.first + self.offset, self.count)
            recorder.records.append((*where, chunk.sent, *self.times[1:5], arrived, clock()))
        if self.flags & protocol.LAST:
            self._end(crew)

    def _values(self, crew: Roster) -> list[Any] | None:
        """The results; None when they cannot be unpickled here, which is dealt with."""
        shared = bool(self.flags & protocol.STREAM_SHARED)
        table = self.body[protocol.OUTCOME_HEAD.size : self.table_end]
        if self.flags & protocol.FELL_BACK:
            crew.recorder.note("shared memory was refused in a worker: results travelled through the channel")
        try:
            values: list[Any] = decode(
                self.body[self.values_at : self.values_end], table, self.member.window, stream_shared=shared
            )
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001 - a result whose unpickling raises is its item's failure
            blame.unreadable(crew, self.member, self.chunk, self.offset, self.count, error)
            return None
        return values

    def _shared_bytes(self) -> int:
        if not self.buffers:
            return 0
        table = self.body[protocol.OUTCOME_HEAD.size : self.table_end]
        return sum(nbytes for _, _, _, nbytes in protocol.BUFFER.iter_unpack(table))

    def _deliver(self, crew: Roster, values: list[Any] | None) -> None:
        if values is None:
            return
        if len(self.body) > self.values_end:
            failures = loads(self.body[self.values_end :])
            blame.settle(crew, self.member, self.chunk, self.offset, values, failures)
        elif self.count:
            self.chunk.sink.accept(self.chunk.first + self.offset, values)

    def _count(self, crew: Roster, shared: int) -> None:
        count, function = self.count, self.chunk.function
        assert self.member.lane is not None  # noqa: S101 - given when it was hired
        self.member.lane.tasks += count
        self.member.tasks += count
        crew.recorder.items += count
        function.bytes_an_item = (shared + self.length) / count
        _learn(crew, function, (self.times[3] - self.times[2]) / count)

    def _end(self, crew: Roster) -> None:
        member, chunk = self.member, self.chunk
        member.inflight.popleft()
        if chunk.done < chunk.count:
            chunk.sink.again(chunk, chunk.done, chunk.count, alone=False)
        chunk.sink.finished(chunk)
        supervise.perhaps_retire(crew, member)


def _learn(crew: Roster, function: Function, seconds: float) -> None:
    """What an item takes, as measured last."""
    before = function.seconds
    function.seconds = seconds if before is None else before + SMOOTHING * (seconds - before)
    crew.soon = function.seconds * function.size < SOON_SECONDS
