"""Where on each lane's time line what was done: the slices that the picture and the trace are drawn from.

Rule: slices of one lane never overlap, and a slice exists only where stamps or the order of states place it; time
between slices is not drawn. Never here: pixels, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from breakeven.ledger.account import ChunkRecord, Lane, Ledger

FRONT_STATES = ("boot", "import", "init")
"""What a worker goes through first, in this order."""

SEND_MARK_SECONDS = 1e-6
"""Of a sending only the end is stamped: a slice this long stands for it, so that it can be seen and pointed from."""

PARENT_FRONT_STATES = ("plan", "start")
"""What the parent goes through first, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One stretch of one lane; `chunk` is a position in the ledger's chunk records, or None.

    `lane` is a position in `Ledger.all_lanes`: 0 is the parent, 1 the first worker.
    """

    lane: int
    state: str
    start: float
    end: float
    chunk: int | None = None


def slices_of(ledger: Ledger) -> list[Slice]:
    """Return the slices of every lane, by lane and then by start."""
    slices: list[Slice] = []
    for number, lane in enumerate(ledger.all_lanes):
        chunks = _parent_slices(ledger) if number == 0 else _worker_slices(ledger, number)
        stretches = sorted(chunks, key=lambda piece: (piece.start, piece.end))
        first = stretches[0].start if stretches else lane.to_seconds
        stretches = [*_front_slices(number, lane, first), *stretches, *_exit_slice(number, lane, stretches)]
        slices += _apart(stretches)
    return slices


def _front_slices(number: int, lane: Lane, first: float) -> Iterator[Slice]:
    """Place the states before the first chunk by their order, if they fit in front of it."""
    states = FRONT_STATES if number else PARENT_FRONT_STATES
    at = lane.from_seconds
    for state in states:
        end = at + lane.states.get(state, 0.0)
        if at < end <= first:
            yield Slice(lane=number, state=state, start=at, end=end)
        at = end


def _exit_slice(number: int, lane: Lane, slices: list[Slice]) -> Iterator[Slice]:
    """Place the last state against the lane's end, if it fits behind the last chunk."""
    state = "exit" if number else "stop"
    start = lane.to_seconds - lane.states.get(state, 0.0)
    if start < lane.to_seconds and (not slices or start >= slices[-1].end):
        yield Slice(lane=number, state=state, start=start, end=lane.to_seconds)


def _worker_slices(ledger: Ledger, number: int) -> Iterator[Slice]:
    for place, chunk in enumerate(ledger.chunk_records):
        if chunk.worker != number - 1:
            continue
        yield Slice(lane=number, state="deserialise", start=chunk.received, end=chunk.decoded, chunk=place)
        yield Slice(lane=number, state="compute", start=chunk.decoded, end=chunk.computed, chunk=place)
        yield Slice(lane=number, state="serialise", start=chunk.computed, end=chunk.encoded, chunk=place)


def _parent_slices(ledger: Ledger) -> Iterator[Slice]:
    for place, chunk in enumerate(ledger.chunk_records):
        if chunk.own:
            yield Slice(lane=0, state="compute", start=chunk.decoded, end=chunk.computed, chunk=place)
        else:
            yield Slice(
                lane=0, state="send", start=max(0.0, chunk.sent - SEND_MARK_SECONDS), end=chunk.sent, chunk=place
            )
            yield Slice(lane=0, state="merge", start=chunk.arrived, end=chunk.merged, chunk=place)


def _apart(slices: list[Slice]) -> Iterator[Slice]:
    """Cut from each slice what an earlier one covers, and drop what is then empty."""
    covered = 0.0
    for piece in slices:
        start = max(piece.start, covered)
        if start < piece.end:
            yield Slice(lane=piece.lane, state=piece.state, start=start, end=piece.end, chunk=piece.chunk)
            covered = piece.end


def label_of(chunk: ChunkRecord) -> str:
    """Name a chunk by its items."""
    if chunk.items == 1:
        return f"item {chunk.first_index}"
    return f"items {chunk.first_index} to {chunk.first_index + chunk.items - 1}"
