"""Files become items: every format, and what is wrong with a line of each."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cli.exits import UsageError
from breakeven.cli.records_in import InputError, format_of, read, unpacked


def items(content: bytes, kind: str) -> list[Any]:
    """Read a whole file of a format."""
    return list(read(unpacked(io.BytesIO(content), "f"), kind, "f"))


def test_a_line_of_text_is_an_item_without_its_end() -> None:
    """Empty lines count: line i is item i."""
    assert items(b"one\n\n two \r\nlast", "txt") == ["one", "", " two ", "last"]


def test_text_that_is_not_utf8_survives_the_round_trip() -> None:
    """File names may be any bytes."""
    (item,) = items(b"caf\xe9\n", "txt")
    assert item.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_a_line_of_jsonl_is_any_json_value() -> None:
    """Blank lines are no items."""
    assert items(b'{"a": [1, 2]}\n\n3\n  \n"x"\nnull', "jsonl") == [{"a": [1, 2]}, 3, "x", None]


def test_a_byte_order_mark_is_no_part_of_the_first_item() -> None:
    """Some editors write one."""
    assert items(b"\xef\xbb\xbf1\n2\n", "jsonl") == [1, 2]
    assert items(b"\xef\xbb\xbfa,b\n1,2\n", "csv") == [{"a": "1", "b": "2"}]


def test_a_row_of_csv_is_a_dict_by_the_header() -> None:
    """Quotes, commas and line ends inside a field are part of it."""
    assert items(b'a,b\r\n1,"x, ""y""\r\nz"\r\n\r\n2,\r\n', "csv") == [
        {"a": "1", "b": 'x, "y"\r\nz'},
        {"a": "2", "b": ""},
    ]


def test_tsv_is_split_at_tabs() -> None:
    """Commas are text there."""
    assert items(b"a\tb\n1,5\t2\n", "tsv") == [{"a": "1,5", "b": "2"}]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "txt"])
def test_an_empty_file_has_no_items(kind: str) -> None:
    """That is no error."""
    assert items(b"", kind) == []


@pytest.mark.parametrize(
    "content,kind,says",
    [
        (b"1\n{oops\n", "jsonl", "f, line 2: not JSON"),
        (b"1\n\xff\n", "jsonl", "f, line 2: not UTF-8"),
        (b"[" * 100_000 + b"\n", "jsonl", "f, line 1: nested too deeply"),
        (b"9" * 10_000 + b"\n", "jsonl", "f, line 1: not JSON"),
        (b"a,b\n1\n", "csv", "f, line 2: 1 fields under 2 column names"),
        (b"a,b\n1,2,3\n", "csv", "f, line 2: 3 fields under 2 column names"),
        (b"a,a\n1,2\n", "csv", "f, line 1: two columns are called 'a'"),
        (b'a,b\n1,"x\n', "csv", "f, line 2: not CSV"),
        (b"a\n\xff\n", "csv", "f, line 2: not UTF-8"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(content: bytes, kind: str, says: str) -> None:
    """So that an editor can go there."""
    with pytest.raises(InputError) as caught:
        items(content, kind)
    assert says in str(caught.value)


def test_the_items_before_a_bad_line_are_given_first() -> None:
    """Reading stops at the line, not before."""
    source = read([b"1\n", b"2\n", b"oops\n"], "jsonl", "f")
    assert [next(source), next(source)] == [1, 2]
    with pytest.raises(InputError):
        next(source)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "txt"])
def test_an_endless_file_streams(kind: str) -> None:
    """No more is read than the next item needs."""
    read_lines = 0

    def endless() -> Iterator[bytes]:
        nonlocal read_lines
        for number in itertools.count():
            read_lines += 1
            yield b"%d\n" % number

    source = read(endless(), kind, "f")
    for _ in range(10):
        next(source)
    assert read_lines <= 12


@pytest.mark.parametrize("ending,pack", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_compressed_file_is_unpacked_by_its_ending(ending: str, pack: Callable[[bytes], bytes]) -> None:
    """As it is read, not before."""
    packed = io.BytesIO(pack(b"1\n2\n"))
    assert list(read(unpacked(packed, f"items.jsonl{ending}"), "jsonl", "items")) == [1, 2]


@pytest.mark.parametrize("ending,pack", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("damage", [slice(None, -12), slice(40, None)], ids=["cut off", "no beginning"])
def test_a_damaged_archive_is_an_input_error(ending: str, pack: Callable[[bytes], bytes], damage: slice) -> None:
    """Whatever the decompressor raises."""
    content = pack(b"".join(b"%d\n" % (number * 7919) for number in range(5000)))[damage]
    with pytest.raises(InputError):
        list(unpacked(io.BytesIO(content), f"items.txt{ending}"))


@pytest.mark.parametrize(
    "name,kind",
    [("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"), ("A.CSV", "csv"), ("a.b.txt", "txt"), ("x.tsv.xz", "tsv")],
)
def test_the_ending_names_the_format(name: str, kind: str) -> None:
    """Upper case or lower, packed or not."""
    assert format_of(name) == kind


@pytest.mark.parametrize("name", ["items", "items.json", "items.gz", "items.xlsx"])
def test_an_unknown_ending_asks_for_the_format(name: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="--format"):
        format_of(name)


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "csv", "tsv", "txt"]))
def test_any_bytes_are_items_or_an_input_error(content: bytes, kind: str) -> None:
    """Nothing else comes out of a reader."""
    with contextlib.suppress(InputError):
        items(content, kind)
