"""What the parent knows of one worker, and of one chunk on its way.

Lives here: two records with a few sums. Never here: decisions (`dispatch`, `supervise`).
"""

from __future__ import annotations

from _collections import deque

from breakeven.engine import protocol
from breakeven.engine.arena import Window
from breakeven.engine.channel import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from breakeven.engine.codec import Known
    from breakeven.engine.functions import Function
    from breakeven.engine.launch import Started
    from breakeven.engine.programs import Surroundings
    from breakeven.ledger.recorder import Lane
    from breakeven.work import Failure

    class Sink(Protocol):
        """Where outcomes of a chunk go. All methods are called by the one that drives the crew."""

        def accept(self, first: int, values: list[Any]) -> None:
            """Results of items `first` and following, in order."""

        def fail(self, failure: Failure) -> None:
            """The outcome of item `failure.index` is a failure."""

        def again(self, chunk: Chunk, start: int, stop: int, *, alone: bool) -> None:
            """Items `start` to `stop` of the chunk must (still) be run, each `alone` in a chunk if so asked."""

        @property
        def shared(self) -> Known | None:
            """Blocks of arrays that occur again in this call."""

        def start(self) -> bool:
            """A chunk is about to be sent; False when it is no longer wanted."""

        def retry(self, chunk: Chunk, offset: int) -> None:
            """Run one item of the chunk again, alone, as its next attempt."""

        def finished(self, chunk: Chunk) -> None:
            """No more will come of this chunk."""

        @property
        def title(self) -> str:
            """What warnings call it."""

        @property
        def counted(self) -> bool:
            """Whether its items have an index that users know."""


class Chunk:
    """Tasks that travel together."""

    __slots__ = (
        "attempt",
        "behind",
        "count",
        "done",
        "first",
        "flags",
        "function",
        "hint",
        "items",
        "mode",
        "path",
        "sent",
        "seq",
        "sink",
        "table",
    )

    def __init__(
        self, sink: Sink, function: Function, mode: int, first: int, items: Any, count: int, flags: int
    ) -> None:
        self.sink = sink
        self.function = function
        self.mode = mode
        self.first = first  # index of the first item in the call
        self.items = items
        self.count = count
        self.flags = flags
        self.done = 0  # items whose outcome is here
        self.attempt = 1
        self.seq = 0
        self.sent = 0.0
        self.behind = False  # when it was sent, another was under way at its worker
        self.hint = 0.0
        self.path: list[float] = []
        self.table = b""  # of the blocks of shared memory that its arguments lie in


UNKNOWN = -1  # in place of an item's offset: any of those of the chunk


class Doom:
    """Why this side ends a worker: what its running item is charged with."""

    __slots__ = ("cause", "index", "seq")

    def __init__(self, cause: str, seq: int, index: int) -> None:
        self.cause = cause
        self.seq = seq
        self.index = index


class Member:
    """One worker as the parent sees it."""

    __slots__ = (
        "board",
        "channel",
        "doom",
        "gone_idle",
        "inflight",
        "kill_at",
        "known",
        "lane",
        "leases",
        "number",
        "outbox",
        "path",
        "pid",
        "resident_bytes",
        "retiring",
        "seen",
        "seen_since",
        "skips",
        "started",
        "state",
        "surroundings",
        "tasks",
        "trusted",
        "window",
    )

    def __init__(self, number: int, started: Started, path: list[str], surroundings: Surroundings) -> None:
        self.number = number
        self.started = started
        self.pid = started.pid
        self.channel = Channel(started.end)
        self.window = Window(started.results, private=False) if started.results >= 0 else None
        self.board = started.board
        self.state = protocol.STARTING
        self.known: set[int] = set()  # functions it has
        self.inflight: deque[Chunk] = deque()
        self.leases: dict[int, int] = {}  # argument blocks it may look at, and how often it was given each
        self.lane: Lane | None = None
        self.tasks = 0
        self.trusted = False  # it has the key to what managers of multiprocessing hold
        self.skips: set[int] = set()  # recalled chunks that it has not passed over yet
        self.doom: Doom | None = None
        self.kill_at: float | None = None
        self.path = path  # sys.path as it knows it
        self.surroundings = surroundings  # environment and directory as it knows them
        self.resident_bytes = 0
        self.retiring = False
        self.outbox: list[bytes] = []  # frames that are sent together at the end of a round of feeding
        self.gone_idle = False
        self.seen = (0, 0, 0)  # running what, when it was last looked at
        self.seen_since = 0.0  # infinity once that was told

    @property
    def distrusted(self) -> bool:
        """Whether what it says is not listened to any more."""
        return self.doom is not None and self.doom.index == UNKNOWN

    def running(self) -> tuple[int, int, int]:
        """(phase, sequence number of the chunk, offset of the item) that it says it is at."""
        board = self.board
        return board[protocol.PHASE], board[protocol.AT_CHUNK], board[protocol.AT_ITEM]

    def close(self) -> None:
        """Let go of the parent's ends; views into its results live on."""
        self.channel.close()
        if self.window is not None:
            self.window.close()
        self.started.close()
