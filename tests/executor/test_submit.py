"""Submitted calls on every backend: the numbers they draw, their limits and retries; and when `map` does its work."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import breakeven as be
from breakeven.testing.tasks import count, tally
from tests.executor import calls

BACKENDS = ["serial", "threads", "processes"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return str(request.param)


# --- random numbers ---


def test_each_submitted_call_draws_numbers_of_its_own() -> None:
    """By how many were submitted before it: the same on every backend and number of workers."""
    drawn = []
    for asked in ({"backend": "serial"}, {"backend": "threads"}, {"backend": "processes"}):
        for workers in (1, 3):
            with be.Executor(workers, seed=11, **asked) as executor:
                futures = [executor.submit(_draw) for _ in range(12)]
                drawn.append([future.result() for future in futures])
    assert len(set(drawn[0])) == 12
    assert all(numbers == drawn[0] for numbers in drawn)
    assert drawn[0] == be.map(_draw, range(12), seed=11, backend="serial")


def test_a_call_that_is_tried_again_draws_the_same_numbers(backend: str, tmp_path: Path) -> None:
    """As if nothing had happened."""
    with be.Executor(2, backend=backend, seed=11, retries=1, retry_on=LookupError) as executor:
        futures = [executor.submit(_draw_and_fail_once, str(tmp_path / str(number))) for number in range(4)]
        results = [future.result() for future in futures]
    assert results == be.map(_draw, range(4), seed=11, backend="serial")


# --- limits and retries ---


def test_a_submitted_call_is_tried_again_as_often_as_asked(backend: str, tmp_path: Path) -> None:
    """After the exceptions that `retry_on` names, and no others."""
    path = str(tmp_path / "tries")
    with be.Executor(1, backend=backend, retries=2, retry_on=(LookupError,)) as executor:
        assert executor.submit(_fail_until, path, 3).result() == 3
        with pytest.raises(LookupError):
            executor.submit(_fail_until, path + "2", 4).result()
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()


def test_a_submitted_call_past_its_time_has_failed(backend: str) -> None:
    """As in `map`: its worker is ended, its thread left to itself; the calling thread can only say so afterwards."""
    with be.Executor(1, backend=backend, timeout=0.05) as executor:
        with pytest.raises(be.TaskTimeout, match=r"after 0\.05 s"):
            executor.submit(_wait, 0.2).result()
        assert executor.submit(calls.triple, 2).result() == 6


def test_a_thread_past_its_time_holds_up_no_other_call() -> None:
    """Another takes its place while it still waits."""
    gate = threading.Event()
    try:
        with be.Executor(1, backend="threads", timeout=0.05) as executor:
            late = executor.submit(gate.wait)
            next_one = executor.submit(calls.triple, 2)
            assert next_one.result(20) == 6
            with pytest.raises(be.TaskTimeout):
                late.result(20)
            assert not gate.is_set()
    finally:
        gate.set()


def test_a_quick_call_is_never_taken_for_a_late_one() -> None:
    """Its time begins when its thread takes it, not with an earlier call, however threads take turns."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threading.settrace(_trace)  # a look at each line is where threads may change over
    try:
        with be.Executor(4, backend="threads", timeout=5.0) as executor:
            assert [future.result() for future in [executor.submit(calls.triple, 1) for _ in range(300)]] == [3] * 300
    finally:
        threading.settrace(None)
        sys.setswitchinterval(before)


# --- map on the calling thread ---


def test_a_serial_executors_map_does_its_work_at_once() -> None:
    """As the standard library's executors submit everything before anything is taken."""
    done: list[int] = []
    with be.Executor(backend="serial") as executor:
        results = executor.map(done.append, range(5))
        assert done == [0, 1, 2, 3, 4]
        assert list(results) == [None] * 5


def test_an_exception_in_a_serial_executors_map_is_raised_in_its_place() -> None:
    """Not by the call itself."""
    with be.Executor(backend="serial") as executor:
        results = executor.map(_invert, [1, 2, 0, 4])
        assert [next(results), next(results)] == [1.0, 0.5]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_serial_executors_map_stops_when_its_time_is_over() -> None:
    """What was done in time is delivered, then comes the error; the rest is not begun."""
    begun: list[int] = []

    def step(number: int) -> int:
        begun.append(number)
        if number == 3:
            threading.Event().wait(0.1)
        return number

    with be.Executor(backend="serial") as executor:
        results = executor.map(step, range(1_000), timeout=0.05)
        taken: list[int] = []
        with pytest.raises(TimeoutError):
            taken.extend(iter(results))
    assert len(begun) < 1_000
    assert taken == list(range(len(taken)))


# --- tasks ---


def _draw(_: object = None) -> int:
    return int(be.rng().integers(1 << 40))


def _draw_and_fail_once(path: str) -> int:
    number = _draw()
    tally(path)
    if count(path) == 1:
        raise LookupError(path)
    return number


def _fail_until(path: str, wanted: int) -> int:
    tally(path)
    tries = count(path)
    if tries < wanted:
        raise LookupError(path)
    return tries


def _trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001 - as sys.settrace calls it
    return _trace if frame.f_code.co_filename.endswith("gangs.py") else None


def _invert(number: int) -> float:
    return 1 / number


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)
