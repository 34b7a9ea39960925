"""The arena keeps no two things in one place, loses no page, and never shows a reader what came later."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.engine import arena
from breakeven.engine.arena import PAGE, Arena, Extent, Window
from tests.examples import dear

PAGES = 16


@contextmanager
def _pair(*, private: bool = True) -> Iterator[tuple[Arena, Window]]:
    """An owner and a reader of the same memory."""
    owner = Arena(arena.open_file("test"))
    reader = Window(os.dup(owner.descriptor), private=private)
    try:
        yield owner, reader
    finally:
        gc.collect()
        reader.close()
        owner.close()


def _block(value: int, nbytes: int) -> memoryview:
    return memoryview(bytes([value]) * nbytes)


# --- the allocator ---


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 100)), max_size=60))
def test_blocks_never_overlap_and_free_ones_are_joined(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever is taken and given back, in whatever order; the lowest place that fits is taken."""
    extent = Extent(0, PAGES * PAGE)
    owner = [0] * PAGES  # of each page: the number of the block that has it
    taken: dict[int, tuple[int, int]] = {}
    for number, (take, pages, which) in enumerate(steps, 1):
        if take:
            offset = extent.take(pages * PAGE)
            places = [at for at in range(PAGES - pages + 1) if not any(owner[at : at + pages])]
            assert offset == (places[0] * PAGE if places else None)
            if offset is not None:
                owner[offset // PAGE : offset // PAGE + pages] = [number] * pages
                taken[number] = (offset, pages)
        elif taken:
            offset, given = taken.pop(sorted(taken)[which % len(taken)])
            extent.give_back(offset, given * PAGE)
            owner[offset // PAGE : offset // PAGE + given] = [0] * given
        assert extent.free == _runs_of_zero(owner)


def _runs_of_zero(owner: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for at, number in enumerate(owner):
        if not number:
            if runs and runs[-1][0] + runs[-1][1] == at * PAGE:
                runs[-1] = (runs[-1][0], runs[-1][1] + PAGE)
            else:
                runs.append((at * PAGE, PAGE))
    return runs


_SIZES = st.one_of(st.integers(1, 3 * PAGE), st.sampled_from([PAGE - 1, PAGE, PAGE + 1, 20 * PAGE]))


@dear(10)
@given(
    st.lists(
        st.one_of(st.tuples(st.just("put"), _SIZES), st.tuples(st.sampled_from(["free", "trim"]), st.integers(0, 50))),
        max_size=40,
    )
)
def test_what_was_put_is_read_until_it_is_freed(steps: list[tuple[str, int]]) -> None:
    """Through reuse, growth and trimming; at the end nothing is in use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arena, "FIRST_EXTENT", 8 * PAGE)
        patch.setattr(arena, "LARGEST_EXTENT", 32 * PAGE)
        with _pair(private=False) as (owner, reader):
            held: dict[int, tuple[tuple[int, int, int, int], int]] = {}
            for number, (what, amount) in enumerate(steps, 1):
                if what == "put":
                    address = owner.put(_block(number % 251, amount))
                    held[number] = (address, number % 251)
                elif what == "trim":
                    owner.trim(amount * PAGE)
                elif held:
                    owner.free(held.pop(sorted(held)[amount % len(held)])[0][2])
                for address, value in held.values():
                    with reader.peek(*address) as content:
                        assert bytes(content) == bytes([value]) * address[3]
                assert owner.used_bytes == sum(-(-address[3] // PAGE) * PAGE for address, _ in held.values())
            spans = sorted((address[2], address[2] + address[3]) for address, _ in held.values())
            assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_freed_pages_serve_again() -> None:
    """A fresh page costs ten times a warm one."""
    with _pair() as (owner, _):
        first = owner.put(_block(1, 5 * PAGE))
        owner.free(first[2])
        for value in range(100):
            again = owner.put(_block(value, 5 * PAGE))
            assert again[2] == first[2]
            owner.free(again[2])
        assert os.fstat(owner.descriptor).st_blocks * 512 == 5 * PAGE


def test_trimming_gives_pages_back_and_keeps_what_is_in_use() -> None:
    """Down to the amount that is asked for."""
    with _pair() as (owner, reader):
        addresses = [owner.put(_block(value, 10 * PAGE)) for value in range(10)]
        for address in addresses[::2]:
            owner.free(address[2])
        owner.trim(0)
        assert os.fstat(owner.descriptor).st_blocks * 512 == 50 * PAGE
        for value, address in list(enumerate(addresses))[1::2]:
            with reader.peek(*address) as content:
                assert set(content) == {value}
        again = [owner.put(_block(100 + value, 10 * PAGE)) for value in range(5)]
        for value, address in enumerate(again):
            with reader.peek(*address) as content:
                assert set(content) == {100 + value}


def test_more_than_an_extent_is_refused_by_nobody() -> None:
    """The arena grows by what is asked."""
    with pytest.MonkeyPatch.context() as patch, _pair() as (owner, reader):
        patch.setattr(arena, "FIRST_EXTENT", 4 * PAGE)
        address = owner.put(_block(7, 100 * PAGE))
        with reader.peek(*address) as content:
            assert set(content) == {7}


# --- the reader ---


def _array(reader: Window, address: tuple[int, int, int, int]) -> Any:
    return np.frombuffer(reader.view(*address), np.uint8)


def test_a_block_is_released_when_the_last_view_of_it_is_gone() -> None:
    """A part of an array, and a part of that, are views of it."""
    with _pair() as (owner, reader):
        address = owner.put(_block(1, 4 * PAGE))
        array = _array(reader, address)
        part = array[10:20].reshape(2, 5)[1]
        del array
        gc.collect()
        assert reader.released == []
        assert part.tolist() == [1] * 5
        del part
        gc.collect()
        assert reader.released == [address[2]]


def test_a_view_outlives_reader_and_owner() -> None:
    """It keeps its mapping, for reading and writing."""
    with _pair(private=False) as (owner, reader):
        array = _array(reader, owner.put(_block(9, 4 * PAGE)))
    assert set(array.tolist()) == {9}
    array[:] = 4
    assert set(array.tolist()) == {4}


_STEPS = st.lists(st.tuples(st.sampled_from(["put", "view", "write", "drop"]), st.integers(0, 30)), max_size=40)


@dear(10)
@given(_STEPS)
def test_a_private_reader_sees_what_was_put_and_what_it_wrote_and_nothing_else(steps: list[tuple[str, int]]) -> None:
    """Against a model: blocks are looked at several times, written into, dropped, freed, and used again."""
    with _pair() as (owner, reader):
        blocks: dict[int, tuple[tuple[int, int, int, int], int, int]] = {}  # offset → address, content, views
        views: list[tuple[Any, int, int]] = []  # array, offset, expected content
        for number, (what, which) in enumerate(steps, 1):
            if what == "put":
                address = owner.put(_block(number, 2 * PAGE + which))
                assert address[2] not in blocks
                blocks[address[2]] = (address, number, 0)
            elif what == "view" and blocks:
                offset = sorted(blocks)[which % len(blocks)]
                address, content, count = blocks[offset]
                views.append((_array(reader, address), offset, content))
                blocks[offset] = (address, content, count + 1)
            elif what == "write" and views:
                array, offset, _ = views[which % len(views)]
                array[:] = 200
                views[which % len(views)] = (array, offset, 200)
            elif what == "drop" and views:
                views.pop(which % len(views))
            array = None  # the last view must not be kept by this name
            for offset in reader.released:  # as the owner hears of it: free when nobody looks any more
                address, content, count = blocks[offset]
                blocks[offset] = (address, content, count - 1)
                if count == 1:
                    del blocks[offset]
                    owner.free(offset)
            reader.released.clear()
            for array, _, content in views:
                assert array[0] == array[-1] == content
            array = None
        views.clear()


# --- where there is no memfd ---


def test_without_memfd_a_file_without_a_name_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is left in any folder, and reports are told."""

    def refused(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", refused)
    monkeypatch.setattr(arena, "substitute", "")
    with _pair() as (owner, reader):
        with reader.peek(*owner.put(_block(5, 3 * PAGE))) as content:
            assert set(content) == {5}
        assert os.readlink(f"/proc/self/fd/{owner.descriptor}").endswith("(deleted)")
    assert "Operation not permitted" in arena.substitute
