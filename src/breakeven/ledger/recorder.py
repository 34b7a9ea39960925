"""Notes where every second goes while a call runs; on the hot path, so two additions where one would do is too many.

Lives here: `Recorder`, which the engine feeds, and its tables of states (named as in `states`). Never here:
what the sums mean (`account`).

Two ledgers are kept at once. Lanes: each lane's time by state. The critical path: a vector of seconds by category
that leads from the call's begin to the present moment of each lane, and that always sums to the time since the
begin. Where one lane waits for another it takes over the other's vector; so the path is exact, needs no clock
but CLOCK_MONOTONIC (which all processes of a host share), and takes no memory that grows with the run.
"""

from __future__ import annotations

from time import perf_counter as clock
from time import time

from breakeven.ledger.states import PARENT_STATES, WORKER_STATES
from breakeven.work import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.work import Failure

MOST_FAILURES = 1000  # in a report
(
    PLAN,
    START,
    INPUT,
    DISPATCH,
    SERIALISE,
    SEND,
    SEND_BLOCKED,
    WAIT,
    RECEIVE,
    DESERIALISE,
    MERGE,
    COMPUTE,
    CONSUMER,
    STOP,
) = range(len(PARENT_STATES))
BOOT, IMPORT, INIT, IDLE_FIRST, RECEIVED, DECODED, COMPUTED, ENCODED, SENT, STARVED, TAIL, EXIT = range(
    len(WORKER_STATES)
)
WORKER_PATH = len(PARENT_STATES)  # the worker's states follow the parent's in a path vector, then the transit
ON_IMPORT, ON_DECODED, ON_COMPUTED = WORKER_PATH + IMPORT, WORKER_PATH + DECODED, WORKER_PATH + COMPUTED
ON_ENCODED, ON_SENT = WORKER_PATH + ENCODED, WORKER_PATH + SENT
TRANSIT = WORKER_PATH + len(WORKER_STATES)
CATEGORIES = (
    *(f"parent.{state}" for state in PARENT_STATES),
    *(f"worker.{state}" for state in WORKER_STATES),
    "transit",
)
NEVER = float("inf")
MOST_RECORDS = 20_000  # chunks kept in full for traces and replays; the sums go on without


class Lane:
    """One worker's (or thread's) time during a call."""

    __slots__ = (
        "began",
        "free_at",
        "fresh",
        "index",
        "name",
        "path",
        "pid",
        "resident_bytes",
        "split",
        "states",
        "tasks",
    )

    def __init__(self, name: str, pid: int, began: float, path: list[float], *, fresh: bool) -> None:
        self.name = name
        self.pid = pid
        self.began = began
        self.free_at = began
        self.path = path
        self.fresh = fresh  # nothing has reached it yet
        self.states = [0.0] * len(WORKER_STATES)
        self.split = [0.0, 0.0, 0.0, 0.0]  # cpu, runq, gil_wait, blocked
        self.tasks = 0
        self.index = 0  # its place among the lanes of its ledger
        self.resident_bytes: int | None = None

    def ready(self, booted: float, ready: float) -> None:
        """The worker is up: the time since its start was spent on booting and on the initializer."""
        self.spend(BOOT, max(booted - self.free_at, 0.0))
        self.spend(INIT, max(ready - max(booted, self.free_at), 0.0))
        self.free_at = max(ready, self.free_at)

    def spend(self, state: int, seconds: float) -> None:
        """So many seconds in a state of the worker, on its way to the present."""
        self.states[state] += seconds
        self.path[WORKER_PATH + state] += seconds

    def compute(self, seconds: float, cpu: float, queued: float, held: float = 0.0) -> None:
        """Split computing into on a CPU, queueing for one, queueing for the GIL (`held`), and blocked."""
        split = self.split
        cpu = seconds if cpu < 0.0 or cpu > seconds else cpu
        rest = seconds - cpu
        queued = min(max(queued, 0.0), rest)
        split[0] += cpu
        split[1] += queued
        held = min(held, rest - queued)
        split[2] += held
        split[3] += rest - queued - held


class Recorder:
    """The ledger of one call while it is being written."""

    __slots__ = (
        "_began_at",
        "began",
        "bytes_in",
        "bytes_out",
        "choice",
        "chunks",
        "counts",
        "deaths",
        "ended",
        "failures",
        "forecast",
        "in_vain",
        "items",
        "lanes",
        "memory",
        "messages_in",
        "messages_out",
        "notes",
        "path",
        "records",
        "retries",
        "shared_in",
        "shared_out",
        "since",
        "state",
        "totals",
        "waited_since",
    )

    def __init__(self) -> None:
        self.began = self.since = self.waited_since = clock()
        self._began_at = time()
        self.ended: float | None = None
        self.state = PLAN
        self.in_vain = False  # the last wait ended without a message
        self.totals = [0.0] * len(PARENT_STATES)
        self.path = [0.0] * len(CATEGORIES)
        self.lanes: list[Lane] = []
        self.records: list[tuple[float, ...]] = []
        self.items = self.chunks = self.messages_out = self.messages_in = 0
        self.bytes_out = self.bytes_in = self.shared_out = self.shared_in = 0
        self.deaths = self.retries = 0
        self.failures: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.choice = ""
        self.forecast: dict[str, Any] | Callable[[], dict[str, Any]] | None = None  # what makes it, where few ask
        self.memory: Any = None

    def mark(self, state: int) -> float:
        """From now on the parent is in `state`; returns now."""
        now = clock()
        seconds = now - self.since
        self.totals[self.state] += seconds
        self.path[self.state] += seconds
        self.since = now
        self.state = state
        return now

    def wait(self) -> None:
        """The parent begins to wait; or goes on, if nothing came of the last time."""
        since = self.mark(WAIT)
        if not self.in_vain:
            self.waited_since = since
        self.in_vain = False

    def note(self, text: str) -> None:
        """Say something in the report, once."""
        if text not in self.notes:
            self.notes.append(text)

    def lane(self, name: str, pid: int, *, started: bool) -> Lane:
        """A lane from now on (a worker just started), or from the call's begin (a warm one)."""
        if started:
            lane = Lane(name, pid, self.since, self.path[:], fresh=True)
        else:
            lane = Lane(name, pid, self.began, [0.0] * len(CATEGORIES), fresh=True)
        lane.index = len(self.lanes)
        self.lanes.append(lane)
        return lane

    def outcome(
        self,
        lane: Lane,
        sent: float,
        path: list[float],
        times: Sequence[float],
        cpu: float,
        queued: float,
    ) -> None:
        """Account for a part of a chunk: `times` are the worker's free, received, decoded, computed, encoded, loading.

        `path` is the sender's at that time, and is used up. Called after `mark(RECEIVE)`: the part has just arrived.
        """
        free, received, decoded, computed, encoded, loading = times
        base = lane.free_at
        states = lane.states
        if free < base:  # noqa: PLR1730 - max() costs twice as much, and this is paid once a chunk
            free = base
        if sent > free:  # it was idle when the chunk was sent: the sender's path leads here
            states[IDLE_FIRST if lane.fresh else STARVED] += sent - free
            states[SENT] += free - base
            begin = sent
        else:
            path = lane.path
            states[SENT] += free - base
            path[ON_SENT] += free - base
            begin = free
        lane.fresh = False
        if received < begin:  # noqa: PLR1730
            received = begin
        underway = received - begin
        if loading:
            loading = min(loading, underway)
            underway -= loading
            states[IMPORT] += loading
            path[ON_IMPORT] += loading
        states[RECEIVED] += underway
        path[TRANSIT] += underway
        seconds = decoded - received
        states[DECODED] += seconds
        path[ON_DECODED] += seconds
        seconds = encoded - computed
        states[ENCODED] += seconds
        path[ON_ENCODED] += seconds
        seconds = computed - decoded
        states[COMPUTED] += seconds
        path[ON_COMPUTED] += seconds
        if cpu < 0.0:  # too short to have been measured: all of it counts as on a CPU
            lane.split[0] += seconds
        else:
            lane.compute(seconds, cpu, queued)
        lane.path = path
        lane.free_at = encoded
        if encoded > self.waited_since:
            self.join(lane)

    def join(self, lane: Lane) -> None:
        """The parent has waited, and `lane` is what it waited for: that lane's path leads to the present."""
        if lane.free_at > self.waited_since:
            self.path = lane.path[:]
            self.path[TRANSIT] += self.since - lane.free_at
            self.waited_since = NEVER  # what came along with it was not waited for: the parent was busy by then

    def failed(self, failure: Failure) -> None:
        """An item has failed for good: the facts, without the objects. The report keeps the first of them."""
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(
                {
                    "index": failure.index,
                    "cause": failure.cause,
                    "exception": told(failure.exception),
                    "pid": failure.worker_pid,
                    "attempts": failure.attempts,
                }
            )

    def finish(self) -> None:
        """The call returns."""
        if self.ended is None:
            self.mark(STOP)
            self.ended = self.since
            for lane in self.lanes:
                lane.states[IDLE_FIRST if lane.fresh else TAIL] += max(self.ended - lane.free_at, 0.0)

    def recording(self, **facts: Any) -> dict[str, Any]:
        """Everything noted, as plain data; `facts` are name, backend, start_method, workers."""
        end = clock() if self.ended is None else self.ended
        wall = end - self.began
        began = self.began
        watch = self.memory
        computed = sum(lane.states[COMPUTED] for lane in self.lanes) + self.totals[COMPUTE]
        return {
            "version": 1,
            **facts,
            "items": self.items,
            "chunks": self.chunks,
            "started_at": self._began_at,
            "seconds": wall,
            "parent": dict(zip(PARENT_STATES, self.totals, strict=True)),
            "lanes": [
                {
                    "name": lane.name,
                    "pid": lane.pid,
                    "from": max(lane.began - began, 0.0),
                    "to": wall,
                    "tasks": lane.tasks,
                    "states": dict(zip(WORKER_STATES, lane.states, strict=True)),
                    "compute_split": dict(zip(("cpu", "runq", "gil_wait", "blocked"), lane.split, strict=True)),
                    "peak_rss_bytes": lane.resident_bytes,
                }
                for lane in self.lanes
            ],
            "path": {name: seconds for name, seconds in zip(CATEGORIES, self.path, strict=True) if seconds},
            "messages_out": self.messages_out,
            "messages_in": self.messages_in,
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "shared_out_bytes": self.shared_out,
            "shared_in_bytes": self.shared_in,
            "memory": {
                "peak_pss_bytes": None if watch is None else watch.peak_pss_bytes,
                "samples": 0 if watch is None else watch.samples,
            },
            "failures": sorted(self.failures, key=lambda failure: failure["index"]),
            "deaths": self.deaths,
            "retries": self.retries,
            "notes": self.notes,
            "choice": self.choice,
            "forecast": self.forecast() if callable(self.forecast) else self.forecast,
            "useful_seconds_per_item": computed / self.items if self.items else None,
            "serial_seconds_estimate": None,
            "chunk_records": [
                [int(who), int(first), int(count), *(max(at - began, 0.0) for at in stamps)]
                for who, first, count, *stamps in self.records
            ],
        }
