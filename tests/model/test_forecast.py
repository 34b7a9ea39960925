"""The formulas, against cases that can be worked out by hand."""

from __future__ import annotations

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.model import forecast as model
from breakeven.model.profile import MachineProfile, Segment, StartUp, assumed, corrected, moving_seconds, profile_from
from breakeven.model.sample import Payload, Sample
from breakeven.records import replace


def sample(mean: float, **known: object) -> Sample:
    """Items that all take so long."""
    facts = {"items": 50, "seconds": 50 * mean, "mean_seconds": mean, "spread_seconds": 0.0, "error": 0.02, **known}
    return Sample(**facts)  # type: ignore[arg-type]


def ideal(cpus: int = 2) -> MachineProfile:
    """A machine on which nothing costs anything but start-up: 10 ms, and 5 more a worker."""
    free = (Segment(from_bytes=0, fixed_seconds=0.0, seconds_a_byte=0.0),)
    return replace(
        assumed(cpus),
        start=(("fork", StartUp(fixed_seconds=10e-3, each_seconds=5e-3)),),
        parent_chunk_seconds=0.0,
        worker_chunk_seconds=0.0,
        wake_seconds=0.0,
        out_segments=free,
        in_segments=free,
        thread_start_seconds=0.0,
        thread_chunk_seconds=0.0,
        capacity=tuple(float(busy) for busy in range(1, cpus + 1)),
    )


def test_a_serial_run_takes_the_sum_of_its_items() -> None:
    """With an interval around it."""
    one = model.serial(sample(1e-3), 1000)
    assert one.seconds == pytest.approx(1.0)
    assert one.low_seconds < one.seconds < one.high_seconds


def test_two_processes_halve_what_is_computed_and_add_their_start() -> None:
    """On a machine where nothing else costs anything."""
    one = model.processes(sample(10e-3), 100, 2, ideal(), "fork")
    assert one.seconds == pytest.approx(0.5 + 20e-3, rel=0.01)
    assert one.dominant == "compute"


def test_three_long_items_on_two_workers_take_two_rounds() -> None:
    """Not one and a half."""
    one = model.processes(sample(0.1), 3, 2, ideal(), "fork", start_seconds=0.0)
    assert one.seconds == pytest.approx(0.2, rel=0.01)


def test_the_capacity_of_the_machine_bounds_what_workers_do() -> None:
    """Two workers on a machine that does 1.2 CPUs' worth are 1.2 times as fast, not twice."""
    weak = replace(ideal(), capacity=(1.0, 1.2))
    one = model.processes(sample(10e-3), 1000, 2, weak, "fork", start_seconds=0.0)
    assert one.seconds == pytest.approx(10 / 1.2, rel=0.01)


def test_a_payload_dearer_than_the_work_makes_the_parent_the_bottleneck() -> None:
    """Feeding the workers is what dominates then, and hardly one of them can be kept busy."""
    heavy = Payload(stream_bytes=1e5, dumps_seconds=2e-3, loads_seconds=1e-3)
    one = model.processes(sample(1e-3, argument=heavy, result=Payload()), 100, 2, ideal(), "fork")
    assert one.dominant == "feeding the workers"
    assert one.useful_workers == pytest.approx(1.0, abs=0.5)
    assert one.seconds > model.serial(sample(1e-3), 100).seconds


@pytest.mark.parametrize("share, speedup", [(1.0, 1.0), (0.5, 2.0), (0.0, 2.0)])
def test_threads_are_bound_by_the_gil(share: float, speedup: float) -> None:
    """Held all the time they gain nothing; held half of it, two threads do twice the work at most."""
    items = sample(10e-3, gil_share=share)
    one = model.threads(items, 1000, 2, ideal())
    gain = model.serial(items, 1000).seconds / one.seconds
    assert gain <= speedup * 1.001
    assert gain >= (0.99 if share == 1.0 else 1.3)


def test_threads_that_wait_overlap_beyond_the_cpus() -> None:
    """Ninety-nine percent waiting: thirty threads on two CPUs do nearly thirty times as much."""
    waiting = sample(10e-3, cpu_share=0.01, gil_share=0.01)
    gain = model.serial(waiting, 3000).seconds / model.threads(waiting, 3000, 30, ideal()).seconds
    assert 20 < gain <= 30


def test_the_break_even_is_not_where_overhead_equals_compute() -> None:
    """Work must take N/(N-1) times the overhead: twice, with two workers, since they spare only half of it.

    The formula T_compute > T_overhead, which is often seen, promises a gain where there is a loss.
    """
    items = sample(10e-6)
    overhead = 20e-3
    found = model.breakeven_items(items, partial(_two_processes, ideal()))
    assert found is not None
    assert found * 10e-6 == pytest.approx(overhead * 2 / (2 - 1), rel=0.05)


def test_at_the_break_even_both_ways_take_equally_long() -> None:
    """By the very forecasts that it was found from."""
    items, profile = sample(0.3e-3), assumed(2)
    found = model.breakeven_items(items, partial(_two_processes, profile))
    assert found is not None
    parallel, serial = _two_processes(profile, items, found), model.serial(items, found)
    assert parallel.seconds == pytest.approx(serial.seconds, rel=0.05)


def test_what_is_dearer_to_move_than_to_do_never_breaks_even() -> None:
    """However many items there are."""
    heavy = sample(1e-6, argument=Payload(dumps_seconds=1e-5), result=Payload())
    assert model.breakeven_items(heavy, partial(_two_processes, assumed(2))) is None


def test_the_break_even_as_time_an_item_agrees_with_the_forecasts() -> None:
    """At that time an item, parallel and serial take equally long."""
    items, profile = sample(1e-3), assumed(2)
    tau = model.breakeven_task_seconds(items, 200, partial(_two_processes, profile))
    assert tau is not None
    exactly = replace(items, mean_seconds=tau)
    assert _two_processes(profile, exactly, 200).seconds == pytest.approx(200 * tau, rel=0.05)


def test_the_smallest_effective_task_grows_with_the_efficiency_asked_for() -> None:
    """Half of the time busy takes shorter tasks than nineteen twentieths."""
    half = model.metg_seconds(sample(1e-3), 2, assumed(2), 0.5)
    nearly_all = model.metg_seconds(sample(1e-3), 2, assumed(2), 0.9)
    assert half is not None
    assert nearly_all is not None
    assert 1e-6 < half < nearly_all < 1e-2


def _two_processes(profile: MachineProfile, items: Sample, count: int) -> model.Forecast:
    return model.processes(items, count, 2, profile, "fork")


@given(
    mean=st.floats(1e-7, 10.0),
    items=st.integers(1, 10**7),
    workers=st.integers(1, 64),
    share=st.floats(0.0, 1.0),
    cpu=st.floats(0.0, 4.0),
)
def test_every_forecast_is_finite_and_inside_its_interval(
    mean: float, items: int, workers: int, share: float, cpu: float
) -> None:
    """And nothing is forecast to be faster than all its workers at once."""
    known, profile = sample(mean, gil_share=share, cpu_share=cpu), assumed(8)
    serial = model.serial(known, items)
    for one in (
        serial,
        model.threads(known, items, workers, profile),
        model.processes(known, items, workers, profile, "fork"),
    ):
        assert 0 < one.low_seconds <= one.seconds <= one.high_seconds < float("inf")
        assert one.seconds >= serial.seconds / workers * 0.999 or one.backend == "serial"
        assert one.memory_bytes >= 0


def test_moving_a_payload_costs_by_the_segment_of_its_size() -> None:
    """Never by one pair of constants for all sizes."""
    segments = (
        Segment(from_bytes=0, fixed_seconds=1e-6, seconds_a_byte=1e-9),
        Segment(from_bytes=1000, fixed_seconds=5e-6, seconds_a_byte=2e-9),
    )
    assert moving_seconds(segments, 500) == pytest.approx(1.5e-6)
    assert moving_seconds(segments, 2000) == pytest.approx(9e-6)


def test_a_profile_survives_being_plain_data() -> None:
    """Every figure of it."""
    profile = replace(assumed(4), key="here", pickle=(("bytes", 1e-9, 2e-9),))
    assert profile_from(profile.to_dict()) == profile


@pytest.mark.parametrize("damage", [{"version": 99}, {"capacity_cpus": []}, {"capacity_cpus": [0.0]}, {"start_up": 3}])
def test_a_profile_that_cannot_be_is_refused(damage: dict[str, object]) -> None:
    """Rather than believed."""
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        profile_from({**assumed(2).to_dict(), **damage})


def test_one_slow_start_moves_the_profile_a_little_only() -> None:
    """A hundredfold outlier counts as twofold, and of that a quarter."""
    before = assumed(2)
    after = corrected(before, "fork", 2, 100 * before.start_up("fork", 2))
    assert after.start_up("fork", 2) == pytest.approx(1.25 * before.start_up("fork", 2))
    assert after.start_up("spawn", 2) == before.start_up("spawn", 2)


def test_threads_get_their_new_memory_one_after_the_other() -> None:
    """Results whose pages take half of an item's time leave two threads less to gain."""
    small = sample(10e-3, gil_share=0.0)
    large = replace(small, result=Payload(shared_bytes=100e6))
    assert model.threads(large, 100, 2, ideal()).seconds > 1.2 * model.threads(small, 100, 2, ideal()).seconds


def test_what_loading_takes_is_in_the_interval_of_threads() -> None:
    """A start is known to half."""
    plain = model.threads(sample(1e-3, gil_share=1.0), 10, 2, ideal())
    loaded = model.threads(sample(1e-3, gil_share=1.0), 10, 2, ideal(), load_seconds=4e-3)
    assert loaded.high_seconds - loaded.seconds > plain.high_seconds - plain.seconds + 2e-3


@pytest.mark.parametrize("fresh_bytes", [0.0, 4e6])
@pytest.mark.parametrize("share", [0.4, 0.6])
def test_the_share_of_the_gil_is_the_one_that_forecasts_this_gain(share: float, fresh_bytes: float) -> None:
    """What threads were seen to gain, put into the forecast and taken out of it again; new pages are not the GIL's."""
    items = sample(10e-3, gil_share=share, result=Payload(shared_bytes=fresh_bytes))
    gain = model.serial(items, 10_000).seconds / model.threads(items, 10_000, 2, ideal()).seconds
    assert model.gil_share_of(gain, items, 2, ideal()) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("gain, share", [(1.9, 0.0), (0.4, 1.0)])
def test_whoever_gains_all_there_is_lets_go_of_the_gil(gain: float, share: float) -> None:
    """And who gains nothing holds it."""
    assert model.gil_share_of(gain, sample(10e-3), 2, ideal()) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("workers", [2, 3, 7, 64])
def test_the_last_of_several_workers_is_late_by_the_logarithm_of_their_number(workers: int) -> None:
    """The extreme of so many normal variables, for three as exactly as for two."""
    items = sample(10e-3, spread_seconds=1e-3)
    expected = 1e-3 * math.sqrt(2 * math.log(workers)) / 2
    assert model._tail(items, 10**6, workers) == pytest.approx(expected, rel=1e-4)
