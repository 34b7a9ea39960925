"""Which way is chosen, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from breakeven.model.profile import assumed
from breakeven.model.sample import Payload, Sample
from breakeven.planning import choice
from breakeven.planning.choice import Choice, Situation, choose, choose_workers
from breakeven.records import replace

LIGHT = Payload(stream_bytes=20, dumps_seconds=1e-6, loads_seconds=1e-6)
BUFFER = Payload(stream_bytes=20, shared_bytes=1e6, buffer_bytes=1e6, dumps_seconds=0.4e-3, loads_seconds=0.1e-3)
OBJECTS = Payload(stream_bytes=1e5, dumps_seconds=1.5e-3, loads_seconds=1.5e-3)


def chosen(mean: float, items: int, *, cpus: int = 2, **known: object) -> Choice:
    """What is chosen for so many items of so long; names of `Situation` go there, the rest to the sample."""
    situation = Situation(items=items, known=True, cpus=cpus)
    for name in list(known):
        if name in Situation.__record_fields__:  # type: ignore[attr-defined]
            situation = replace(situation, **{name: known.pop(name)})
    facts = {
        "items": 20,
        "seconds": 20 * mean,
        "mean_seconds": mean,
        "spread_seconds": 0.0,
        "error": 0.05,
        "argument": LIGHT,
        "result": LIGHT,
        **known,
    }
    return choose(Sample(**facts), situation, assumed(cpus))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "mean, items, known, expected",
    [
        (10e-3, 200, {}, "processes"),  # heavy and light to move
        (1e-3, 5, {}, "serial"),  # not worth a start
        (50e-9, 1_000_000, {}, "serial"),  # moving an item costs more than doing it
        (0.5e-3, 500, {"argument": OBJECTS}, "serial"),  # pickling costs more than the work
        (10e-3, 200, {"cpu_share": 0.05}, "threads"),  # waits
        (10e-3, 200, {"gil_share": 0.0, "argument": BUFFER}, "threads"),  # lets go of the GIL: no copies needed
        (10e-3, 200, {"gil_share": 1.0, "argument": BUFFER}, "processes"),  # holds it, and is worth the copies
        (10e-3, 200, {"refusal": "the function cannot be pickled", "gil_share": 1.0}, "serial"),
        (10e-3, 200, {"refusal": "the function cannot be pickled", "gil_share": 0.0}, "threads"),
        (10e-3, 200, {"cpu_share": 2.0}, "serial"),  # keeps both CPUs busy by itself
        (10e-3, 200, {"processes_allowed": False}, "serial"),
        (10e-3, 200, {"max_workers": 1}, "serial"),
    ],
)
def test_the_way_that_suits_the_work_is_chosen(mean: float, items: int, known: dict[str, Any], expected: str) -> None:
    """Each row is a kind of work that users bring."""
    assert chosen(mean, items, **known).forecast.backend == expected


def test_one_usable_cpu_keeps_what_computes_in_the_calling_thread() -> None:
    """And the reason says so."""
    choice = chosen(10e-3, 200, cpus=1)
    assert choice.forecast.backend == "serial"
    assert choice.reason == "one usable CPU"


def test_one_usable_cpu_is_enough_to_wait_with_many_threads() -> None:
    """Waiting takes no CPU."""
    assert chosen(10e-3, 200, cpus=1, cpu_share=0.02).forecast.backend == "threads"


def test_a_sample_that_says_little_buys_no_start() -> None:
    """The same mean with an error as large as itself: items may be far cheaper."""
    assert chosen(1e-3, 30, error=0.05).forecast.backend == "processes"
    assert chosen(1e-3, 30, error=1.0).forecast.backend == "serial"


def test_workers_that_stand_ready_are_used_for_less() -> None:
    """What was too little for a start is enough without one."""
    assert chosen(1e-3, 8).forecast.backend == "serial"
    assert chosen(1e-3, 8, start_seconds=50e-6).forecast.backend == "processes"


def test_memory_bounds_the_workers() -> None:
    """With 150 MB a call and 200 MB to spare no second one fits."""
    tight = chosen(50e-3, 100, call_bytes=150_000_000, memory_limit=200_000_000)
    roomy = chosen(50e-3, 100, call_bytes=150_000_000, memory_limit=2_000_000_000)
    assert tight.forecast.backend == "serial"
    assert "memory" in tight.reason
    assert roomy.forecast.backend == "processes"


def test_memory_makes_fewer_workers_before_none() -> None:
    """Eight are wanted, three fit."""
    choice = chosen(50e-3, 1000, cpus=8, call_bytes=100_000_000, memory_limit=350_000_000)
    assert choice.forecast.backend == "processes"
    assert choice.forecast.workers == 3
    assert choice.forecast.memory_bytes <= 350_000_000


def test_buffers_that_nobody_has_looked_into_are_tried_in_threads() -> None:
    """On trial, since the function may hold the GIL all the same."""
    choice = chosen(10e-3, 200, argument=replace(BUFFER, dumps_seconds=8e-3, shared_bytes=2e7))
    assert choice.pilot
    assert choice.forecast.backend == "threads"


def test_numbers_are_not_tried_in_threads() -> None:
    """What works on no buffer does not let go of the GIL."""
    choice = chosen(10e-3, 200, processes_allowed=False)
    assert not choice.pilot
    assert choice.forecast.backend == "serial"


def test_workers_that_broke_their_promise_are_charged_for_it() -> None:
    """A handicap makes the same choice fall elsewhere."""
    assert chosen(10e-3, 200).forecast.backend == "processes"
    assert chosen(10e-3, 200, handicap=2.5).forecast.backend == "serial"


def test_every_choice_shows_all_its_candidates_serial_first() -> None:
    """So that a table can show what was not chosen, too."""
    choice = chosen(10e-3, 200)
    assert choice.candidates[0].backend == "serial"
    assert {one.backend for one in choice.candidates} == {"serial", "threads", "processes"}


def workers_for(mean: float, items: int, *, ready: int = 0, limit: int | None = None, **known: object) -> Choice:
    """How many workers are chosen of four, where nothing else is allowed."""
    facts = {"items": 20, "seconds": 20 * mean, "mean_seconds": mean, "spread_seconds": 0.0, "error": 0.05, **known}
    situation = Situation(items=items, known=True, cpus=4, memory_limit=limit)
    return choose_workers(Sample(**facts), situation, assumed(4), ready)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "mean, items, known, expected",
    [
        (10e-3, 400, {}, 4),  # heavy: all of them
        (10e-3, 400, {"ready": 1}, 4),
        (50e-6, 20, {"ready": 1}, 1),  # over before another has started
        (50e-6, 20, {"ready": 2}, 2),  # who is there, stays
        (0.2e-3, 2000, {"argument": replace(OBJECTS, loads_seconds=1e-3)}, 2),  # the parent feeds no more
        (10e-3, 2, {}, 2),  # no more than there are items
        (10e-3, 400, {"limit": 30 << 20}, 2),  # nor than memory has room for
        (10e-3, 400, {"limit": 1 << 20}, 1),  # but one
    ],
)
def test_as_many_workers_are_chosen_as_pay(mean: float, items: int, known: dict[str, Any], expected: int) -> None:
    """Where the work may go nowhere else."""
    choice = workers_for(mean, items, **known)
    assert choice.forecast.workers == expected
    assert choice.forecast in choice.candidates
    assert {one.backend for one in choice.candidates} == {"processes"}
    assert "forecast" in choice.reason


@pytest.mark.parametrize("known, least", [(False, 20), (True, 4)])
def test_how_many_threads_wait_does_not_hang_on_a_guess_of_what_is_to_come(*, known: bool, least: int) -> None:
    """Of a generator nobody knows the length: as much again as was seen is a guess for time, none for threads."""
    waiting = Sample(items=4, seconds=0.02, mean_seconds=5e-3, spread_seconds=0.0, error=0.01, cpu_share=0.05)
    choice = choose(waiting, Situation(items=4, known=known, cpus=2), assumed(2))
    assert choice.forecast.backend == "threads"
    assert choice.forecast.workers >= least
    assert known is (choice.forecast.workers == least)


def test_a_gain_that_hangs_on_what_moving_takes_is_trusted_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what workers would spare goes into pickling, which was weighed here and is done beside others."""
    heavy = Payload(stream_bytes=1e5, dumps_seconds=0.6e-3, loads_seconds=0.6e-3)
    sample = Sample(
        items=50, seconds=0.1, mean_seconds=2e-3, spread_seconds=0.0, error=0.02, gil_share=1.0, argument=heavy
    )
    situation = Situation(items=1000, known=True, cpus=2, start_seconds=0.0)
    assert choose(sample, situation, assumed(2)).forecast.backend == "serial"
    monkeypatch.setattr(choice, "MOVING_CAUTION", 0.0)
    assert choose(sample, situation, assumed(2)).forecast.backend == "processes"


def test_what_pays_for_an_unknown_number_of_items_is_what_pays_for_many() -> None:
    """Warm processes would be first with a few items that wait, and then be too few for all the others."""
    waiting = Sample(
        items=4, seconds=12e-3, mean_seconds=3e-3, spread_seconds=0.0, error=0.05, cpu_share=0.03, gil_share=0.0
    )
    few = Situation(items=4, known=True, cpus=2, start_seconds=0.1e-3, threads_load_seconds=4e-3)
    assert choose(waiting, few, assumed(2)).forecast.backend == "processes"
    assert choose(waiting, replace(few, known=False), assumed(2)).forecast.backend == "threads"


def test_memory_that_many_items_would_not_leave_does_not_refuse_few() -> None:
    """How many are still to come is a guess; a way that it rules out can be taken for what is known."""
    sample = Sample(
        items=10, seconds=4e-3, mean_seconds=4e-4, spread_seconds=0.0, error=0.02, cpu_share=1.0, gil_share=1.0,
        argument=Payload(shared_bytes=1e5), result=Payload(), call_bytes=0,
    )  # fmt: skip
    for limit in range(40, 400, 4):
        situation = Situation(
            items=100, known=False, cpus=8, max_workers=None, start_method="fork", memory_limit=limit * 10**6
        )
        assert choose(sample, situation, assumed(8)).forecast.backend in ("serial", "processes")
