"""Time and memory: what runs too long or takes too much is ended alone, whatever it does to stay."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest

import breakeven as be
from breakeven.engine import supervise
from breakeven.probes.memory import resident_bytes
from breakeven.testing.tasks import tally
from tests.engine import tasks
from tests.engine.harness import wait_until_gone

ITEMS = 12
VICTIM = 5
LIMIT_SECONDS = 0.3  # an item that does nothing takes less, even where others keep the CPU for a while
WAYS_TO_HANG = ["waiting", "ignoring SIGTERM", "blocking SIGTERM", "holding the GIL", "in a loop"]


def _all_but_the_victim(results: list[Any]) -> be.Failure:
    assert [result for at, result in enumerate(results) if at != VICTIM] == [n for n in range(ITEMS) if n != VICTIM]
    failure = results[VICTIM]
    assert isinstance(failure, be.Failure)
    return failure


@pytest.mark.parametrize("chunksize", [1, ITEMS])
@pytest.mark.parametrize("how", WAYS_TO_HANG)
def test_an_item_that_hangs_is_ended_alone(method: str, how: str, chunksize: int) -> None:
    """It is asked first, then killed; the others have their results."""
    results = be.map(
        tasks.hang,
        range(ITEMS),
        [VICTIM] * ITEMS,
        [how] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        timeout=LIMIT_SECONDS,
        on_error="return",
    )
    failure = _all_but_the_victim(results)
    assert (failure.cause, failure.index) == ("timeout", VICTIM)
    error = failure.exception
    assert isinstance(error, be.TaskTimeout)
    assert (error.index, error.seconds, error.pid) == (VICTIM, LIMIT_SECONDS, failure.worker_pid)
    assert failure.worker_pid is not None
    wait_until_gone(failure.worker_pid)


@pytest.mark.parametrize("chunksize", [1, ITEMS])
def test_an_argument_that_is_never_unpickled_is_ended_alone(method: str, chunksize: int) -> None:
    """The time limit covers the way to the function, too."""
    items: list[Any] = list(range(ITEMS))
    items[VICTIM] = tasks.HangsOnUnpickling()
    results = be.map(
        _same,
        items,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        timeout=LIMIT_SECONDS,
        on_error="return",
    )
    assert _all_but_the_victim(results).cause == "timeout"


@pytest.mark.parametrize("chunksize", [1, ITEMS])
def test_a_result_that_is_never_pickled_is_ended_alone(method: str, chunksize: int) -> None:
    """And the way back."""
    results = be.map(
        tasks.hang_on_pickling,
        range(ITEMS),
        [VICTIM] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        timeout=LIMIT_SECONDS,
        on_error="return",
    )
    assert _all_but_the_victim(results).cause == "timeout"


def test_an_item_that_hung_is_tried_again(method: str, tmp_path: Path) -> None:
    """As often as `retries` allow."""
    path = str(tmp_path / "tries")
    results = be.map(
        _hang_once,
        range(ITEMS),
        [path] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        timeout=LIMIT_SECONDS,
        retries=1,
    )
    assert results == list(range(ITEMS))
    assert results.report.ledger.retries == 1


def test_a_slow_consumer_is_no_hang_of_the_worker(method: str, tmp_path: Path) -> None:
    """A worker that waits for its results to be read is within its time limit."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    stream = be.imap(
        _megabytes,
        range(8),
        backend="processes",
        start_method=method,
        max_workers=1,
        chunksize=1,
        timeout=1.0,
    )
    got = [len(next(stream))]
    be.map(tasks.hang, [0], [0], ["waiting"], backend="processes", max_workers=1, timeout=1.3, on_error="return")
    got += [len(result) for result in stream]
    assert got == [12_000_000] * 8


def test_a_future_that_hangs_is_ended_alone(method: str) -> None:
    """Though nobody waits for it."""
    with be.Executor(2, backend="processes", start_method=method, timeout=LIMIT_SECONDS) as executor:
        hanging = executor.submit(tasks.hang, 0, 0, "ignoring SIGTERM")
        others = [executor.submit(tasks.triple, number) for number in range(10)]
        assert [future.result() for future in others] == [3 * number for number in range(10)]
        with pytest.raises(be.TaskTimeout):
            hanging.result()


# --- cancelling ---


def test_a_running_future_can_be_cancelled(method: str, tmp_path: Path) -> None:
    """Its worker is ended; the others, and what waits, are not touched."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    with be.Executor(2, backend="processes", start_method=method) as executor:
        hanging = executor.submit(tasks.announce_and_hang, gate)
        pid = int(Path(gate).read_text())
        others = [executor.submit(tasks.triple, number) for number in range(10)]
        assert hanging.running()
        assert hanging.cancel()
        assert hanging.cancelled()
        assert [future.result() for future in others] == [3 * number for number in range(10)]
        wait_until_gone(pid)


def test_a_future_that_waits_can_be_cancelled(method: str, tmp_path: Path) -> None:
    """It never runs; what runs before it goes on."""
    gate, path = str(tmp_path / "gate"), str(tmp_path / "ran")
    os.mkfifo(gate)
    with be.Executor(1, backend="processes", start_method=method) as executor:
        running = executor.submit(tasks.wait_for, gate)
        waiting = [executor.submit(tally, path) for _ in range(50)]
        assert all(future.cancel() for future in reversed(waiting))
        Path(gate).write_text("go")
        assert running.result() > 0
    assert not Path(path).exists()


def test_cancelling_an_asyncio_task_ends_what_it_waits_for(method: str, tmp_path: Path) -> None:
    """`run_in_executor` hands the cancelling on."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)

    async def main(executor: be.Executor) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        hanging = loop.run_in_executor(executor, tasks.announce_and_hang, gate)
        reader = asyncio.create_task(asyncio.to_thread(Path(gate).read_text))
        pid = int(await reader)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        return pid, await loop.run_in_executor(executor, tasks.triple, 5)

    with be.Executor(2, backend="processes", start_method=method) as executor:
        pid, result = asyncio.run(main(executor))
        assert result == 15
        wait_until_gone(pid)


def test_an_executor_left_by_an_exception_does_not_wait_for_what_hangs(method: str, tmp_path: Path) -> None:
    """Nor does the program."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    pid = 0
    with pytest.raises(LookupError, match="on the way out"), be.Executor(2, start_method=method) as executor:  # noqa: PT012
        executor.submit(tasks.announce_and_hang, gate)
        pid = int(Path(gate).read_text())
        raise LookupError("on the way out")
    wait_until_gone(pid)


# --- the warning ---


@pytest.fixture
def opening(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> str:
    """A gate that opens when a warning was logged, and there was the opportunity to log it again."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    looks_after = 0
    check = supervise.check

    def watched(crew: Any) -> None:
        nonlocal looks_after
        check(crew)
        looks_after += bool(caplog.records)
        if looks_after == 5:
            os.close(os.open(gate, os.O_WRONLY))

    monkeypatch.setattr(supervise, "STUCK_SECONDS", 0.02)
    monkeypatch.setattr(supervise, "check", watched)
    return gate


def test_an_item_that_takes_suspiciously_long_is_told_once(
    method: str, opening: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By a warning that names it, in the log and in the report; it is left to run."""
    arguments = (range(ITEMS), [VICTIM] * ITEMS, [opening] * ITEMS)
    with caplog.at_level(logging.WARNING):
        results = be.map(
            tasks.wait_at, *arguments, backend="processes", start_method=method, max_workers=2, chunksize=1
        )
    assert results == list(range(ITEMS))
    (record,) = caplog.records
    assert record.name == "breakeven"
    assert f"item {VICTIM} of wait_at in worker" in record.getMessage()
    assert "has been running for" in record.getMessage()
    assert record.getMessage() in results.report.ledger.notes


def test_an_argument_that_takes_long_to_unpickle_is_told_as_that(
    opening: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later than one that runs: what it is made of may have to be imported first."""
    monkeypatch.setattr(supervise, "LOADING_SECONDS", 0.1)
    items = [*range(ITEMS), tasks.LateArrival(opening)]
    with caplog.at_level(logging.WARNING):
        results = be.map(tasks.pid, items, backend="processes", max_workers=1, chunksize=1)
    assert len(set(results)) == 1
    (record,) = caplog.records
    assert f"item {ITEMS} of pid in worker {results[0]} has been pickled or unpickled for" in record.getMessage()


# --- memory ---


def test_items_that_get_no_memory_fail_alone(method: str) -> None:
    """A hundred small ones beside them are done, on the same workers."""
    count = 110
    results = be.map(
        tasks.hog,
        range(count),
        [11] * count,
        backend="processes",
        start_method=method,
        max_workers=2,
        initializer=tasks.limit_address_space,
        initargs=(300 << 20,),
        on_error="return",
    )
    failures = [result for result in results if isinstance(result, be.Failure)]
    assert [failure.index for failure in failures] == list(range(0, count, 11))
    assert all(isinstance(failure.exception, MemoryError) for failure in failures)
    assert [result for result in results if isinstance(result, int)] == [n for n in range(count) if n % 11]


def test_an_item_that_takes_its_worker_past_the_hard_limit_is_ended_alone(method: str) -> None:
    """It is named; the others have their results."""
    results = be.map(
        tasks.hog_and_wait,
        range(ITEMS),
        [VICTIM] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        max_worker_memory=_worker_bytes(method) + (100 << 20),
        on_error="return",
    )
    failure = _all_but_the_victim(results)
    assert failure.cause == "out of memory"
    assert isinstance(failure.exception, be.MemoryExceeded)
    assert failure.exception.index == VICTIM
    assert failure.exception.held_bytes > failure.exception.limit_bytes


def test_a_worker_that_has_grown_too_large_is_replaced_between_chunks(method: str) -> None:
    """Nothing fails for it."""
    limit = _worker_bytes(method) + (110 << 20)
    pids = be.map(
        tasks.grow,
        range(8),
        backend="processes",
        start_method=method,
        max_workers=1,
        chunksize=1,
        max_worker_memory=limit,
    )
    assert len(set(pids)) > 1
    assert len(pids) == 8


def _worker_bytes(method: str) -> int:
    """What a worker maps that has done nothing yet: a forked one as much as this process, the others little."""
    return _own_bytes() if method == "fork" else 40 << 20


def _own_bytes() -> int:
    """What a forked worker has at its birth, at most: what this process has."""
    return resident_bytes(os.getpid()) or 0


def _same(item: Any) -> Any:
    return item


def _megabytes(_: int) -> str:
    return "abcdefghijkl" * 1_000_000


def _hang_once(number: int, path: str) -> int:
    return tasks.hang(number, number if number == VICTIM and tally(path) == 1 else -1, "waiting")


@pytest.mark.parametrize("method", ["spawn"])
def test_an_exception_arrives_though_its_worker_can_open_nothing_more(method: str) -> None:
    """Not even the module that takes exceptions apart, which is loaded when there is one."""
    results = be.map(
        _take_all_descriptors,
        [0],
        on_error="return",
        backend="processes",
        start_method=method,
        max_workers=1,
        initializer=int,
    )
    assert isinstance(results[0].exception, OSError)
    assert results[0].exception.errno == errno.EMFILE


def _take_all_descriptors(_: object) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    while True:
        _taken.append(os.open(os.devnull, os.O_RDONLY))


_taken: list[int] = []
