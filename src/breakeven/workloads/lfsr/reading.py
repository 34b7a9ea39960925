"""Registers out of files: rows of coefficients (CSV), or a catalogue (TOML).

Lives here: where a register stands in a file, and the fault with file, row and column where it is none. Never here:
what a table says (`tables`) or a register means (`register`). One bad row never hides the next: faults are handed on in
the place of registers.
"""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from pathlib import Path

from breakeven.workloads.lfsr import register as made
from breakeven.workloads.lfsr.faults import InputFault, RegisterFault
from breakeven.workloads.lfsr.field import Field, field_of
from breakeven.workloads.lfsr.tables import entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import Any, BinaryIO

    from breakeven.workloads.lfsr.register import Register

MAX_ROW_BYTES = 1_000_000
"""Longer rows are refused unread: a register of half a million coefficients is a slip."""

_NUMBER = re.compile(r"[0-9]{1,4000}", re.ASCII)
_SHOWN = 20


def read_registers(path: str | Path, field: int | Field = 2) -> Iterator[Register | InputFault]:
    """Every register of a file, or in its place what is wrong with it; `.toml` is a catalogue, all else rows.

    `field` is for rows, and for tables that say no `q`; `-` reads rows from stdin. Raises `InputFault` where the file
    as a whole is of no use, and `OSError` where it cannot be read.
    """
    over = field if isinstance(field, Field) else field_of(field)
    file, stem, opened = _opened(path)
    with opened as stream:
        if Path(path).suffix.lower() == ".toml":
            yield from _entries(stream, file, stem, over)
            return
        any_there = False
        for number, words in _lines(stream):
            any_there = True
            try:
                if isinstance(words, RegisterFault):
                    raise words
                yield made.register(_numbers(words), over, name=f"{stem}:{number}")
            except RegisterFault as fault:
                yield InputFault(fault.reason, fault.column, file, number)
    if not any_there:
        raise InputFault("no register in it; write a row of coefficients such as 1,1,0,1", None, file, None)


def read_matrix(path: str | Path, field: int | Field = 2) -> Register:
    """The matrix whose rows are the rows of a file; raises `InputFault` with row and column, and `OSError`.

    What is wrong with one of the rows is told with where it stands in the file, not in the matrix.
    """
    over = field if isinstance(field, Field) else field_of(field)
    file, stem, opened = _opened(path)
    rows: list[tuple[int, list[int]]] = []
    with opened as stream:
        for number, words in _lines(stream):
            try:
                if isinstance(words, RegisterFault):
                    raise words
                rows.append((number, list(made.elements(_numbers(words), over))))
            except RegisterFault as fault:
                raise InputFault(fault.reason, fault.column, file, number) from None
    for number, row in rows:
        if len(row) != len(rows):
            reason = f"the row has {len(row)} values where the matrix has {len(rows)} rows; it must be square"
            raise InputFault(reason, min(len(row), len(rows)) + 1, file, number)
    if not rows:
        raise InputFault("no row in it; write one row of the matrix a line, such as 0,1", None, file, None)
    return made.from_matrix([row for _, row in rows], over, name=stem)


def _opened(path: str | Path) -> tuple[str, str, AbstractContextManager[BinaryIO]]:
    """(what a fault calls it, what its registers are called after, the bytes) of a file, or of stdin for `-`."""
    if str(path) == "-":
        return "stdin", "stdin", nullcontext(sys.stdin.buffer)
    return str(path), Path(path).stem, Path(path).open("rb")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str | RegisterFault]]:
    """(number, text without comment) of every line that has any, never more than `MAX_ROW_BYTES` of it in memory."""
    number = 0
    while line := stream.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            column = line.count(b",") + 1
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_ROW_BYTES)
            reason = f"the row is longer than {MAX_ROW_BYTES} bytes; write a register of fewer coefficients"
            yield number, RegisterFault(reason, column)
            continue
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").partition("#")[0].strip()
        if text:
            yield number, text


def _numbers(text: str) -> list[int]:
    """The whole numbers of a row."""
    numbers = []
    for column, cell in enumerate(text.split(","), 1):
        word = cell.strip()
        if not _NUMBER.fullmatch(word):
            shown = word if len(word) <= _SHOWN else word[:_SHOWN] + "…"
            raise RegisterFault(f"{shown!r} is no whole number from 0 up" if word else "a value is missing", column)
        numbers.append(int(word))
    return numbers


def _entries(stream: BinaryIO, file: str, stem: str, field: Field) -> Iterator[Register | InputFault]:
    """The `[[register]]` tables of a catalogue."""
    text, tables = _tables(stream.read(), file)
    heads = re.finditer(r"^[ \t]*\[\[\s*[\"']?register[\"']?\s*\]\]", text, re.MULTILINE)
    rows = [text.count("\n", 0, found.start()) + 1 for found in heads]
    for at, table in enumerate(tables):
        row = rows[at] if at < len(rows) else None
        try:
            yield entry(table, field, f"{stem}:{at + 1 if row is None else row}")
        except RegisterFault as fault:
            yield InputFault(fault.reason, fault.column, file, row)


def _tables(content: bytes, file: str) -> tuple[str, list[Any]]:
    """The text of a catalogue, and its tables as they stand there."""
    import tomllib

    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > MAX_ROW_BYTES:
            raise InputFault(f"the line is longer than {MAX_ROW_BYTES} bytes", MAX_ROW_BYTES + 1, file, number)
    try:
        text = content.decode("utf-8-sig")
        found = tomllib.loads(text)
    except RecursionError:
        raise InputFault("lists stand in lists too deep to be read", None, file, None) from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are
        where = re.search(r"line (\d+), column (\d+)", str(error))
        row, column = (int(where[1]), int(where[2])) if where else (None, None)
        raise InputFault(f"this is no TOML: {error}", column, file, row) from None
    tables = found.pop("register", None)
    if found:
        raise InputFault(f"key {min(found)!r} is not known; write [[register]] tables", None, file, None)
    if not isinstance(tables, list) or not tables:
        raise InputFault("no register in it; write [[register]] tables", None, file, None)
    return text, tables
