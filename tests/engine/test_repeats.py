"""Large arrays that many tasks get: one copy of each in memory, and never another's contents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be
from breakeven.engine.arena import Arena
from breakeven.engine.codec import encode
from breakeven.engine.lending import Lending
from breakeven.engine.repeats import STEP_BYTES, Repeats
from tests.executor import calls
from tests.executor.calls import Gate

TASKS = 64
OPTIONS: dict[str, Any] = {"backend": "processes", "start_method": "fork", "max_workers": 2}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Holds calls until the test lets them through."""
    with Gate(tmp_path / "gate") as gate:
        yield gate


def _sum(array: np.ndarray[Any, Any], _: object = None, **__: object) -> float:
    return float(array.sum())


def _double_and_sum(array: np.ndarray[Any, Any], _: object = None) -> float:
    array *= 2
    return float(array.sum())


def _held_sum(place: str, array: np.ndarray[Any, Any]) -> float:
    calls.held(place)
    return _sum(array)


# --- in one call ---


@pytest.mark.parametrize("length", [20_000, 3_000_001])
def test_an_array_that_every_task_gets_is_copied_once(length: int) -> None:
    """However it is given to them."""
    array = np.ones(length)
    ways = {
        "alone": be.map(_sum, [array] * TASKS, **OPTIONS),
        "beside a range": be.map(_sum, [array] * TASKS, range(TASKS), **OPTIONS),
        "after others": be.map(_second, range(TASKS), (array,) * TASKS, **OPTIONS),
        "in tuples": be.starmap(_sum, [(array, number) for number in range(TASKS)], **OPTIONS),
        "in dictionaries": be.map(_of_dictionary, [{"array": array, "n": n} for n in range(TASKS)], **OPTIONS),
    }
    for way, results in ways.items():
        assert results == [float(length)] * TASKS, way
        assert results.report.ledger.traffic.shared_out_bytes == array.nbytes, way


def test_arrays_that_come_again_in_tuples_are_each_tasks_own() -> None:
    """What a task writes into one is seen by no other."""
    one, other = np.ones(50_000), np.full(50_000, 3.0)
    items = [((one, other)[number % 2], number) for number in range(TASKS)]
    assert be.starmap(_double_and_sum, items, chunksize=8, **OPTIONS) == [100_000.0, 300_000.0] * (TASKS // 2)
    assert (one[0], other[0]) == (1.0, 3.0)


def test_an_executors_map_copies_an_array_once() -> None:
    """Which stands in every item of it."""
    array = np.ones(100_000)
    with be.Executor(2, backend="processes", start_method="fork") as executor:
        assert list(executor.map(_sum, [array] * TASKS, range(TASKS))) == [100_000.0] * TASKS
        assert executor.report.ledger.traffic.shared_out_bytes == array.nbytes


# --- in submitted calls ---


def test_an_array_that_is_submitted_again_is_copied_once_while_it_is_in_use(gate: Gate) -> None:
    """The second call finds the first one's copy."""
    array = np.ones(300_001, np.uint8)
    with be.Executor(2, backend="processes", start_method="fork") as executor:
        futures = [executor.submit(_held_sum, gate.place, array) for _ in range(2)]
        gate.begun(), gate.begun()
        assert executor._backend._driver._crew.lending.arena.used_bytes < 2 * array.nbytes  # type: ignore[attr-defined]
        gate.let_through(2)
        assert [future.result() for future in futures] == [300_001.0] * 2
        assert executor.report.ledger.traffic.shared_out_bytes == array.nbytes


@pytest.mark.parametrize("at", [0, -1, 150_000])
def test_an_array_that_was_changed_in_between_is_copied_anew(gate: Gate, at: int) -> None:
    """Each call gets it as it was when it was sent."""
    array = np.ones(300_001, np.uint8)
    with be.Executor(2, backend="processes", start_method="fork") as executor:
        first = executor.submit(_held_sum, gate.place, array)
        gate.begun()
        array[at] = 5
        second = executor.submit(_held_sum, gate.place, array)
        gate.begun()
        gate.let_through(2)
        assert (first.result(), second.result()) == (300_001.0, 300_005.0)


# --- what remembers ---


@pytest.fixture
def lending() -> Iterator[Lending]:
    """Shared memory of which nothing is lent."""
    lending = Lending()
    yield lending
    lending.close()


def _arena(lending: Lending) -> Arena:
    assert lending.arena is not None
    return lending.arena


def test_only_a_block_in_use_with_the_same_bytes_is_found(lending: Lending) -> None:
    """Not one that was freed, nor one of an array that is gone or was changed anywhere."""
    arena, repeats = _arena(lending), Repeats(lending)
    array = np.arange(STEP_BYTES // 4 + 3, dtype=np.float32)
    first = encode([array], arena, repeats)
    assert first.blocks
    assert encode([array], arena, repeats).shared_bytes == array.nbytes  # nobody was lent the first
    lending._lent[first.blocks[0]] = 1
    repeats.keep(array.data.cast("B"), (0, arena._extents[0].size, first.blocks[0], array.nbytes))
    assert encode([array], arena, repeats).shared_bytes == 0
    for at in (0, STEP_BYTES // 4, -1):
        before, array[at] = array[at], -1
        assert encode([array], arena, repeats).shared_bytes == array.nbytes
        array[at] = before
        repeats.keep(array.data.cast("B"), (0, arena._extents[0].size, first.blocks[0], array.nbytes))
    del array
    assert not repeats._blocks


def test_a_block_that_begins_where_a_longer_one_did_is_not_taken_for_it(lending: Lending) -> None:
    """Behind its end stands what the longer one left there, until somebody else writes."""
    arena, repeats = _arena(lending), Repeats(lending)
    long, short = np.zeros(1 << 17), np.zeros(1 << 15)
    (offset,) = encode([long], arena, repeats).blocks
    arena.free(offset)
    assert encode([short], arena, repeats).blocks == [offset]
    lending._lent[offset] = 1
    assert encode([long], arena, repeats).shared_bytes == long.nbytes


def _second(_: int, array: np.ndarray[Any, Any]) -> float:
    return _sum(array)


def _of_dictionary(item: dict[str, Any]) -> float:
    return _sum(item["array"])
