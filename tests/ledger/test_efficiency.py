"""What the efficiency factors promise: the POP identity, and an ideal network never slower than the real one."""

from __future__ import annotations

import pytest
from hypothesis import given

from breakeven.ledger import store
from breakeven.ledger.efficiency import busiest_useful_seconds, efficiency_of, ideal_seconds
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, for_replay, recordings, serial


@dear(4)
@given(recordings())
def test_the_factors_multiply_to_the_useful_share_of_the_workers_time(recording: Recording) -> None:
    """U/(W·T) = load balance · serialisation · transfer, and with the scaling of computation it is S/W."""
    ledger = store.from_dict(recording)
    factors = efficiency_of(ledger)
    if factors is None:
        assert min(ledger.useful_seconds, ledger.seconds) < 1e-9
        return
    workers = max(1, ledger.workers)
    assert factors.parallel == pytest.approx(ledger.useful_seconds / (workers * ledger.seconds))
    if factors.computation_scaling is not None:
        assert ledger.speedup_estimate == pytest.approx(workers * factors.parallel * factors.computation_scaling)


@dear(4)
@given(recordings())
def test_serialisation_and_transfer_are_shares(recording: Recording) -> None:
    """The busiest worker is not busier than the ideal run is long, nor that longer than the real one."""
    factors = efficiency_of(store.from_dict(recording))
    if factors is not None:
        assert 0 < factors.serialisation <= 1
        assert 0 < factors.transfer <= 1


@dear(4)
@given(recordings())
def test_free_transfer_never_makes_a_run_longer(recording: Recording) -> None:
    """Neither by replay nor by sums."""
    ledger = store.from_dict(recording)
    ideal, basis = ideal_seconds(ledger)
    assert basis == ("replay" if ledger.has_every_chunk else "sums")
    if basis == "replay":
        assert ideal <= ledger.seconds + 1e-9


def test_the_factors_of_a_small_ledger_are_those_found_by_hand() -> None:
    """11 useful seconds on 2 workers in 10 s, the busiest with 6.4, and 1.5 s of the path pickling and transfer."""
    factors = efficiency_of(store.from_dict(by_hand()))
    assert factors is not None
    assert factors.load_balance == pytest.approx(11.0 / 12.8)
    assert factors.ideal_seconds == pytest.approx(8.5)
    assert factors.ideal_basis == "sums"
    assert factors.serialisation == pytest.approx(6.4 / 8.5)
    assert factors.transfer == pytest.approx(0.85)
    assert factors.parallel == pytest.approx(0.55)
    assert factors.computation_scaling is None


def test_the_replay_of_one_chunk_is_the_one_found_by_hand() -> None:
    """Of 3.5 s of pickling and merging 0.5 s are merging: of the 2 s in front of the chunk as large a part stays."""
    in_front = 2.0 * 0.5 / 3.5
    behind = (0.5 - in_front) * 1.5 / 6.5  # of the 6.5 s between sending and stopping 1.5 s follow the arrival
    expected = 1.0 + in_front + 3.0 + 0.5 + behind
    ideal, basis = ideal_seconds(store.from_dict(for_replay()))
    assert basis == "replay"
    assert ideal == pytest.approx(expected)


def test_a_replayed_chunk_waits_until_its_worker_is_up() -> None:
    """Start-up is not transfer: a free network does not make it shorter."""
    recording = for_replay()
    recording["lanes"][0]["states"]["boot"] = 2.4
    behind = (0.5 - 2.0 * 0.5 / 3.5) * 1.5 / 6.5
    expected = 3.4 + 3.0 + 0.5 + behind
    assert ideal_seconds(store.from_dict(recording))[0] == pytest.approx(expected)


def test_a_worker_that_was_started_after_pickling_is_replayed_as_started_earlier() -> None:
    """The parent pickles for 1 s between its own start and the worker's; with that free, the worker is up sooner."""
    recording = for_replay()
    recording["lanes"][0]["states"]["boot"] = 1.4
    recording["lanes"][0]["from"] = 2.0
    behind = (0.5 - 2.0 * 0.5 / 3.5) * 1.5 / 6.5
    started = 1.0 + 0.5 / 3.5
    assert ideal_seconds(store.from_dict(recording))[0] == pytest.approx(started + 1.4 + 3.0 + 0.5 + behind)


def test_what_the_parent_computes_itself_is_replayed_in_the_parent() -> None:
    """One worker has nothing to do; the parent's three seconds stay, its merging with them."""
    recording = for_replay()
    recording["parent"] = {"start": 1.0, "compute": 3.0, "serialise": 5.0, "merge": 0.5, "stop": 0.5}
    recording["chunk_records"] = [[-1, 0, 4, 3.0, 3.0, 3.0, 6.0, 6.0, 6.0, 6.5]]
    recording["lanes"][0]["states"] = {"idle_before_first": 9.0}
    in_front = 2.0 * 0.5 / 5.5  # pickling and merging are 5.5 s, merging alone 0.5 s, and 2 s lie in front
    expected = 1.0 + in_front + 3.0 + (0.5 - in_front) + 0.5
    ideal, basis = ideal_seconds(store.from_dict(recording))
    assert basis == "replay"
    assert ideal == pytest.approx(expected)


def test_a_serial_run_loses_nothing_to_transfer() -> None:
    """Its one worker is the parent."""
    factors = efficiency_of(store.from_dict(serial()))
    assert factors is not None
    assert [factors.load_balance, factors.transfer] == pytest.approx([1.0, 1.0])
    assert factors.parallel == pytest.approx(0.9)


def test_a_worker_and_the_one_that_replaced_it_are_one_for_the_load_balance() -> None:
    """Else every replacement would look like an imbalance."""
    recording = by_hand()
    recording["lanes"][1]["name"] = "worker 0"
    assert busiest_useful_seconds(store.from_dict(recording)) == pytest.approx(11.0)


def test_the_parents_own_compute_stands_beside_the_busiest_workers() -> None:
    """It is serial work, not a third worker."""
    recording = by_hand()
    recording["parent"]["compute"] = 1.0
    assert busiest_useful_seconds(store.from_dict(recording)) == pytest.approx(7.4)


def test_where_nothing_was_computed_there_are_no_factors() -> None:
    """None, rather than a division by zero."""
    recording = serial() | {"parent": {"input": 2.0}}
    assert efficiency_of(store.from_dict(recording)) is None
