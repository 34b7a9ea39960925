"""Shared arrays end with their owner: workers hold none longer than they need it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be

ARRAYS = 12
LENGTH = 20_000
ALIVE = 2  # one that is in use, and one that a fork inherited


def _last(_: int, array: np.ndarray[Any, Any]) -> float:
    return float(array[-1])


def _mapped(_: object) -> int:
    """How many shared arrays lie in this process."""
    return sum("breakeven-shared" in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_workers_forget_functions_that_hold_arrays(method: str) -> None:
    """Each call's closure refers to a new array, which is freed after it."""
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2, "chunksize": 1}
    for at in range(ARRAYS):
        array = be.SharedArray.from_array(np.full(LENGTH, at))
        assert be.map(lambda item, array=array: _last(item, array), range(4), **options) == [float(at)] * 4
    assert max(be.map(_mapped, range(8), **options)) <= ALIVE


def test_an_executors_workers_forget_them_too() -> None:
    """After the last call that was submitted with the function."""
    with be.Executor(2, backend="processes", start_method="spawn") as executor:
        for at in range(ARRAYS):
            array = be.SharedArray.from_array(np.full(LENGTH, at))
            assert executor.submit(lambda array=array: _last(0, array)).result() == float(at)
        assert max(executor.map(_mapped, range(8), chunksize=1)) <= ALIVE


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"])
def test_workers_let_go_of_arrays_that_came_with_items(start_method: str) -> None:
    """As soon as the next one comes; those in use stay mapped between items."""
    options: dict[str, Any] = {"backend": "processes", "start_method": start_method, "max_workers": 1, "chunksize": 1}
    for at in range(ARRAYS):
        array = be.SharedArray.from_array(np.full(LENGTH, at))
        assert be.map(_last, range(4), [array] * 4, **options) == [float(at)] * 4
    assert max(be.map(_mapped, range(4), **options)) <= ALIVE
