"""What a call does with its items: order, laziness, chunks, functions, workers, and the report of it.

Lives here: tests in which nothing goes wrong. Never here: failures (`failing`), objects on their way (`exchange`).
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import breakeven as be
from breakeven.testing import tasks
from breakeven.testing.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNKSIZES = [1, 7, "auto", 1000]
AHEAD = 64  # items a worker that may be read ahead of the consumer when each travels alone


class Calls(Suite):
    """Tests of calls that succeed."""

    # --- order and number ---

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_results_stand_in_the_order_of_the_items(self, chunksize: int | str) -> None:
        """Whatever travels together, and when it comes back."""
        assert self.map(tasks.double, range(100), chunksize=chunksize) == [2 * number for number in range(100)]

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_a_stream_keeps_the_order_too(self, chunksize: int | str) -> None:
        """`imap` yields in input order unless told otherwise."""
        assert list(self.imap(tasks.double, range(100), chunksize=chunksize)) == [2 * number for number in range(100)]

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_an_unordered_stream_yields_each_result_once(self, chunksize: int | str) -> None:
        """Nothing is lost and nothing comes twice, in whatever order."""
        results = list(self.imap(tasks.double, range(100), ordered=False, chunksize=chunksize))
        assert sorted(results) == [2 * number for number in range(100)]

    @pytest.mark.parametrize("items", [[], (), range(0), iter([])], ids=["list", "tuple", "range", "iterator"])
    def test_no_items_give_no_results(self, items: Any) -> None:
        """An empty input is no error."""
        assert self.map(tasks.double, items) == []

    def test_no_items_give_an_empty_stream(self) -> None:
        """An empty input ends a stream at once."""
        assert list(self.imap(tasks.double, [])) == []

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_one_item_gives_one_result(self, chunksize: int | str) -> None:
        """Though there is nothing to spread."""
        assert self.map(tasks.double, [21], chunksize=chunksize) == [42]

    @pytest.mark.parametrize("workers", [1, 2, 3])
    def test_the_number_of_workers_changes_no_result(self, workers: int) -> None:
        """One worker, as many as items, or fewer."""
        assert self.map(tasks.double, range(3), max_workers=workers) == [0, 2, 4]

    def test_every_item_is_called_exactly_once(self, tmp_path: Path) -> None:
        """Nobody computes twice what has a result."""
        path = str(tmp_path / "calls")
        self.map(tasks.tally, [path] * 50)
        assert tasks.count(path) == 50

    def test_a_hundred_thousand_items_travel_in_one_chunk(self) -> None:
        """A chunk may be as large as the input."""
        numbers = list(range(100_000))
        assert self.map(tasks.double, numbers, chunksize=100_000) == [2 * number for number in numbers]

    # --- kinds of input ---

    def test_several_iterables_are_taken_side_by_side(self) -> None:
        """As `builtins.map` takes them."""
        assert self.map(tasks.add, range(5), [10, 20, 30, 40, 50]) == [10, 21, 32, 43, 54]

    def test_the_shortest_iterable_ends_the_call(self) -> None:
        """An endless one beside it is read no further."""
        assert self.map(tasks.add, itertools.count(), iter([1, 1, 1])) == [1, 2, 3]

    def test_starmap_spreads_each_item_over_the_arguments(self) -> None:
        """One item, several arguments."""
        assert self.starmap(tasks.add, [(1, 2), (3, 4), [5, 6]]) == [3, 7, 11]

    def test_items_may_come_from_a_generator(self) -> None:
        """Its length is not known beforehand."""
        assert self.map(tasks.double, (number for number in range(50))) == [2 * number for number in range(50)]

    def test_none_and_other_false_items_are_items_like_any(self) -> None:
        """Nothing is taken for the end of the input."""
        items: list[Any] = [None, 0, "", False, [], float("inf")]
        assert self.map(tasks.same, items) == items

    def test_a_dictionary_gives_its_keys_and_a_text_its_letters(self) -> None:
        """Whatever can be iterated over is an input."""
        assert self.map(tasks.same, {"one": 1, "two": 2}) == ["one", "two"]
        assert self.map(tasks.double, "ab") == ["aa", "bb"]

    # --- laziness ---

    def test_an_endless_input_can_be_streamed(self) -> None:
        """Results come while the input goes on for ever."""
        stream = self.imap(tasks.double, itertools.count())
        assert list(itertools.islice(stream, 500)) == [2 * number for number in range(500)]
        stream.close()  # type: ignore[attr-defined]

    def test_a_stream_reads_no_further_ahead_than_a_window(self) -> None:
        """However long the consumer takes."""
        taken: list[int] = []
        stream = self.imap(tasks.double, _watched(itertools.count(), taken), chunksize=1)
        assert next(stream) == 0
        assert len(taken) <= AHEAD * self.workers
        for _ in range(100):
            next(stream)
        assert len(taken) <= 101 + AHEAD * self.workers
        stream.close()  # type: ignore[attr-defined]

    def test_a_closed_stream_reads_no_more(self) -> None:
        """What is under way is stopped, and the input is let go."""
        taken: list[int] = []
        stream = self.imap(tasks.double, _watched(itertools.count(), taken))
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        length = len(taken)
        assert next(stream, "over") == "over"
        assert len(taken) == length

    def test_a_stream_that_is_dropped_leaves_the_backend_usable(self) -> None:
        """Nobody has to read to the end."""
        stream = self.imap(tasks.double, itertools.count())
        next(stream)
        del stream
        assert self.map(tasks.double, range(10)) == [2 * number for number in range(10)]

    # --- functions ---

    def test_a_lambda_and_a_closure_can_be_called(self) -> None:
        """They have no name that another process could import."""
        step = 3
        assert self.map(lambda number: number + 1, range(5)) == [1, 2, 3, 4, 5]
        assert self.map(lambda number: number + step, range(5)) == [3, 4, 5, 6, 7]

    def test_what_is_bound_to_a_closure_is_as_it_is_at_the_call(self) -> None:
        """The same code with another value bound is another function."""
        for step in range(4):
            assert self.map(lambda number, step=step: number + step, range(3)) == [step, step + 1, step + 2]
            assert self.map(_adder(step), range(3)) == [step, step + 1, step + 2]

    def test_partial_objects_and_methods_can_be_called(self) -> None:
        """Bound, class, static, and an object that is called itself."""
        counter = tasks.Counter(5)
        assert self.map(functools.partial(tasks.add, 100), range(3)) == [100, 101, 102]
        assert self.map(functools.partial(pow, exp=2), range(4)) == [0, 1, 4, 9]
        assert self.map(counter.advance, range(3)) == [5, 6, 7]
        assert self.map(tasks.Counter.make, range(3)) == [tasks.Counter(step) for step in range(3)]
        assert self.map(tasks.Counter.negate, range(3)) == [0, -1, -2]
        assert self.map(counter, range(3)) == [0, 5, 10]

    def test_an_object_that_changed_is_called_as_it_is_now(self) -> None:
        """Its state is that of the call, not of an earlier one."""
        counter = tasks.Counter(1)
        assert self.map(counter.advance, [0]) == [1]
        counter.step = 2
        assert self.map(counter.advance, [0]) == [2]

    def test_builtins_and_classes_can_be_called(self) -> None:
        """Whatever can be called can be mapped."""
        assert self.map(abs, [-1, 2, -3]) == [1, 2, 3]
        assert self.map(int, ["1", "22"]) == [1, 22]
        assert self.map(str.upper, ["a", "b"]) == ["A", "B"]
        assert self.map(operator.itemgetter(1), ["ab", "cd"]) == ["b", "d"]

    def test_functions_of_the_main_program_can_be_called(self) -> None:
        """A worker's `__main__` is another module, so they travel by value, and what they use with them."""
        import __main__

        program = (
            "BASE = 100\ndef helper(number):\n    return number + BASE\ndef task(number):\n    return helper(number)\n"
        )
        before = set(vars(__main__))
        try:
            exec(compile(program, "main program", "exec"), vars(__main__))  # noqa: S102 - our own text, three lines above
            assert self.map(vars(__main__)["task"], range(3)) == [100, 101, 102]
        finally:
            for name in set(vars(__main__)) - before:
                delattr(__main__, name)

    def test_a_map_inside_a_task_runs_serially_in_its_place(self) -> None:
        """Its caller has the processors already."""
        for backend, workers, here, doubled in self.map(tasks.nested, [1, 2, 3]):
            assert (backend, workers, here) == ("serial", 1, True)
            assert doubled == list(range(0, 2 * len(doubled), 2))

    # --- workers ---

    def test_the_initializer_runs_before_the_tasks_of_a_worker(self, tmp_path: Path) -> None:
        """Once a worker at most, and no task sees a worker without it."""
        path = str(tmp_path / "initialized")
        results = self.map(tasks.recall, range(20), initializer=tasks.prepare, initargs=(path, "value"), chunksize=1)
        assert results == [(number, ["value"]) for number in range(20)]
        assert 1 <= tasks.count(path) <= self.workers
        tasks.prepared.clear()

    def test_a_worker_is_replaced_after_its_number_of_tasks(self) -> None:
        """No process runs more than `max_tasks_per_worker`."""
        pids = self.map(tasks.pid, range(10), max_tasks_per_worker=3)
        assert len(pids) == 10
        if self.replaces_workers:
            assert max(Counter(pids).values()) <= 3
            assert os.getpid() not in pids

    def test_calls_may_follow_one_another(self) -> None:
        """With other functions, options and inputs, on whatever workers are left."""
        for number in range(10):
            assert self.map(tasks.double, range(number), chunksize=1 + number) == [2 * one for one in range(number)]

    def test_a_call_may_be_made_while_a_stream_is_open(self) -> None:
        """Neither gets what is the other's."""
        stream = self.imap(tasks.double, range(200), chunksize=1)
        assert next(stream) == 0
        assert self.map(tasks.add, range(5), range(5)) == [0, 2, 4, 6, 8]
        assert list(stream) == [2 * number for number in range(1, 200)]

    # --- reduce ---

    def test_reduce_gives_the_same_bits_whatever_the_workers_and_chunks(self) -> None:
        """The tree's shape depends on the number of items alone, so rounding does too."""
        numbers = [math.sin(number) ** 2 * 10.0 ** (number % 30 - 15) for number in range(501)]
        expected = be.reduce(operator.add, numbers, map=math.sqrt, backend="serial").hex()
        for asked in ({}, {"max_workers": 1}, {"max_workers": 3, "chunksize": 1}, {"chunksize": 7}):
            assert self.reduce(operator.add, numbers, map=math.sqrt, **asked).hex() == expected

    def test_reduce_combines_neighbours_in_order(self) -> None:
        """The operation need not be commutative."""
        assert self.reduce(operator.add, "the order of things") == "the order of things"

    def test_reduce_of_one_item_is_that_item_and_of_none_an_error(self) -> None:
        """As `functools.reduce` has it."""
        assert self.reduce(operator.add, [7]) == 7
        with pytest.raises(TypeError, match="at least one"):
            self.reduce(operator.add, [])

    # --- random numbers and places ---

    def test_an_item_knows_its_place_in_the_input(self) -> None:
        """Whatever travels together."""
        for chunksize in CHUNKSIZES:
            assert self.map(tasks.index, "abcdefghijklmnopq", chunksize=chunksize) == list(range(17))

    # --- the report ---

    def test_the_report_counts_the_items(self) -> None:
        """Those of this call alone."""
        for number in (3, 20):
            report = self.map(tasks.double, range(number)).report
            assert report.ledger.items == number
            assert report.failures == ()

    def test_the_report_bears_the_name_of_the_call(self) -> None:
        """The function's own, or the one that was given."""
        assert self.map(tasks.double, [1]).report.ledger.name == "double"
        assert self.map(tasks.double, [1], name="doubling").report.ledger.name == "doubling"

    def test_the_report_accounts_for_the_time(self) -> None:
        """Its critical path sums to the wall clock, and it prints."""
        report = self.map(tasks.double, range(100)).report
        assert sum(report.critical_path.values()) == pytest.approx(report.seconds, abs=1e-6)
        assert report.table()


def _watched(numbers: Iterator[int], taken: list[int]) -> Iterator[int]:
    for number in numbers:
        taken.append(number)
        yield number


def _adder(step: int) -> Any:
    def add(number: int) -> int:
        return number + step

    return add
