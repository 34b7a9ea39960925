"""What travels, how: the pickle, what lies beside it, functions by content, and the way to what cannot be pickled."""

from __future__ import annotations

import functools
import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import breakeven as be
from breakeven.engine import arena, protocol
from breakeven.engine.arena import Arena, Window
from breakeven.engine.codec import LARGE, Shared, decode, encode, unpicklable
from breakeven.engine.functions import MOST, Functions, StaleModuleError
from breakeven.engine.lending import Lending
from breakeven.testing import tasks
from tests.examples import dear

# --- there and back ---


@contextmanager
def _ends() -> Iterator[tuple[Arena, Window]]:
    owner = Arena(arena.open_file("test"))
    reader = Window(os.dup(owner.descriptor), private=True)
    try:
        yield owner, reader
    finally:
        gc.collect()
        reader.close()
        owner.close()


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20), st.binary(max_size=20)
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
)


@dear(10)
@given(_VALUES, st.lists(st.sampled_from([0, 100, LARGE // 9, LARGE // 8, 3 * LARGE // 8]), max_size=4))
def test_objects_come_back_as_they_were(value: Any, lengths: list[int]) -> None:
    """With arrays among them, and with the pickle itself in the arena where it is long."""
    with _ends() as (owner, reader):
        arrays = [np.arange(float(length)) for length in lengths]
        for padding in (b"", b"x" * LARGE):
            sent = (value, arrays, padding)
            encoded = encode(sent, owner)
            assert encoded.buffers == sum(length * 8 >= LARGE for length in lengths) + encoded.stream_shared
            assert encoded.stream_shared or not padding
            got = decode(encoded.stream, encoded.table, reader, stream_shared=encoded.stream_shared)
            assert got[0] == value
            assert [array.tolist() for array in got[1]] == [array.tolist() for array in arrays]
            assert got[2] == padding
            del got
            gc.collect()
            for offset in reader.released:
                owner.free(offset)
            reader.released.clear()
            assert owner.used_bytes == 0


def test_without_an_arena_everything_is_in_the_pickle() -> None:
    """Slower, and the same."""
    array = np.arange(50_000.0)
    encoded = encode([array], None)
    assert (encoded.buffers, encoded.table, encoded.stream_shared) == (0, b"", False)
    assert decode(encoded.stream, b"", None, stream_shared=False)[0].tolist() == array.tolist()


def test_an_array_that_occurs_again_is_put_once() -> None:
    """In one item, in several, and turned round; another of the same size is not taken for it."""
    with _ends() as (owner, _):
        array, other = np.ones((300, 300)), np.ones((300, 300))
        shared = Shared([array])
        offsets = {_offset(encode([item], owner, shared)) for item in (array, array, array.T, (array, 1))}
        assert len(offsets) == 1
        assert shared.offsets() == offsets
        assert _offset(encode([other], owner, shared)) not in offsets
        assert _offset(encode([array[:200]], owner, shared)) not in offsets


def test_an_arena_that_is_full_keeps_nothing_of_what_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, and the blocks that were taken before it are free again."""
    with _ends() as (owner, _):
        put = owner.put

        def full_after_one(raw: memoryview) -> tuple[int, int, int, int]:
            if owner.used_bytes:
                raise OSError(28, "No space left on device")
            return put(raw)

        monkeypatch.setattr(Arena, "put", lambda _, raw: full_after_one(raw))
        with pytest.raises(OSError, match="No space left"):
            encode([np.ones(50_000), np.ones(50_000)], owner)
        assert owner.used_bytes == 0


def _offset(encoded: Any) -> int:
    ((_, _, offset, _),) = protocol.BUFFER.iter_unpack(encoded.table)
    return int(offset)


# --- what cannot be pickled ---


class _Slotted:
    __slots__ = ("fine", "lock")

    def __init__(self) -> None:
        self.fine, self.lock = 1, threading.Lock()


class _Endless:
    """Has ever new parts."""

    def __reduce__(self) -> Any:
        raise TypeError("never")

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return {"next": _Endless()}


_lock = threading.Lock()


def _closing_over(lock: Any) -> Any:
    return lambda: lock


def _paths() -> list[tuple[Any, str]]:
    lock = threading.Lock()
    deep = {"a": [1, (2, {"b": SimpleNamespace(fine=1, lock=lock)})]}
    return [
        (lock, "argument"),
        ([1, lock], "argument[1]"),
        ({"key": lock}, "argument['key']"),
        (deep, "argument['a'][1][1]['b'].lock"),
        (_Slotted(), "argument.lock"),
        (functools.partial(print, 1, lock), "argument.args[1]"),
        (functools.partial(print, end=lock), "argument.keywords['end']"),
        (_closing_over(lock), "argument (variable 'lock' it closes over)"),
        (SimpleNamespace(inner=_Slotted()), "argument.inner.lock"),
        (SimpleNamespace(inner=_Slotted()).inner.__init__, "argument.__self__.lock"),
    ]


@pytest.mark.parametrize("at", range(10))
def test_the_way_to_what_cannot_be_pickled_is_named(at: int) -> None:
    """Through containers, attributes, slots, partial objects, closures and methods."""
    value, path = _paths()[at]
    error = unpicklable(value, "argument", 3, TypeError("refused"))
    assert isinstance(error, be.Unpicklable)
    assert (error.path, error.what, error.index) == (path, "argument", 3)
    assert "lock" in error.reason


def test_the_search_ends_though_the_parts_do_not() -> None:
    """Where it stands then is named."""
    error = unpicklable(_Endless(), "result", None, TypeError("refused"))
    assert str(error).startswith("result.next")


def test_the_search_goes_round_in_no_circle() -> None:
    """An object may hold itself."""
    ring: list[Any] = [1]
    ring.append(ring)
    ring.append(threading.Lock())
    assert unpicklable(ring, "argument", None, TypeError("refused")).path == "argument[2]"  # type: ignore[attr-defined]


# --- functions ---


def _adder(step: int) -> Any:
    return lambda number: number + step


def test_a_function_is_known_again_by_its_name_or_its_content() -> None:
    """With what is bound to it, and with the seed of the call."""
    functions = Functions()
    known = functions.of(tasks.double, None, None)
    assert functions.of(tasks.double, None, None) is known
    assert functions.of(tasks.double, 1, None) is not known
    assert functions.of(_adder(1), None, None) is functions.of(_adder(1), None, None)
    assert functions.of(_adder(1), None, None) is not functions.of(_adder(2), None, None)
    counter = tasks.Counter(1)
    before = functions.of(counter.advance, None, None)
    counter.step = 2
    assert functions.of(counter.advance, None, None) is not before


def test_a_module_that_was_loaded_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its old name stands another function."""
    functions = Functions()
    functions.of(tasks.double, None, None)

    def double(number: int) -> int:
        return 2 * number

    double.__module__, double.__qualname__ = tasks.double.__module__, "double"
    monkeypatch.setattr(tasks, "double", double)
    with pytest.raises(StaleModuleError):
        functions.of(tasks.double, None, None)
    assert functions.of(tasks.double, None, None).fn is double


def test_functions_that_nobody_uses_are_forgotten_the_oldest_first() -> None:
    """Those with large constants at once, those in use never."""
    functions = Functions()
    used = functions.of(_adder(-1), None, None)
    used.users = 1
    made = [functions.of(_adder(number), None, None) for number in range(MOST + 10)]
    gone = functions.surplus()
    assert used not in gone
    assert gone == made[: len(gone)]
    assert len(made) - len(gone) < MOST + 1
    assert functions.of(_adder(MOST + 9), None, None) is made[-1]


# --- who looks at what ---

_LENDING = st.lists(
    st.tuples(st.sampled_from(["lend", "release", "gone", "pin", "unpin"]), st.integers(0, 2), st.integers(0, 20)),
    max_size=60,
)


@dear(2)
@given(_LENDING)
def test_a_block_is_free_when_nobody_looks_and_nobody_wants_it(steps: list[tuple[str, int, int]]) -> None:
    """However often it was lent, to whom, and whoever dies meanwhile."""
    lending = Lending()
    assert lending.arena is not None
    members: list[Any] = [SimpleNamespace(leases={}) for _ in range(3)]
    lent: list[tuple[int, int]] = []  # (member, offset)
    pinned: set[int] = set()
    try:
        for what, which, amount in steps:
            if what == "lend":
                offsets = sorted({offset for _, offset in lent} | pinned)
                again = bool(offsets) and amount % 2
                offset = offsets[amount % len(offsets)] if again else lending.arena.put(memoryview(b"x"))[2]
                lending.lend(members[which], protocol.BUFFER.pack(0, 0, offset, 1))
                lent.append((which, offset))
            elif what == "release" and lent:
                member, offset = lent.pop(amount % len(lent))
                lending.release(members[member], [offset])
            elif what == "gone":
                lending.release_all(members[which])
                lent = [(member, offset) for member, offset in lent if member != which]
            elif what == "pin" and lent:
                pinned.add(lent[amount % len(lent)][1])
                lending.pin([lent[amount % len(lent)][1]])
            elif what == "unpin" and pinned:
                offset = sorted(pinned)[amount % len(pinned)]
                pinned.discard(offset)
                lending.unpin([offset])
            looked_at = {offset for _, offset in lent} | pinned
            assert lending.arena.used_bytes == len(looked_at) * arena.PAGE
    finally:
        lending.close()


def test_a_release_of_what_was_not_lent_is_refused() -> None:
    """Whoever says so is not believed."""
    lending = Lending()
    try:
        with pytest.raises(protocol.GarbledFrameError):
            lending.release(SimpleNamespace(leases={}), [0])  # type: ignore[arg-type]
    finally:
        lending.close()
