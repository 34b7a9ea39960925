"""Plain objects on their way to a task and back: large ones, deep ones, ones that do not travel.

Lives here: what no numpy is needed for. Never here: arrays (`numerics`).
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

import breakeven as be
from breakeven.probes.capacity import available_memory_bytes
from breakeven.testing import tasks
from breakeven.testing.suite import Suite

HUGE_BYTES = 300_000_000
ENOUGH_MEMORY_BYTES = 12 * HUGE_BYTES


class Exchange(Suite):
    """Tests of objects that are no arrays."""

    @pytest.mark.parametrize("length", [0, 1, 65_536, 98_303, 98_304, 1_000_000, 10_000_001])
    def test_bytes_of_any_length_arrive_whole(self, length: int) -> None:
        """Also around the sizes at which they take another way."""
        payload = bytes(range(256)) * (length // 256) + bytes(length % 256)
        assert self.map(tasks.same, [payload, payload, bytearray(payload)]) == [payload] * 3

    def test_texts_of_any_alphabet_arrive_whole(self) -> None:
        """Long ones, too, and what only half encodes."""
        texts = ["", "ascii", "Grüße aus Köln " * 100_000, "数値 " * 100_000, "🐍" * 50_000, "\udc80 lone"]
        assert self.map(tasks.same, texts) == texts

    def test_hundreds_of_megabytes_arrive_whole(self) -> None:
        """One item may be larger than any buffer."""
        if (available_memory_bytes() or 0) < ENOUGH_MEMORY_BYTES:
            pytest.skip("needs 3.6 GB of free memory")
        payload = b"<" + bytes(HUGE_BYTES - 2) + b">"
        (facts,) = self.map(tasks.length_and_ends, [payload])
        assert facts == (HUGE_BYTES, b"<\0\0", b"\0\0>")

    @pytest.mark.parametrize("depth", [1, 100, 300])
    def test_deep_objects_arrive_whole(self, depth: int) -> None:
        """A list in a list in a list, both ways."""
        assert self.map(tasks.depth_of, [tasks.nest(depth)] * 3) == [depth] * 3
        assert [tasks.depth_of(whole) for whole in self.map(tasks.nest, [depth] * 3)] == [depth] * 3

    def test_an_object_too_deep_to_travel_is_refused_or_arrives(self) -> None:
        """Where it cannot travel, the error says so, and the other items are done."""
        deep: list[Any] = tasks.nest(100_000)
        results = self.map(tasks.depth_of, [[], deep, []], on_error="return")
        assert (results[0], results[2]) == (0, 0)
        if isinstance(results[1], be.Failure):
            assert self.by_value
            assert isinstance(results[1].exception, be.Unpicklable)
        else:
            assert results[1] == 100_000
        while deep:  # taken apart by hand: the interpreter would have to go as deep
            deep = deep[0]

    def test_one_object_in_several_places_arrives_as_one(self) -> None:
        """Within an item; and what refers to itself still does."""
        part = [1, 2]
        ring: list[Any] = [3]
        ring.append(ring)
        pair, arrived = self.map(tasks.same, [[part, part], ring])
        assert pair[0] is pair[1]
        assert arrived[1] is arrived

    @pytest.mark.parametrize("chunksize", [1, 7, 100, "auto"])
    def test_an_object_that_comes_again_is_each_tasks_own(self, chunksize: int | str) -> None:
        """What a task writes into it is seen by no other, whatever travels together."""
        if not self.by_value:
            pytest.skip("tasks work on the caller's objects here")
        again: list[int] = [0]
        assert self.map(tasks.push, [again] * 100, chunksize=chunksize) == [2] * 100
        assert self.map(tasks.push, [again] * 100, range(100), chunksize=chunksize) == [2] * 100
        assert self.starmap(tasks.push, [(again, again) for _ in range(100)], chunksize=chunksize) == [2] * 100
        assert self.map(tasks.push, (one for one in [0, again] * 50), chunksize=chunksize) == [1, 2] * 50
        assert again == [0]

    def test_an_argument_that_cannot_travel_fails_alone(self) -> None:
        """The error names the way to the part that cannot; where nothing travels, nothing fails."""
        items = [1, {"deep": [threading.Lock()]}, 3]
        results = self.map(tasks.same, items, on_error="return")
        assert (results[0], results[2]) == (1, 3)
        if self.by_value:
            error = results[1].exception
            assert isinstance(error, be.Unpicklable)
            assert error.path == "argument['deep'][0]"
            assert "lock" in str(error)
        else:
            assert results[1] is items[1]

    def test_a_result_that_cannot_travel_fails_alone(self) -> None:
        """And no other result goes down with it."""
        results = self.map(_lock_for_two, range(5), on_error="return")
        assert [results[at] for at in (0, 1, 3, 4)] == [0, 1, 3, 4]
        if self.by_value:
            error = results[2].exception
            assert isinstance(error, be.Unpicklable)
            assert (results[2].index, error.what) == (2, "result")
            assert error.path == "result['lock']"
        else:
            assert "lock" in results[2]

    def test_a_function_that_cannot_travel_is_refused(self) -> None:
        """Before any item is sent."""
        lock = threading.Lock()

        def guarded(number: int) -> int:
            with lock:
                return number

        if self.by_value:
            with pytest.raises(be.Unpicklable, match="'lock'"):
                self.map(guarded, range(3))
            assert self.map(tasks.double, range(3)) == [0, 2, 4]
        else:
            assert self.map(guarded, range(3)) == [0, 1, 2]


def _lock_for_two(number: int) -> Any:
    return {"lock": threading.Lock()} if number == 2 else number
