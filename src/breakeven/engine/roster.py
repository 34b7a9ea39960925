"""The workers of one pool: who they are, what each is doing, what waits for them.

Lives here: the state that all of dispatching, sending, receiving and supervising work on, and who joins and leaves.
Never here: what is done with it.
"""

from __future__ import annotations

import os
import sys
from _collections import deque

from breakeven import work
from breakeven.engine import launch, protocol
from breakeven.engine.functions import Functions
from breakeven.engine.inbox import Spin
from breakeven.engine.lending import Lending
from breakeven.engine.member import Member
from breakeven.engine.programs import Surroundings
from breakeven.engine.watch import Watch
from breakeven.ledger import recorder as states
from breakeven.ledger.recorder import Recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from breakeven.engine.member import Chunk
    from breakeven.engine.stream import Stream

rosters: dict[int, Roster] = {}  # every one of this process, for the fork hook and for `shutdown`


class Roster:
    """Workers, what each is doing, and what waits for them."""

    def __init__(self, *, max_workers: int, choose: Callable[[], str], setup: dict[str, Any]) -> None:
        self.max_workers = max_workers
        self._choose = choose  # says, at each start, by which method
        self.start_method: str | None = None  # of the worker that was started last
        self.setup = setup
        self.members: list[Member] = []
        self.by_descriptor: dict[int, Member] = {}
        self.queue: deque[Chunk] = deque()  # chunks ready to go: submitted calls
        self.streams: list[Stream] = []
        self.functions = Functions()
        self.recorder: Recorder = Recorder()
        self.broken: BaseException | None = None
        self.deaths_at_start = 0
        self.closed = False
        self.timeout: float | None = None
        self.max_tasks: int | None = None
        self.max_memory: int | None = None
        self.memory_limit: int | None = None
        self.retries = 0
        self.retry_on: tuple[type[BaseException], ...] = ()
        self.watch = Watch()
        self.lending = Lending()
        self.exclusive = True  # one call at a time, driven by the thread that made it
        self.dismissed: list[Member] = []  # told to go, not yet collected
        self.oom_kills: int | None = None
        self.owner = os.getpid()
        self._seq = 0
        self._numbers = 0
        self.hungry = False  # whether feeding stopped before all had enough, since the input is slow
        self.soon = False  # whether results are expected at once
        self.spin = Spin()
        self.writable: list[Member] = []  # whose channels take more of what had to wait
        self.outgoing: list[Member] = []  # with bytes that wait for the others of this round
        rosters[id(self)] = self

    # --- workers ---

    def hire(self) -> Member:
        """Start one more worker; raises OSError when the system refuses."""
        self.recorder.mark(states.START)
        setup: dict[str, Any] = {**self.setup, "number": self._numbers, "main": {}}
        if self.lending.remark:
            self.recorder.note(self.lending.remark)
        method = self.start_method = self._choose()
        preload = self.functions.modules() if method == "forkserver" else []
        known = Surroundings()  # before the start: what changes in between is told once more, not once too little
        inherited = setup["functions"] = self.functions.inheritable() if method == "fork" else {}
        started = launch.start(method, self.lending.descriptor, setup, preload)
        member = Member(self._numbers, started, list(sys.path), known)
        member.known.update(inherited)
        self._numbers += 1
        self.members.append(member)
        member.lane = self.recorder.lane(f"worker {member.number}", member.pid, started=True)
        for descriptor in (member.channel.descriptor, started.sentinel):
            if descriptor >= 0:
                self.watch.add(descriptor)
                self.by_descriptor[descriptor] = member
        if self.recorder.memory is not None:
            self.recorder.memory.add(member.pid)
        self.recorder.mark(states.DISPATCH)
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

    @property
    def busy_or_queued(self) -> bool:
        """Whether a worker may have something to tell."""
        return self.busy or bool(self.queue) or any(member.state == protocol.STARTING for member in self.members)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return any(member.inflight for member in self.members)

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
    for roster in list(rosters.values()):
        roster.forget()
    rosters.clear()
    launch.forget()
    work.enter(None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
