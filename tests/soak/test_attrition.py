"""Workers are killed while arrays and futures are under way: every result right, once, and nothing grows."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import breakeven as be
from breakeven.probes.memory import resident_bytes
from breakeven.testing import tasks
from tests.engine.conftest import METHODS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

KILLER = Path(__file__).with_name("killer.py")
KILLS = 30
PAUSES = {"fork": "0.1", "forkserver": "0.1", "spawn": "0.4"}  # seconds: a worker must have the time to come up
MEBIBYTE = 1 << 20


class _Growth:
    """How much memory and how many descriptors this process has more than at the start."""

    def __init__(self) -> None:
        self._bytes, self._descriptors = self._now()

    @staticmethod
    def _now() -> tuple[int, int]:
        gc.collect()
        return resident_bytes(os.getpid()) or 0, len(list(Path("/proc/self/fd").iterdir()))

    @property
    def mebibytes(self) -> float:
        """Of resident memory."""
        return (self._now()[0] - self._bytes) / MEBIBYTE

    @property
    def descriptors(self) -> int:
        """That are open."""
        return self._now()[1] - self._descriptors


@contextmanager
def _killing(method: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have some workers of this process killed; the program that does it ends when it has."""
    words = [sys.executable, str(KILLER), str(os.getpid()), str(KILLS), PAUSES[method]]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as killer:
        try:
            yield killer
        finally:
            killer.kill()


@pytest.mark.parametrize("method", METHODS)
def test_no_page_is_lost_with_the_workers_that_looked_at_it(method: str) -> None:
    """Arrays both ways, each kept a while by its consumer; none shows what it should not."""
    source = (np.full(50_000, float(number)) for number in itertools.count())
    kept: deque[tuple[int, Any]] = deque(maxlen=20)
    growth = None
    stream: Any = be.imap(
        _negative, source, backend="processes", start_method=method, max_workers=2, chunksize=1, retries=1000
    )
    with _killing(method) as killer, stream:
        for number, result in enumerate(stream):
            kept.append((number, result))
            assert all(array[0] == array[-1] == -value for value, array in kept)
            if number == 500:
                growth = _Growth()
            if number > 1000 and killer.poll() is not None:
                break
        assert stream.report.ledger.deaths >= KILLS // 2
    assert growth is not None
    assert growth.mebibytes < 100


@pytest.mark.parametrize("method", METHODS)
def test_futures_survive_the_deaths_of_their_workers(method: str) -> None:
    """Each has its own result, though dozens wait at a time."""
    waiting: deque[Any] = deque()
    growth = None
    with be.Executor(2, backend="processes", start_method=method, retries=1000) as executor, _killing(method) as killer:
        for number in itertools.count():
            waiting.append((number, executor.submit(_toil, number)))
            if len(waiting) > 50:
                before, future = waiting.popleft()
                assert future.result() == 3 * before
            if number == 500:
                growth = _Growth()
            if number > 1000 and killer.poll() is not None:
                break
        assert all(future.result() == 3 * number for number, future in waiting)
        assert executor.report.ledger.deaths >= KILLS // 2
        assert growth is not None
        assert growth.mebibytes < 20
        assert growth.descriptors <= 12  # one worker more or less than at the first look


def test_two_hundred_thousand_futures_leave_nothing_behind() -> None:
    """A few hundred at a time; what is done is let go of."""
    waiting: deque[Any] = deque()
    growth = None
    with be.Executor(2, backend="processes") as executor:
        for number in range(200_000):
            waiting.append((number, executor.submit(tasks.double, number)))
            if len(waiting) > 300:
                before, future = waiting.popleft()
                assert future.result() == 2 * before
            if number == 20_000:
                growth = _Growth()
        assert all(future.result() == 2 * number for number, future in waiting)
        assert growth is not None
        assert growth.mebibytes < 20
        assert growth.descriptors == 0


@pytest.mark.parametrize("method", METHODS)
def test_two_hundred_thousand_messages_come_back_right(method: str) -> None:
    """One tiny task in each."""
    results = be.map(tasks.double, range(200_000), backend="processes", start_method=method, max_workers=2, chunksize=1)
    assert results == list(range(0, 400_000, 2))


def _toil(number: int) -> int:
    """Take about a millisecond."""
    for _ in range(30_000):
        pass
    return 3 * number


def _negative(array: Any) -> Any:
    for _ in range(30_000):
        pass
    array *= -1
    return array
