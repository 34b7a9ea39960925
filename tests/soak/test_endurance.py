"""Many tasks, many deaths, long streams: every result right, exactly once, in memory that does not grow."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import breakeven as be
from breakeven.probes.memory import resident_bytes

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

KILLER = Path(__file__).with_name("killer.py")
MB = 1_000_000


def double(number: int) -> int:
    """A tiny task."""
    return 2 * number


def spin_a_millisecond(number: int) -> int:
    """A task that is long enough to be killed in."""
    end = time.perf_counter() + 1e-3
    while time.perf_counter() < end:
        pass
    return 3 * number


def resident() -> int:
    """Bytes that this process holds."""
    held = resident_bytes(os.getpid())
    assert held is not None
    return held


def test_a_million_tiny_tasks_come_back_right() -> None:
    """In order, each once."""
    assert be.map(double, range(1_000_000), backend="processes", max_workers=2) == list(range(0, 2_000_000, 2))


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_ten_thousand_chunks_survive_two_hundred_kills(start_method: str) -> None:
    """Every result right, exactly once, and the parent no larger at the end than after the first thousand."""
    items = 10_000
    kills, pause_seconds = (220, 0.03) if start_method == "fork" else (220, 0.2)
    words = [sys.executable, str(KILLER), str(os.getpid()), str(kills), str(pause_seconds)]
    stream = be.imap(
        spin_a_millisecond,
        itertools.cycle(range(items)),
        backend="processes",
        max_workers=2,
        start_method=start_method,
        chunksize=1,
        retries=50,
    )
    seen, early = 0, 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as killer, stream:
        for seen, value in enumerate(stream):
            assert value == 3 * (seen % items)
            if seen == 1000:
                early = resident()
            if seen >= items and killer.poll() is not None:
                break
        assert killer.stdout is not None
        assert int(killer.stdout.read()) >= 200
        report = stream.report
    assert report.ledger.deaths >= 150  # some hit a worker that had just been told to go
    assert resident() - early < 50 * MB


def test_ten_million_items_stream_in_bounded_memory() -> None:
    """A generator of any length costs no more than the window."""
    before = resident()
    total = 0
    for value in be.imap(double, (number for number in range(10_000_000)), backend="processes", max_workers=2):
        total += value
    assert total == 10_000_000 * 9_999_999
    assert resident() - before < 100 * MB


def test_mapping_a_million_items_copies_no_list() -> None:
    """The input is cut where it stands."""
    numbers = list(range(1_000_000))
    be.map(double, numbers[:10], backend="processes", max_workers=2)
    before = resident()
    total = sum(be.imap(double, numbers, backend="processes", max_workers=2))
    assert total == 999_999 * 1_000_000
    assert resident() - before < 6 * MB
