"""What the trace promises: JSON that a viewer takes, lanes whose slices stand apart, arrows that end in slices."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from breakeven.ledger import store
from breakeven.report import Report
from breakeven.report.timeline import slices_of
from breakeven.report.trace import trace_of
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, for_replay, recordings

ROUNDING_US = 0.002


def _lanes(events: list[dict[str, Any]]) -> dict[int, list[tuple[float, float]]]:
    lanes = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            lanes[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    return lanes


@dear(4)
@given(recordings())
def test_slices_of_one_lane_never_overlap(recording: Recording) -> None:
    """Whatever the stamps were; a viewer would nest them."""
    trace = json.loads(json.dumps(trace_of(store.from_dict(recording))))
    for slices in _lanes(trace["traceEvents"]).values():
        for (_, end), (start, _) in pairwise(sorted(slices)):
            assert end <= start + ROUNDING_US


@dear(4)
@given(recordings())
def test_every_slice_lies_within_the_call(recording: Recording) -> None:
    """And takes time."""
    ledger = store.from_dict(recording)
    for piece in slices_of(ledger):
        assert 0.0 <= piece.start < piece.end <= ledger.seconds + 1e-9


def test_what_was_computed_is_drawn_at_its_stamps() -> None:
    """Each stage of the chunk in its lane, what comes before and after it by the order of states."""
    drawn = [(piece.lane, piece.state, piece.start, piece.end) for piece in slices_of(store.from_dict(for_replay()))]
    assert drawn == [
        (0, "start", 0.0, 1.0),
        (0, "send", pytest.approx(3.0), 3.0),
        (0, "merge", 8.0, 9.5),
        (0, "stop", 9.5, 10.0),
        (1, "deserialise", 3.5, 4.0),
        (1, "compute", 4.0, 7.0),
        (1, "serialise", 7.0, 7.5),
    ]


def test_start_up_is_drawn_before_the_first_chunk_only_if_it_fits() -> None:
    """Else its place is not known, and a guess would look like a measurement."""
    recording = for_replay()
    recording["lanes"][0]["states"] |= {"boot": 2.0, "import": 1.0}
    states = [piece.state for piece in slices_of(store.from_dict(recording)) if piece.lane == 1]
    assert states == ["boot", "deserialise", "compute", "serialise"]


def test_every_message_is_an_arrow_from_a_slice_into_a_slice() -> None:
    """Out to the worker and back in, each with one tail and one head of the same name."""
    events = trace_of(store.from_dict(for_replay()))["traceEvents"]
    lanes = _lanes(events)
    tails = {event["id"]: event for event in events if event["ph"] == "s"}
    heads = {event["id"]: event for event in events if event["ph"] == "f"}
    assert set(tails) == set(heads) == {"out 0", "in 0"}
    for event in (*tails.values(), *heads.values()):
        assert any(start <= event["ts"] < end for start, end in lanes[event["tid"]])
    assert all(tails[name]["ts"] < heads[name]["ts"] for name in tails)


def test_counters_follow_chunks_and_items() -> None:
    """One chunk of four items goes out at 3 s, comes back at 8 s, and is merged at 9.5 s."""
    counters = [e for e in trace_of(store.from_dict(for_replay()))["traceEvents"] if e["ph"] == "C"]
    steps = [(event["ts"], *event["args"].values()) for event in counters]
    assert steps == [(3e6, 1), (3e6, 0), (8e6, 0), (8e6, 0), (9.5e6, 0), (9.5e6, 4)]


def test_lanes_are_named_with_their_pids_in_order() -> None:
    """The parent on top."""
    events = trace_of(store.from_dict(by_hand()))["traceEvents"]
    names = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert names == ["parent", "worker 0 (pid 4000)", "worker 1 (pid 4001)"]


def test_the_trace_is_written_to_a_file(tmp_path: Path) -> None:
    """With the rest of the ledger beside the events."""
    path = tmp_path / "trace.json"
    Report.from_recording(by_hand()).to_trace(path)
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert trace["otherData"]["memory"] == {"peak_pss_bytes": 154_000_000, "samples": 12}
