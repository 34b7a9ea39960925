"""Numerical libraries have as many threads in a worker as they were allowed, whatever they have in the parent."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import breakeven as be
from breakeven.engine.pools import VARIABLES


def _threads(_: object) -> tuple[int, ...]:
    """How many each library that is loaded here has."""
    assert np.eye(2) @ np.eye(2) is not None
    return tuple(pool["num_threads"] for pool in threadpool_info())


def _environment(_: object) -> set[str | None]:
    return {os.environ.get(name) for name in VARIABLES}


@pytest.mark.parametrize("asked, had", [({}, 1), ({"threads_per_worker": 2}, 2), ({"threads_per_worker": 1}, 1)])
def test_libraries_have_as_many_threads_as_they_were_allowed(method: str, asked: dict[str, Any], had: int) -> None:
    """One where nothing is said; those of the parent, and of workers that were started before, are left alone."""
    here = _threads(None)
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2, "chunksize": 1}
    for counts in be.map(_threads, range(4), **options, **asked):
        assert counts
        assert set(counts) == {min(had, os.cpu_count() or had)}
    assert be.map(_environment, range(2), **options, **asked) == [{str(had)}] * 2
    assert _threads(None) == here


def test_each_worker_that_follows_another_has_them_too() -> None:
    """What was found for the first fork serves the next."""
    options: dict[str, Any] = {"backend": "processes", "start_method": "fork", "max_workers": 1, "chunksize": 1}
    assert set(be.map(_threads, range(4), max_tasks_per_worker=1, **options)) == {(1,) * len(threadpool_info())}
