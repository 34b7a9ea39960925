"""Typed reading of one JSON object, with every complaint naming the field it is about.

Lives here: what a count, a time, a text is allowed to be. Never here: what a ledger consists of.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Mapping, Sequence

_LARGEST_COUNT = 2**63 - 1
_LARGEST_SECONDS = 1e12
"""Thirty thousand years: sums and ratios of what passes stay finite."""


class FieldError(ValueError):
    """One field is not what it must be; never leaves this package (`recording` says which ledger it is about)."""

    def __init__(self, where: str, found: str, wanted: str) -> None:
        super().__init__(f"{where} is {found}, not {wanted}")


class Fields:
    """One object of a ledger, asked field by field for what it must hold; raises `FieldError`.

    >>> Fields({"items": 3}).count("items")
    3
    >>> Fields({"items": -3}, "lanes[0]").count("items")
    Traceback (most recent call last):
    breakeven.ledger.fields.FieldError: lanes[0].items is -3, not a whole number from 0 up
    """

    def __init__(self, content: object, where: str = "") -> None:
        if not isinstance(content, Mapping):
            raise malformed(where or "(all of it)", content, "an object")
        self._content = content
        self._where = where

    def at(self, key: object) -> str:
        """Name a field of this object as seen from the top."""
        name = key if isinstance(key, str) and key.isprintable() else reprlib.repr(key)
        return f"{self._where}.{name}" if self._where else name

    def text(self, key: str) -> str:
        """Return a string that must be there and not be empty."""
        value = self._required(key)
        if not isinstance(value, str) or not value:
            raise malformed(self.at(key), value, "a text")
        return value

    def any_text(self, key: str) -> str:
        """Return a string that must be there and may be empty."""
        value = self._required(key)
        if not isinstance(value, str):
            raise malformed(self.at(key), value, "a text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a string, or None where it is null or missing."""
        return None if self._content.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self.rows(key)
        for place, value in enumerate(values):
            if not isinstance(value, str):
                raise malformed(f"{self.at(key)}[{place}]", value, "a text")
        return tuple(str(value) for value in values)

    def count(self, key: str) -> int:
        """Return a whole number from 0 up."""
        return as_count(self._required(key), self.at(key))

    def count_or_none(self, key: str) -> int | None:
        """Return a whole number from 0 up, or None where it is null or missing."""
        return None if self._content.get(key) is None else self.count(key)

    def seconds(self, key: str) -> float:
        """Return a finite number from 0 up."""
        return as_seconds(self._required(key), self.at(key))

    def seconds_or_none(self, key: str) -> float | None:
        """Return a finite number from 0 up, or None where it is null or missing."""
        return None if self._content.get(key) is None else self.seconds(key)

    def plain_or_none(self, key: str) -> Mapping[str, object] | None:
        """Return an object of texts, finite numbers, lists and objects, as it is; None where it is null or missing."""
        value = self._content.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise malformed(self.at(key), value, "an object")
        _check_plain(value, self.at(key), 0)
        return value

    def durations(self, key: str, known: Collection[str] | None = None) -> dict[str, float]:
        """Return an object of name → seconds, whose names must be `known` ones where those are given."""
        fields = self.inner(key)
        durations = {}
        for name, value in fields.items():
            if known is not None and name not in known:
                raise malformed(fields.at(name), name, f"one of {', '.join(known)}")
            durations[name] = as_seconds(value, fields.at(name))
        return durations

    def rows(self, key: str) -> Sequence[object]:
        """Return a list of anything."""
        value = self._required(key)
        if not isinstance(value, list | tuple):
            raise malformed(self.at(key), value, "a list")
        return value

    def inner(self, key: str) -> Fields:
        """Return an object."""
        return Fields(self._required(key), self.at(key))

    def inner_or_none(self, key: str) -> Fields | None:
        """Return an object, or None where it is null or missing."""
        return None if self._content.get(key) is None else self.inner(key)

    def inners(self, key: str) -> tuple[Fields, ...]:
        """Return a list of objects."""
        return tuple(Fields(value, f"{self.at(key)}[{place}]") for place, value in enumerate(self.rows(key)))

    def items(self) -> tuple[tuple[str, object], ...]:
        """Return every field, whose names must be texts."""
        for name in self._content:
            if not isinstance(name, str) or not name:
                raise malformed(self.at(name), name, "named by a text")
        return tuple((str(name), value) for name, value in self._content.items())

    def _required(self, key: str) -> object:
        if key not in self._content:
            raise FieldError(self.at(key), "missing", "there")
        return self._content[key]


def as_count(value: object, where: str) -> int:
    """Return `value` if it is a whole number from 0 up that fits 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_COUNT:
        raise malformed(where, value, "a whole number from 0 up")
    return value


def as_seconds(value: object, where: str) -> float:
    """Return `value` as a float if it is a number from 0 up, and not beyond all reason."""
    number = not isinstance(value, bool) and isinstance(value, int | float)
    try:
        seconds = float(value) if number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        seconds = math.inf
    if not 0.0 <= seconds <= _LARGEST_SECONDS:
        raise malformed(where, value, "a number of seconds from 0 up")
    return seconds


def malformed(where: str, value: object, wanted: str) -> FieldError:
    """Say that `value` is not what `where` must hold."""
    return FieldError(where, reprlib.repr(value), wanted)


_DEEPEST = 8


def _check_plain(value: object, where: str, depth: int) -> None:
    """Refuse what JSON does not hold, and what no honest file nests so deep."""
    if depth > _DEEPEST:
        raise malformed(where, value, f"nested no deeper than {_DEEPEST}")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise malformed(where, name, "named by a text")
            _check_plain(inner, f"{where}.{name}", depth + 1)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _check_plain(inner, f"{where}[{place}]", depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise malformed(where, value, "a finite number")
    elif value is not None and not isinstance(value, str | int | bool):
        raise malformed(where, value, "plain data")
