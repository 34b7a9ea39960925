"""From the plain mapping that a run or a file leaves to a `Ledger`: everything checked, nothing believed.

Rule: what passes here is a ledger in which every number is finite and not negative, every state is known and every
chunk's stations follow one another. Never here: files, and sums.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

from breakeven.errors import LedgerUnreadable, LedgerVersionError
from breakeven.ledger.account import (
    ChunkRecord,
    FailedItem,
    Lane,
    Ledger,
    Memory,
    Provenance,
    Traffic,
    parent_lane,
)
from breakeven.ledger.fields import FieldError, Fields, as_count, as_seconds, malformed
from breakeven.ledger.states import COMPUTE_PARTS, OWN_WORKER, PARENT_STATES, UNEXPLAINED, WORKER_STATES

VERSION = 1
"""Of the mapping's fields and their meaning. Whoever changes either counts it up and says here what changed."""

_STATIONS = ("sent", "received", "decoded", "computed", "encoded", "arrived", "merged")
_ROUNDING_SECONDS = 1e-6
"""How far stamps and lane ends may contradict each other: they may have been rounded to microseconds."""


def ledger_from(recording: Mapping[str, object], made_with: Provenance, source: str) -> Ledger:
    """Check a recording of this version and make the ledger of it; `source` is what errors call it.

    Raises `LedgerVersionError` where it was written to another version, `LedgerUnreadable` where a field cannot be.
    """
    version = recording.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise LedgerVersionError(source, version if isinstance(version, int) else reprlib.repr(version), VERSION)
    try:
        return _ledger(Fields(recording), made_with)
    except FieldError as error:
        raise LedgerUnreadable(source, str(error)) from None


def _ledger(fields: Fields, made_with: Provenance) -> Ledger:
    seconds = fields.seconds("seconds")
    items = fields.count("items")
    lanes = tuple(_lane(lane, seconds) for lane in fields.inners("lanes"))
    return Ledger(
        name=fields.text("name"),
        backend=fields.text("backend"),
        start_method=fields.text_or_none("start_method"),
        workers=fields.count("workers"),
        items=items,
        chunks=fields.count("chunks"),
        started_at=fields.seconds("started_at"),
        seconds=seconds,
        parent=parent_lane(seconds, items, fields.durations("parent", PARENT_STATES)),
        lanes=lanes,
        path=_path(fields),
        traffic=_traffic(fields),
        memory=_memory(fields),
        failures=tuple(_failure(failure) for failure in fields.inners("failures")),
        deaths=fields.count("deaths"),
        retries=fields.count("retries"),
        notes=fields.texts("notes"),
        choice=fields.any_text("choice"),
        useful_seconds_per_item=fields.seconds_or_none("useful_seconds_per_item"),
        serial_seconds_estimate=fields.seconds_or_none("serial_seconds_estimate"),
        chunk_records=tuple(
            _chunk(row, f"chunk_records[{place}]", len(lanes)) for place, row in enumerate(fields.rows("chunk_records"))
        ),
        made_with=made_with,
        forecast=fields.plain_or_none("forecast"),
    )


def _lane(fields: Fields, wall_seconds: float) -> Lane:
    start, end = fields.seconds("from"), fields.seconds("to")
    if not start <= end <= wall_seconds + _ROUNDING_SECONDS:
        found = f"{start!r} to {end!r}"
        raise FieldError(fields.at("to"), found, f"an end between the lane's start and the call's ({wall_seconds})")
    split = fields.inner_or_none("compute_split")
    return Lane(
        name=fields.text("name"),
        pid=fields.count_or_none("pid"),
        from_seconds=start,
        to_seconds=end,
        tasks=fields.count("tasks"),
        states=fields.durations("states", WORKER_STATES),
        compute_split=None if split is None else fields.durations("compute_split", COMPUTE_PARTS),
        peak_rss_bytes=fields.count_or_none("peak_rss_bytes"),
    )


def _path(fields: Fields) -> dict[str, float]:
    path = fields.durations("path")
    if UNEXPLAINED in path:
        raise malformed(f"path.{UNEXPLAINED}", path[UNEXPLAINED], "left out, since it follows from the rest")
    return path


def _traffic(fields: Fields) -> Traffic:
    return Traffic(
        messages_out=fields.count("messages_out"),
        messages_in=fields.count("messages_in"),
        bytes_out=fields.count("bytes_out"),
        bytes_in=fields.count("bytes_in"),
        shared_out_bytes=fields.count("shared_out_bytes"),
        shared_in_bytes=fields.count("shared_in_bytes"),
    )


def _memory(fields: Fields) -> Memory:
    memory = fields.inner("memory")
    return Memory(peak_pss_bytes=memory.count_or_none("peak_pss_bytes"), samples=memory.count("samples"))


def _failure(fields: Fields) -> FailedItem:
    return FailedItem(
        index=fields.count("index"),
        cause=fields.any_text("cause"),
        exception=fields.any_text("exception"),
        pid=fields.count_or_none("pid"),
        attempts=fields.count("attempts"),
    )


def _chunk(row: object, where: str, lanes: int) -> ChunkRecord:
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != len(ChunkRecord._fields):
        raise malformed(where, row, f"a list of {len(ChunkRecord._fields)} numbers")
    worker = row[0] if row[0] == OWN_WORKER else as_count(row[0], f"{where}[0]")
    if worker >= lanes:
        raise malformed(f"{where}[0]", worker, f"the index of one of {lanes} lanes, or {OWN_WORKER} for the parent")
    first_index, count = as_count(row[1], f"{where}[1]"), as_count(row[2], f"{where}[2]")
    stations = [as_seconds(stamp, f"{where}.{name}") for name, stamp in zip(_STATIONS, row[3:], strict=True)]
    for name, (before, after) in zip(_STATIONS[1:], pairwise(stations), strict=True):
        if after < before - _ROUNDING_SECONDS:
            raise malformed(f"{where}.{name}", after, f"at or after the station before it ({before})")
    return ChunkRecord(worker, first_index, count, *stations)
