"""Chunks are cut, lost, split, tried again and finished in any order: each item has one outcome, in its place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.engine.codec import Encoded
from breakeven.engine.functions import Function
from breakeven.engine.member import Chunk
from breakeven.engine.stream import Stream, sliceable
from breakeven.planning.chunks import GROWTH, LARGEST, LEAST_SECONDS, TARGET_SECONDS, chunk_size, depth
from breakeven.work import ONE, Failure, Options, Work
from tests.examples import dear


@pytest.fixture(autouse=True, scope="module")
def _no_input_is_slow() -> Iterator[None]:
    """What is drawn must not depend on how busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("breakeven.engine.stream.SLOW_SECONDS", float("inf"))
        yield


def _stream(source: Any, length: int | None, *, ordered: bool = True, **options: Any) -> Stream:
    work = Work(abs, source, mode=ONE, length=length, options=Options(**options))
    return Stream(work, Function(0, abs, Encoded(b""), None), ordered=ordered, window=None)


def _sources(count: int) -> list[tuple[Any, int | None]]:
    numbers = range(count)
    return [
        (list(numbers), count),
        (tuple(numbers), count),
        (numbers, count),
        (iter(numbers), None),
        (iter(numbers), count),
    ]


class _Workers:
    """Does to chunks, in turns that hypothesis draws, whatever can happen to chunks."""

    def __init__(self, stream: Stream, draw: Callable[[Any], Any], failing: frozenset[int]) -> None:
        self.stream = stream
        self.draw = draw
        self.failing = failing
        self.under_way: list[Chunk] = []
        self.outcomes: list[int] = []  # every item that was given an outcome

    def turn(self) -> None:
        """Cut a chunk, or let something happen to one that was cut."""
        if self.stream.has_more and (not self.under_way or self.draw(st.booleans())):
            chunk = self.stream.cut(self.draw(st.integers(1, 6)))
            if chunk is not None:
                assert [int(item) for item in chunk.items] == list(range(chunk.first, chunk.first + chunk.count))
                self.under_way.append(chunk)
        elif self.under_way:
            chunk = self.under_way[self.draw(st.integers(0, len(self.under_way) - 1))]
            what = self.draw(st.sampled_from(["part", "part", "part", "lost", "lost alone", "culprit"]))
            if what == "part":
                self._finish_some(chunk)
            elif what == "culprit":
                self._lose_for(chunk, self.draw(st.integers(chunk.done, chunk.count - 1)))
            else:
                self.stream.again(chunk, chunk.done, chunk.count, alone=what == "lost alone")
                self._end(chunk)

    def _finish_some(self, chunk: Chunk) -> None:
        upto = self.draw(st.integers(chunk.done + 1, chunk.count))
        values: list[int] = []
        start = chunk.done
        for at in range(chunk.done, upto):
            index = chunk.first + at
            self.outcomes.append(index)
            if index in self.failing:
                self._accept(chunk, start, values)
                values, start = [], at + 1
                self.stream.fail(Failure(index, ValueError(index), "exception", chunk.attempt, None, ""))
            else:
                values.append(10 * index)
        self._accept(chunk, start, values)
        chunk.done = upto
        if upto == chunk.count:
            self._end(chunk)

    def _accept(self, chunk: Chunk, start: int, values: list[int]) -> None:
        if values:
            self.stream.accept(chunk.first + start, values)

    def _lose_for(self, chunk: Chunk, culprit: int) -> None:
        """The worker died while it ran one item: that is tried again alone, the others go back."""
        self.stream.again(chunk, chunk.done, culprit, alone=False)
        self.stream.again(chunk, culprit + 1, chunk.count, alone=False)
        self.stream.retry(chunk, culprit)
        self._end(chunk)

    def _end(self, chunk: Chunk) -> None:
        self.under_way.remove(chunk)
        self.stream.finished(chunk)


def _consume(stream: Stream, workers: _Workers) -> Iterator[Any]:
    while True:
        block = stream.take()
        if block is not None:
            yield from block
        elif stream.over:
            return
        else:
            workers.turn()


@dear(2)
@given(st.data(), st.integers(0, 30), st.integers(0, 4), st.booleans(), st.frozensets(st.integers(0, 30), max_size=4))
def test_every_item_has_one_outcome_whatever_becomes_of_its_chunks(
    data: st.DataObject,
    count: int,
    kind: int,
    ordered: bool,  # noqa: FBT001
    failing: frozenset[int],
) -> None:
    """In its place, or as they come."""
    source, length = _sources(count)[kind]
    stream = _stream(source, length, ordered=ordered, on_error="return")
    workers = _Workers(stream, data.draw, failing)
    results = list(_consume(stream, workers))
    found = [result.index if isinstance(result, Failure) else result // 10 for result in results]
    assert (found if ordered else sorted(found)) == list(range(count))
    assert {result.index for result in results if isinstance(result, Failure)} == {at for at in failing if at < count}
    assert sorted(workers.outcomes) == list(range(count))
    assert stream.outstanding == 0


@dear(2)
@given(st.data(), st.integers(1, 30), st.integers(0, 4), st.frozensets(st.integers(0, 29), min_size=1, max_size=4))
def test_the_first_failure_ends_the_call_after_all_before_it(
    data: st.DataObject, count: int, kind: int, failing: frozenset[int]
) -> None:
    """Whichever failure was heard of first."""
    source, length = _sources(count)[kind]
    stream = _stream(source, length)
    workers = _Workers(stream, data.draw, failing)
    got: list[int] = []
    first = min(failing)
    if first >= count:
        got.extend(_consume(stream, workers))
        assert got == [10 * at for at in range(count)]
        return
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its argument is looked at below
        got.extend(_consume(stream, workers))
    assert raised.value.args == (first,)
    assert got == [10 * at for at in range(first)]


@given(st.data(), st.integers(0, 20))
def test_what_the_input_raises_comes_after_all_it_gave(data: st.DataObject, count: int) -> None:
    """Though it was pulled long before."""

    def broken() -> Iterator[int]:
        yield from range(count)
        raise KeyError("the input")

    stream = _stream(broken(), None)
    got: list[int] = []
    with pytest.raises(KeyError, match="the input"):
        got.extend(_consume(stream, _Workers(stream, data.draw, frozenset())))
    assert got == [10 * at for at in range(count)]


def test_a_result_that_is_missing_is_not_passed_over_in_silence() -> None:
    """Better an error than too few results."""
    stream = _stream([1, 2], 2)
    chunk = stream.cut(2)
    assert chunk is not None
    stream.finished(chunk)
    with pytest.raises(AssertionError, match="2 items"):
        _ = stream.over


def test_the_input_is_read_only_as_it_is_cut() -> None:
    """An endless one can be a stream."""
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for at in itertools.count():
            taken.append(at)
            yield at

    stream = _stream(endless(), None)
    for _ in range(5):
        stream.cut(3)
    assert len(taken) == 15
    assert stream.remaining is None


def test_what_cannot_be_cut_without_being_read_is_read() -> None:
    """A subclass may have its own idea of iteration."""

    class Doubling(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[int]:
            return (2 * item for item in super().__iter__())

    assert sliceable([1]) and sliceable((1,)) and sliceable(range(3))  # noqa: PT018
    assert not sliceable(Doubling([1])) and not sliceable({1: 2}) and not sliceable("text")  # noqa: PT018
    chunk = _stream(Doubling([1, 2]), 2).cut(5)
    assert chunk is not None
    assert chunk.items == [2, 4]


# --- sizes ---

SECONDS = st.floats(1e-9, 1e3)


@given(st.none() | SECONDS, st.integers(1, LARGEST), st.none() | st.integers(0, 10**9), st.integers(1, 512))
def test_a_chunk_is_never_empty_never_a_giant_and_never_holds_the_finish(
    seconds: float | None, previous: int, remaining: int | None, workers: int
) -> None:
    """It aims at its target time, grows step by step, and leaves others their share."""
    size = chunk_size(seconds, previous, remaining, workers)
    assert 1 <= size <= max(previous * GROWTH, 1)
    assert size <= LARGEST
    if seconds is not None:
        assert size == 1 or size * seconds <= TARGET_SECONDS * 1.000001
    if remaining is not None:
        little = seconds is not None and size * seconds <= LEAST_SECONDS * 1.000001
        assert size == 1 or little or (size - 1) * 2 * workers < remaining


@given(SECONDS, st.integers(1, 10**6), st.integers(1, 64))
def test_chunks_of_a_known_number_of_items_shrink_towards_the_end(seconds: float, count: int, workers: int) -> None:
    """The last takes no longer than a moment or one item, so nobody waits long for it; and there are not too many."""
    sizes: list[int] = []
    left = count
    while left and len(sizes) < 5000:
        size = min(chunk_size(seconds, sizes[-1] if sizes else 1, left, workers), left)
        sizes.append(size)
        left -= size
    if not left:
        assert sum(sizes) == count
        assert sizes[-1] == 1 or sizes[-1] * seconds <= LEAST_SECONDS * 1.000001
        peak = sizes.index(max(sizes))
        assert all(later <= earlier for earlier, later in itertools.pairwise(sizes[peak:]))


@given(st.none() | SECONDS)
def test_something_always_may_be_at_a_worker(seconds: float | None) -> None:
    """And the longer chunks take, the fewer wait."""
    assert depth(seconds) >= 1
    if seconds is not None:
        assert depth(seconds) >= depth(2 * seconds)
