"""What ledgers on disk promise: they come back equal, whole or not at all, and what is none is refused by name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import LedgerUnreadable, LedgerVersionError
from breakeven.ledger import store
from breakeven.report import Report
from breakeven.report.page import page_of
from breakeven.report.trace import trace_of
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, for_replay, recordings


@dear(4)
@given(recordings())
def test_a_ledger_comes_back_from_json_as_it_was(recording: Recording) -> None:
    """Also what it says of who made it."""
    ledger = store.from_dict(recording)
    assert store.from_dict(json.loads(json.dumps(store.to_dict(ledger)))) == ledger


def test_a_saved_ledger_is_loaded_as_it_was(tmp_path: Path) -> None:
    """Through a file, named by a string or a path."""
    ledger = store.from_dict(for_replay())
    store.save(ledger, str(tmp_path / "run.json"))
    assert store.load(tmp_path / "run.json") == ledger


def test_a_file_says_which_versions_made_it(tmp_path: Path) -> None:
    """And goes on saying so when it is loaded and saved elsewhere."""
    path = tmp_path / "run.json"
    store.save(store.from_dict(by_hand()), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["format"] == "breakeven ledger"
    assert set(content["made_with"]) == {"breakeven", "python", "kernel"}
    content["made_with"]["kernel"] = "Plan 9"
    path.write_text(json.dumps(content), encoding="utf-8")
    store.save(store.load(path), path)
    assert json.loads(path.read_text(encoding="utf-8"))["made_with"]["kernel"] == "Plan 9"


def test_a_failed_save_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    """Here the name is taken by a directory, found only after everything was written."""
    taken = tmp_path / "run.json"
    taken.mkdir()
    with pytest.raises(OSError, match=r"run\.json"):
        store.save(store.from_dict(by_hand()), taken)
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize("version", [0, 2, 10**30, "1", None, True])
def test_another_version_is_refused_by_its_number(tmp_path: Path, version: object) -> None:
    """Older or newer, before any other field is looked at."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"format": "breakeven ledger", "version": version}), encoding="utf-8")
    with pytest.raises(LedgerVersionError) as raised:
        store.load(path)
    assert raised.value.source == str(path)
    assert raised.value.readable == 1
    assert str(version).strip("'")[:3] in str(raised.value)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "no JSON"),
        ('{"format": "breakeven ledger", "version": 1', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1, 2]", "format"),
        ('{"version": 1}', "format"),
        ('{"format": "something else", "version": 1}', "format"),
        ('{"format": "breakeven ledger", "version": 1}', "missing"),
        ('{"format": "breakeven ledger", "version": 1, "seconds": NaN}', "seconds is nan"),
        ('{"format": "breakeven ledger", "version": 1, "made_with": 3}', "made_with is 3"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    """And with its path."""
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LedgerUnreadable, match=reason) as raised:
        store.load(path)
    assert raised.value.source == str(path)


def test_bytes_that_are_no_text_are_no_ledger(tmp_path: Path) -> None:
    """A pickle, for one, is not even looked into."""
    path = tmp_path / "run.json"
    path.write_bytes(b"\x80\x05\x95\xff")
    with pytest.raises(LedgerUnreadable):
        store.load(path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """As with `open`."""
    with pytest.raises(FileNotFoundError):
        store.load(tmp_path / "run.json")


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"items": -1}, "items is -1, not a whole number"),
        ({"items": 2.5}, "items is 2.5"),
        ({"items": True}, "items is True"),
        ({"seconds": "10"}, "seconds is '10', not a number of seconds"),
        ({"name": ""}, "name is ''"),
        ({"parent": {"dreaming": 1.0}}, "parent.dreaming is 'dreaming', not one of plan, start"),
        ({"parent": {"wait": -0.1}}, "parent.wait is -0.1"),
        ({"path": {"unexplained": 0.1}}, "path.unexplained is 0.1, not left out"),
        ({"lanes": {}}, "lanes is {}, not a list"),
        ({"lanes": [7]}, r"lanes\[0\] is 7, not an object"),
        ({"notes": [7]}, r"notes\[0\] is 7"),
        ({"chunk_records": [[0, 1]]}, r"chunk_records\[0\] is \[0, 1\], not a list of 10 numbers"),
        ({"chunk_records": [[2, 0, 4, *range(7)]]}, r"chunk_records\[0\]\[0\] is 2, not the index of one of 2 lanes"),
        ({"chunk_records": [[0, 0, 4, 1, 2, 3, 4, 3, 6, 7]]}, r"chunk_records\[0\].encoded is 3.0, not at or after"),
    ],
)
def test_a_field_that_cannot_be_is_named(change: Recording, reason: str) -> None:
    """With what it holds and what it ought to hold."""
    with pytest.raises(LedgerUnreadable, match=reason):
        store.from_dict(by_hand() | change)


@pytest.mark.parametrize("start, end", [(3.0, 2.0), (0.0, 10.5)])
def test_a_lane_lies_within_the_call(start: float, end: float) -> None:
    """It cannot end before it starts, nor after the return."""
    recording = by_hand()
    recording["lanes"][0] |= {"from": start, "to": end}
    with pytest.raises(LedgerUnreadable, match=r"lanes\[0\].to"):
        store.from_dict(recording)


def _leaves(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    places = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(leaf for key, inner in places for leaf in _leaves(inner, (*path, key)))]


_SAVED = store.to_dict(store.from_dict(by_hand() | {"chunk_records": for_replay()["chunk_records"]}))
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800\x1b[2J</title>"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(_leaves(_SAVED)[1:]), _ANYTHING)
def test_a_tampered_file_is_refused_or_shown_but_never_breaks_anything(path: tuple[Any, ...], put: Any) -> None:
    """Any one field set to anything: the error is the promised one, and what is accepted can be printed and drawn."""
    content: Any = copy.deepcopy(_SAVED)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = put
    try:
        report = Report(store.from_dict(content))
    except LedgerUnreadable:
        return
    report.table().encode()
    page_of(report.ledger, report.efficiency).encode()
    json.dumps(trace_of(report.ledger), allow_nan=False)
    json.dumps(report.to_dict(), allow_nan=False)
