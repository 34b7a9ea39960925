"""The nouns of a ledger, and the sums that follow from them without a choice.

Rule: a figure that nobody measured is `unexplained` or None; it is never spread over its neighbours.
Never here: parsing (`recording`), files (`store`), judgement (`efficiency`), looks (`report`).

Seconds are seconds of the wall clock, and instants count from the start of the call. Nouns are frozen; the mappings in
them are ordinary dictionaries, which nobody is to write to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from breakeven.ledger.states import OWN_WORKER, PARENT, UNEXPLAINED

CLOCK_SECONDS = 1e-9
"""What the clock resolves: a shorter time is none, and nothing is divided by it."""


class ChunkRecord(NamedTuple):
    """When one chunk passed each station, in seconds from the start of the call; `worker` is an index of `lanes`.

    `first_index` is its first item's. A chunk that the parent computed itself has `worker == OWN_WORKER`.
    """

    worker: int
    first_index: int
    items: int
    sent: float
    received: float
    decoded: float
    computed: float
    encoded: float
    arrived: float
    merged: float

    @property
    def own(self) -> bool:
        """Whether the parent computed it."""
        return self.worker == OWN_WORKER

    @property
    def compute_seconds(self) -> float:
        """How long the user's function ran, over all of the chunk's items."""
        return self.computed - self.decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One process or thread over its part of the call: every second in exactly one state, or unexplained.

    >>> lane = Lane(name="worker 0", pid=71, from_seconds=1.0, to_seconds=3.0, tasks=4, states={"compute": 1.5})
    >>> lane.seconds, lane.unexplained_seconds
    (2.0, 0.5)
    """

    name: str
    pid: int | None
    from_seconds: float
    to_seconds: float
    tasks: int
    states: Mapping[str, float]
    compute_split: Mapping[str, float] | None = None
    """Compute by `COMPUTE_PARTS`, or None where the system could not tell."""
    peak_rss_bytes: int | None = None

    @property
    def seconds(self) -> float:
        """How much of the call the lane was there for."""
        return self.to_seconds - self.from_seconds

    @property
    def unexplained_seconds(self) -> float:
        """Time in no state. Below zero where states overlap, which is an error of the recorder and shown as one."""
        return self.seconds - math.fsum(self.states.values())

    @property
    def closed_states(self) -> dict[str, float]:
        """The states and, last, what is unexplained: together they are the lane's seconds."""
        return {**self.states, UNEXPLAINED: self.unexplained_seconds}

    @property
    def compute_seconds(self) -> float:
        """Time inside the user's function, whatever that function waited for."""
        return self.states.get("compute", 0.0)

    @property
    def useful_seconds(self) -> float:
        """Compute, less the time it queued for a CPU or for the GIL: about what the same calls cost in a serial run.

        Time blocked on anything else (a disk, a sleep) stays useful, since a serial run would have waited as well.
        """
        split = self.compute_split or {}
        return max(0.0, self.compute_seconds - split.get("runq", 0.0) - split.get("gil_wait", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What crossed between parent and workers: `out` leaves the parent, `in` comes back to it."""

    messages_out: int
    messages_in: int
    bytes_out: int
    bytes_in: int
    shared_out_bytes: int
    shared_in_bytes: int


NO_TRAFFIC = Traffic(messages_out=0, messages_in=0, bytes_out=0, bytes_in=0, shared_out_bytes=0, shared_in_bytes=0)
"""Of a run without workers, or with threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak proportional set size of the process tree over the samples taken; None where it was not measured."""

    peak_pss_bytes: int | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedItem:
    """One item that has no result, as text: a ledger is read where the exception's class may not exist."""

    index: int
    cause: str
    exception: str
    pid: int | None
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which versions made a ledger."""

    breakeven: str
    python: str
    kernel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """The hierarchy of the POP centre of excellence, for the workers of one call.

    With U the useful seconds of all, W the workers, M those of the busiest, T the wall time and I the wall time had
    pickling and transfer cost nothing:

    parallel = U/(W·T) = load_balance · communication, load_balance = U/(W·M),
    communication = M/T = serialisation · transfer, serialisation = M/I, transfer = I/T.
    """

    load_balance: float
    serialisation: float
    transfer: float
    computation_scaling: float | None
    """Serial seconds over useful seconds: below 1 the same work grew dearer in parallel. None without an estimate."""
    ideal_seconds: float
    ideal_basis: str
    """How I was found: "replay" of every chunk, or "sums" (a lower bound) where chunk records are not complete."""

    @property
    def communication(self) -> float:
        """What waiting for one another and moving payload leave of the busiest worker's time."""
        return self.serialisation * self.transfer

    @property
    def parallel(self) -> float:
        """Share of the workers' time that was useful."""
        return self.load_balance * self.communication

    def to_dict(self) -> dict[str, float | str | None]:
        """Return every factor by its name."""
        return {
            "parallel": self.parallel,
            "load_balance": self.load_balance,
            "communication": self.communication,
            "serialisation": self.serialisation,
            "transfer": self.transfer,
            "computation_scaling": self.computation_scaling,
            "ideal_seconds": self.ideal_seconds,
            "ideal_basis": self.ideal_basis,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything that is known of one call, from entry to return."""

    name: str
    backend: str
    start_method: str | None
    workers: int
    items: int
    chunks: int
    started_at: float
    """Seconds since the epoch."""
    seconds: float
    parent: Lane
    lanes: tuple[Lane, ...]
    """The workers, in the order in which they started; one that replaced another bears the same name."""
    path: Mapping[str, float]
    """The critical path as it was recorded; `critical_path` is the one that closes."""
    traffic: Traffic
    memory: Memory
    failures: tuple[FailedItem, ...]
    deaths: int
    retries: int
    notes: tuple[str, ...]
    choice: str
    useful_seconds_per_item: float | None
    serial_seconds_estimate: float | None
    chunk_records: tuple[ChunkRecord, ...]
    made_with: Provenance
    forecast: Mapping[str, object] | None = None
    """What was forecast and why, as plain data; None where nothing was (see the reference of reports)."""

    @property
    def forecast_error(self) -> float | None:
        """How far the forecast was off: forecast over measured, less 1. What the caller took itself does not count."""
        chosen = (self.forecast or {}).get("chosen")
        seconds = chosen.get("seconds") if isinstance(chosen, Mapping) else None
        measured = self.seconds - self.path.get("parent.consumer", 0.0) - self.path.get("parent.input", 0.0)
        if not isinstance(seconds, int | float) or measured < CLOCK_SECONDS:
            return None
        return seconds / measured - 1.0

    @property
    def unexplained_seconds(self) -> float:
        """Elapsed time that no part of the critical path claims; below zero where parts overlap."""
        return self.seconds - math.fsum(self.path.values())

    @property
    def critical_path(self) -> dict[str, float]:
        """Category → seconds, the unexplained included: together they are the wall clock's seconds."""
        return {**self.path, UNEXPLAINED: self.unexplained_seconds}

    @property
    def all_lanes(self) -> tuple[Lane, ...]:
        """The parent, then the workers."""
        return (self.parent, *self.lanes)

    @property
    def useful_seconds(self) -> float:
        """Useful compute of all lanes together."""
        return math.fsum(lane.useful_seconds for lane in self.all_lanes)

    @property
    def serial_seconds(self) -> float:
        """What a serial run would take: the run's own estimate where it has one, else the useful compute."""
        estimate = self.serial_seconds_estimate
        return self.useful_seconds if estimate is None else estimate

    @property
    def speedup_estimate(self) -> float | None:
        """Serial seconds over wall seconds, both of this run; None for a run that took no measurable time."""
        return self.serial_seconds / self.seconds if self.seconds >= CLOCK_SECONDS else None

    @property
    def has_every_chunk(self) -> bool:
        """Whether the chunk records cover every item that was done; of long runs only a first part is kept."""
        recorded = sum(record.items for record in self.chunk_records)
        return bool(self.chunk_records) and recorded >= self.items - len(self.failures)


def parent_lane(seconds: float, tasks: int, states: Mapping[str, float]) -> Lane:
    """Make the parent's lane, which is there from entry to return."""
    return Lane(name=PARENT, pid=None, from_seconds=0.0, to_seconds=seconds, tasks=tasks, states=states)
