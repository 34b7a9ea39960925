"""Ledgers on disk: versioned JSON, written whole or not at all, read as data.

Rule: opening a file from elsewhere runs no code. Never here: what the fields mean (`recording`).
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from breakeven.errors import LedgerUnreadable
from breakeven.ledger.account import Lane, Ledger, Provenance
from breakeven.ledger.fields import FieldError, Fields
from breakeven.ledger.recording import VERSION, ledger_from

FORMAT = "breakeven ledger"
"""First field of every file, so that a file says what it is."""


@cache
def provenance_here() -> Provenance:
    """Say which versions make a ledger in this process."""
    from importlib.metadata import PackageNotFoundError, version  # 15 ms that reading a ledger can do without

    try:
        own = version("breakeven")
    except PackageNotFoundError:
        own = "unknown"
    return Provenance(
        breakeven=own, python=platform.python_version(), kernel=f"{platform.system()} {platform.release()}"
    )


def to_dict(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as what JSON can hold; `from_dict` gives an equal ledger back."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_with": asdict(ledger.made_with),
        "name": ledger.name,
        "backend": ledger.backend,
        "start_method": ledger.start_method,
        "workers": ledger.workers,
        "items": ledger.items,
        "chunks": ledger.chunks,
        "started_at": ledger.started_at,
        "seconds": ledger.seconds,
        "parent": dict(ledger.parent.states),
        "lanes": [_lane_to_dict(lane) for lane in ledger.lanes],
        "path": dict(ledger.path),
        **asdict(ledger.traffic),
        "memory": asdict(ledger.memory),
        "failures": [asdict(failure) for failure in ledger.failures],
        "deaths": ledger.deaths,
        "retries": ledger.retries,
        "notes": list(ledger.notes),
        "choice": ledger.choice,
        "forecast": ledger.forecast,
        "useful_seconds_per_item": ledger.useful_seconds_per_item,
        "serial_seconds_estimate": ledger.serial_seconds_estimate,
        "chunk_records": [list(record) for record in ledger.chunk_records],
    }


def from_dict(content: Mapping[str, object], source: str = "this recording") -> Ledger:
    """Make a ledger from what `to_dict` gave, or from a run's recording, which is then said to be made here.

    Raises `LedgerVersionError` or `LedgerUnreadable`, which call it by its `source`.
    """
    if content.get("format", FORMAT) != FORMAT:
        raise LedgerUnreadable(source, f'its "format" is not "{FORMAT}"')
    try:
        made_with = provenance_here() if content.get("made_with") is None else _provenance(Fields(content))
    except FieldError as error:
        raise LedgerUnreadable(source, str(error)) from None
    return ledger_from(content, made_with, source)


def save(ledger: Ledger, path: str | os.PathLike[str]) -> None:
    """Write the ledger to `path`, which afterwards holds all of it, or what it held before."""
    write_whole(path, json.dumps(to_dict(ledger), indent=1, allow_nan=False) + "\n")


def load(path: str | os.PathLike[str]) -> Ledger:
    """Read a ledger that `save` wrote.

    Raises `OSError` where the file cannot be read, `LedgerVersionError` where it is of another version of the format,
    `LedgerUnreadable` where it is no ledger.
    """
    source = os.fspath(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LedgerUnreadable(source, f"it is no JSON ({error})") from error
    if not isinstance(content, dict) or "format" not in content:
        raise LedgerUnreadable(source, f'it is no JSON object whose "format" is "{FORMAT}"')
    return from_dict(content, source)


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file so that no reader ever sees half of it, with the permissions any new file gets here.

    The text goes to a new file beside it, which then takes its name; nothing stays behind if that fails.
    """
    final = Path(path)
    beside = final.with_name(f".{final.name}.{os.urandom(8).hex()}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(final)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _lane_to_dict(lane: Lane) -> dict[str, Any]:
    return {
        "name": lane.name,
        "pid": lane.pid,
        "from": lane.from_seconds,
        "to": lane.to_seconds,
        "tasks": lane.tasks,
        "states": dict(lane.states),
        "compute_split": None if lane.compute_split is None else dict(lane.compute_split),
        "peak_rss_bytes": lane.peak_rss_bytes,
    }


def _provenance(fields: Fields) -> Provenance:
    made_with = fields.inner("made_with")
    return Provenance(
        breakeven=made_with.text("breakeven"), python=made_with.text("python"), kernel=made_with.text("kernel")
    )
