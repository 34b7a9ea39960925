"""Bytes of a file → items, one after the other.

Lives here: the formats and what is wrong with a line of each, with its number. Never here: opening files, or
reading more than the next item needs.

| format | an item | skipped |
| --- | --- | --- |
| jsonl | any JSON value a line | blank lines |
| csv, tsv | a dict by the header's names; every value is text | blank lines |
| txt | the line as text, without its end | nothing |
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import PurePath

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO

FORMATS = ("jsonl", "csv", "tsv", "txt")
_ENDINGS = {"ndjson": "jsonl", "text": "txt"} | {name: name for name in FORMATS}
_PACKINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


class InputError(Exception):
    """The source of items broke off; the text names file and line."""


def format_of(name: str) -> str:
    """Name the format by a file's ending.

    >>> format_of("runs/items.jsonl.gz")
    'jsonl'
    """
    path = PurePath(name)
    ending = PurePath(path.stem).suffix if path.suffix in _PACKINGS else path.suffix
    try:
        return _ENDINGS[ending.lower().removeprefix(".")]
    except KeyError:
        raise UsageError(f"{name} has no ending that names a format; say --format {' or '.join(FORMATS)}") from None


def unpacked(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Lines of a file, decompressed where its ending asks for it."""
    packing = _PACKINGS.get(PurePath(name).suffix)
    if packing is None:
        return _lines(stream, name)
    from importlib import import_module

    return _lines(import_module(packing).open(stream), name)


def read(lines: Iterable[bytes], kind: str, name: str) -> Iterator[Any]:
    """Items of a file of the given format; raises `InputError` at the line that cannot be read."""
    if kind == "txt":
        return (text.rstrip("\r\n") for text in _decoded(lines, name, errors="surrogateescape"))
    if kind == "jsonl":
        return _json_values(lines, name)
    return _table_rows(_decoded(lines, name), "\t" if kind == "tsv" else ",", name)


def _lines(stream: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Pass lines on; a disk or an archive that fails becomes an `InputError` with the number of the line."""
    number = 0
    try:
        for line in stream:
            number += 1
            yield line
    except (OSError, EOFError) as error:
        raise InputError(f"{name}, after line {number}: {error}") from error
    except Exception as error:
        if type(error).__module__ not in {"zlib", "_lzma", "lzma"}:
            raise
        raise InputError(f"{name}, after line {number}: the compressed file is damaged: {error}") from error


def _decoded(lines: Iterable[bytes], name: str, errors: str = "strict") -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors)
        except UnicodeDecodeError as error:
            raise InputError(f"{name}, line {number}: not UTF-8 text: {error.reason}") from None


def _json_values(lines: Iterable[bytes], name: str) -> Iterator[Any]:
    for number, line in enumerate(_decoded(lines, name), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except RecursionError:
            raise InputError(f"{name}, line {number}: nested too deeply") from None
        except ValueError as error:
            raise InputError(f"{name}, line {number}: not JSON: {error}: {_excerpt(line)}") from None


def _table_rows(lines: Iterable[str], delimiter: str, name: str) -> Iterator[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        if len(set(header)) < len(header):
            twice = next(column for column in header if header.count(column) > 1)
            raise InputError(f"{name}, line 1: two columns are called {twice!r}")
        for row in rows:
            if len(row) != len(header) and row:
                raise InputError(f"{name}, line {rows.line_num}: {len(row)} fields under {len(header)} column names")
            if row:
                yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise InputError(f"{name}, line {rows.line_num}: not {'TSV' if delimiter != ',' else 'CSV'}: {error}") from None


def _excerpt(line: str) -> str:
    longest = 60
    line = line.strip()
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
