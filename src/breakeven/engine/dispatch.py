"""Chunk to free worker, result to caller.

Lives here: `Crew`, the workers of one pool and the loop that drives them. One thread at a time drives it
(`wait` and `process`); who that is, is the backend's to say. Never here: what follows from a death or a
deadline (`supervise`), what is still to do (`stream`).
"""

from __future__ import annotations

from struct import error as struct_error
from time import perf_counter as clock

from breakeven.engine import blame, endings, launch, protocol, receive, send, supervise
from breakeven.engine.channel import frames
from breakeven.engine.forkserver import template
from breakeven.engine.functions import StaleModuleError
from breakeven.engine.inbox import give_way
from breakeven.engine.roster import Roster, rosters
from breakeven.ledger import recorder
from breakeven.planning.chunks import FEW, WINDOW_ITEMS, chunk_size, depth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.engine.member import Member
    from breakeven.engine.stream import Stream

FEED_EVERY = 4  # messages of a batch
CHUNK_BYTES = 4 << 20  # a chunk holds no more, however quick its items are
AHEAD_BYTES = 4 << 20  # of chunks that lie at a worker: with more, only the next one waits there
HEAVY_BYTES = 256 << 20  # a stream whose results lie ready reads its input further only below this


class Crew(Roster):
    """A pool of workers that is driven from here."""

    # --- feeding ---

    def feed(self) -> None:
        """Give work to whoever can take it, starting workers where there are too few."""
        self.hungry = False
        while self.broken is None and not self.hungry:
            member = self._idlest()
            if member is None:
                break
            if not self._give(member) and (member.inflight or not supervise.recall(self, member)):
                break
        if self.outgoing:
            send.flush(self)
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
            return self._one_more() or best
        return best

    def _one_more(self) -> Member | None:
        """Start a worker; where that cannot be done, go on with those there are, or give up if there is none."""
        try:
            return self.hire()
        except (OSError, EOFError) as error:
            if not self.members:
                blame.give_up(self, _start_failed(str(self.start_method), error), for_good=False)
                return None
            self.recorder.note(f"only {len(self.members)} of {self.max_workers} workers could be started ({error})")
            self.max_workers = len(self.members)
        except Exception as error:  # noqa: BLE001 - such as an initializer that cannot be pickled
            blame.give_up(self, error)
        return None

    def widen(self, workers: int) -> None:
        """Have up to so many workers from now on: new ones as there is work, and at once for what waits at others."""
        self.max_workers = max(self.max_workers, workers)
        waiting = sum(len(member.inflight) - 1 for member in self.members if member.inflight)
        while waiting > 0 and len(self.members) < self.max_workers and self._one_more() is not None:
            waiting -= 1

    def _has_work(self) -> bool:
        return bool(self.queue) or any(stream.has_more for stream in self.streams)

    def _give(self, member: Member) -> bool:
        while self.queue:
            chunk = self.queue[0]
            if len(member.inflight) >= self._depth(member, chunk.function.seconds):
                return False
            self.queue.popleft()
            if chunk.sink.start():
                send.send(self, member, chunk)
                return True
        for stream in self.streams:  # noqa: SIM110 - any() with a generator costs 0.3 µs, and this is paid once a chunk
            if self._give_from(stream, member):
                return True
        return False

    def _give_from(self, stream: Stream, member: Member) -> bool:
        function = stream.function
        seconds = function.seconds
        size = stream.fixed_size
        if size is None:
            size = chunk_size(seconds, function.size, stream.remaining, self.max_workers)
            if function.argument_bytes * size > CHUNK_BYTES:
                size = max(int(CHUNK_BYTES / function.argument_bytes), 1)
            if stream.window is not None and size > WINDOW_ITEMS:
                size = WINDOW_ITEMS
        if self.max_tasks is not None:
            size = max(min(size, self.max_tasks - member.tasks), 1)
        enough = self._depth(member, None if seconds is None else seconds * size)
        if enough > FEW and (function.argument_bytes + function.result_bytes) * size * enough > AHEAD_BYTES:
            enough = FEW  # what lies in shared memory is to be used again soon, while caches hold it
        if stream.window is not None:
            enough = min(enough, max(WINDOW_ITEMS // size, FEW))
        if len(member.inflight) >= enough or not self._room(stream, enough):
            return False
        if stream.pulls:
            self.recorder.mark(recorder.INPUT)
        chunk = stream.cut(size)
        if chunk is None:
            self.recorder.mark(recorder.DISPATCH)
            return False
        if stream.pulls and not self.exclusive and (stream.cancelled or self._has_turned(member)):
            stream.again(chunk, 0, chunk.count, alone=False)
            stream.finished(chunk)
            return True
        function.size = size
        self.hungry = stream.slow  # somebody may wait for results: look for them before reading on
        send.send(self, member, chunk)
        return True

    def _has_turned(self, member: Member) -> bool:
        """Whether `_idlest` would not choose it any more: the input may have asked this very crew for results."""
        if self.max_tasks is not None and member.inflight:
            return True
        return member not in self.members or bool(member.retiring or member.skips or member.doom or member.gone_idle)

    def _depth(self, member: Member, seconds: float | None) -> int:
        if member.started.tokens < 0 or self.max_tasks is not None:
            return 1
        return depth(seconds)

    def _room(self, stream: Stream, enough: int) -> bool:
        """Whether the input may be read further: the consumer has not fallen too far behind, memory allows it."""
        if stream.returned:  # counted when they were cut first; and what is ready may wait for just these
            return True
        ahead = stream.outstanding + stream.ready_count
        if stream.window is not None and ahead >= min(stream.window, 1) * self.max_workers:
            heavy = stream.function.result_bytes * stream.function.size * ahead > HEAVY_BYTES
            if heavy or not stream.in_reach(enough * self.max_workers):
                return False
        if self.memory_limit is not None and self.lending.arena is not None and stream.outstanding:
            return self.lending.arena.used_bytes < self.memory_limit // 2
        return True

    # --- receiving ---

    def wait(self, timeout_seconds: float | None) -> list[tuple[Member, bytes | bytearray | None]]:
        """What has arrived, after spinning a little and then blocking; needs no lock."""
        self.recorder.wait()
        arrived = self._look([member for member in self.members if member.inflight]) if self.soon else []
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
                self.writable.append(member)  # another thread may be sending there: `process` goes on with it
            arrived.extend(self._look_once(member))
        self.recorder.in_vain = not arrived
        self.recorder.mark(recorder.RECEIVE)
        return arrived

    def _look(self, busy: list[Member]) -> list[tuple[Member, bytes | bytearray | None]]:
        """Look at the busy workers, and again for a while."""
        now = clock()
        end = self.spin.until(now)
        arrived: list[tuple[Member, bytes | bytearray | None]] = []
        while True:
            for member in busy:
                arrived.extend(self._look_once(member))
            if arrived:
                return arrived
            if now >= end:
                self.spin.learn(end, now)
                return arrived
            give_way()
            now = clock()

    def _look_once(self, member: Member) -> list[tuple[Member, bytes | bytearray | None]]:
        try:
            return [(member, member.channel.receive())]
        except BlockingIOError:
            return []
        except OSError:
            return []  # another thread has dismissed it meanwhile
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
            if member in self.members and member.channel.flush():
                self.watch.writing(member.channel.descriptor, wanted=False)
        except (BrokenPipeError, ConnectionResetError):
            pass  # its sentinel tells

    def process(self, arrived: list[tuple[Member, bytes | bytearray | None]]) -> None:
        """Act on what `wait` brought, look at deadlines, and hand out more."""
        while self.writable:
            self._flush(self.writable.pop())
        for member, data in arrived:
            if member not in self.members:
                continue
            if data is None:
                blame.lost(self, member)
                continue
            if member.distrusted:
                continue
            waiting = 0
            for kind, flags, body in frames(data):
                try:
                    receive.handle(self, member, kind, flags, body)
                except (protocol.GarbledFrameError, struct_error, IndexError) as error:
                    supervise.distrust(member, error)
                    break
                waiting += 1
                if waiting == FEED_EVERY:  # a worker that runs dry goes to sleep, and waking it costs 50 µs
                    if self.exclusive or not any(stream.pulls for stream in self.streams):
                        self.feed()  # else the input may ask for results, and what came later would be heard first
                    waiting = 0
            if member.channel.garbled is not None:
                supervise.distrust(member, member.channel.garbled)
        supervise.check(self)
        if self.queue or self.streams or any(map(supervise.may_be_recalled, self.members)):
            self.feed()

    def pump(self, timeout_seconds: float | None = None) -> None:
        """Wait and process: for a crew that one thread alone drives."""
        self.process(self.wait(timeout_seconds))

    # --- calls ---

    def begin(self, stream: Stream) -> None:
        """Start on a map."""
        stream.function.users += 1
        self.streams.append(stream)
        self.soon = False

    def end(self, stream: Stream) -> None:
        """A map is over, or given up: what is left of it is dropped."""
        stream.cancelled = True
        stream.exhausted = True
        if stream in self.streams:
            self.streams.remove(stream)
            stream.function.users -= 1
        endings.abandon(self, stream, self.pump)
        if stream.shared is not None:
            offsets = stream.shared.offsets()
            self.lending.pin(offsets)
            self.lending.unpin(offsets)
        if self.dismissed:
            endings.bury(self, wait=False)

    def function(self, fn: Any, seed: int | None) -> Function:
        """The entry of a function; workers that have an older version of its module are let go."""
        inherited = not self.members and self.about_to_fork()
        try:
            function = self.functions.of(fn, seed, self.lending.arena, inherited=inherited)
        except StaleModuleError:
            template.stop()  # it has the old one, too
            for member in self.members[:]:
                member.retiring = True
                if not member.inflight:
                    supervise.retire(self, member)
            function = self.functions.of(fn, seed, self.lending.arena)
        self.lending.pin(function.blocks)
        return function

    def about_to_fork(self) -> bool:
        """Whether the next worker would be forked."""
        try:
            return self._choose() == "fork"
        except OSError:  # of looking at this process, without a descriptor to spare: the start itself will say so
            return False

    def tidy(self, keep_bytes: int) -> None:
        """Between calls: forget surplus functions, give pages back."""
        for function in self.functions.surplus():
            self.lending.unpin(function.blocks)
            for member in self.members:
                if function.key in member.known:
                    send.forget(self, member, function)
        if self.lending.arena is not None:
            self.lending.arena.trim(keep_bytes)

    def close(self, *, at_once: bool = False) -> None:
        """End every worker and let everything go; a worker that still runs something is ended."""
        if self.closed:
            return
        self.closed = True
        rosters.pop(id(self), None)
        endings.end_all(self, at_once=at_once)
        self.watch.close()
        self.lending.close()
        if not rosters:
            launch.nobody_left(rosters)


def _start_failed(method: str, error: Exception) -> Exception:
    """What is raised when no worker can be started; the reason itself where no descriptor is left to import with."""
    try:
        from breakeven.errors import StartFailed
    except OSError:
        return error
    failed = StartFailed(method, str(error) or type(error).__name__)
    failed.__cause__ = error
    return failed
