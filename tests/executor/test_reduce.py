"""Reduction: items are what options count, and the pairs are the same wherever they are combined."""

from __future__ import annotations

import math
import operator
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

import breakeven as be
from breakeven.executor.tree import LEAF, Joined, Step, Tree, combine
from breakeven.testing.tasks import count, tally

BACKENDS = ["serial", "threads", "processes"]
VICTIM = 19


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return str(request.param)


def _shaped(left: str, right: str) -> str:
    return f"({left}{right})"


# --- the shape ---


def test_whole_leaves_are_combined_where_they_are_and_the_rest_later() -> None:
    """However the values are cut into parts, the same pairs are combined in the same order."""
    random_ = random.Random(3)  # noqa: S311 - where parts are cut, no secret
    for length in (1, 2, 7, 8, 9, 16, 63, 64, 65, 100):
        letters = [chr(97 + at % 26) for at in range(length)]
        leaves = [combine(_shaped, letters[at : at + LEAF]) for at in range(0, length, LEAF)]
        for _ in range(20):
            tree, at = Tree(_shaped), 0
            while at < length:
                part = letters[at : at + random_.randint(1, 30)]
                if random_.random() < 0.7:
                    Step(_shaped, None).fold(at, part)
                tree.extend(part)
                at += len(part)
                assert len(tree) == at
            assert tree.value() == combine(_shaped, leaves)


def test_a_part_keeps_its_length_when_leaves_are_joined() -> None:
    """So every item still has its place."""
    values: list[Any] = list("abcdefghijklmnopqrst")
    Step(_shaped, None).fold(5, values)
    joined = [Joined] * (LEAF - 1)
    assert values == [*"abc", combine(_shaped, "defghijk"), *joined, combine(_shaped, "lmnopqrs"), *joined, "t"]
    assert len(values) == 20


@pytest.mark.parametrize("chunksize", [1, 5, 8, 64, "auto"])
def test_the_result_has_the_same_bits_everywhere(backend: str, chunksize: int | str) -> None:
    """Whatever travels together."""
    numbers = [math.sin(number) ** 2 * 10.0 ** (number % 30 - 15) for number in range(1003)]
    leaves = [combine(operator.add, [math.sqrt(x) for x in numbers[at : at + 8]]) for at in range(0, 1003, 8)]
    found = be.reduce(operator.add, numbers, map=math.sqrt, backend=backend, max_workers=2, chunksize=chunksize)
    assert found.hex() == combine(operator.add, leaves).hex()


def test_workers_combine_what_they_have(tmp_path: Path) -> None:
    """Only what lies across the border of two parts is left to the caller."""
    path = str(tmp_path / "here")
    found = be.reduce(_Adder(path), range(800), backend="processes", max_workers=2, chunksize=80)
    assert found == sum(range(800))
    assert count(path) < 200  # of 799


# --- what options count ---


def test_the_item_that_fails_is_named_by_its_own_index(backend: str) -> None:
    """Not by that of some group it travelled in."""
    with pytest.raises(ZeroDivisionError) as raised:
        be.reduce(operator.add, [1] * VICTIM + [0] + [1] * 20, map=_invert, backend=backend, max_workers=2)
    assert any(f"item {VICTIM}" in note for note in raised.value.__notes__)


def test_the_item_that_kills_its_worker_is_named_by_its_own_index() -> None:
    """And in the executor's report, too."""
    with be.Executor(2, backend="processes") as executor:
        with pytest.raises(be.WorkerDied) as raised:
            executor.reduce(operator.add, range(40), map=_die_at_the_victim, chunksize=8)
        assert raised.value.index == VICTIM
        assert executor.report.failures[0].index == VICTIM


def test_time_is_limited_for_each_item(backend: str) -> None:
    """Ten times as long for a leaf is no reason to end it; an item that hangs is."""
    limits = {"backend": backend, "max_workers": 2, "timeout": 0.3}
    assert be.reduce(operator.add, [0.06] * 16, map=_wait, chunksize=8, **limits) == 16
    with pytest.raises(be.TaskTimeout) as raised:
        be.reduce(operator.add, [0.0] * VICTIM + [0.6] + [0.0] * 20, map=_wait, **limits)
    assert raised.value.index == VICTIM


def test_an_item_alone_is_tried_again(backend: str, tmp_path: Path) -> None:
    """Its neighbours are not called a second time."""
    path = str(tmp_path / "calls")
    found = be.reduce(
        operator.add,
        range(40),
        map=_FailsOnce(path),
        backend=backend,
        max_workers=2,
        retries=1,
        retry_on=LookupError,
        chunksize=8,
    )
    assert found == sum(range(40))
    assert count(path) == 41


def test_each_item_draws_random_numbers_of_its_own(backend: str) -> None:
    """The same as in `map`; and none is drawn while values are combined, which belongs to no item."""
    drawn = be.map(_draw, range(30), seed=4, backend="serial")
    found = be.reduce(operator.add, range(30), map=_draw_as_list, seed=4, backend=backend, max_workers=2, chunksize=10)
    assert found == drawn
    with pytest.raises(RuntimeError, match="outside a task"):
        be.reduce(_draw_while_combining, range(30), seed=4, backend=backend, max_workers=2, chunksize=10)


def test_what_the_operation_raises_arrives_as_itself(backend: str) -> None:
    """And the workers go on with the next call."""
    for _ in range(2):
        with pytest.raises(TypeError, match="unsupported operand"):
            be.reduce(operator.sub, ["a"] * 40, backend=backend, max_workers=2, chunksize=20)
        assert be.reduce(operator.add, range(40), backend=backend, max_workers=2) == 780


def test_failures_cannot_be_returned_in_place_of_items(backend: str) -> None:
    """There is one value, and no place in it: refused before anything is called."""
    with pytest.raises(be.UsageError, match="on_error"):
        be.reduce(operator.add, iter([]), backend=backend, on_error="return")
    with be.Executor(2, backend=backend, on_error="return") as executor, pytest.raises(be.UsageError, match="reduce"):
        executor.reduce(operator.add, [1, 2])


# --- tasks ---


class _Adder:
    """Adds, and leaves a mark when it does so in this process."""

    def __init__(self, path: str) -> None:
        self.path, self.home = path, os.getpid()

    def __call__(self, left: int, right: int) -> int:
        if os.getpid() == self.home:
            tally(self.path)
        return left + right


class _FailsOnce:
    """Fails the first time it gets the victim; leaves a mark for each call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, number: int) -> int:
        tally(self.path)
        if number == VICTIM:
            tally(self.path + ".victim")
            if count(self.path + ".victim") == 1:
                raise LookupError(number)
        return number


def _invert(number: int) -> float:
    return 1 / number


def _die_at_the_victim(number: int) -> int:
    if number == VICTIM:
        os._exit(3)
    return number


def _wait(seconds: float) -> int:
    threading.Event().wait(seconds)
    return 1


def _draw(_: int) -> int:
    return int(be.rng().integers(1 << 40))


def _draw_as_list(number: int) -> list[int]:
    return [_draw(number)]


def _draw_while_combining(left: int, right: int) -> int:
    return left + right + _draw(0)
