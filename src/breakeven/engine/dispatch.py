"""Chunk to free worker, result to caller.

Lives here: `Crew`, the workers of one pool and the loop that drives them. One thread at a time drives it
(`wait` and `process`); who that is, is the backend's to say. Never here: what follows from a death or a
deadline (`supervise`), what is still to do (`stream`).
"""

from __future__ import annotations

import os
import sys
from _collections import deque
from _pickle import loads
from time import perf_counter as clock

from breakeven import work
from breakeven.engine import launch, protocol, supervise
from breakeven.engine.arena import Arena, open_file
from breakeven.engine.channel import frames
from breakeven.engine.codec import decode, encode
from breakeven.engine.functions import Functions, StaleModuleError
from breakeven.engine.member import Chunk, Member
from breakeven.engine.watch import Watch
from breakeven.ledger import recorder
from breakeven.planning.chunks import chunk_size, depth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.engine.stream import Stream
    from breakeven.ledger.recorder import Recorder

SPIN_SECONDS = 40e-6  # a blocking wake-up costs about 45 µs; longer spinning starves the workers
SOON_SECONDS = 300e-6  # results are expected within this: worth spinning for
SMOOTHING = 0.4  # weight of the newest chunk in the time an item takes
HEAVY_BYTES = 256 << 20  # a stream whose results lie ready reads its input further only below this

crews: dict[int, Crew] = {}  # every crew of this process, for the fork hook and for `shutdown`


class Crew:
    """Workers, what they are doing, and what waits for them."""

    def __init__(self, *, max_workers: int, start_method: str, setup: dict[str, Any], shared_memory: bool = True) -> None:
        self.max_workers = max_workers
        self.start_method = start_method
        self.setup = setup
        self.members: list[Member] = []
        self.by_descriptor: dict[int, Member] = {}
        self.queue: deque[Chunk] = deque()  # chunks ready to go: submitted calls
        self.streams: list[Stream] = []
        self.functions = Functions()
        self.recorder: Recorder = recorder.Recorder()
        self.broken: BaseException | None = None
        self.deaths_at_start = 0
        self.closed = False
        self.timeout: float | None = None
        self.max_tasks: int | None = None
        self.max_memory: int | None = None
        self.memory_limit: int | None = None
        self.retries = 0
        self.retry_on: tuple[type[BaseException], ...] = ()
        self.arena: Arena | None = None
        self.exclusive = True  # one call at a time, driven by the thread that made it
        self.dismissed: list[Member] = []  # told to go, not yet collected
        self.oom_kills: int | None = None
        self.owner = os.getpid()
        self.watch = Watch()
        self._seq = 0
        self._numbers = 0
        self._soon = False
        self._leases: dict[int, int] = {}
        self._pinned: set[int] = set()
        if shared_memory:
            self.arena = self._open_arena()
        crews[id(self)] = self

    def _open_arena(self) -> Arena | None:
        try:
            return Arena(open_file("arguments"))
        except OSError as error:
            self.recorder.note(f"no shared memory here ({error}): arrays travel through the channel")
            return None

    # --- workers ---

    def hire(self) -> Member:
        """Start one more worker; raises OSError when the system refuses."""
        self.recorder.mark(recorder.START)
        setup = {**self.setup, "number": self._numbers}
        arguments = -1 if self.arena is None else self.arena.descriptor
        preload = self.functions.modules() if self.start_method == "forkserver" else []
        started = launch.start(self.start_method, arguments, setup, preload)
        member = Member(self._numbers, started, list(sys.path))
        self._numbers += 1
        self.members.append(member)
        member.lane = self.recorder.lane(f"worker {member.number}", member.pid, started=True)
        for descriptor in (member.channel.descriptor, started.sentinel):
            if descriptor >= 0:
                self.watch.add(descriptor)
                self.by_descriptor[descriptor] = member
        if self.recorder.memory is not None:
            self.recorder.memory.add(member.pid)
        self.recorder.mark(recorder.DISPATCH)
        return member

    def attach(self, new: Recorder) -> None:
        """Write into another ledger from now on; workers that stand ready have a lane in it from its begin."""
        self.recorder = new
        for member in self.members:
            member.lane = new.lane(f"worker {member.number}", member.pid, started=False)

    def set_aside(self, member: Member) -> None:
        """Take a worker out of service; what it was lent stays lent until it is gone."""
        if member in self.members:
            self.members.remove(member)
        for descriptor in (member.channel.descriptor, member.started.sentinel):
            if descriptor >= 0:
                self.watch.remove(descriptor)
                self.by_descriptor.pop(descriptor, None)

    def release_all(self, member: Member) -> None:
        """A worker is gone, and with it every look at what it was lent."""
        for offset, count in member.leases.items():
            self._unlease(offset, count)
        member.leases.clear()

    def dismiss(self, member: Member) -> None:
        """Forget a worker that has ended."""
        self.set_aside(member)
        self.release_all(member)
        member.close()

    # --- sending ---

    def feed(self) -> None:
        """Give work to whoever can take it, starting workers where there are too few."""
        while self.broken is None:
            member = self._idlest()
            if member is None:
                break
            if not self._give(member) and (member.inflight or not supervise.recall(self)):
                break
        self.recorder.mark(recorder.DISPATCH)

    def _idlest(self) -> Member | None:
        """The worker to give the next chunk to, or None when all have enough."""
        best: Member | None = None
        least = 1 << 30
        for member in self.members:
            waiting = len(member.inflight)
            if waiting < least and not (member.retiring or member.skips or member.doom or member.gone_idle):
                best, least = member, waiting
        if least and len(self.members) < self.max_workers and self._has_work():
            return self.hire()
        return best

    def _has_work(self) -> bool:
        return bool(self.queue) or any(stream.has_more for stream in self.streams)

    def _give(self, member: Member) -> bool:
        while self.queue:
            chunk = self.queue[0]
            if len(member.inflight) >= self._depth(member, chunk.function.seconds):
                return False
            self.queue.popleft()
            if chunk.sink.start():
                self._send(member, chunk)
                return True
        return any(self._give_from(stream, member) for stream in self.streams)

    def _give_from(self, stream: Stream, member: Member) -> bool:
        function = stream.function
        seconds = function.seconds
        size = stream.fixed_size
        if size is None:
            size = chunk_size(seconds, function.size, stream.remaining, self.max_workers)
        if self.max_tasks is not None:
            size = max(min(size, self.max_tasks - member.tasks), 1)
        enough = self._depth(member, None if seconds is None else seconds * size)
        if len(member.inflight) >= enough or not self._room(stream, enough):
            return False
        mark = self.recorder.mark
        mark(recorder.INPUT)
        chunk = stream.cut(size)
        mark(recorder.DISPATCH)
        if chunk is None:
            return False
        function.size = max(size, 1)
        self._send(member, chunk)
        return True

    def _depth(self, member: Member, seconds: float | None) -> int:
        if member.started.tokens < 0 or self.max_tasks is not None:
            return 1
        return depth(seconds)

    def _room(self, stream: Stream, enough: int) -> bool:
        """Whether the input may be read further: the consumer has not fallen too far behind, memory allows it."""
        ahead = stream.outstanding + stream.ready_count
        if stream.window is not None and ahead >= min(stream.window, 1) * self.max_workers:
            most = stream.window + enough * self.max_workers
            heavy = stream.function.bytes_an_item * stream.function.size * ahead > HEAVY_BYTES
            if heavy or ahead >= most:
                return False
        if self.memory_limit is not None and self.arena is not None and stream.outstanding:
            return self.arena.used_bytes < self.memory_limit // 2
        return True

    def _send(self, member: Member, chunk: Chunk) -> None:
        rec = self.recorder
        mark = rec.mark
        function = chunk.function
        mark(recorder.SERIALISE)
        stream = chunk.sink
        try:
            encoded = encode(chunk.items, self.arena, getattr(stream, "shared", None))
        except OSError as error:
            encoded = self._encode_without_arena(chunk, error)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever pickling raised is the outcome of its item
            mark(recorder.DISPATCH)
            supervise.refuse(self, chunk, error)
            return
        now = mark(recorder.SEND)
        out = []
        if function.key not in member.known:
            out.append(self._introduce(member, function))
        window = member.window
        if window is not None and window.released:
            gone = window.released[:]
            del window.released[: len(gone)]
            out.append(protocol.frame(protocol.FREE, protocol.pack_offsets(gone)))
        self._seq += 1
        chunk.seq = self._seq
        flags = chunk.flags
        if member.inflight:
            flags |= protocol.CLAIM
            chunk.claim = True
            os.eventfd_write(member.started.tokens, 1)
        else:
            chunk.claim = False
        if encoded.stream_shared:
            flags |= protocol.STREAM_SHARED
        chunk.hint = function.seconds or 0.0
        head = protocol.CHUNK_HEAD.pack(
            chunk.seq, function.key, chunk.first, chunk.count, encoded.buffers, chunk.hint, chunk.mode
        )
        out.append(protocol.frame(protocol.CHUNK, b"".join((head, encoded.table, encoded.stream)), flags))
        self._lend(member, encoded.table, chunk)
        data = b"".join(out) if len(out) > 1 else out[0]
        member.inflight.append(chunk)
        chunk.path = rec.path[:]
        chunk.sent = now
        try:
            if not member.channel.send(data):
                self.watch.writing(member.channel.descriptor, wanted=True)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has died; its sentinel says so, and the chunk goes to another
        rec.chunks += 1
        rec.messages_out += 1
        rec.bytes_out += len(data)
        rec.shared_out += encoded.shared_bytes
        mark(recorder.DISPATCH)

    def _encode_without_arena(self, chunk: Chunk, error: OSError) -> Any:
        """The system has no pages left for shared memory: slower, and said."""
        self.recorder.note(f"shared memory was refused ({error}): arguments travelled through the channel")
        return encode(chunk.items, None)

    def _introduce(self, member: Member, function: Function) -> bytes:
        member.known.add(function.key)
        out = b""
        path = sys.path
        if path != member.path:
            member.path = list(path)
            from _pickle import dumps  # noqa: PLC0415 - loaded by codec already

            out = protocol.frame(protocol.SETUP, dumps({"path": member.path}, 5))
        encoded = function.encoded
        head = protocol.FUNCTION_HEAD.pack(function.key, encoded.buffers, 0)
        flags = protocol.STREAM_SHARED if encoded.stream_shared else 0
        self._lend(member, encoded.table, None)
        return out + protocol.frame(protocol.FUNCTION, b"".join((head, encoded.table, encoded.stream)), flags)

    # --- blocks of shared memory that workers look at ---

    def _lend(self, member: Member, table: bytes, chunk: Chunk | None) -> None:
        """Count a worker's leases of the blocks in a table; blocks of a call's repeated arrays are pinned to its end."""
        if not table:
            return
        shared = getattr(chunk.sink, "shared", None) if chunk is not None else None
        for _, _, offset, _ in protocol.BUFFER.iter_unpack(table):
            member.leases[offset] = member.leases.get(offset, 0) + 1
            self._leases[offset] = self._leases.get(offset, 0) + 1
        if shared:
            self._pinned.update(address[2] for address in shared.values())

    def release(self, member: Member, offsets: Any) -> None:
        """A worker has let go of blocks."""
        for offset in offsets:
            left = member.leases.get(offset, 0) - 1
            if left < 0:
                raise protocol.GarbledFrameError("a block was released that was not lent")
            if left:
                member.leases[offset] = left
            else:
                del member.leases[offset]
            self._unlease(offset, 1)

    def _unlease(self, offset: int, count: int) -> None:
        left = self._leases[offset] - count
        if left:
            self._leases[offset] = left
            return
        del self._leases[offset]
        if offset not in self._pinned and self.arena is not None:
            self.arena.free(offset)

    def unpin(self, offsets: Any) -> None:
        """Blocks are no longer wanted; each is freed when the last worker has let go."""
        for offset in offsets:
            if offset in self._pinned:
                self._pinned.discard(offset)
                if offset not in self._leases and self.arena is not None:
                    self.arena.free(offset)

    # --- receiving ---

    def wait(self, timeout_seconds: float | None) -> list[tuple[Member, bytes | bytearray | None]]:
        """What has arrived, after spinning a little and then blocking; needs no lock."""
        self.recorder.wait()
        arrived = self._look([member for member in self.members if member.inflight]) if self._soon else []
        if arrived:
            self.recorder.mark(recorder.RECEIVE)
            return arrived
        timeout_seconds = supervise.patience(self, timeout_seconds)
        for descriptor in self.watch.wait(timeout_seconds):
            member = self.by_descriptor.get(descriptor)
            if member is None:
                continue
            if descriptor == member.started.sentinel:
                arrived.extend(self._last_words(member))
                continue
            if member.channel.pending:
                self._flush(member)
            arrived.extend(self._look_once(member))
        self.recorder.mark(recorder.RECEIVE)
        return arrived

    def _look(self, busy: list[Member]) -> list[tuple[Member, bytes | bytearray | None]]:
        """Spin over the busy workers."""
        end = clock() + SPIN_SECONDS
        arrived: list[tuple[Member, bytes | bytearray | None]] = []
        while not arrived:
            for member in busy:
                arrived.extend(self._look_once(member))
            if clock() > end:
                break
        return arrived

    def _look_once(self, member: Member) -> list[tuple[Member, bytes | bytearray | None]]:
        try:
            return [(member, member.channel.receive())]
        except BlockingIOError:
            return []
        except protocol.GarbledFrameError as error:
            supervise.distrust(member, error)
            return []

    def _last_words(self, member: Member) -> list[tuple[Member, bytes | bytearray | None]]:
        """All that an ended worker has sent, then its end."""
        words: list[tuple[Member, bytes | bytearray | None]] = []
        try:
            while True:
                got = member.channel.receive()
                if got is None:
                    break
                words.append((member, got))
        except (BlockingIOError, protocol.GarbledFrameError):
            pass
        words.append((member, None))
        return words

    def _flush(self, member: Member) -> None:
        try:
            if member.channel.flush():
                self.watch.writing(member.channel.descriptor, wanted=False)
        except (BrokenPipeError, ConnectionResetError):
            pass  # its sentinel tells

    def process(self, arrived: list[tuple[Member, bytes | bytearray | None]]) -> None:
        """Act on what `wait` brought, look at deadlines, and hand out more."""
        for member, data in arrived:
            if member not in self.members:
                continue
            if data is None:
                supervise.lost(self, member)
                continue
            try:
                for kind, flags, body in frames(data):
                    self._handle(member, kind, flags, body)
            except protocol.GarbledFrameError as error:
                supervise.distrust(member, error)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                supervise.distrust(member, error)
        supervise.check(self)
        self.feed()

    def pump(self, timeout_seconds: float | None = None) -> None:
        """Wait and process: for a crew that one thread alone drives."""
        self.process(self.wait(timeout_seconds))

    def _handle(self, member: Member, kind: int, flags: int, body: memoryview) -> None:
        rec = self.recorder
        rec.messages_in += 1
        rec.bytes_in += len(body)
        following = protocol.EXPECTED[member.state].get(kind)
        if following is None:
            raise protocol.GarbledFrameError(f"a message of kind {kind} came from a worker that is {member.state}")
        member.state = following
        if kind == protocol.OUTCOME:
            self._outcome(member, flags, body)
        elif kind == protocol.READY:
            _, booted, ready, _ = protocol.READY_BODY.unpack(body)
            self.deaths_at_start = 0
            assert member.lane is not None  # noqa: S101 - given when it was hired
            member.lane.ready(booted, ready)
        elif kind == protocol.SKIPPED:
            member.skips -= 1
        elif kind == protocol.RELEASED:
            self.release(member, protocol.unpack_offsets(body))
        elif kind == protocol.LOG:
            from breakeven.engine import logs  # noqa: PLC0415 - only when a task logs

            logs.emit(body, member.number, member.pid)
        elif kind == protocol.BROKEN:
            supervise.broke(self, member, loads(body))
        elif kind == protocol.BYE:
            member.gone_idle = True

    def _outcome(self, member: Member, flags: int, body: memoryview) -> None:
        head = protocol.OUTCOME_HEAD
        seq, offset, count, buffers, gone, length, *times, cpu, queued, resident = head.unpack_from(body)
        chunk = member.inflight[0]
        if chunk.seq != seq or offset != chunk.done or offset + count > chunk.count:
            raise protocol.GarbledFrameError(f"an outcome of chunk {seq} came while {chunk.seq} is under way")
        rec, lane = self.recorder, member.lane
        assert lane is not None  # noqa: S101 - given when it was hired
        arrived = rec.since
        rec.outcome(lane, chunk.sent, chunk.path, times, cpu, queued)
        rec.mark(recorder.DESERIALISE)
        at = head.size
        table_end = at + buffers * protocol.BUFFER.size
        released_end = table_end + gone * protocol.OFFSET.size
        if gone:
            self.release(member, protocol.unpack_offsets(body[table_end:released_end]))
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
            supervise.unreadable(self, member, chunk, offset, count, error)
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
                supervise.settle(self, member, chunk, offset, values, failures)
            elif count:
                chunk.sink.accept(chunk.first + offset, values)
        if len(rec.records) < recorder.MOST_RECORDS:
            _, received, decoded, computed, encoded, _ = times
            rec.records.append(
                (member.number, chunk.first + offset, count, chunk.sent, received, decoded, computed, encoded, arrived, clock())
            )
        if count:
            self._learn(chunk.function, (times[3] - times[2]) / count)
            chunk.function.bytes_an_item = (shared + length) / count
        if flags & protocol.LAST:
            member.inflight.popleft()
            if done < chunk.count:
                chunk.sink.again(chunk, done, chunk.count, alone=False)
            chunk.sink.finished(chunk)
            supervise.perhaps_retire(self, member)

    def _learn(self, function: Function, seconds: float) -> None:
        before = function.seconds
        function.seconds = seconds if before is None else before + SMOOTHING * (seconds - before)
        self._soon = function.seconds * function.size < SOON_SECONDS

    # --- calls ---

    def begin(self, stream: Stream) -> None:
        """Start on a map."""
        stream.function.users += 1
        self.streams.append(stream)
        self._soon = False

    def end(self, stream: Stream) -> None:
        """A map is over, or given up: what is left of it is dropped."""
        stream.cancelled = True
        stream.exhausted = True
        if stream in self.streams:
            self.streams.remove(stream)
            stream.function.users -= 1
        supervise.abandon(self, stream)
        if stream.shared:
            offsets = {address[2] for address in stream.shared.values()}
            self._pinned |= offsets
            self.unpin(offsets)
        if self.dismissed:
            supervise.bury(self, wait=False)

    def function(self, fn: Any, seed: int | None) -> Function:
        """The entry of a function; workers that have an older version of its module are let go."""
        try:
            function = self.functions.of(fn, seed, self.arena)
        except StaleModuleError:
            for member in self.members[:]:
                member.retiring = True
                if not member.inflight:
                    supervise.retire(self, member)
            function = self.functions.of(fn, seed, self.arena)
        self._pinned.update(function.encoded.blocks)
        return function

    def tidy(self, keep_bytes: int) -> None:
        """Between calls: forget surplus functions, give pages back."""
        for function in self.functions.surplus():
            self.unpin(function.encoded.blocks)
            message = protocol.frame(protocol.FUNCTION, protocol.FUNCTION_HEAD.pack(function.key, 0, 1))
            for member in self.members:
                if function.key in member.known:
                    member.known.discard(function.key)
                    try:
                        member.channel.send(message)
                    except (BrokenPipeError, ConnectionResetError):
                        pass  # its sentinel tells
        if self.arena is not None:
            self.arena.trim(keep_bytes)

    @property
    def busy_or_queued(self) -> bool:
        """Whether a worker may have something to tell."""
        return self.busy or bool(self.queue) or any(member.state == protocol.STARTING for member in self.members)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return any(member.inflight for member in self.members)

    def close(self, *, at_once: bool = False) -> None:
        """End every worker and let everything go; a worker that still runs something is ended."""
        if self.closed:
            return
        self.closed = True
        crews.pop(id(self), None)
        supervise.end_all(self, at_once=at_once)
        self.watch.close()
        if self.arena is not None:
            self.arena.close()
            self.arena = None

    def forget(self) -> None:
        """In a forked child: close what it inherited; the workers are the parent's."""
        self.closed = True
        for member in (*self.members, *self.dismissed):
            member.close()
        self.members.clear()
        self.dismissed.clear()
        self.watch.close()
        if self.arena is not None:
            self.arena.close()
            self.arena = None


def _forget_all() -> None:
    for crew in list(crews.values()):
        crew.forget()
    crews.clear()
    launch.forget()
    work.enter(None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
