"""How much of the workers' time was useful, and which cause took the rest: the POP factors of one ledger.

Lives here: the arithmetic of load balance, serialisation and transfer, and the replay on an ideal network that tells
the last two apart. Never here: the factors' names and identity (`account.Efficiency`), and advice.

The parent's own compute counts as a serial stretch beside the busiest worker's: it uses a CPU that a worker could have
had, and it is no worker that ought to be as busy as the others.

Source: POP standard metrics, https://pop-coe.eu/node/69.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from breakeven.ledger.account import CLOCK_SECONDS, ChunkRecord, Efficiency, Lane, Ledger
from breakeven.ledger.states import PARENT_STATES, WORKER_STATES, kind_of

_NETWORK_KINDS = ("pickling", "transport")
_AT_THE_ENDS = ("plan", "start", "stop")
_READY_STATES = ("boot", "import", "init")


def efficiency_of(ledger: Ledger) -> Efficiency | None:
    """Return the factors, or None where nothing was computed or no time passed."""
    wall = ledger.seconds
    useful = ledger.useful_seconds
    if min(useful, wall) < CLOCK_SECONDS:
        return None
    busiest = min(wall, busiest_useful_seconds(ledger))
    ideal, basis = ideal_seconds(ledger)
    ideal = min(wall, max(busiest, ideal))
    estimate = ledger.serial_seconds_estimate
    return Efficiency(
        load_balance=useful / (max(1, ledger.workers) * busiest),
        serialisation=busiest / ideal,
        transfer=ideal / wall,
        computation_scaling=None if estimate is None else estimate / useful,
        ideal_seconds=ideal,
        ideal_basis=basis,
    )


def busiest_useful_seconds(ledger: Ledger) -> float:
    """Return the useful seconds of the busiest worker and, on top, the parent's own.

    Lanes of one name are one worker: the second replaced the first.
    """
    workers: defaultdict[str, float] = defaultdict(float)
    for lane in ledger.lanes:
        workers[lane.name] += lane.useful_seconds
    return ledger.parent.useful_seconds + max(workers.values(), default=0.0)


def ideal_seconds(ledger: Ledger) -> tuple[float, str]:
    """Return how long the call would have taken with pickling and transfer free, and on what that rests.

    With every chunk recorded it is a "replay", else "sums": the larger of two lower bounds, the critical path without
    its pickling and transfer, and the busiest lane without its own.
    """
    if ledger.has_every_chunk:
        return _replay(ledger), "replay"
    path = ledger.seconds - math.fsum(t for name, t in ledger.path.items() if kind_of(name) in _NETWORK_KINDS)
    lanes = [_busy_seconds(ledger.parent, PARENT_STATES)] + [_busy_seconds(x, WORKER_STATES) for x in ledger.lanes]
    return max(*lanes, path if ledger.path else 0.0), "sums"


def _busy_seconds(lane: Lane, kinds: dict[str, str]) -> float:
    idle = ("waiting", *_NETWORK_KINDS)
    return math.fsum(t for state, t in lane.states.items() if kinds[state] not in idle)


def _replay(ledger: Ledger) -> float:
    """Run the recorded chunks again, in their order and on their workers, with pickling and transfer free.

    The parent's events are the sending of a chunk and the arrival of its results, in recorded order. Between them it
    is busy with what is left of its own work (`_Pace`). A chunk starts when it is sent and its worker free; its
    results arrive when it is computed and the parent ready. No step comes later than it really did, so neither
    does the end.
    """
    chunks = ledger.chunk_records
    events = _parent_events(chunks)
    pace = _Pace.of(ledger, events[0][0])
    sent: dict[int, float] = {}
    free: dict[int, float] = {}
    real = events[0][0]
    clock = pace.at(real)
    for at, arrives, number in events:
        chunk = chunks[number]
        clock += pace.share * max(0.0, at - real)
        real = max(real, at)
        if chunk.own:
            clock += chunk.compute_seconds
            real = max(real, chunk.computed)
        elif arrives:
            ready = free.get(chunk.worker, min(_ready_seconds(ledger.lanes[chunk.worker], pace), chunk.received))
            free[chunk.worker] = max(sent[number], ready) + chunk.compute_seconds
            clock = max(clock, free[chunk.worker])
        else:
            sent[number] = clock
    tail = max(0.0, ledger.seconds - real)
    stop = min(tail, ledger.parent.states.get("stop", 0.0))
    return clock + stop + pace.share * (tail - stop)


def _parent_events(chunks: tuple[ChunkRecord, ...]) -> list[tuple[float, bool, int]]:
    """List (when, whether results arrive, number of the chunk) in order; a chunk is sent before it can arrive."""
    sent = [(chunk.sent, False, number) for number, chunk in enumerate(chunks)]
    arrived = [(max(chunk.arrived, chunk.sent), True, number) for number, chunk in enumerate(chunks) if not chunk.own]
    return sorted(sent + arrived)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """How busy the parent stays once pickling and transfer are free; its states carry no stamps, so this is a model.

    Up to its first event it does not wait for results, so of what follows planning and starting its own work keeps
    the part that it has among own work, pickling and transfer. What own work is left is spread over the rest evenly.
    """

    front: float
    first_event: float
    opening_share: float
    share: float

    def at(self, real: float) -> float:
        """Return when the parent reaches what it really reached at `real`, up to the first event."""
        if not self.front < real <= self.first_event:
            return real
        return self.front + self.opening_share * (real - self.front)

    @classmethod
    def of(cls, ledger: Ledger, first_event: float) -> _Pace:
        """Unexplained time counts as own work, so that only what was seen to be transfer is taken away."""
        states = ledger.parent.states
        stop = states.get("stop", 0.0)
        front = min(first_event, states.get("plan", 0.0) + states.get("start", 0.0))
        computed = math.fsum(chunk.compute_seconds for chunk in ledger.chunk_records if chunk.own)
        between = dict.fromkeys(PARENT_STATES.values(), 0.0)
        for state, seconds in states.items():
            if state not in _AT_THE_ENDS:
                between[PARENT_STATES[state]] += seconds
        network = math.fsum(between[kind] for kind in _NETWORK_KINDS)
        own = math.fsum(between.values()) - network - between["waiting"] - computed
        own = max(0.0, own + max(0.0, ledger.parent.unexplained_seconds))
        opening_share = own / (own + network) if own + network > 0 else 0.0
        kept = opening_share * (first_event - front)
        rest = ledger.seconds - first_event - stop - computed
        share = min(1.0, max(0.0, own - kept) / rest) if rest > 0 else 0.0
        return cls(front=front, first_event=first_event, opening_share=opening_share, share=share)


def _ready_seconds(lane: Lane, pace: _Pace) -> float:
    """Return when a worker could take its first chunk; its own start-up takes as long as it took."""
    return pace.at(lane.from_seconds) + math.fsum(lane.states.get(state, 0.0) for state in _READY_STATES)
