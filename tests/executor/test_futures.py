"""What users of the standard library's executors rely on, beyond what CPython's own tests ask."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import threading
import weakref
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be
from tests.engine.harness import run_program, wait_until_gone
from tests.executor import calls
from tests.executor.calls import Gate

SECONDS = 20  # to wait for what must happen


def crew_of(executor: be.Executor) -> Any:
    """The crew behind an executor."""
    return executor._backend._driver._crew  # type: ignore[attr-defined]


# --- callbacks ---


def test_a_callback_may_submit_the_next_call() -> None:
    """Each of twenty, from whichever thread it is called."""
    over = threading.Event()
    results: list[int] = []
    with be.Executor(2, backend="processes") as executor:

        def go_on(future: Future[int]) -> None:
            results.append(future.result())
            if len(results) == 20:
                over.set()
            else:
                executor.submit(calls.triple, len(results)).add_done_callback(go_on)

        executor.submit(calls.triple, 0).add_done_callback(go_on)
        assert over.wait(SECONDS)
    assert results == [3 * number for number in range(20)]


def test_a_callback_may_wait_for_another_call() -> None:
    """The thread that calls it drives the workers for that wait, too."""
    results: list[int] = []
    over = threading.Event()
    with be.Executor(1, backend="processes") as executor:

        def ask(_: Future[int]) -> None:
            results.append(executor.submit(calls.triple, 2).result())
            results.extend(executor.map(calls.triple, range(3)))
            over.set()

        executor.submit(calls.triple, 1).add_done_callback(ask)
        assert over.wait(SECONDS)
    assert results == [6, 0, 3, 6]


@pytest.mark.parametrize("end", [be.Executor.shutdown, be.Executor.kill_workers])
def test_a_callback_may_end_the_executor(end: Any) -> None:
    """Also when nobody else waits for anything."""
    over = threading.Event()
    executor = be.Executor(2, backend="processes")

    def finish(_: Future[int]) -> None:
        end(executor)
        over.set()

    executor.submit(calls.triple, 1).add_done_callback(finish)
    assert over.wait(SECONDS)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(calls.triple, 1)


def test_a_callback_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, as the standard library does it, and the next call is answered."""

    def fail(_: Future[int]) -> None:
        raise LookupError("in the callback")

    with be.Executor(1, backend="processes") as executor:
        future = executor.submit(calls.triple, 1)
        future.add_done_callback(fail)
        assert future.result() == 3
        assert executor.submit(calls.triple, 2).result() == 6
    assert "in the callback" in caplog.text


def test_a_cancelled_call_calls_back_once(gate: Gate) -> None:
    """A running one as well as one that waits."""
    told: list[Future[Any]] = []
    with be.Executor(1, backend="processes") as executor:
        futures = [executor.submit(calls.held, gate.place) for _ in range(2)]
        gate.begun()
        for future in futures:
            future.add_done_callback(told.append)
            assert future.cancel()
            assert future.cancel()
    assert told == futures


# --- many threads ---


def test_threads_submit_and_wait_at_once(method: str) -> None:
    """Whoever finds nobody driving drives for all; every thread gets its own results."""

    def ask(number: int) -> list[int]:
        return [executor.submit(calls.triple, number + step).result() for step in range(50)]

    with be.Executor(2, backend="processes", start_method=method) as executor, ThreadPoolExecutor(6) as threads:
        for number, results in enumerate(threads.map(ask, range(6))):
            assert results == [3 * (number + step) for step in range(50)]


def test_threads_map_and_stream_at_once() -> None:
    """Calls and maps of several threads share the workers."""

    def ask(number: int) -> int:
        if number % 2:
            return sum(executor.map(calls.triple, range(500)))
        return sum(executor.imap(calls.triple, range(500)))

    with be.Executor(2, backend="processes") as executor, ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(4))) == [3 * sum(range(500))] * 4


def test_threads_send_more_at_once_than_channels_hold() -> None:
    """What a channel does not take at once follows, and nothing comes between."""
    payload = os.urandom(90_000)  # just too small to go through shared memory

    def ask(_: int) -> bool:
        futures = [executor.submit(calls.echo, payload) for _ in range(40)]
        return all(future.result() == payload for future in futures)

    with be.Executor(2, backend="processes") as executor, ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(4)))


def test_executors_of_several_threads_start_their_workers_at_once(method: str) -> None:
    """Lifeline and template belong to the process, and one thread may end an executor while another starts one."""

    def use(number: int) -> list[int]:
        with be.Executor(1, backend="processes", start_method=method) as executor:
            results = list(executor.map(calls.triple, range(number, number + 5)))
        return results + be.map(calls.triple, range(5), backend="processes", start_method=method, max_workers=1)

    with ThreadPoolExecutor(4) as threads:
        for number, results in enumerate(threads.map(use, range(12))):
            assert results == [3 * at for at in (*range(number, number + 5), *range(5))]


def test_a_thread_that_waits_hears_that_another_has_cancelled(gate: Gate) -> None:
    """While it drives, and while it waits behind the one that does."""
    with be.Executor(1, backend="processes") as executor, ThreadPoolExecutor(2) as threads:
        running = executor.submit(calls.held, gate.place)
        gate.begun()
        queued = executor.submit(calls.triple, 1)
        waiting = [threads.submit(future.exception) for future in (queued, running)]
        for future, waits in zip((queued, running), waiting, strict=True):
            assert future.cancel()
            with pytest.raises(CancelledError):
                waits.result(SECONDS)


def test_threads_that_wait_are_released_when_the_executor_is_ended(gate: Gate) -> None:
    """With a call that hangs; all that was pending counts as cancelled."""
    executor = be.Executor(1, backend="processes")
    futures = [executor.submit(calls.held, gate.place) for _ in range(3)]
    pid = gate.begun()
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(future.result) for future in futures]
        executor.terminate_workers()
        for waits in waiting:
            with pytest.raises(CancelledError):
                waits.result(SECONDS)
    assert all(future.cancelled() for future in futures)
    wait_until_gone(pid)


# --- cancelling ---


def test_a_call_that_waits_behind_another_is_cancelled_without_a_death(gate: Gate) -> None:
    """Even when it has been sent already; what waits behind it goes on."""
    with be.Executor(1, backend="processes") as executor:
        assert executor.submit(calls.echo, 0).result() == 0  # known to be quick, so more are sent ahead
        pid = executor.submit(os.getpid).result()
        running = executor.submit(calls.held, gate.place)
        gate.begun()
        queued = [executor.submit(calls.echo, number) for number in range(6)]
        assert queued[2].cancel()
        assert queued[4].cancel()
        gate.let_through()
        assert running.result() is None
        assert [queued[at].result() for at in (0, 1, 3, 5)] == [0, 1, 3, 5]
        assert executor.submit(os.getpid).result() == pid


def test_calls_cancelled_while_their_worker_starts_do_not_break_the_executor(method: str, gate: Gate) -> None:
    """Their workers are ended, which is no failure to start."""
    with be.Executor(1, backend="processes", start_method=method) as executor:
        for _ in range(5):
            assert executor.submit(calls.held, gate.place).cancel()
        assert executor.submit(calls.triple, 2).result() == 6


def test_cancelling_at_any_moment_costs_no_other_call() -> None:
    """The worker that is ended may have gone on to another call by then, which is run again."""
    chance = random.Random(7)  # noqa: S311 - a test that can be run again
    with be.Executor(2, backend="processes") as executor:
        futures = [executor.submit(calls.triple, number) for number in range(300)]
        doomed = set(chance.sample(range(300), 60))
        cancelled = {at for at in sorted(doomed, key=lambda _: chance.random()) if futures[at].cancel()}
        for at, future in enumerate(futures):
            assert future.cancelled() if at in cancelled else future.result() == 3 * at


def test_what_is_done_cannot_be_cancelled() -> None:
    """As with every future."""
    with be.Executor(1, backend="processes") as executor:
        future = executor.submit(calls.triple, 1)
        assert future.result() == 3
        assert not future.cancel()
        assert not future.cancelled()


def test_a_time_limit_of_asyncio_ends_the_worker(method: str, gate: Gate) -> None:
    """The others, and the event loop, go on."""

    async def main(executor: be.Executor) -> tuple[int, list[int]]:
        loop = asyncio.get_running_loop()
        hanging = loop.run_in_executor(executor, calls.held, gate.place)
        pid = await asyncio.to_thread(gate.begun)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hanging, 0.001)
        return pid, await asyncio.gather(*(loop.run_in_executor(executor, calls.triple, at) for at in range(20)))

    with be.Executor(2, backend="processes", start_method=method) as executor:
        pid, results = asyncio.run(main(executor))
        assert results == [3 * at for at in range(20)]
        wait_until_gone(pid)


# --- failures ---


def test_a_death_is_a_broken_executor_for_one_call_alone(method: str) -> None:
    """What catches the standard library's error catches this one, and the executor goes on."""
    with be.Executor(2, backend="processes", start_method=method) as executor:
        with pytest.raises(BrokenExecutor) as caught:
            executor.submit(calls.die).result()
        assert isinstance(caught.value, be.WorkerDied)
        assert list(executor.map(calls.triple, range(5))) == [0, 3, 6, 9, 12]


def test_an_initializer_that_fails_breaks_the_executor(method: str) -> None:
    """Each call, also those submitted later, says what it raised."""
    with be.Executor(2, backend="processes", start_method=method, initializer=calls.refuse) as executor:
        future = executor.submit(calls.triple, 1)
        with pytest.raises(BrokenExecutor, match="LookupError: not here") as caught:
            future.result()
        assert isinstance(caught.value.__cause__, LookupError)
        for call in (executor.submit, executor.map):
            with pytest.raises(BrokenExecutor, match="not here"):
                call(calls.triple, [1])


def test_an_argument_that_exits_while_it_is_pickled_fails_its_own_call() -> None:
    """As `sys.exit` in a call would."""
    with be.Executor(1, backend="processes") as executor:
        with pytest.raises(SystemExit):
            executor.submit(calls.echo, calls.ExitsWhilePickled()).result()
        assert executor.submit(calls.triple, 1).result() == 3


def test_an_argument_may_submit_a_call_while_it_is_pickled() -> None:
    """Both calls are made."""
    inner: list[Future[int]] = []
    with be.Executor(1, backend="processes") as executor:
        assert executor.submit(calls.echo, calls.SubmitsWhilePickled(executor, inner)).result() == 5
        assert [future.result() for future in inner] == [21]


# --- maps ---


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_a_map_that_nobody_looks_at_is_done_all_the_same(backend: str, tmp_path: Path) -> None:
    """It was submitted, as far as the standard library goes."""
    paths = [str(tmp_path / str(number)) for number in range(20)]
    with be.Executor(2, backend=backend) as executor:
        executor.map(calls.touched, paths)
    assert all(Path(path).exists() for path in paths)


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_a_map_that_is_left_half_way_is_stopped(backend: str, tmp_path: Path) -> None:
    """What has not begun is not begun."""
    paths = [str(tmp_path / str(number)) for number in range(5000)]
    with be.Executor(2, backend=backend) as executor:
        results = executor.map(calls.touched, paths, chunksize=1)
        assert next(results) == paths[0]
        del results
        assert executor.submit(calls.triple, 1).result() == 3
    assert not Path(paths[-1]).exists()


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_an_executor_lasts_as_long_as_what_it_maps(backend: str) -> None:
    """Nobody else needs to hold it."""
    assert list(be.Executor(2, backend=backend).map(calls.triple, range(10))) == [3 * at for at in range(10)]
    assert list(be.Executor(2, backend=backend).imap(calls.triple, range(500))) == [3 * at for at in range(500)]
    gc.collect()


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_a_slow_consumer_keeps_no_call_from_running(backend: str) -> None:
    """One worker is enough for a stream, and for calls that its consumer makes."""
    with be.Executor(1, backend=backend) as executor:
        for result in executor.imap(calls.triple, range(50)):
            assert executor.submit(calls.triple, result).result() == 3 * result


@pytest.mark.parametrize("backend", ["processes", "threads", "serial"])
def test_a_map_that_is_late_raises_timeout_error(backend: str, gate: Gate) -> None:
    """Counted from the call of `map`."""
    with be.Executor(1, backend=backend) as executor:
        assert list(executor.map(calls.triple, range(3), timeout=60)) == [0, 3, 6]
        if backend != "serial":
            results = executor.map(calls.held, [gate.place], timeout=0.001)
            with pytest.raises(TimeoutError):
                next(results)
            gate.let_through()


def test_threads_are_never_more_than_was_said(gate: Gate) -> None:
    """Calls and maps share them."""
    with be.Executor(1, backend="threads") as executor:
        future = executor.submit(calls.held, gate.place)
        gate.begun()
        results = executor.map(calls.held, [gate.place] * 2, chunksize=1)
        assert not gate.has_begun()
        gate.let_through(3)
        assert future.result() is None
        assert list(results) == [None, None]


# --- the end ---


def test_an_executor_that_is_collected_finishes_what_was_submitted(method: str, gate: Gate) -> None:
    """Its workers end after that."""
    executor = be.Executor(1, backend="processes", start_method=method)
    gone = weakref.ref(executor)
    first = executor.submit(calls.held, gate.place, "held")
    rest = [executor.submit(calls.triple, number) for number in range(5)]
    pid = gate.begun()
    del executor
    gc.collect()
    assert gone() is None
    gate.let_through()
    assert first.result() == "held"
    assert [future.result() for future in rest] == [0, 3, 6, 9, 12]
    wait_until_gone(pid)


def test_an_executor_may_go_with_all_its_futures(gate: Gate) -> None:
    """Nobody holds anything any more, and the call is finished."""
    pid = _leave_a_call(gate)
    gc.collect()
    gate.let_through()
    wait_until_gone(pid)


def _leave_a_call(gate: Gate) -> int:
    be.Executor(1, backend="processes").submit(calls.held, gate.place)
    return gate.begun()


AT_EXIT = """
import sys
import breakeven as be
from tests.executor import calls
how, backend, method, *paths = sys.argv[1:]
executor = be.Executor(1, backend=backend, **({"start_method": method} if backend == "processes" else {}))
for path in paths[:-2]:
    executor.submit(calls.touched, path)
executor.map(calls.touched, paths[-2:])
if how == "shut down":
    executor.shutdown(wait=False)
elif how == "collected":
    del executor
"""


@pytest.mark.parametrize("how", ["left", "shut down", "collected"])
def test_a_program_that_ends_finishes_what_it_has_submitted(how: str, method: str, tmp_path: Path) -> None:
    """Whether its executor is shut down, still there, or gone."""
    paths = [str(tmp_path / str(number)) for number in range(6)]
    assert run_program(AT_EXIT, how, "processes", method, *paths) == ""
    assert all(Path(path).exists() for path in paths)


@pytest.mark.parametrize("how", ["left", "shut down", "collected"])
def test_a_program_with_threads_does_so_too(how: str, tmp_path: Path) -> None:
    """The same on threads."""
    paths = [str(tmp_path / str(number)) for number in range(6)]
    assert run_program(AT_EXIT, how, "threads", "", *paths) == ""
    assert all(Path(path).exists() for path in paths)


def test_shutdown_without_waiting_lets_calls_finish(gate: Gate) -> None:
    """Nothing new is taken, and what is pending has its results."""
    executor = be.Executor(1, backend="processes")
    futures = [executor.submit(calls.held, gate.place, number) for number in range(3)]
    gate.begun()
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(calls.triple, 1)
    gate.let_through(3)
    assert [future.result() for future in futures] == [0, 1, 2]
    executor.shutdown()


def test_shutdown_can_cancel_what_has_not_begun(gate: Gate) -> None:
    """Calls and maps; what runs is finished."""
    executor = be.Executor(1, backend="processes")
    futures = [executor.submit(calls.held, gate.place, number) for number in range(8)]
    results = executor.map(calls.triple, range(10_000))
    gate.begun()
    executor.shutdown(wait=False, cancel_futures=True)
    gate.let_through(8)
    executor.shutdown()
    finished = [future for future in futures if not future.cancelled()]
    assert futures[0] in finished
    assert futures[-1] not in finished
    assert [future.result() for future in finished] == list(range(len(finished)))
    with pytest.raises(CancelledError):
        list(results)


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_shutdown_does_not_wait_for_a_stream_without_end(backend: str) -> None:
    """Whoever takes from it afterwards gets what there is, and then is told."""
    executor = be.Executor(2, backend=backend)
    stream = executor.imap(calls.triple, count())
    assert [next(stream) for _ in range(3)] == [0, 3, 6]
    executor.shutdown()
    rest: list[int] = []
    with pytest.raises(CancelledError):
        rest.extend(stream)
    assert rest == [3 * at for at in range(3, 3 + len(rest))]


def test_a_result_that_is_late_may_be_asked_for_again(gate: Gate) -> None:
    """`TimeoutError` changes nothing about the call."""
    with be.Executor(1, backend="processes") as executor:
        future = executor.submit(calls.held, gate.place, "here")
        with pytest.raises(TimeoutError):
            future.result(timeout=0.001)
        with pytest.raises(TimeoutError):
            future.exception(timeout=0)
        assert wait([future], timeout=0.001).not_done == {future}
        gate.let_through()
        assert future.result() == "here"


# --- what is shared, and what is not ---


def test_arrays_bound_to_a_function_are_freed_after_its_last_call() -> None:
    """A thousand such calls hold no more memory than one."""
    with be.Executor(1, backend="processes") as executor:
        for number in range(5):
            assert executor.submit(partial(calls.total, np.full(200_000, float(number)))).result() == 200_000 * number
        assert executor.submit(calls.triple, 1).result() == 3
        assert crew_of(executor).lending.arena.used_bytes < 2 * 8 * 200_000


def test_functions_made_anew_for_each_call_do_not_pile_up() -> None:
    """Only so many are remembered."""
    with be.Executor(1, backend="processes") as executor:
        for number in range(400):
            assert executor.submit(partial(calls.triple, number)).result() == 3 * number
        assert len(crew_of(executor).functions) <= 130


def test_queues_of_a_manager_can_be_handed_to_calls(method: str) -> None:
    """Also to workers that stood ready before there was a manager."""
    with be.Executor(1, backend="processes", start_method=method) as executor:
        assert executor.submit(calls.triple, 1).result() == 3
        with multiprocessing.get_context("spawn").Manager() as manager:
            queue = manager.Queue()
            executor.submit(calls.put, queue, "there").result()
            executor.submit(partial(calls.put, queue), "bound").result()
            assert [queue.get(), queue.get()] == ["there", "bound"]


def test_a_forked_child_has_no_part_in_the_executor() -> None:
    """It is told so, and leaves the parent's workers alone."""
    with be.Executor(1, backend="processes") as executor:
        assert executor.submit(calls.triple, 1).result() == 3
        child = os.fork()
        if child == 0:
            try:
                executor.submit(calls.triple, 1)
            except RuntimeError as error:
                executor.shutdown()
                os._exit(0 if "belongs to the process that made it" in str(error) else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert executor.submit(calls.triple, 2).result() == 6
