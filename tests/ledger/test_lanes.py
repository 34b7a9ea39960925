"""Chunks are noted on the lane of the worker that ran them, whichever workers came before it."""

from __future__ import annotations

import os

import breakeven as be


def _ends_at_one(item: int) -> int:
    if item == 1:
        os._exit(3)
    return item


def test_a_warm_crew_that_lost_a_worker_still_makes_reports() -> None:
    """Its numbers go on from those of the dead, its lanes begin anew."""
    be.map(_ends_at_one, range(4), backend="processes", max_workers=2, on_error="return")
    report = be.map(abs, range(8), backend="processes", max_workers=2, chunksize=1).report
    assert report.ledger.items == 8
    assert "8 items" in report.table()
