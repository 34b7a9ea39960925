"""What is finished is delivered, whatever runs next; what a worker says is heard at once."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be
from tests.engine import tasks


def _open(gate: str) -> None:
    """Let whoever reads from the gate go on."""
    os.close(os.open(gate, os.O_WRONLY))


@pytest.mark.parametrize("rounds", [20])
def test_a_future_that_is_done_does_not_wait_for_what_runs_next(method: str, rounds: int, tmp_path: Path) -> None:
    """Though all that its worker has done so far was quick."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    with be.Executor(1, backend="processes", start_method=method) as executor:
        for _ in range(rounds):
            quick = [executor.submit(tasks.wait_at, number, -1, gate) for number in range(3)]
            slow = executor.submit(tasks.wait_at, 7, 7, gate)
            assert [future.result(20) for future in quick] == [0, 1, 2]
            _open(gate)
            assert slow.result(20) == 7


def test_results_of_a_chunk_are_streamed_before_its_last_item_is_done(method: str, tmp_path: Path) -> None:
    """A slow item holds up what stands behind it, not what stands before."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 1, "chunksize": 10}
    stream = be.imap(_wait_at_after_a_while, range(10), [8] * 10, [gate] * 10, **options)
    got = [next(stream) for _ in range(6)]
    _open(gate)
    assert got + list(stream) == list(range(10))


def test_a_waiting_chunk_is_taken_from_behind_a_slow_one(method: str, tmp_path: Path) -> None:
    """A worker that finds nothing to do gets it."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2, "chunksize": 1}
    for _ in range(5):
        stream = be.imap(tasks.wait_at, range(30), [4] * 30, [gate] * 30, ordered=False, **options)
        got = [next(stream) for _ in range(29)]
        _open(gate)
        assert next(stream) == 4
        assert sorted([*got, 4]) == list(range(30))
        stream.close()


def test_a_chunk_is_taken_from_a_worker_that_is_slow_to_start(method: str, tmp_path: Path) -> None:
    """It has not begun what it was sent: who is ready goes on with it."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2, "chunksize": 1}
    slow: dict[str, Any] = {"initializer": tasks.let_one_in, "initargs": (str(tmp_path / "in"), gate)}
    assert list(be.imap(abs, range(4), **slow, **options)) == [0, 1, 2, 3]


def test_a_submitted_call_is_taken_from_a_worker_that_is_slow_to_start(method: str, tmp_path: Path) -> None:
    """As a chunk of a map is."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    slow: dict[str, Any] = {"initializer": tasks.let_one_in, "initargs": (str(tmp_path / "in"), gate)}
    with be.Executor(2, backend="processes", start_method=method, **slow) as executor:
        futures = [executor.submit(abs, -number) for number in (1, 2)]
        assert [future.result(20) for future in futures] == [1, 2]


def test_a_worker_that_hangs_while_it_loads_a_function_is_ended_with_its_call(method: str) -> None:
    """The next call has another worker."""
    with be.Executor(1, backend="processes", start_method=method) as executor:
        assert executor.submit(abs, -1).result() == 1
        stuck = executor.submit(partial(tasks.refuse, tasks.HangsOnLoading()), 3)
        assert stuck.cancel()
        assert executor.submit(abs, -2).result(20) == 2


def test_a_worker_that_hangs_when_its_call_is_over_is_not_kept(method: str, tmp_path: Path) -> None:
    """The next call has as many as it asked for."""
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2, "chunksize": 1}
    assert be.map(abs, range(2), **options) == [0, 1]
    refuse = partial(tasks.refuse, tasks.HangsOnLoading(str(tmp_path / "mark")))
    with pytest.raises(ValueError, match=r"[01]"):
        list(be.imap(refuse, range(2), ordered=False, **options))
    assert be.map(partial(tasks.meet, str(tmp_path / "meeting")), range(2), **options) == [True, True]


def test_what_was_taken_back_is_not_lent_any_more(method: str, tmp_path: Path) -> None:
    """The shared memory of a cancelled call's array serves again, though its worker never looked at it."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    array = np.ones(1 << 18)
    with be.Executor(1, backend="processes", start_method=method) as executor:
        assert executor.submit(abs, -1).result() == 1
        slow = executor.submit(tasks.wait_at, 7, 7, gate)
        behind = executor.submit(np.sum, array)
        assert behind.cancel()
        assert executor._backend._driver._crew.lending.arena.used_bytes < array.nbytes  # type: ignore[attr-defined]
        _open(gate)
        assert slow.result(20) == 7
        assert executor.submit(np.sum, array).result(20) == array.size


def test_log_records_of_tasks_reach_the_parents_handlers(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """With the item and the worker that they came from, at the parent's levels."""
    with caplog.at_level(logging.INFO, logger="tasks.of.mine"):
        be.map(_log, range(4), backend="processes", start_method=method, max_workers=2, chunksize=1)
    records = [record for record in caplog.records if record.name == "tasks.of.mine"]
    assert sorted(record.getMessage() for record in records) == [f"item {number}" for number in range(4)]
    assert sorted(vars(record)["item"] for record in records) == [0, 1, 2, 3]
    assert {vars(record)["worker"] for record in records} <= {0, 1}
    assert all(record.process != os.getpid() for record in records)


def test_a_log_record_with_what_cannot_travel_is_heard_all_the_same(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text is made in the worker; an exception becomes its traceback."""
    with caplog.at_level(logging.WARNING):
        be.map(_log_oddly, [0], backend="processes", start_method=method, max_workers=1)
    (record,) = [record for record in caplog.records if record.name == "tasks.of.mine"]
    assert "lock" in record.getMessage()
    assert "ZeroDivisionError" in caplog.text


def _wait_at_after_a_while(number: int, victim: int, gate: str) -> int:
    time.sleep(0.005)  # long enough for what is done to be sent
    return tasks.wait_at(number, victim, gate)


def _log(number: int) -> None:
    logging.getLogger("tasks.of.mine").info("item %d", number)
    logging.getLogger("tasks.of.mine").debug("not asked for")


def _log_oddly(_: int) -> None:
    import threading

    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("tasks.of.mine").exception("with %r", threading.Lock(), extra={"odd": threading.Lock()})
