"""A worker dies: the item that it ran is charged, by name, and all else is finished as if nothing had happened."""

from __future__ import annotations

import functools
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import pytest

import breakeven as be
from breakeven.testing.tasks import count
from tests.engine import tasks
from tests.engine.harness import wait_until_gone

ITEMS = 20
VICTIM = 7


def _all_but(victim: int, results: list[Any]) -> be.Failure:
    """The failure in the victim's place; every other result is checked."""
    assert [result for at, result in enumerate(results) if at != victim] == [n for n in range(ITEMS) if n != victim]
    failure = results[victim]
    assert isinstance(failure, be.Failure)
    assert failure.index == victim
    return failure


@pytest.mark.parametrize("chunksize", [1, 5, "auto", 100])
@pytest.mark.parametrize("how", tasks.CAUSES)
def test_only_the_item_that_ran_is_charged_with_a_death(method: str, how: str, chunksize: int | str) -> None:
    """Those beside it in the chunk, before and after, run elsewhere."""
    results = be.map(
        tasks.die_at,
        range(ITEMS),
        [VICTIM] * ITEMS,
        [how] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        on_error="return",
    )
    failure = _all_but(VICTIM, results)
    assert failure.cause == tasks.CAUSES[how]
    error = failure.exception
    assert isinstance(error, be.WorkerDied)
    assert (error.index, error.pid, error.cause) == (VICTIM, failure.worker_pid, failure.cause)
    assert f"item {VICTIM}" in str(error)
    assert failure.worker_pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(failure.worker_pid, 0)
    report = results.report
    assert report.ledger.deaths == 1
    assert [(one.index, one.cause) for one in report.failures] == [(VICTIM, failure.cause)]


def test_a_death_is_raised_as_a_broken_executor(method: str) -> None:
    """Callers of the standard library's executors catch it as they always did."""
    with pytest.raises(BrokenExecutor, match=f"killed by SIGKILL while it ran item {VICTIM}"):
        be.map(
            tasks.die_at,
            range(ITEMS),
            [VICTIM] * ITEMS,
            ["SIGKILL"] * ITEMS,
            backend="processes",
            start_method=method,
            max_workers=2,
        )


def test_results_before_a_death_are_streamed_first(method: str) -> None:
    """Those of its own chunk, too."""
    got: list[int] = []
    with pytest.raises(be.WorkerDied):
        got.extend(
            be.imap(
                tasks.die_at,
                range(ITEMS),
                [VICTIM] * ITEMS,
                ["abort"] * ITEMS,
                backend="processes",
                start_method=method,
                max_workers=2,
                chunksize=5,
            )
        )
    assert got == list(range(VICTIM))


@pytest.mark.parametrize("how", ["segfault", "abort"])
def test_a_crash_leaves_its_last_python_stack(method: str, how: str) -> None:
    """It names the function that crashed."""
    (failure,) = be.map(
        tasks.die_at, [0], [0], [how], backend="processes", start_method=method, max_workers=1, on_error="return"
    )
    assert "in die_at" in failure.exception.stack_text
    assert "in die_at" in str(failure.exception)


@pytest.mark.parametrize("how", ["exit 3", "SIGKILL"])
def test_an_item_whose_worker_died_is_tried_again(method: str, how: str, tmp_path: Path) -> None:
    """As often as `retries` allow, alone, and others are not run again for it."""
    path = str(tmp_path / "tries")
    results = be.map(
        tasks.die_once,
        range(ITEMS),
        [path] * ITEMS,
        [how] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        retries=1,
    )
    assert results == list(range(ITEMS))
    assert count(path) == 2
    assert (results.report.ledger.deaths, results.report.ledger.retries) == (1, 1)


def test_attempts_are_counted_and_end(method: str) -> None:
    """An item that always kills its worker fails once its retries are used up."""
    results = be.map(
        tasks.die_at,
        range(ITEMS),
        [VICTIM] * ITEMS,
        ["exit 3"] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        retries=2,
        on_error="return",
    )
    assert _all_but(VICTIM, results).attempts == 3
    assert results.report.ledger.deaths == 3


def test_every_item_may_kill_its_worker(method: str) -> None:
    """Each is charged with its own."""
    results = be.map(
        tasks.die,
        ["exit 3", "SIGKILL", "abort", "exit 0"],
        backend="processes",
        start_method=method,
        max_workers=2,
        on_error="return",
    )
    assert [failure.cause for failure in results] == ["exit 3", "killed by SIGKILL", "killed by SIGABRT", "exit 0"]
    assert len({failure.worker_pid for failure in results}) == 4


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_that_kill_one_another_lose_no_item(method: str, workers: int, tmp_path: Path) -> None:
    """Whoever is hit in the middle of whatever: every item has its result once."""
    results = be.map(
        tasks.kill_another,
        range(40),
        [str(tmp_path)] * 40,
        backend="processes",
        start_method=method,
        max_workers=workers,
        retries=40,
        chunksize=2,
    )
    assert results == list(range(40))


# --- while objects travel ---

DEADLY = ["exit 3", "segfault", "sys.exit", "raise"]


@pytest.mark.parametrize("chunksize", [1, ITEMS])
@pytest.mark.parametrize("how", DEADLY)
def test_an_argument_that_harms_the_worker_that_unpickles_it_fails_alone(method: str, how: str, chunksize: int) -> None:
    """Though it is unpickled together with others."""
    items: list[Any] = list(range(ITEMS))
    items[VICTIM] = tasks.OnUnpickling(how)
    results = be.map(
        _same, items, backend="processes", start_method=method, max_workers=2, chunksize=chunksize, on_error="return"
    )
    failure = _all_but(VICTIM, results)
    assert failure.cause == {**tasks.CAUSES, "sys.exit": "exception", "raise": "exception"}[how]


@pytest.mark.parametrize("how", DEADLY)
def test_a_function_that_harms_the_workers_that_load_it_fails_its_items(method: str, how: str) -> None:
    """Each of them, and no more workers are lost than there are chunks."""
    fn = functools.partial(_second, tasks.OnUnpickling(how))
    results = be.map(
        fn, range(6), backend="processes", start_method=method, max_workers=2, chunksize=2, on_error="return"
    )
    causes = {**tasks.CAUSES, "sys.exit": "exception", "raise": "exception"}
    assert [(failure.index, failure.cause) for failure in results] == [(at, causes[how]) for at in range(6)]
    assert results.report.ledger.deaths == (3 if how in tasks.CAUSES else 0)
    assert be.map(tasks.triple, range(3), backend="processes", start_method=method, max_workers=2) == [0, 3, 6]


@pytest.mark.parametrize("chunksize", [1, ITEMS])
@pytest.mark.parametrize("how", DEADLY)
def test_a_result_that_harms_the_worker_that_pickles_it_fails_alone(method: str, how: str, chunksize: int) -> None:
    """Though it is pickled together with others."""
    results = be.map(
        tasks.make_on_pickling,
        range(ITEMS),
        [VICTIM] * ITEMS,
        [how] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        on_error="return",
    )
    failure = _all_but(VICTIM, results)
    assert failure.cause == {**tasks.CAUSES, "sys.exit": "exception", "raise": "exception"}[how]
    if how == "raise":
        assert isinstance(failure.exception, be.Unpicklable)


@pytest.mark.parametrize("chunksize", [1, ITEMS])
def test_a_result_that_cannot_be_unpickled_fails_alone(method: str, chunksize: int) -> None:
    """Its own exception says why."""
    results = be.map(
        tasks.make_on_unpickling,
        range(ITEMS),
        [VICTIM] * ITEMS,
        ["raise"] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        on_error="return",
    )
    error = _all_but(VICTIM, results).exception
    assert isinstance(error, RuntimeError)
    assert str(error) == "asked to"


def test_an_argument_that_raises_while_it_is_pickled_fails_alone(method: str) -> None:
    """Nothing is sent of it, and nothing hangs."""
    items: list[Any] = list(range(ITEMS))
    items[VICTIM] = tasks.OnPickling("raise")
    results = be.map(
        _same, items, backend="processes", start_method=method, max_workers=2, chunksize=ITEMS, on_error="return"
    )
    assert isinstance(_all_but(VICTIM, results).exception, be.Unpicklable)


def test_an_argument_that_leaves_the_program_while_it_is_pickled_does_so(method: str) -> None:
    """It runs in the caller, whose program it is; the next call is none the worse."""
    with pytest.raises(SystemExit):
        be.map(_same, [tasks.OnPickling("sys.exit")], backend="processes", start_method=method, max_workers=2)
    assert be.map(tasks.triple, range(3), backend="processes", start_method=method, max_workers=2) == [0, 3, 6]


# --- at the start and at the end ---


@pytest.mark.parametrize("how", ["raise", "sys.exit"])
def test_an_initializer_that_raises_fails_the_call(method: str, how: str) -> None:
    """With its own exception as the cause, whatever kind that is."""
    with pytest.raises(be.InitializerFailed) as raised:
        be.map(
            tasks.triple,
            range(3),
            backend="processes",
            start_method=method,
            max_workers=2,
            initializer=tasks.die_now,
            initargs=(how,),
        )
    assert type(raised.value.__cause__) is {"raise": RuntimeError, "sys.exit": SystemExit}[how]


@pytest.mark.parametrize("how", ["exit 3", "segfault"])
def test_an_initializer_that_kills_its_worker_fails_the_call(method: str, how: str) -> None:
    """It is not tried for ever; the error says how the workers ended."""
    with pytest.raises(be.StartFailed, match=tasks.CAUSES[how]):
        be.map(
            tasks.triple,
            range(3),
            backend="processes",
            start_method=method,
            max_workers=2,
            initializer=tasks.die_now,
            initargs=(how,),
        )


@pytest.mark.parametrize("what", ["segfault", "exit 3", "raise", "hang"])
def test_a_worker_that_does_not_end_well_leaves_nothing_behind(method: str, what: str) -> None:
    """Its results are in; how it goes then is nobody's concern, but go it must."""
    pids = be.map(tasks.leave_badly, [what] * 2, backend="processes", start_method=method, max_workers=2, chunksize=1)
    be.shutdown()
    for pid in pids:
        wait_until_gone(pid)


def test_a_worker_killed_while_idle_is_replaced(method: str) -> None:
    """The next call does not notice."""
    before = set(be.map(tasks.pid, range(8), backend="processes", start_method=method, max_workers=2, chunksize=1))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid, zombies_count=True)
    results = be.map(tasks.pid, range(8), backend="processes", start_method=method, max_workers=2, on_error="return")
    assert before.isdisjoint(results)
    assert all(isinstance(result, int) for result in results)


def test_a_grandchild_that_holds_the_channel_open_holds_up_nothing(method: str, tmp_path: Path) -> None:
    """The worker's end is seen although its socket is not closed."""
    gate = str(tmp_path / "gate")
    try:
        results = be.map(
            tasks.leave_a_daemon,
            range(5),
            [gate] * 5,
            backend="processes",
            start_method=method,
            max_workers=2,
            on_error="return",
        )
        assert [results[at] for at in (0, 1, 3, 4)] == [0, 1, 3, 4]
        assert results[2].cause == "killed by SIGKILL"
    finally:
        Path(gate).touch()


# --- futures ---


@pytest.mark.parametrize("how", ["exit 3", "segfault", "SIGKILL"])
def test_a_future_is_charged_with_the_death_of_its_own_worker_alone(method: str, how: str) -> None:
    """Futures before and after it have their results, and the executor takes more."""
    with be.Executor(2, backend="processes", start_method=method) as executor:
        before = [executor.submit(tasks.triple, number) for number in range(5)]
        dying = executor.submit(tasks.die, how)
        after = [executor.submit(tasks.triple, number) for number in range(5)]
        with pytest.raises(be.WorkerDied, match=tasks.CAUSES[how].split()[-1]):
            dying.result()
        assert [future.result() for future in (*before, *after)] == [0, 3, 6, 9, 12] * 2
        assert executor.submit(tasks.triple, 5).result() == 15


@pytest.mark.parametrize("how", DEADLY)
def test_a_done_callback_may_submit_what_kills_a_worker(method: str, how: str) -> None:
    """From whichever thread it is called."""
    later: list[Future[Any]] = []
    all_submitted = threading.Event()
    kinds: Any = {"raise": RuntimeError, "sys.exit": SystemExit}.get(how, be.WorkerDied)
    with be.Executor(2, backend="processes", start_method=method) as executor:

        def submit_another(_: Future[Any]) -> None:
            later.append(executor.submit(tasks.die, how))
            if len(later) == 4:
                all_submitted.set()

        for number in range(4):
            executor.submit(tasks.triple, number).add_done_callback(submit_another)
        assert all_submitted.wait(20)
        assert all(isinstance(future.exception(), kinds) for future in later)
        assert executor.submit(tasks.triple, 5).result() == 15


def _same(item: Any) -> Any:
    return item


def _second(_: Any, item: Any) -> Any:
    return item
