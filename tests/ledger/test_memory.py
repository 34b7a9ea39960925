"""Peak memory in reports: measured where the run pays for it, on every backend, and said to be missing elsewhere."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter

import pytest

import breakeven as be
from breakeven.probes.memory import last_look, proportional_bytes
from tests.engine.harness import run_program
from tests.executor import calls

LONG_SECONDS = 60.0

PROGRAM = """
import sys, time
import breakeven as be
memory = be.map(time.sleep, [0.25] * 4, backend=sys.argv[1], max_workers=1).report.ledger.memory
print(memory.samples, memory.peak_pss_bytes)
"""


def test_a_run_of_a_second_has_a_peak() -> None:
    """On every backend, also where no workers are watched; one program each, all at once."""
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(partial(run_program, PROGRAM), ["serial", "threads", "processes", "auto"]))
    for samples, peak in (map(int, one.split()) for one in told):
        assert samples >= 1
        assert peak > 1_000_000


@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_a_short_run_says_that_nothing_was_measured(backend: str) -> None:
    """Rather than pay for it."""
    report = be.map(calls.triple, range(3), backend=backend, max_workers=1).report
    assert report.ledger.memory.peak_pss_bytes is None
    assert "not measured" in report.table()


def test_the_look_at_the_end_is_at_this_process() -> None:
    """What it holds then, each shared page by its share."""
    held = proportional_bytes(os.getpid())
    watch = last_look(None, perf_counter() - LONG_SECONDS, perf_counter)
    assert watch.samples == 1
    assert watch.peak_pss_bytes == pytest.approx(held, rel=0.2)


def test_a_run_that_cannot_pay_is_not_looked_at() -> None:
    """Neither watched nor looked at once."""
    watch = last_look(None, perf_counter(), perf_counter)
    assert (watch.samples, watch.peak_pss_bytes) == (0, None)
