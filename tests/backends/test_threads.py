"""What is particular to threads: an input that fails while several of them read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import breakeven as be
from breakeven.testing import tasks

TIMES = 60  # a thread that sees a torn input before it is told why is a matter of chance


def _torn(error: type[BaseException], at: int = 40) -> Iterator[int]:
    yield from range(at)
    raise error("the input is torn")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, ValueError])
def test_what_the_input_raises_ends_a_map_on_threads(error: type[BaseException]) -> None:
    """However many threads read it, and whatever was raised: the call never returns with fewer results."""
    for _ in range(TIMES):
        with pytest.raises(error, match="torn"):
            be.map(tasks.double, _torn(error), backend="threads", max_workers=4, chunksize=1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_the_input_raises_ends_a_stream_on_threads(error: type[BaseException]) -> None:
    """After results of items that came before it."""
    for _ in range(TIMES):
        with pytest.raises(error, match="torn"):
            _count(be.imap(tasks.double, _torn(error), backend="threads", max_workers=4, chunksize=1))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_the_input_raises_ends_a_map_on_the_threads_of_an_executor(error: type[BaseException]) -> None:
    """Its threads go on with the next call."""
    with be.Executor(4, backend="threads") as executor:
        for _ in range(TIMES):
            with pytest.raises(error, match="torn"):
                executor.starmap(tasks.double, ((number,) for number in _torn(error)), chunksize=1)
        assert executor.starmap(tasks.double, [(1,), (2,)]) == [2, 4]


def _count(stream: Any) -> int:
    return sum(1 for _ in stream)
