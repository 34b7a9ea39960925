"""What becomes of items that fail: which error is raised and when, what stands in their place, what is tried again.

Lives here: failures that any backend can have. Never here: the death of a worker, which is a matter of processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

import breakeven as be
from breakeven.testing import tasks
from breakeven.testing.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNKSIZES = [1, 7, "auto"]

ODD = [
    "constructor of other arguments",
    "unpicklable attribute",
    "text that raises",
    "refuses pickling",
    "raises on unpickling",
    "leaves on unpickling",
    "local class",
    "SystemExit",
    "StopIteration",
    "StopAsyncIteration",
    "GeneratorExit",
    "BaseException subclass",
    "group",
    "OSError",
    "UnicodeDecodeError",
    "no arguments",
]
UNABLE_TO_TRAVEL = ("refuses pickling", "raises on unpickling", "leaves on unpickling")


class Failing(Suite):
    """Tests of calls in which something goes wrong."""

    # --- on_error="raise" ---

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_an_exception_of_a_task_is_raised_as_itself(self, chunksize: int | str) -> None:
        """Its kind and text are the task's, and a note names the item."""
        with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
            self.map(tasks.divide, [4, 3, 0, 1], chunksize=chunksize)
        assert any("item 2" in note for note in raised.value.__notes__)

    def test_the_first_failure_by_input_order_is_raised(self, tmp_path: Path) -> None:
        """Though another item failed before it."""
        gate = str(tmp_path / "gate")
        os.mkfifo(gate)
        reader = -1
        if not self.concurrent:  # item 2 cannot wait for item 5: let it find the gate open
            reader = os.open(gate, os.O_RDWR | os.O_NONBLOCK)
            os.write(reader, b".")
        with pytest.raises(ArithmeticError):
            self.map(tasks.fail_in_turn, range(8), [gate] * 8, chunksize=1, max_workers=4)
        if not self.concurrent:
            os.close(reader)

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_a_stream_delivers_all_results_before_the_failure(self, chunksize: int | str) -> None:
        """And then raises, and then is over."""
        stream = self.imap(tasks.divide, [1, 2, 3, 4, 6, 0, 12], chunksize=chunksize)
        assert [next(stream) for _ in range(5)] == [12, 6, 4, 3, 2]
        with pytest.raises(ZeroDivisionError):
            next(stream)
        assert next(stream, "over") == "over"

    def test_after_a_failure_the_backend_goes_on(self) -> None:
        """The next call is none the worse for it."""
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                self.map(tasks.divide, [0] * 20)
            assert self.map(tasks.divide, [1, 2]) == [12, 6]

    # --- on_error="return" ---

    @pytest.mark.parametrize("chunksize", [*CHUNKSIZES, 1000])
    def test_a_failure_stands_in_its_items_place(self, chunksize: int | str) -> None:
        """And every other item is finished."""
        results = self.map(tasks.divide, [1, 0, 3, 0, 6], on_error="return", chunksize=chunksize)
        assert [results[at] for at in (0, 2, 4)] == [12, 4, 2]
        for at in (1, 3):
            failure = results[at]
            assert isinstance(failure, be.Failure)
            assert (failure.index, failure.cause, failure.attempts) == (at, "exception", 1)
            assert isinstance(failure.exception, ZeroDivisionError)
            assert "divide" in failure.traceback_text
            assert "ZeroDivisionError" in failure.traceback_text

    def test_failures_come_through_streams_too(self) -> None:
        """In order, or as they come."""
        for ordered in (True, False):
            results = list(self.imap(tasks.divide, [1, 0, 3], on_error="return", ordered=ordered))
            failures = [result for result in results if isinstance(result, be.Failure)]
            assert [failure.index for failure in failures] == [1]
            assert sorted(result for result in results if not isinstance(result, be.Failure)) == [4, 12]

    def test_every_item_may_fail(self) -> None:
        """There is a failure for each, in order."""
        results = self.map(tasks.divide, [0] * 30, on_error="return")
        assert [failure.index for failure in results] == list(range(30))

    def test_the_report_counts_the_failures(self) -> None:
        """And names each by its place."""
        report = self.map(tasks.divide, [1, 0, 3, 0], on_error="return").report
        assert report.ledger.items == 4
        assert sorted(failure.index for failure in report.failures) == [1, 3]
        assert all("ZeroDivisionError" in failure.exception for failure in report.failures)

    # --- exceptions of odd kinds ---

    @pytest.mark.parametrize("kind", ODD)
    def test_exceptions_of_odd_kinds_arrive(self, kind: str) -> None:
        """As themselves where they can travel, else as a stand-in that names them; the other items are not touched."""
        expected = tasks.odd_exception(kind)
        results = self.map(tasks.raise_odd, range(5), [kind] * 5, on_error="return", chunksize=5)
        assert [results[at] for at in (0, 1, 3, 4)] == [0, 1, 3, 4]
        failure = results[2]
        assert isinstance(failure, be.Failure)
        assert (failure.index, failure.cause) == (2, "exception")
        arrived = failure.exception
        if type(arrived) is be.RemoteError:
            assert self.by_value
            assert kind in UNABLE_TO_TRAVEL
            assert type(expected).__qualname__ in arrived.type_name
            assert arrived.message == str(expected)
        else:
            assert type(arrived).__name__ == type(expected).__name__
            assert repr(arrived.args) == repr(expected.args)

    @pytest.mark.parametrize("kind", ODD)
    def test_exceptions_of_odd_kinds_are_raised(self, kind: str) -> None:
        """After the results before them; a `StopIteration` is never taken for the end of the input, and says so."""
        expected: tuple[type[BaseException], ...] = (type(tasks.odd_exception(kind)), be.RemoteError)
        if kind == "StopIteration":
            expected = (RuntimeError,)
        if kind == "local class":
            expected = (Exception,)
        with pytest.raises(expected) as raised:
            self.map(tasks.raise_odd, range(5), [kind] * 5)
        if kind == "StopIteration":
            assert "StopIteration" in str(raised.value)
            assert "item 2" in str(getattr(raised.value, "__notes__", ()))
        if kind in {"GeneratorExit", "SystemExit", "StopIteration"}:
            return  # what they mean to the generator behind a stream, and to the one who reads it, is Python's to say
        got: list[Any] = []
        with pytest.raises(expected):
            got.extend(self.imap(tasks.raise_odd, range(5), [kind] * 5, chunksize=5))
        assert got == [0, 1]

    def test_facts_of_an_exception_arrive_with_it(self) -> None:
        """But for those that cannot travel."""
        kinds = ["unpicklable attribute", "constructor of other arguments"]
        holding, picky = (failure.exception for failure in self.map(tasks.raise_odd, [2, 2], kinds, on_error="return"))
        assert (holding.figure, str(holding)) == (7, "held")
        assert (picky.code, picky.reason, str(picky)) == (3, "odd", "code 3")

    # --- trying again ---

    def test_retries_are_for_exceptions_that_retry_on_names(self, tmp_path: Path) -> None:
        """The item is tried until it succeeds."""
        path = str(tmp_path / "tries")
        results = self.map(tasks.fail_at_first, [path], [2], retries=3, retry_on=tasks.Busy)
        assert results == [3]
        assert tasks.count(path) == 3
        assert results.report.ledger.retries == 2

    def test_attempts_are_counted(self, tmp_path: Path) -> None:
        """A failure says how often the item was tried."""
        path = str(tmp_path / "tries")
        items = [(path, 100), *((str(tmp_path / f"good {number}"), 0) for number in range(9))]
        results = self.starmap(tasks.fail_at_first, items, retries=2, retry_on=(tasks.Busy,), on_error="return")
        assert isinstance(results[0], be.Failure)
        assert results[0].attempts == 3
        assert results[1:] == [1] * 9
        assert tasks.count(path) == 3

    def test_other_exceptions_are_not_tried_again(self, tmp_path: Path) -> None:
        """Neither without `retry_on`, nor of a kind that it does not name."""
        kinds: tuple[dict[str, Any], ...] = ({}, {"retry_on": ValueError}, {"retry_on": (OSError, KeyError)})
        for number, asked in enumerate(kinds):
            path = str(tmp_path / f"tries {number}")
            with pytest.raises(tasks.Busy):
                self.map(tasks.fail_at_first, [path], [100], retries=3, **asked)
            assert tasks.count(path) == 1

    def test_an_item_that_was_tried_again_keeps_its_place(self, tmp_path: Path) -> None:
        """In the results, and for its random numbers."""
        paths = [str(tmp_path / f"tries {number}") for number in range(20)]
        failures = [number % 3 for number in range(20)]
        results = self.map(tasks.fail_at_first, paths, failures, retries=2, retry_on=tasks.Busy)
        assert results == [1 + number for number in failures]

    # --- time limits ---

    def test_an_item_past_its_time_limit_fails_alone(self) -> None:
        """The others have their results."""
        results = self.map(tasks.linger, [0.0, 0.5, 0.0, 0.0], timeout=0.1, on_error="return")
        failure = results[1]
        assert isinstance(failure, be.Failure)
        assert (failure.index, failure.cause) == (1, "timeout")
        assert isinstance(failure.exception, be.TaskTimeout)
        assert (results[0], results[2], results[3]) == (0.0, 0.0, 0.0)

    def test_a_time_limit_is_raised_as_a_timeout_error(self) -> None:
        """So callers catch it as they would any other."""
        with pytest.raises(TimeoutError, match="item 0"):
            self.map(tasks.linger, [0.5], timeout=0.1)

    def test_the_time_limit_is_one_items_and_not_the_calls(self) -> None:
        """Many short items may take longer together."""
        assert self.map(tasks.linger, [0.02] * 12, timeout=0.2, max_workers=1, chunksize=12) == [0.02] * 12

    # --- input and workers ---

    @pytest.mark.parametrize("chunksize", CHUNKSIZES)
    def test_an_input_that_raises_midway_is_raised_after_what_came_before(self, chunksize: int | str) -> None:
        """All items before the fault have their results."""
        got: list[Any] = []
        with pytest.raises(KeyError, match="the input"):
            got.extend(self.imap(tasks.double, _broken_after(10), chunksize=chunksize))
        assert got == [2 * number for number in range(10)]
        with pytest.raises(KeyError, match="the input"):
            self.map(tasks.double, _broken_after(10), chunksize=chunksize, on_error="return")

    def test_an_input_that_raises_at_once_is_raised(self) -> None:
        """Before any result."""
        with pytest.raises(KeyError, match="the input"):
            self.map(tasks.double, _broken_after(0))
        assert self.map(tasks.double, range(3)) == [0, 2, 4]

    def test_an_initializer_that_raises_fails_the_call(self) -> None:
        """With its own exception as the cause; no task is run."""
        with pytest.raises(be.InitializerFailed) as raised:
            self.map(tasks.double, range(3), initializer=tasks.refuse, on_error="return")
        assert isinstance(raised.value.__cause__, tasks.Busy)
        assert self.map(tasks.double, range(3)) == [0, 2, 4]

    @pytest.mark.parametrize(
        "asked",
        [
            {"chunksize": 0},
            {"chunksize": "many"},
            {"timeout": 0},
            {"retries": -1},
            {"max_workers": 0},
            {"on_error": "ignore"},
            {"seed": -1},
            {"max_tasks_per_worker": 0},
            {"start_method": "beam"},
            {"chunk_size": 4},
        ],
        ids=str,
    )
    def test_an_option_that_cannot_be_meant_is_refused_before_anything_runs(
        self, asked: dict[str, Any], tmp_path: Path
    ) -> None:
        """The error names it."""
        path = str(tmp_path / "calls")
        with pytest.raises(be.UsageError, match=next(iter(asked))):
            be.map(tasks.tally, [path], **(self.options(max_workers=2) | asked))
        assert tasks.count(path) == 0

    def test_what_cannot_be_called_or_iterated_over_is_refused(self) -> None:
        """With an error that says which."""
        with pytest.raises(TypeError, match="cannot be called"):
            self.map(3, [1])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="cannot be iterated over"):
            self.map(tasks.double, 3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="differ in length"):
            self.map(tasks.add, [1, 2, 3], [1, 2])


def _broken_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise KeyError("the input")
