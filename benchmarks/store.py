"""Results on disk: every cell of every run, kept as JSON and never rewritten in meaning.

Adding to a file keeps what was there; cells know their run and block, so that only what was interleaved is paired.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.nouns import CellRecord

SCHEMA = 1


class Results:
    """The open results file; written whole after every cell, by renaming, so that it is never half there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists():
            self.content = load(path)
        else:
            self.content = {"schema": SCHEMA, "runs": [], "cells": []}

    def add_run(self, conditions: dict[str, object]) -> dict[str, Any]:
        """Open a run; the answer may be added to until the next write."""
        run: dict[str, Any] = {"run": f"r{len(self.content['runs']) + 1}", **conditions, "canaries": []}
        self.content["runs"].append(run)
        return run

    def add(self, record: CellRecord) -> None:
        """Keep a cell, figures to five digits."""
        self.content["cells"].append(_rounded(record.to_dict()))
        self.write()

    def write(self) -> None:
        """Put everything on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps(self.content, indent=1) + "\n")
        os.replace(draft, self.path)


def load(path: Path) -> dict[str, Any]:
    """Read a results file of the schema known here."""
    content: dict[str, Any] = json.loads(path.read_text())
    if content.get("schema") != SCHEMA:
        message = f"{path.name} has schema {content.get('schema')!r}, not {SCHEMA}: use the revision that wrote it"
        raise SystemExit(message)
    return content


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return value
