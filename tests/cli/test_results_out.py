"""Results and failures become lines that other programs can read."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cli.exits import UsageError
from breakeven.cli.results_out import Lines, Unwritable, failure_line, result_line
from breakeven.work import Failure
from tests.examples import dear

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@dear(2)
@given(st.integers(min_value=0), JSON)
def test_what_json_can_hold_comes_back_equal(index: int, value: Any) -> None:
    """On one line, in ASCII."""
    line = result_line(index, value, values=False, as_repr=False)
    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line) == {"index": index, "value": value}


def test_numpy_values_are_numbers_and_lists() -> None:
    """Scalars of any width, arrays of any shape."""
    value = {"a": np.float64(1.5), "b": np.int8(3), "c": np.arange(4).reshape(2, 2), "d": np.bool_(True)}
    assert json.loads(result_line(0, value, values=True, as_repr=False)) == {
        "a": 1.5,
        "b": 3,
        "c": [[0, 1], [2, 3]],
        "d": True,
    }


def _holds_itself() -> list[Any]:
    knot: list[Any] = []
    knot.append(knot)
    return knot


@pytest.mark.parametrize(
    "value,says",
    [
        ({1, 2}, "type set is no JSON value"),
        (b"x", "type bytes is no JSON value"),
        (Decimal(1), "type Decimal is no JSON value"),
        ({"a": float("nan")}, "NaN"),
        (np.array([1.0, np.inf]), "infinity"),
        ({(1, 2): 3}, "keys must be"),
        (_holds_itself(), "it contains itself"),
    ],
)
def test_what_json_cannot_hold_names_the_item_and_the_reason(value: Any, says: str) -> None:
    """And the flag that helps."""
    with pytest.raises(Unwritable) as caught:
        result_line(17, value, values=False, as_repr=False)
    assert "item 17" in str(caught.value)
    assert says in str(caught.value)
    assert "--repr" in str(caught.value)


def test_with_repr_such_a_value_is_marked_as_text() -> None:
    """So that nobody takes the text for the value."""
    assert json.loads(result_line(2, {1}, values=False, as_repr=True)) == {"index": 2, "repr": "{1}"}
    assert json.loads(result_line(2, {1}, values=True, as_repr=True)) == "{1}"


def test_a_failure_line_tells_what_where_and_why() -> None:
    """An item that JSON cannot hold is shown as text."""
    failure = Failure(4, ValueError("odd"), "exception", 2, 71, "Traceback …")
    assert json.loads(failure_line(failure, float("nan"))) == {
        "index": 4,
        "cause": "exception",
        "exception": "ValueError",
        "message": "odd",
        "attempts": 2,
        "worker_pid": 71,
        "item": "nan",
        "traceback": "Traceback …",
    }
    assert json.loads(failure_line(failure, {"a": [1]}))["item"] == {"a": [1]}


def test_a_file_that_is_there_is_refused(tmp_path: Path) -> None:
    """It may be yesterday's results."""
    path = tmp_path / "out.jsonl"
    path.write_text("precious\n")
    with pytest.raises(UsageError, match="--overwrite"):
        Lines(str(path), io.BytesIO(), overwrite=False)
    assert path.read_text() == "precious\n"


def test_with_overwrite_an_old_file_stands_until_the_run_begins(tmp_path: Path) -> None:
    """A run that cannot even start costs no old result."""
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    lines = Lines(str(path), io.BytesIO(), overwrite=True)
    assert path.read_text() == "old\n"
    lines.begin(create=True)
    lines.write("new")
    assert path.read_text() == "new\n"
    lines.close()


def test_overwrite_never_touches_the_file_that_items_come_from(tmp_path: Path) -> None:
    """Not under another spelling of its name either."""
    path = tmp_path / "items.jsonl"
    path.write_text("1\n")
    with pytest.raises(UsageError, match="where the items come from"):
        Lines(str(tmp_path / "." / "items.jsonl"), io.BytesIO(), overwrite=True, source=str(path))


@pytest.mark.parametrize("name", ["", "nowhere/out.jsonl"])
def test_a_place_that_cannot_be_written_is_said_before_the_run(tmp_path: Path, name: str) -> None:
    """A folder, or a file in a folder that is not there."""
    with pytest.raises(UsageError, match="cannot be written"):
        Lines(str(tmp_path / name), io.BytesIO(), overwrite=True)


def test_every_line_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    """Whatever ends the program afterwards."""
    path = tmp_path / "out.jsonl"
    lines = Lines(str(path), io.BytesIO(), overwrite=False)
    lines.write("1")
    assert path.read_bytes() == b"1\n"
    lines.write("2")
    assert path.read_bytes() == b"1\n2\n"
    lines.close()


def test_no_failures_file_is_made_where_nothing_failed(tmp_path: Path) -> None:
    """Its being there is a message of its own; an old one goes."""
    path = tmp_path / "failures.jsonl"
    path.write_text("old\n")
    lines = Lines(str(path), io.BytesIO(), overwrite=True)
    lines.begin(create=False)
    lines.close()
    assert not path.exists()
