"""Arrays by value, arrays by reference, and random numbers.

Lives here: what needs numpy. Never here: anything about speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import breakeven as be
from breakeven.testing import tasks
from breakeven.testing.suite import Suite

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 40_000  # float64s: 320 kB, enough to travel through shared memory where there is any
SMALL = 12


def _arrays(length: int) -> dict[str, Any]:
    ramp = np.arange(length, dtype=np.float64)
    square = ramp.reshape(4, -1)
    structured = np.zeros(length, dtype=[("place", "<i4"), ("value", ">f8"), ("name", "U3")])
    structured["place"], structured["value"], structured["name"] = np.arange(length), ramp / 3, "abc"
    return {
        "contiguous": ramp,
        "empty": np.empty((0, 3)),
        "zero-dimensional": np.array(3.5),
        "every other": ramp[::2],
        "backwards": ramp[::-1],
        "a column": square[:, 1],
        "Fortran order": np.asfortranarray(square),
        "transposed": square.T,
        "three axes": ramp.reshape(2, 2, -1).transpose(2, 0, 1),
        "broadcast": np.broadcast_to(ramp[:4], (length // 4, 4)),
        "big-endian": ramp.astype(">f8"),
        "of objects": np.array([{"a": 1}, None, "text", (1, 2)] * (length // 4), dtype=object),
        "structured": structured,
        "masked": np.ma.masked_greater(ramp, 5.0),
        "a matrix": np.matrix(square),
        "complex": ramp * 1j,
        "boolean": ramp > 3,
        "of texts": np.array(["one", "three", "five"] * (length // 3)),
        "of times": ramp.astype("datetime64[s]"),
        "read-only": _read_only(ramp),
    }


def _read_only(array: Any) -> Any:
    frozen = array.copy()
    frozen.flags.writeable = False
    return frozen


class Numerics(Suite):
    """Tests of arrays and random numbers."""

    # --- arrays of every kind ---

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    @pytest.mark.parametrize("length", [SMALL, LARGE], ids=["small", "large"])
    def test_arrays_of_every_kind_arrive_as_they_are(self, length: int) -> None:
        """Both ways: kind, dtype, shape and contents."""
        arrays = _arrays(length)
        results = self.map(tasks.same, arrays.values(), chunksize=1)
        for (name, sent), arrived in zip(arrays.items(), results, strict=True):
            assert type(arrived) is type(sent), name
            assert arrived.dtype == sent.dtype, name
            assert arrived.shape == sent.shape, name
            assert arrived.tolist() == sent.tolist(), name

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("chunksize", [1, 3])
    def test_arrays_that_come_again_in_a_call_are_told_apart(self, order: Any, chunksize: int) -> None:
        """Each task gets its own item, whatever is copied once for all."""
        arrays = [np.full((200, 200), float(value), order=order) for value in range(6)]
        assert self.map(tasks.total, arrays * 4, chunksize=chunksize) == [40_000.0 * value for value in range(6)] * 4

    def test_objects_that_make_arrays_while_they_are_pickled_are_told_apart(self) -> None:
        """What lies in memory where another lay before is not taken for it."""
        items = [_Made(value) for value in range(5)]
        assert self.map(_total_of_made, items * 4, chunksize=1) == [40_000.0 * value for value in range(5)] * 4

    def test_an_array_on_disk_travels_like_any_other(self, tmp_path: Path) -> None:
        """Its contents do; also from an offset that is no page's."""
        ramp = np.arange(LARGE, dtype=np.float64)
        path = tmp_path / "ramp"
        path.write_bytes(b"x" * 24 + ramp.tobytes())
        mapped = np.memmap(path, np.float64, "r", offset=24)
        results = self.map(tasks.same, [mapped, mapped[100:]])
        assert results[0].tolist() == ramp.tolist()
        assert results[1].tolist() == ramp[100:].tolist()

    def test_a_row_of_an_array_is_an_item(self) -> None:
        """An array can be the input itself."""
        square = np.arange(float(LARGE)).reshape(8, -1)
        assert self.map(tasks.total, square) == [float(row.sum()) for row in square]
        assert self.map(tasks.double, np.arange(5)) == [0, 2, 4, 6, 8]

    # --- by value ---

    def test_what_a_task_writes_into_its_argument_is_its_own(self) -> None:
        """The caller's array, and those of other tasks, stay as they are."""
        if not self.by_value:
            pytest.skip("tasks work on the caller's objects here")
        array = np.ones(LARGE)
        assert self.map(tasks.fill_with_minus_one, [array] * 12, chunksize=1) == [float(LARGE)] * 12
        arrays = [array.copy() for _ in range(12)]
        assert self.map(tasks.fill_with_minus_one, arrays, chunksize=4) == [float(LARGE)] * 12
        assert {float(one.sum()) for one in (array, *arrays)} == {float(LARGE)}

    def test_what_a_task_writes_into_what_is_bound_to_it_stays_in_its_worker(self) -> None:
        """A function's constants are copied to the worker, not to the caller."""
        if not self.by_value:
            pytest.skip("tasks work on the caller's objects here")
        array = np.ones(LARGE)
        self.map(lambda _: tasks.fill_with_minus_one(array), range(4))
        assert array.tolist() == [1.0] * LARGE

    def test_an_argument_that_a_task_keeps_stays_as_it_was(self) -> None:
        """However many items come after it, on the same worker."""
        arrays = [np.full(LARGE, float(value)) for value in range(25)]
        assert self.map(tasks.keep, arrays, max_workers=1) == [True] * 25
        assert self.map(tasks.keep, arrays, max_workers=1, chunksize=3) == [True] * 25
        self.map(tasks.forget_kept, [0], max_workers=1)

    def test_an_argument_that_a_task_keeps_and_writes_into_stays_as_written(self) -> None:
        """Also when the caller sends the same array again and again."""
        if not self.by_value:
            pytest.skip("tasks work on the caller's objects here")
        array = np.zeros(LARGE)
        sums = self.map(tasks.keep_and_overwrite, [array] * 6, max_workers=1, chunksize=1)
        assert sums == [[1000.0 * LARGE] * (place + 1) for place in range(6)]
        self.map(tasks.forget_kept, [0], max_workers=1)
        assert not array.any()

    def test_a_result_may_be_a_part_of_its_own_argument(self) -> None:
        """Contiguous or not."""
        arrays = [np.arange(LARGE) + value for value in range(6)]
        for task, expected in ((tasks.inner, np.s_[1:]), (tasks.every_other, np.s_[::2])):
            for result, array in zip(self.map(task, arrays), arrays, strict=True):
                assert result.tolist() == array[expected].tolist()

    def test_one_array_in_several_places_arrives_as_one(self) -> None:
        """Within an item, as pickle has it."""
        array = np.zeros(LARGE)
        (pair,) = self.map(tasks.same, [(array, array)])
        pair[0][0] = 1
        assert pair[1][0] == 1

    # --- results ---

    def test_results_may_be_written_into(self) -> None:
        """They are the caller's; later calls neither see nor change that."""
        first = self.map(tasks.make_array, range(8))
        for result in first:
            np.add(result, 0.5, out=result)
        second = self.map(tasks.make_array, range(8))
        for value in range(8):
            assert set(first[value].tolist()) == {value + 0.5}
            assert set(second[value].tolist()) == {float(value)}

    def test_results_outlive_the_workers(self) -> None:
        """Arrays stay valid after `shutdown`, for reading and for writing."""
        results = self.map(tasks.make_array, range(6))
        be.shutdown()
        for value, result in enumerate(results):
            assert set(result.tolist()) == {float(value)}
            result[0] = -1

    def test_results_that_are_dropped_make_room_and_those_kept_stay(self) -> None:
        """What comes later does not take the place of what is still looked at."""
        kept = []
        for value, result in enumerate(self.imap(tasks.make_array, range(60), chunksize=1)):
            if value % 3 == 0:
                kept.append((value, result))
            elif value % 3 == 1:
                kept.append((value, result[5:10]))  # a part keeps the whole
        for value, result in kept:
            assert set(result.tolist()) == {float(value)}

    # --- by reference ---

    def test_a_shared_array_is_written_into_in_place(self) -> None:
        """As an argument, and bound to the function; also parts of it."""
        shared = be.SharedArray.empty(40, np.int64)
        self.map(tasks.square_into, range(20), [shared] * 20)
        assert shared[:20].tolist() == [at * at for at in range(20)]
        self.map(lambda at: tasks.square_into(at, shared[20:]), range(20))
        assert shared[20:].tolist() == [at * at for at in range(20)]

    def test_a_shared_array_comes_back_as_itself(self) -> None:
        """What a task returns of it still shows what is written into it."""
        shared = be.SharedArray.from_array(np.zeros(10))
        (part,) = self.map(tasks.inner, [shared])
        shared[1] = 7
        assert part[0] == 7

    # --- random numbers ---

    def test_random_numbers_belong_to_the_item(self) -> None:
        """The same on every backend, for every number of workers, in chunks of any size."""
        expected = _draws(range(30), seed=11)
        for asked in ({}, {"max_workers": 1}, {"max_workers": 3, "chunksize": 1}, {"chunksize": 7}, {"chunksize": 100}):
            assert self.map(tasks.draw, range(30), seed=11, **asked) == expected
        assert list(self.imap(tasks.draw, range(30), seed=11)) == expected

    def test_random_numbers_of_another_seed_are_others(self) -> None:
        """And without a seed no two calls agree."""
        assert self.map(tasks.draw, range(5), seed=12) == _draws(range(5), seed=12)
        assert self.map(tasks.draw, range(5)) != self.map(tasks.draw, range(5))

    def test_a_nested_map_leaves_the_items_random_numbers_alone(self) -> None:
        """The outer item goes on where it was."""
        assert self.map(tasks.draw_after_a_nested_map, range(5), seed=11) == _draws(range(5), seed=11)

    def test_random_numbers_are_for_tasks_only(self) -> None:
        """Outside, the error says what to use."""
        self.map(tasks.draw, range(3), seed=1)
        with pytest.raises(RuntimeError, match="default_rng"):
            be.rng()


def _draws(places: Any, seed: int) -> list[float]:
    """What numpy gives for the seed sequence that each item is promised."""
    sequences = (np.random.SeedSequence(seed, spawn_key=(place,)) for place in places)
    return [float(np.random.default_rng(sequence).random()) for sequence in sequences]


class _Made:
    """Makes the array that it travels as while it is pickled."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        return _made_from, (np.full(LARGE, self.value),)


def _made_from(array: Any) -> Any:
    return array


def _total_of_made(made: Any) -> float:
    return LARGE * made.value if isinstance(made, _Made) else float(made.sum())
