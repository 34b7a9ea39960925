"""What a run would have taken, had one cost been nothing: a replay of its chunks with that cost set to zero.

Lives here: the replay as a discrete-event simulation. Never here: advice. The parent is one server that sends chunks
and takes in results in the order in which it really did; each worker is a server of its own. Every service time is the
one recorded; only the waiting between them is computed anew. So the replay of the unchanged run gives the model's own
error, and every answer is scaled by it: real = replayed · (measured / replayed unchanged).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

from breakeven.ledger.account import ChunkRecord, Ledger

LEAST_CHUNKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """What is different in a replay."""

    workers: int
    starts: bool = True
    pickles: bool = True
    moves: bool = True
    even: bool = False
    gil: bool = True


@dataclass(frozen=True, slots=True)
class _Service:
    """Seconds that one chunk takes at each station."""

    send: float
    decode: float
    compute: float
    encode: float
    merge: float


def what_if(ledger: Ledger) -> dict[str, float]:
    """Return scenario → seconds; `as it was` is the measured time. Empty where no worker did anything."""
    chunks = [chunk for chunk in ledger.chunk_records if not chunk.own]
    if len(chunks) < LEAST_CHUNKS or ledger.seconds <= 0:
        return {}
    workers = max(ledger.workers, 1)
    plain = _World(workers=workers)
    base = _replay(ledger, chunks, plain)
    if base <= 0:
        return {}
    worlds = {
        "start-up free": replace(plain, starts=False),
        "pickling free": replace(plain, pickles=False),
        "transport free": replace(plain, moves=False),
        "perfect balance": replace(plain, even=True),
        "one worker more": replace(plain, workers=workers + 1),
    }
    if ledger.backend == "threads":
        worlds["GIL gone"] = replace(plain, gil=False)
    scale = ledger.seconds / base
    answers = {"as it was": ledger.seconds}
    for name, world in worlds.items():
        answers[name] = min(_replay(ledger, chunks, world) * scale, ledger.seconds)
    return answers


def _replay(ledger: Ledger, chunks: list[ChunkRecord], world: _World) -> float:
    """Return the seconds of the whole call in this world."""
    begin = min(chunk.sent for chunk in chunks)
    ready = _ready(ledger, begin, world)
    clock = begin - (_start_seconds(ledger) if not world.starts else 0.0)
    clock = max(clock, 0.0)
    last = max(chunk.merged for chunk in chunks)
    services = [_service(ledger, chunk, world) for chunk in chunks]
    if world.even:
        mean = sum(service.compute for service in services) / len(services)
        services = [replace(service, compute=mean) for service in services]
    free = [max(at, clock) for at in ready]
    heapq.heapify(free)
    arrivals: list[float] = []
    for service in services:  # in the order in which they were sent
        clock += service.send
        start = max(heapq.heappop(free), clock)
        done = start + service.decode + service.compute + service.encode
        heapq.heappush(free, done)
        arrivals.append(done)
    parent = clock
    for arrival, service in sorted(zip(arrivals, services, strict=True), key=lambda pair: pair[0]):
        parent = max(parent, arrival) + service.merge
    if world.even:
        parent = min(parent, clock + sum(service.compute for service in services) / world.workers)
    return parent + max(ledger.seconds - last, 0.0)


def _service(ledger: Ledger, chunk: ChunkRecord, world: _World) -> _Service:
    compute = chunk.compute_seconds
    if not world.gil and 0 <= chunk.worker < len(ledger.lanes):
        lane = ledger.lanes[chunk.worker]
        waited = (lane.compute_split or {}).get("gil_wait", 0.0)
        compute *= max(1.0 - waited / lane.compute_seconds, 0.0) if lane.compute_seconds > 0 else 1.0
    states, count = ledger.parent.states, max(len(ledger.chunk_records), 1)
    pickling = states.get("serialise", 0.0) / count if world.pickles else 0.0
    moving = (states.get("send", 0.0) + states.get("send_blocked", 0.0)) / count if world.moves else 0.0
    dispatch = states.get("dispatch", 0.0) / count
    taking = states.get("receive", 0.0) / count if world.moves else 0.0
    unpickling = states.get("deserialise", 0.0) / count if world.pickles else 0.0
    return _Service(
        send=pickling + moving + dispatch,
        decode=chunk.decoded - chunk.received if world.pickles else 0.0,
        compute=compute,
        encode=chunk.encoded - chunk.computed if world.pickles else 0.0,
        merge=taking + unpickling + states.get("merge", 0.0) / count,
    )


def _ready(ledger: Ledger, begin: float, world: _World) -> list[float]:
    """Return when each worker can take its first chunk."""
    times = [
        lane.from_seconds + sum(lane.states.get(state, 0.0) for state in ("boot", "import", "init"))
        for lane in ledger.lanes[: world.workers]
    ]
    if not world.starts or not times:
        return [0.0] * world.workers
    times += [max(times)] * (world.workers - len(times))
    return [max(at, begin) for at in times]


def _start_seconds(ledger: Ledger) -> float:
    return ledger.parent.states.get("start", 0.0)
