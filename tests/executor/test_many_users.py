"""Four threads that do all that can be done with one executor, in random order, for a while."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from itertools import count, islice

import numpy as np
import pytest

import breakeven as be
from tests.executor import calls

OPERATIONS = 1000  # of each user
SECONDS = 30


def submit(executor: be.Executor, chance: random.Random) -> None:
    number = chance.randrange(1000)
    assert executor.submit(calls.triple, number).result(SECONDS) == 3 * number


def wait_for_many(executor: be.Executor, chance: random.Random) -> None:
    futures = [executor.submit(calls.triple, number) for number in range(chance.randrange(1, 40))]
    assert not wait(futures, SECONDS).not_done
    assert [future.result() for future in futures] == [3 * number for number in range(len(futures))]


def cancel_some(executor: be.Executor, chance: random.Random) -> None:
    futures = [executor.submit(calls.triple, number) for number in range(30)]
    cancelled = [future for future in chance.sample(futures, 10) if future.cancel()]
    for number, future in enumerate(futures):
        if future in cancelled:
            with pytest.raises(CancelledError):
                future.result(SECONDS)
        else:
            assert future.result(SECONDS) == 3 * number


def kill_a_worker(executor: be.Executor, _: random.Random) -> None:
    with pytest.raises(be.WorkerDied):
        executor.submit(calls.die).result(SECONDS)


def leave_a_map(executor: be.Executor, chance: random.Random) -> None:
    results = executor.map(calls.triple, range(500), chunksize=chance.choice([1, 10, "auto"]))
    some = list(islice(results, chance.randrange(500)))
    assert some == [3 * number for number in range(len(some))]


def leave_a_stream(executor: be.Executor, chance: random.Random) -> None:
    some = list(islice(executor.imap(calls.triple, count()), chance.randrange(1, 200)))
    assert some == [3 * number for number in range(len(some))]


def send_an_array(executor: be.Executor, chance: random.Random) -> None:
    array = np.arange(chance.choice([10, 50_000, 400_000]))
    assert np.array_equal(executor.submit(calls.echo, array).result(SECONDS), array)


def be_called_back(executor: be.Executor, _: random.Random) -> None:
    called = threading.Event()
    results: list[int] = []

    def call_back(future: Future[int]) -> None:
        results.append(future.result())
        called.set()

    executor.submit(calls.triple, 5).add_done_callback(call_back)
    assert called.wait(SECONDS)
    assert results == [15]


EVERYTHING: list[Callable[[be.Executor, random.Random], None]] = [
    submit,
    wait_for_many,
    cancel_some,
    kill_a_worker,
    leave_a_map,
    leave_a_stream,
    send_an_array,
    be_called_back,
]


@pytest.mark.soak
@pytest.mark.parametrize("options", [{}, {"timeout": 20.0, "max_worker_memory": 1 << 30}], ids=["free", "limited"])
def test_an_executor_serves_many_users_that_do_everything_at_once(method: str, options: dict[str, float]) -> None:
    """Every one of thousands of calls has its own outcome, and nothing is left over."""

    def use(user: int) -> None:
        chance = random.Random(user)  # noqa: S311 - a test that can be run again
        for _ in range(OPERATIONS):
            chance.choice(EVERYTHING)(executor, chance)

    with be.Executor(3, backend="processes", start_method=method, **options) as executor:
        with ThreadPoolExecutor(4) as users:
            assert list(users.map(use, range(4))) == [None] * 4
        driver = executor._backend._driver  # type: ignore[attr-defined]
        assert not (driver.pending or driver.settled or driver._crew.streams or driver._crew.queue)
