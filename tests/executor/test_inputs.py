"""Items and options of unusual kinds: endless ranges, lengths that cannot be had, numbers that are numpy's."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be
from tests.engine.harness import run_program
from tests.executor import calls

BACKENDS = ["auto", "serial", "threads", "processes"]


class Uncounted:
    """Items whose number cannot be had."""

    def __len__(self) -> int:
        raise RuntimeError("not counted yet")

    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_range_longer_than_any_list_can_be_streamed(backend: str) -> None:
    """`len` refuses it, iterating does not."""
    with be.imap(calls.triple, range(10**20), backend=backend, max_workers=2) as stream:
        assert list(itertools.islice(stream, 1000)) == [3 * number for number in range(1000)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_long_range_beside_a_short_list_ends_with_it(backend: str) -> None:
    """Its length is taken for unknown."""
    assert be.map(pow, iter([2, 3]), range(10**20), backend=backend, max_workers=2) == [1, 3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_items_whose_length_raises_are_taken_as_they_come(backend: str) -> None:
    """As from a generator."""
    assert be.map(calls.triple, Uncounted(), backend=backend, max_workers=2) == [3 * number for number in range(10)]
    assert be.reduce(max, Uncounted(), backend=backend, max_workers=2) == 9


@pytest.mark.parametrize("backend", BACKENDS)
def test_options_may_be_given_in_numbers_of_numpy(backend: str) -> None:
    """Whatever stands for a whole number, and seconds of any kind."""
    options: dict[str, Any] = {
        "backend": backend,
        "max_workers": np.int32(2),
        "retries": np.uint8(1),
        "seed": np.int64(5),
    }
    results = be.map(calls.triple, range(20), **options, chunksize=np.int64(10), timeout=np.float32(20.0))
    assert results == [3 * number for number in range(20)]
    if backend == "processes":
        assert results.report.ledger.chunks <= 3  # one may be recalled and sent again; measured sizes would be smaller
    with be.Executor(**options) as executor:
        assert list(executor.map(calls.triple, range(20), chunksize=np.int64(3))) == results
        assert executor.submit(calls.triple, 1).result() == 3


@pytest.mark.parametrize(
    "name, value",
    [
        ("chunksize", 2.0),
        ("chunksize", np.array([1, 2])),
        ("max_workers", True),
        ("max_workers", np.bool_(1)),
        ("max_workers", np.int64(0)),
        ("timeout", "5"),
        ("timeout", True),
        ("timeout", Decimal(0)),
        ("timeout", float("nan")),
    ],
)
def test_what_is_no_number_of_that_kind_is_refused(name: str, value: Any) -> None:
    """Before anything is started, by the option's name."""
    with pytest.raises(be.UsageError, match=name):
        be.map(calls.triple, range(3), **{name: value})


class Seen:
    """A result that tells when it is gone."""

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_go_with_their_list(backend: str) -> None:
    """No cycle keeps what may be gigabytes until a garbage collection."""
    gc.disable()
    try:
        results = be.map(Seen, range(3), backend=backend, max_workers=2)
        first = weakref.ref(results[0])
        assert first() is not None
        del results
        assert first() is None
    finally:
        gc.enable()


FULL_COLLECTIONS = """
import gc
import breakeven as be
data = [list(range(50_000)) for _ in range(64)]
gc.collect()
full = []
gc.callbacks.append(lambda phase, about: full.append(phase) if phase == "start" and about["generation"] == 2 else None)
be.map(sum, data, backend=__import__("sys").argv[1])
print(len(full))
"""


@pytest.mark.parametrize("backend", ["auto", "serial"])
def test_a_first_call_does_not_walk_through_the_callers_data(backend: str) -> None:
    """What it loads would set off full collections, of 10 ms each for a few million numbers."""
    assert run_program(FULL_COLLECTIONS, backend).strip() == "0"


@pytest.mark.parametrize("backend", ["auto", "serial"])
def test_a_list_that_its_own_tasks_change_is_walked_as_map_walks_it(backend: str) -> None:
    """Items that a task takes away are not called, and items that it adds are."""

    def walked(over: Any) -> list[int]:
        items = list(range(10))

        def task(number: int) -> int:
            if number == 2:
                del items[7:]
            if number == 3:
                items.append(100)
            return number

        return list(over(task, items))

    ours = walked(lambda task, items: be.map(task, items, backend=backend))
    assert ours == walked(map) == [0, 1, 2, 3, 4, 5, 6, 100]


@pytest.mark.parametrize("kind", ["imap", "map"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_items_may_be_rows_and_numbers_of_an_array(backend: str, kind: str) -> None:
    """A zero among them is an item like any other, and a row has no truth value."""
    way: Any = getattr(be, kind)
    with_zeros, rows, two = np.array([0, 1, 0, 2]), np.arange(6.0).reshape(3, 2), np.array([1, 2])
    assert list(way(calls.triple, with_zeros, backend=backend, max_workers=2)) == [0, 3, 0, 6]
    assert list(way(np.sum, rows, backend=backend, max_workers=2)) == [1.0, 5.0, 9.0]
    assert list(way(calls.triple, two, backend=backend, max_workers=2)) == [3, 6]


@pytest.mark.parametrize("backend", ["auto", "serial"])
def test_random_numbers_go_by_index_though_the_list_grows(backend: str) -> None:
    """Who appends to it while it is walked changes nothing for the items before."""
    alone = be.map(_draw, range(40), seed=7, backend="serial")
    items = list(range(40))

    def draw_and_append(number: int) -> float:
        if number % 10 == 3 and len(items) < 60:
            items.append(number + 40)
        return _draw(number)

    assert be.map(draw_and_append, items, seed=7, backend=backend)[:40] == alone


def _draw(_: int) -> float:
    return float(be.rng().random())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_streams_of_one_executor_may_be_chained(backend: str, workers: int) -> None:
    """Whoever reads the second one's input waits for the first's results, which need workers of their own."""
    with be.Executor(workers, backend=backend) as executor:
        first = executor.imap(calls.triple, range(3000))
        second = executor.imap(calls.triple, first)
        assert list(executor.imap(calls.triple, second)) == [27 * number for number in range(3000)]


@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_items_may_be_made_with_the_executor_that_they_are_for(backend: str) -> None:
    """By calls, maps and streams, in whatever reads them."""
    with be.Executor(1, backend=backend) as executor:

        def made() -> Iterator[int]:
            for number in range(4):
                yield executor.submit(calls.triple, number).result()
                yield from executor.map(calls.triple, [number])
                yield from executor.imap(calls.triple, [number])
                yield from executor.starmap(calls.triple, [(number,)])

        expected = [9 * number for number in range(4) for _ in range(4)]
        assert list(executor.imap(calls.triple, made())) == expected
        assert executor.starmap(calls.triple, ((item,) for item in made())) == expected
        assert executor.reduce(max, made(), map=calls.triple) == 27


@pytest.mark.parametrize("backend", ["threads", "processes"])
@pytest.mark.parametrize("workers", [1, 2])
def test_chained_streams_can_be_left_half_way(backend: str, workers: int) -> None:
    """What waits at workers is taken back in the midst of reading, and the executor goes on."""
    with be.Executor(workers, backend=backend) as executor:
        for _ in range(5):
            second = executor.imap(calls.triple, executor.imap(calls.triple, range(10**6)))
            assert list(itertools.islice(second, 11)) == [9 * number for number in range(11)]
            second.close()
            assert executor.submit(calls.triple, 1).result() == 3


def test_what_the_input_asks_for_takes_nothing_from_the_map_that_it_is_for() -> None:
    """Large constants of functions that the input is done with are put away, those of the map are not."""
    with be.Executor(1, backend="processes") as executor:

        class Asking:
            def __iter__(self) -> Iterator[int]:
                for value in (7.0, 9.0):
                    executor.submit(functools.partial(_ends, np.full(50_000, value)), 0).result()
                return iter(range(2))

        assert list(executor.imap(functools.partial(_ends, np.ones(50_000)), Asking())) == [(1.0, 1.0)] * 2


def _ends(array: np.ndarray[Any, Any], _: object) -> tuple[float, float]:
    return float(array[0]), float(array[-1])


def test_chained_streams_leave_an_executor_with_as_many_threads_at_work_as_before() -> None:
    """The one that stands in for a thread that reads stays, but waits for its turn."""
    with be.Executor(1, backend="threads") as executor:
        assert list(executor.imap(calls.triple, executor.imap(calls.triple, range(3)))) == [0, 9, 18]
        at_work = threading.Lock()
        assert all(executor.map(lambda _: _alone(at_work), range(8)))
        futures = [executor.submit(_alone, at_work) for _ in range(8)]
        assert {future.result() for future in futures} == {True}


def _alone(at_work: threading.Lock) -> bool:
    """Whether nobody else is in here; waits a little for others who might come."""
    if not at_work.acquire(blocking=False):
        return False
    try:
        threading.Event().wait(0.005)
    finally:
        at_work.release()
    return True


def test_chained_streams_replace_workers_after_as_many_tasks_as_ever() -> None:
    """Also one that was given something else while the input was read."""
    with be.Executor(3, backend="processes", max_tasks_per_worker=1) as executor:
        first = executor.imap(_and_pid, itertools.repeat((), 12), ordered=False)
        pids = [pid for both in executor.imap(_and_pid, first) for pid in both]
    assert len(pids) == len(set(pids)) == 24


def _and_pid(pids: tuple[int, ...]) -> tuple[int, ...]:
    return (*pids, os.getpid())


@pytest.mark.parametrize("attempt", range(3))
def test_chained_streams_survive_deaths(tmp_path: Path, attempt: int) -> None:
    """What a dead worker had is handed out again in the midst of reading, before anybody waits for it."""
    with be.Executor(2, backend="processes", retries=1) as executor:
        first = executor.imap(_die_once, range(600), itertools.repeat(str(tmp_path / f"first {attempt}")))
        second = executor.imap(_die_once, first, itertools.repeat(str(tmp_path / f"second {attempt}")))
        assert list(second) == list(range(600))


def _die_once(number: int, path: str) -> int:
    if number % 50 == 7:
        try:
            os.close(os.open(f"{path} {number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL)
    return number
