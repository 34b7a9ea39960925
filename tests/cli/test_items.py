"""Where items come from, and which of them are under way."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from breakeven.cli import items as sources
from breakeven.cli.exits import UsageError
from breakeven.cli.items import Items, matching, open_items, parse_range
from breakeven.cli.records_in import InputError


def opened(*words: str) -> Items:
    """Open the items that flags name."""
    parser = argparse.ArgumentParser()
    sources.arguments(parser)
    return open_items(parser.parse_args(words))


def test_a_range_is_counted_before_it_is_read() -> None:
    """It is never a list."""
    items = opened("--range=0:1_000_000_000")
    assert items.total == 1_000_000_000
    assert [next(items), next(items)] == [0, 1]


@pytest.mark.parametrize(
    "text,numbers",
    [("2:5", [2, 3, 4]), (":3", [0, 1, 2]), ("5:0:-2", [5, 3, 1]), ("-2:1", [-2, -1, 0]), ("3:3", [])],
)
def test_a_range_is_read_as_python_would(text: str, numbers: list[int]) -> None:
    """The end is not part of it."""
    assert list(parse_range(text)) == numbers


@pytest.mark.parametrize("text", ["5", "", "1:", "a:b", "1:2:0", "1:2:3:4", "1.5:2", "1::2"])
def test_a_range_that_is_none_says_how_to_write_one(text: str) -> None:
    """Among them a step of nothing."""
    with pytest.raises(UsageError, match="A:B"):
        parse_range(text)


def test_a_pattern_gives_each_file_once_and_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are none of them, and ** goes into folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.txt", "a/1.txt", "a/c/3.txt", "a/c/4.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert matching(["**/*.txt", "a/**"]) == ["a/1.txt", "a/c/3.txt", "a/c/4.csv", "b/2.txt"]
    assert matching(["*/"]) == ["a/", "b/"]


def test_a_pattern_without_a_match_is_wrong_usage(tmp_path: Path) -> None:
    """It is a slip of the pen far more often than meant."""
    with pytest.raises(UsageError, match="no file matches"):
        matching([str(tmp_path / "*.txt")])


def test_two_sources_are_one_too_many() -> None:
    """Which was meant is not guessed."""
    with pytest.raises(UsageError, match="give one"):
        opened("--range=0:3", "--glob", "*")


@pytest.mark.parametrize("limit", ["0", "2", "5"])
def test_a_limit_takes_the_first_items(limit: str) -> None:
    """Of any source, and the total follows."""
    items = opened("--range=0:3", "--limit", limit)
    assert items.total == min(3, int(limit))
    assert list(items) == list(range(min(3, int(limit))))


def test_a_folder_is_no_file_of_items(tmp_path: Path) -> None:
    """The message says how its files are given."""
    with pytest.raises(UsageError, match="--glob"):
        opened("--items", str(tmp_path))


def test_items_are_remembered_until_they_have_a_result() -> None:
    """And no longer: memory does not grow with the run."""
    items = Items(iter("abc"))
    assert list(items) == ["a", "b", "c"]
    assert [items.finish(1), items.finish(0), items.finish(2)] == ["b", "a", "c"]
    assert items.finish(1) is None


def test_a_source_that_breaks_off_ends_the_items_and_keeps_the_reason() -> None:
    """What came before it can be finished."""

    def broken() -> Iterator[int]:
        yield 1
        raise InputError("line 2")

    items = Items(broken())
    assert list(items) == [1]
    assert str(items.error) == "line 2"


def test_how_many_items_a_file_has_is_guessed_from_its_size(tmp_path: Path) -> None:
    """From the share of its bytes that was read."""
    path = tmp_path / "items.txt"
    path.write_text("0123456789\n" * 200_000)
    items = opened("--items", os.fspath(path))
    for _ in range(100_000):
        next(items)
    expected = items.expected()
    assert items.total is None
    assert expected is not None
    assert 180_000 < expected < 220_000
    items.close()
