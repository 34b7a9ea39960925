"""What a message costs each side: empty, with bytes in it, and with arrays beside it.

Lives here: the instrument, which reads the ledgers of runs that do nothing else. Never here: what is concluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter as clock
from time import sleep

from breakeven.backends.crews import Crews, drive
from breakeven.backends.threads import Threads
from breakeven.engine.codec import LARGE
from breakeven.ledger import recorder as states
from breakeven.ledger.recorder import Recorder
from breakeven.model.profile import Segment
from breakeven.probes.memory import unique_bytes
from breakeven.work import ONE, Options, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.engine.dispatch import Crew

CHUNKS = 300
WAKES = 15
SMALL_BYTES = (256, 8 << 10, LARGE // 2)
SHARED_BYTES = 8_000_000
SHARED_TIMES = 8
KEPT_TIMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCosts:
    """Seconds and bytes, as the machine profile names them."""

    parent_chunk_seconds: float
    worker_chunk_seconds: float
    wake_seconds: float
    out_segments: tuple[Segment, ...]
    in_segments: tuple[Segment, ...]
    shared_out_seconds_a_byte: float
    shared_in_seconds_a_byte: float
    worker_bytes: int


@dataclass(frozen=True, slots=True)
class _Spent:
    """Seconds a chunk: of the parent out and in, of the worker in and out."""

    out: float
    back: float
    received: float
    returned: float


def measure() -> MessageCosts:
    """Measure on one worker, started for it and ended after it."""
    options = Options(backend="processes", max_workers=1, chunksize=1)
    crew = Crews(options).hire(Recorder())
    try:
        _run(crew, options, abs, range(20))
        worker_bytes = unique_bytes(crew.members[0].pid) or 12 << 20  # before anything makes it load numpy
        empty = _best(crew, options, abs, range(CHUNKS))
        parent, worker = empty.out + empty.back, empty.received + empty.returned
        out = [(size, _best(crew, options, len, [bytes(size)] * 60)) for size in SMALL_BYTES]
        back = [(size, _best(crew, options, bytes, [size] * 60)) for size in SMALL_BYTES]
        shared_out, shared_in = _shared(crew, options)
        return MessageCosts(
            parent_chunk_seconds=parent,
            worker_chunk_seconds=worker,
            wake_seconds=_wake(crew, options),
            out_segments=_segments([(size, max(spent.out - empty.out, 0.0)) for size, spent in out]),
            in_segments=_segments([(size, max(spent.back - empty.back, 0.0)) for size, spent in back]),
            shared_out_seconds_a_byte=shared_out,
            shared_in_seconds_a_byte=shared_in,
            worker_bytes=worker_bytes,
        )
    finally:
        crew.close()


def _run(
    crew: Crew, options: Options, fn: Callable[..., Any], items: Sequence[Any], kept: list[Any] | None = None
) -> tuple[Recorder, float]:
    recorder = Recorder()
    crew.attach(recorder)
    began = clock()
    work = Work(fn, items, mode=ONE, length=len(items), options=options)
    for block in drive(crew, work, ordered=True, window=None):
        if kept is not None:
            kept += block
    seconds = clock() - began
    recorder.finish()
    return recorder, seconds


def _best(crew: Crew, options: Options, fn: Callable[..., Any], items: Sequence[Any]) -> _Spent:
    """The least of three runs: a neighbour only ever adds."""
    runs = [_spent(_run(crew, options, fn, items)[0]) for _ in range(3)]
    return min(runs, key=lambda spent: spent.out + spent.back + spent.received + spent.returned)


def _spent(recorder: Recorder) -> _Spent:
    totals, lane, chunks = recorder.totals, recorder.lanes[0], max(recorder.chunks, 1)
    out = totals[states.SERIALISE] + totals[states.SEND] + totals[states.DISPATCH]
    back = totals[states.RECEIVE] + totals[states.DESERIALISE] + totals[states.MERGE]
    received = lane.states[states.DECODED]
    returned = lane.states[states.ENCODED] + lane.states[states.SENT]
    return _Spent(out / chunks, back / chunks, received / chunks, returned / chunks)


def _wake(crew: Crew, options: Options) -> float:
    """From sending to an idle worker until it has the message, the parent's own waking up included: half of both."""
    taken = []
    for _ in range(WAKES):
        sleep(2e-3)
        _, seconds = _run(crew, options, abs, [1])
        taken.append(seconds)
    return sorted(taken)[WAKES // 2] / 2


def _shared(crew: Crew, options: Options) -> tuple[float, float]:
    """Seconds a byte of an array to a worker (the parent's copy) and back (the worker's copy).

    Out, pages are used again as soon as a worker is done with them. Back they are new each time, since a map keeps its
    results, and the system has to clear every page first: that costs more than the copy.
    """
    import numpy as np

    size = SHARED_BYTES // 8
    arrays = [np.full(size, float(at)) for at in range(SHARED_TIMES)]
    _run(crew, options, len, arrays)
    out = _best(crew, options, len, arrays).out / SHARED_BYTES
    kept: list[Any] = []
    runs = [_spent(_run(crew, options, np.ones, [size] * KEPT_TIMES, kept)[0]) for _ in range(3)]
    return out, min(spent.returned for spent in runs) / SHARED_BYTES


def _segments(points: list[tuple[int, float]]) -> tuple[Segment, ...]:
    """Lines through neighbouring points."""
    lines = []
    for at in range(len(points) - 1):
        (size, seconds), (larger, more) = points[at], points[at + 1]
        slope = max((more - seconds) / (larger - size), 0.0)
        start = 0 if at == 0 else size
        lines.append(Segment(from_bytes=start, fixed_seconds=max(seconds - slope * size, 0.0), seconds_a_byte=slope))
    return tuple(lines)


def thread_chunk_seconds() -> float:
    """What an empty chunk costs two threads of a map."""
    options = Options(backend="threads", max_workers=2, chunksize=1)
    taken = []
    for _ in range(3):
        recorder = Recorder()
        began = clock()
        work = Work(abs, range(CHUNKS), mode=ONE, length=CHUNKS, options=options)
        for _ in Threads(options).stream(work, recorder, ordered=True, bounded=False):
            pass
        taken.append(clock() - began)
    return min(taken) / CHUNKS
