"""Registers out of files: rows of coefficients (CSV), or a catalogue (TOML).

Lives here: where a register stands in a file, and the fault with file, row and column where it is none. Never here:
what a register means (`register`). One bad row never hides the next: faults are handed on in the place of registers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from breakeven.workloads.lfsr import polynomials
from breakeven.workloads.lfsr import register as made
from breakeven.workloads.lfsr.faults import InputFault, RegisterFault
from breakeven.workloads.lfsr.field import Field, field_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from breakeven.workloads.lfsr.register import Register

MAX_ROW_BYTES = 1_000_000
"""Longer rows are refused unread: a register of half a million coefficients is a slip."""

_NUMBER = re.compile(r"[0-9]{1,4000}", re.ASCII)
_KEYS = {
    "name", "q", "modulus", "form", "value", "width", "feedback", "register", "offset", "source", "expect",
}  # fmt: skip
_SHOWN = 20


def read_registers(path: str | Path, field: int | Field = 2) -> Iterator[Register | InputFault]:
    """Every register of a file, or in its place what is wrong with it; `.toml` is a catalogue, all else rows.

    `field` is for rows; a catalogue says its own. Raises `InputFault` where the file as a whole is of no use, and
    `OSError` where it cannot be read.
    """
    over = field if isinstance(field, Field) else field_of(field)
    place = Path(path)
    with place.open("rb") as stream:
        if place.suffix == ".toml":
            yield from _entries(stream, str(path))
            return
        any_there = False
        for item in _rows(stream, str(path), place.stem, over):
            any_there = True
            yield item
    if not any_there:
        raise InputFault("no register in it; write a row of coefficients such as 1,1,0,1", None, str(path), None)


def _rows(stream: BinaryIO, file: str, stem: str, field: Field) -> Iterator[Register | InputFault]:
    """Read a row at a time, never more than `MAX_ROW_BYTES` of one."""
    number = 0
    while line := stream.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            column = line.count(b",") + 1
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_ROW_BYTES)
            reason = f"the row is longer than {MAX_ROW_BYTES} bytes; write a register of fewer coefficients"
            yield InputFault(reason, column, file, number)
            continue
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").partition("#")[0].strip()
        if text:
            try:
                yield made.register(_numbers(text), field, name=f"{stem}:{number}")
            except RegisterFault as fault:
                yield InputFault(fault.reason, fault.column, file, number)


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


def _entries(stream: BinaryIO, file: str) -> Iterator[Register | InputFault]:
    """The `[[register]]` tables of a catalogue."""
    import tomllib

    try:
        text = stream.read().decode()
        tables = tomllib.loads(text).get("register")
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are
        where = re.search(r"line (\d+), column (\d+)", str(error))
        row, column = (int(where[1]), int(where[2])) if where else (None, None)
        raise InputFault(f"this is no TOML: {error}", column, file, row) from None
    if not isinstance(tables, list) or not tables:
        raise InputFault("no register in it; write [[register]] tables", None, file, None)
    rows = [
        text.count("\n", 0, found.start()) + 1 for found in re.finditer(r"^[ \t]*\[\[\s*register", text, re.MULTILINE)
    ]
    for at, table in enumerate(tables):
        row = rows[at] if at < len(rows) else None
        try:
            yield entry(table)
        except RegisterFault as fault:
            yield InputFault(fault.reason, fault.column, file, row)


def entry(table: Any) -> Register:
    """One table of a catalogue → its register; raises `RegisterFault`.

    >>> entry({"name": "R1", "form": "taps", "value": [19, 18, 17, 14]}).degree
    19
    """
    if not isinstance(table, dict):
        raise RegisterFault("a register is a table of keys and values")
    if unknown := set(table) - _KEYS:
        raise RegisterFault(f"key {min(unknown)!r} is not known; known are {', '.join(sorted(_KEYS))}")
    for key in ("name", "form", "value"):
        if key not in table:
            raise RegisterFault(f"key {key!r} is missing")
    field = _field_of(table)
    more: dict[str, Any] = {"name": str(table["name"])}
    if "feedback" in table:
        more["feedback"] = table["feedback"]
    if "register" in table:
        more["form"] = table["register"]
    built = _built(table["form"], table["value"], field, more, table.get("offset", ()), table.get("width"))
    return replace(built, source=str(table.get("source", "")), expected=table.get("expect"))


def _field_of(table: dict[str, Any]) -> Field:
    q, modulus = table.get("q", 2), table.get("modulus")
    if not isinstance(q, int) or isinstance(q, bool):
        raise RegisterFault(f"q is {q!r}, not a whole number")
    return field_with(q, modulus)


def field_with(q: int, modulus: object = None) -> Field:
    """The field with a modulus written as text, as coefficients with the constant first, or none for Conway's.

    >>> field_with(8, "x^3+x^2+1").modulus
    (1, 0, 1, 1)
    """
    if modulus is None:
        return field_of(q)
    if isinstance(modulus, str):
        from breakeven.workloads.lfsr.field import prime_power

        return field_of(q, tuple(polynomials.from_text(modulus, Field(prime_power(q)[0], 1))))
    if not isinstance(modulus, list) or not all(isinstance(c, int) for c in modulus):
        raise RegisterFault(f"modulus {modulus!r} must be a polynomial such as 'x^2+x+1', or its coefficients")
    return field_of(q, tuple(modulus))


def _built(form: object, value: Any, field: Field, more: dict[str, Any], offset: Any, width: Any) -> Register:
    """A register from one of the ways to write it."""
    expects: dict[object, type] = {
        "coeffs": list, "poly": str, "taps": list, "crc": str, "matrix": list, "xorshift": list, "xoroshiro": list,
    }  # fmt: skip
    if form not in expects:
        raise RegisterFault(f"form {form!r} is not known; known are {', '.join(map(str, expects))}")
    fits = isinstance(value, expects[form])
    if not fits:
        raise RegisterFault(f"value of form {form} must be a {'text' if expects[form] is str else 'list'}")
    if form not in ("coeffs", "poly", "matrix") and field.q != 2:
        raise RegisterFault(f"form {form} is for q = 2; write coeffs or poly over {field}")
    if form in ("xorshift", "xoroshiro"):
        from breakeven.workloads.lfsr import generators

        return generators.from_shifts(str(form), value, width, name=more["name"])
    if form == "matrix":
        return _matrix(value, field, more, offset)
    if offset:
        raise RegisterFault("an offset is for form matrix; write feedback = 'xnor'")
    if form == "coeffs":
        return made.register(value, field, **more)
    if form == "poly":
        return made.from_polynomial(value, field, **more)
    if form == "taps":
        if not all(isinstance(tap, int) for tap in value):
            raise RegisterFault(f"taps {value} must be whole numbers")
        return made.from_taps(value, **more)
    return made.from_crc(value, **more)


def _matrix(value: Any, field: Field, more: dict[str, Any], offset: Any) -> Register:
    if not all(isinstance(row, list) for row in value) or not isinstance(offset, list | tuple):
        raise RegisterFault("value of form matrix must be a list of rows, offset a list")
    if set(more) - {"name"}:
        raise RegisterFault("a matrix has no feedback and no register; give an offset instead")
    return made.from_matrix(value, field, name=more["name"], offset=offset)
