"""Chunk to free worker, result to caller.

Lives here: `Crew`, the workers of one pool and the loop that drives them. One thread at a time drives it
(`wait` and `process`); who that is, is the backend's to say. Never here: what follows from a death or a
deadline (`supervise`), what is still to do (`stream`).
"""

from __future__ import annotations

import os
import sys
from _collections import deque
from time import perf_counter as clock

from breakeven import work
from breakeven.engine import blame, endings, launch, protocol, receive, send, supervise
from breakeven.engine.channel import frames
from breakeven.engine.functions import Functions, StaleModuleError
from breakeven.engine.lending import Lending
from breakeven.engine.member import Member
from breakeven.engine.watch import Watch
from breakeven.ledger import recorder
from breakeven.planning.chunks import chunk_size, depth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.functions import Function
    from breakeven.engine.member import Chunk
    from breakeven.engine.stream import Stream
    from breakeven.ledger.recorder import Recorder

SPIN_SECONDS = 40e-6  # a blocking wake-up costs about 45 µs; longer spinning starves the workers
HEAVY_BYTES = 256 << 20  # a stream whose results lie ready reads its input further only below this

crews: dict[int, Crew] = {}  # every crew of this process, for the fork hook and for `shutdown`


class Crew:
    """Workers, what they are doing, and what waits for them."""

    def __init__(self, *, max_workers: int, start_method: str, setup: dict[str, Any]) -> None:
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
        self.lending = Lending()
        self.exclusive = True  # one call at a time, driven by the thread that made it
        self.dismissed: list[Member] = []  # told to go, not yet collected
        self.oom_kills: int | None = None
        self.owner = os.getpid()
        self.watch = Watch()
        self._seq = 0
        self._numbers = 0
        self.soon = False
        crews[id(self)] = self

    # --- workers ---

    def hire(self) -> Member:
        """Start one more worker; raises OSError when the system refuses."""
        self.recorder.mark(recorder.START)
        setup = {**self.setup, "number": self._numbers}
        if self.lending.refusal:
            self.recorder.note(self.lending.refusal)
        preload = self.functions.modules() if self.start_method == "forkserver" else []
        started = launch.start(self.start_method, self.lending.descriptor, setup, preload)
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

    def dismiss(self, member: Member) -> None:
        """Forget a worker that has ended."""
        self.set_aside(member)
        self.lending.release_all(member)
        member.close()

    def next_seq(self) -> int:
        """Number of the next chunk."""
        self._seq += 1
        return self._seq

    # --- feeding ---

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
                send.send(self, member, chunk)
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
        send.send(self, member, chunk)
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
                blame.lost(self, member)
                continue
            try:
                for kind, flags, body in frames(data):
                    receive.handle(self, member, kind, flags, body)
            except protocol.GarbledFrameError as error:
                supervise.distrust(member, error)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                supervise.distrust(member, error)
        supervise.check(self)
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
        endings.abandon(self, stream)
        if stream.shared:
            offsets = {address[2] for address in stream.shared.values()}
            self.lending.pin(offsets)
            self.lending.unpin(offsets)
        if self.dismissed:
            endings.bury(self, wait=False)

    def function(self, fn: Any, seed: int | None) -> Function:
        """The entry of a function; workers that have an older version of its module are let go."""
        try:
            function = self.functions.of(fn, seed, self.lending.arena)
        except StaleModuleError:
            for member in self.members[:]:
                member.retiring = True
                if not member.inflight:
                    supervise.retire(self, member)
            function = self.functions.of(fn, seed, self.lending.arena)
        self.lending.pin(function.encoded.blocks)
        return function

    def tidy(self, keep_bytes: int) -> None:
        """Between calls: forget surplus functions, give pages back."""
        for function in self.functions.surplus():
            self.lending.unpin(function.encoded.blocks)
            for member in self.members:
                if function.key in member.known:
                    send.forget(self, member, function)
        if self.lending.arena is not None:
            self.lending.arena.trim(keep_bytes)

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
        endings.end_all(self, at_once=at_once)
        self.watch.close()
        self.lending.close()
        if not crews:
            launch.nobody_left()

    def forget(self) -> None:
        """In a forked child: close what it inherited; the workers are the parent's."""
        self.closed = True
        for member in (*self.members, *self.dismissed):
            member.close()
        self.members.clear()
        self.dismissed.clear()
        self.watch.close()
        self.lending.close()


def _forget_all() -> None:
    for crew in list(crews.values()):
        crew.forget()
    crews.clear()
    launch.forget()
    work.enter(None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
