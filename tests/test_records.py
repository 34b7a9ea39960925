"""What `breakeven.records` promises: frozen, slotted, keyword-only records that cost no import."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.records import record, replace, values


@record
class Point:
    """Two fields and a default."""

    unit = "metres"  # no annotation: not a field

    x: int
    y: Any
    label: str = ""

    @property
    def doubled(self) -> int:
        """A record may have methods."""
        return self.x * 2


@record
class Pixel(Point):
    """A record that extends a record."""

    colour: str = "red"


def test_a_record_holds_its_fields_and_defaults() -> None:
    """Fields are keyword arguments; what is left out takes its default."""
    point = Point(x=1, y=2)
    assert (point.x, point.y, point.label, point.doubled, Point.unit) == (1, 2, "", 2, "metres")


@pytest.mark.parametrize(
    "fields, complaint",
    [
        ({"x": 1}, "Point is missing 'y'; its fields are: x, y, label"),
        ({}, "Point is missing 'x', 'y'"),
        ({"x": 1, "y": 2, "z": 3}, "Point has no field 'z'"),
        ({"x": 1, "y": 2, "label": "a", "z": 3}, "Point has no field 'z'"),
        ({"x": 1, "y": 2, "z": 3, "w": 4}, "Point has no field 'z', 'w'"),
        ({"x": 1, "z": 3}, "Point has no field 'z' and is missing 'y'"),
        ({"x": 1, "y": 2, "self": 3, "label": ""}, "Point has no field 'self'"),
    ],
)
def test_a_wrong_field_is_a_type_error_that_names_it(fields: dict[str, int], complaint: str) -> None:
    """Unknown and missing fields are both named, with those there are."""
    with pytest.raises(TypeError, match=complaint):
        Point(**fields)  # type: ignore[arg-type]


def test_positional_arguments_are_refused() -> None:
    """Fields are told apart by name, never by place."""
    with pytest.raises(TypeError, match="positional"):
        Point(1, 2)  # type: ignore[call-arg]


def test_a_record_is_frozen_and_slotted() -> None:
    """Neither a field nor any other name can be set or deleted."""
    point = Point(x=1, y=2)
    with pytest.raises(AttributeError, match="Point is frozen, so 'x' stays"):
        point.x = 5  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        point.other = 5  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="frozen, so 'y' cannot be deleted"):
        del point.y
    assert not hasattr(point, "__dict__")
    assert not hasattr(Pixel(x=1, y=2), "__dict__")


@given(x=st.integers(), y=st.integers(), label=st.text())
def test_a_record_survives_pickle_copy_and_replace(x: int, y: int, label: str) -> None:
    """What comes back is equal, hashes equal and prints the same."""
    point = Point(x=x, y=y, label=label)
    for twin in (
        *(pickle.loads(pickle.dumps(point, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(point),
        copy.deepcopy(point),
        replace(point),
        replace(replace(point, x=0), x=x),
    ):
        assert twin == point
        assert hash(twin) == hash(point)
        assert repr(twin) == repr(point) == f"Point(x={x!r}, y={y!r}, label={label!r})"
        assert values(twin) == (x, y, label)


def test_records_are_equal_only_within_their_class() -> None:
    """The same values in another class are another thing."""
    assert Point(x=1, y=2) != Pixel(x=1, y=2)
    another_kind: object = (1, 2, "")
    assert Point(x=1, y=2) != another_kind
    assert Point(x=1, y=2) != Point(x=1, y=3)


def test_a_record_hashes_only_if_its_fields_do() -> None:
    """A list inside makes the record unhashable, as it would a tuple."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(x=1, y=[]))


def test_replace_refuses_what_the_constructor_refuses() -> None:
    """A misspelt change is not silently dropped."""
    with pytest.raises(TypeError, match="no field 'z'"):
        replace(Point(x=1, y=2), z=3)


def test_a_record_can_extend_a_record() -> None:
    """Inherited fields come first; defaults may be overridden, methods stay."""

    @record
    class Labelled(Point):
        label: str = "none"
        weight: float = 1.0

    assert repr(Pixel(x=1, y=2)) == "Pixel(x=1, y=2, label='', colour='red')"
    assert values(Labelled(x=3, y=4)) == (3, 4, "none", 1.0)
    assert Labelled(x=3, y=4).doubled == 6
    assert copy.deepcopy(Pixel(x=1, y=[2])) == Pixel(x=1, y=[2])


def test_a_record_keeps_the_methods_it_defines() -> None:
    """A class that says how it prints is not overruled."""

    @record
    class Quiet:
        held: int

        def __repr__(self) -> str:
            return "Quiet"

    assert repr(Quiet(held=1)) == "Quiet"
    assert Quiet(held=1) == Quiet(held=1)


def test_a_mutable_default_is_refused() -> None:
    """A list as default would be shared by every record."""
    with pytest.raises(TypeError, match=r"Broken\.items has a mutable default, \[\]"):

        @record
        class Broken:
            items: list[int] = []  # noqa: RUF012


def test_records_import_nothing() -> None:
    """Loading the room adds the package and itself to a bare interpreter, and `__future__`, which defines ten names."""
    program = (
        "import sys; before = set(sys.modules); import breakeven.records; print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    added = set(run.stdout.split())
    assert "breakeven.records" in added
    assert not [name for name in added if not name.startswith(("breakeven", "__future__"))]
