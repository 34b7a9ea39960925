"""One table of a catalogue (TOML) → its register.

Lives here: the ways to write a register down, and which keys belong to which. Never here: files (`reading`), or what a
register means (`register`).
"""

from __future__ import annotations

from dataclasses import replace

from breakeven.workloads.lfsr import polynomials
from breakeven.workloads.lfsr import register as made
from breakeven.workloads.lfsr.faults import RegisterFault
from breakeven.workloads.lfsr.field import Field, field_of, prime_power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.workloads.lfsr.register import Register

_KINDS: dict[str, type] = {
    "coeffs": list, "poly": str, "taps": list, "crc": str, "matrix": list, "xorshift": list, "xoroshiro": list,
}  # fmt: skip
_OVER_ANY_FIELD = ("coeffs", "poly", "matrix")
_ALWAYS = ("name", "form", "value", "source", "expect")
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "coeffs": ("q", "modulus", "feedback", "register"),
    "poly": ("q", "modulus", "feedback", "register"),
    "taps": ("q", "feedback", "register"),
    "crc": ("q", "feedback", "register"),
    "matrix": ("q", "modulus", "offset"),
    "xorshift": ("q", "width"),
    "xoroshiro": ("q", "width"),
}
"""Which further keys a form has: a key that would change nothing is a slip, and is refused."""
_KEYS = {*_ALWAYS, *(key for keys in _OPTIONAL.values() for key in keys)}
_EXPECTED = ("order", "primitive", "cycles")


def entry(table: Any, field: Field | None = None, name: str | None = None) -> Register:
    """One table of a catalogue → its register; raises `RegisterFault`.

    `field` is for a table without `q` whose form is for any field (without it GF(2)), `name` for one without a name.

    >>> entry({"name": "R1", "form": "taps", "value": [19, 18, 17, 14]}).degree
    19
    """
    if not isinstance(table, dict):
        raise RegisterFault("a register is a table of keys and values")
    if unknown := set(table) - _KEYS:
        raise RegisterFault(f"key {min(unknown)!r} is not known; known are {', '.join(sorted(_KEYS))}")
    table = table if name is None else {"name": name, **table}
    for key in ("name", "form", "value"):
        if key not in table:
            raise RegisterFault(f"key {key!r} is missing")
    form, value = table["form"], table["value"]
    if not isinstance(form, str) or form not in _KINDS:
        raise RegisterFault(f"form {form!r} is not known; known are {', '.join(_KINDS)}")
    if not isinstance(value, _KINDS[form]):
        raise RegisterFault(f"value of form {form} must be a {'text' if _KINDS[form] is str else 'list'}")
    if idle := set(table) - {*_ALWAYS, *_OPTIONAL[form]}:
        raise RegisterFault(f"form {form} has no {min(idle)}; it may have {', '.join(_OPTIONAL[form])}")
    expected = _expected(table.get("expect"))
    built = _built(form, value, _field_of(table, field or Field(2, 1)), table)
    return replace(built, source=str(table.get("source", "")), expected=expected)


def _expected(expect: object) -> dict[str, Any] | None:
    """What a table expects to come out, as `checking` takes it."""
    if expect is None:
        return None
    if not isinstance(expect, dict) or set(expect) - set(_EXPECTED):
        raise RegisterFault(f"expect must be a table of {', '.join(_EXPECTED)}; it is {expect!r}")
    cycles = expect.get("cycles", {})
    if not isinstance(cycles, dict) or not all(str(length).isdecimal() for length in cycles):
        raise RegisterFault(f"expect.cycles must be a table such as {{ 1 = 1, 7 = 1 }}; it is {cycles!r}")
    return expect


def _field_of(table: dict[str, Any], given: Field) -> Field:
    over_any = table["form"] in _OVER_ANY_FIELD
    if "q" not in table and "modulus" not in table:
        return given if over_any else Field(2, 1)
    q = table.get("q", given.q)
    if not isinstance(q, int) or isinstance(q, bool):
        raise RegisterFault(f"q is {q!r}, not a whole number")
    field = field_with(q, table.get("modulus"))
    if field.q != 2 and not over_any:
        raise RegisterFault(f"form {table['form']} is for q = 2; write coeffs or poly over {field}")
    return field


def field_with(q: int, modulus: object = None) -> Field:
    """The field with a modulus written as text, as coefficients with the constant first, or none for Conway's.

    >>> field_with(8, "x^3+x^2+1").modulus
    (1, 0, 1, 1)
    """
    if modulus is None:
        return field_of(q)
    if isinstance(modulus, str):
        return field_of(q, tuple(polynomials.from_text(modulus, Field(prime_power(q)[0], 1))))
    if not isinstance(modulus, list | tuple) or not all(isinstance(c, int) for c in modulus):
        raise RegisterFault(f"modulus {modulus!r} must be a polynomial such as 'x^2+x+1', or its coefficients")
    return field_of(q, tuple(modulus))


def _built(form: str, value: Any, field: Field, table: dict[str, Any]) -> Register:
    """A register from one of the ways to write it."""
    name = str(table["name"])
    if form in ("xorshift", "xoroshiro"):
        from breakeven.workloads.lfsr import generators

        return generators.from_shifts(form, value, table.get("width"), name=name)
    if form == "matrix":
        return _matrix(value, field, name, table.get("offset", ()))
    more: dict[str, Any] = {"name": name}
    if "feedback" in table:
        more["feedback"] = table["feedback"]
    if "register" in table:
        more["form"] = table["register"]
    if form == "coeffs":
        return made.register(value, field, **more)
    if form == "poly":
        return made.from_polynomial(value, field, **more)
    return made.from_taps(value, **more) if form == "taps" else made.from_crc(value, **more)


def _matrix(value: Any, field: Field, name: str, offset: Any) -> Register:
    if not all(isinstance(row, list) for row in value) or not isinstance(offset, list | tuple):
        raise RegisterFault("value of form matrix must be a list of rows, offset a list")
    return made.from_matrix(value, field, name=name, offset=offset)
