"""What a ledger's nouns promise: sums that close, and time that nobody measured as time of its own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from breakeven.ledger import store
from breakeven.ledger.account import Lane
from breakeven.ledger.states import KINDS, PARENT_STATES, WORKER_STATES, kind_of
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, recordings, serial


@dear(4)
@given(recordings())
def test_the_critical_path_sums_to_the_wall_clock(recording: Recording) -> None:
    """Whatever was recorded, the unexplained part closes the sum."""
    ledger = store.from_dict(recording)
    assert math.fsum(ledger.critical_path.values()) == pytest.approx(recording["seconds"], abs=1e-9)


@dear(4)
@given(recordings())
def test_the_states_of_every_lane_sum_to_the_time_it_was_there(recording: Recording) -> None:
    """The parent's lane is there from entry to return, a worker's from its start to its end."""
    ledger = store.from_dict(recording)
    for lane in ledger.all_lanes:
        assert math.fsum(lane.closed_states.values()) == pytest.approx(lane.seconds, abs=1e-9)
    assert ledger.parent.seconds == recording["seconds"]


def test_unexplained_time_is_what_no_state_claims() -> None:
    """Of the call, of the parent, and of each worker, apart from one another."""
    ledger = store.from_dict(by_hand())
    assert ledger.unexplained_seconds == pytest.approx(0.1)
    assert [lane.unexplained_seconds for lane in ledger.all_lanes] == pytest.approx([0.1, 0.1, 0.0])


def test_states_that_overlap_show_as_negative_unexplained_time() -> None:
    """An error of the recorder is not hidden by cutting it off at zero."""
    lane = Lane(name="x", pid=None, from_seconds=0.0, to_seconds=1.0, tasks=0, states={"compute": 0.8, "send": 0.5})
    assert lane.unexplained_seconds == pytest.approx(-0.3)


def test_queueing_for_a_cpu_or_the_gil_is_not_useful_but_waiting_for_a_disk_is() -> None:
    """A serial run would wait for the disk as well."""
    ledger = store.from_dict(by_hand())
    assert [lane.useful_seconds for lane in ledger.all_lanes] == pytest.approx([0.0, 6.4, 4.6])
    assert ledger.useful_seconds == pytest.approx(11.0)


def test_the_speedup_is_serial_seconds_over_wall_seconds() -> None:
    """Serial seconds are the useful compute, unless the run has an estimate of its own."""
    assert store.from_dict(by_hand()).speedup_estimate == pytest.approx(1.1)
    assert store.from_dict(by_hand() | {"serial_seconds_estimate": 15.0}).speedup_estimate == pytest.approx(1.5)
    assert store.from_dict(serial()).speedup_estimate == pytest.approx(0.9)


def test_a_run_that_took_no_time_has_no_speedup() -> None:
    """Rather than infinity."""
    recording = serial() | {"seconds": 0.0, "parent": {}, "path": {}}
    assert store.from_dict(recording).speedup_estimate is None


def test_every_state_is_of_a_kind_that_is_shown() -> None:
    """A state of an unknown kind would be left out of tables."""
    assert {*PARENT_STATES.values(), *WORKER_STATES.values()} <= set(KINDS)


@pytest.mark.parametrize(
    "category, kind",
    [
        ("worker.compute", "compute"),
        ("parent.consumer", "caller"),
        ("transit", "transport"),
        ("start", "start"),
        ("unexplained", "unexplained"),
        ("parent.unheard_of", "engine"),
        ("unheard_of", "engine"),
    ],
)
def test_a_category_of_the_path_has_the_kind_of_its_state(category: str, kind: str) -> None:
    """What is not known is the engine's own doing."""
    assert kind_of(category) == kind
