"""The ledger as a trace that Perfetto (https://ui.perfetto.dev) and Chrome's `about:tracing` open.

A lane is a thread of the trace: its slices, an arrow to and from every recorded chunk, and two counters.
Format: Trace Event Format, JSON object form, timestamps in microseconds.
Never here: where slices lie (`timeline`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from breakeven.ledger.account import ChunkRecord, Ledger
from breakeven.ledger.states import PARENT_STATES, WORKER_STATES
from breakeven.ledger.store import to_dict
from breakeven.report.timeline import SEND_MARK_SECONDS, label_of, slices_of
from breakeven.report.wording import plain

_PROCESS = 1
"""All lanes are threads of one process of the trace, so that they stand together; labels carry the real pids."""


def trace_of(ledger: Ledger) -> dict[str, Any]:
    """Return the trace; everything else that the ledger says is under `otherData`."""
    events = [
        *_names(ledger),
        *_slices(ledger),
        *_arrows(ledger.chunk_records),
        *_counters(ledger.chunk_records),
    ]
    facts = {key: fact for key, fact in to_dict(ledger).items() if key != "chunk_records"}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": facts}


def _names(ledger: Ledger) -> Iterator[dict[str, Any]]:
    yield _event("M", "process_name", args={"name": f"breakeven: {plain(ledger.name)}"})
    for number, lane in enumerate(ledger.all_lanes):
        pid = "" if lane.pid is None else f" (pid {lane.pid})"
        yield _event("M", "thread_name", lane=number, args={"name": f"{plain(lane.name)}{pid}"})
        yield _event("M", "thread_sort_index", lane=number, args={"sort_index": number})


def _slices(ledger: Ledger) -> Iterator[dict[str, Any]]:
    for piece in slices_of(ledger):
        kinds = WORKER_STATES if piece.lane else PARENT_STATES
        args: dict[str, Any] = {"placed": "by the order of states"}
        name = piece.state
        if piece.chunk is not None:
            chunk = ledger.chunk_records[piece.chunk]
            args = {"first_index": chunk.first_index, "items": chunk.items}
            name = f"{piece.state} {label_of(chunk)}" if piece.state == "compute" else piece.state
        microseconds = round(_us(piece.end) - _us(piece.start), 3)
        yield _event("X", name, at=piece.start, lane=piece.lane, cat=kinds[piece.state], dur=microseconds, args=args)


def _arrows(chunks: tuple[ChunkRecord, ...]) -> Iterator[dict[str, Any]]:
    """Point from each sending to the worker's first slice of the chunk, and from its last to the arrival.

    A viewer ties an arrow's ends to the slices around them, so no end may lie on the far edge of its slice.
    """
    for number, chunk in enumerate(chunks):
        if chunk.own:
            continue
        lane = chunk.worker + 1
        sent = max(0.0, chunk.sent - SEND_MARK_SECONDS / 2)
        last = chunk.computed if chunk.encoded > chunk.computed else chunk.decoded
        yield from _arrow(f"out {number}", (sent, 0), (chunk.received, lane))
        yield from _arrow(f"in {number}", ((last + chunk.encoded) / 2, lane), (chunk.arrived, 0))


def _arrow(name: str, tail: tuple[float, int], head: tuple[float, int]) -> Iterator[dict[str, Any]]:
    facts = {"cat": "message", "id": name, "bp": "e"}
    yield _event("s", "message", at=tail[0], lane=tail[1], **facts)
    yield _event("f", "message", at=head[0], lane=head[1], **facts)


def _counters(chunks: tuple[ChunkRecord, ...]) -> Iterator[dict[str, Any]]:
    """Count chunks between sending and arrival, and items merged, where either changes."""
    steps = [(chunk.sent, 1, 0) for chunk in chunks if not chunk.own]
    steps += [(chunk.arrived, -1, 0) for chunk in chunks if not chunk.own]
    steps += [(chunk.merged, 0, chunk.items) for chunk in chunks]
    out = items = 0
    for at, changes in groupby(sorted(steps), key=lambda step: step[0]):
        for _, more_out, more_items in changes:
            out, items = out + more_out, items + more_items
        yield _event("C", "chunks out", at=at, args={"chunks": out})
        yield _event("C", "items merged", at=at, args={"items": items})


def _event(phase: str, name: str, *, at: float = 0.0, lane: int = 0, **more: Any) -> dict[str, Any]:
    return {"ph": phase, "name": name, "pid": _PROCESS, "tid": lane + 1, "ts": _us(at), **more}


def _us(seconds: float) -> float:
    return round(seconds * 1e6, 3)
