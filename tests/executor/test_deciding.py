"""What deciding costs, and when what was decided or noticed is not believed any more."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import breakeven as be
from breakeven.executor import auto, known, noticing, steering
from breakeven.executor.weighing import weigh_items
from breakeven.ledger.recorder import Recorder
from breakeven.model.profile import assumed
from breakeven.model.sample import NOTHING, Sample
from breakeven.planning.choice import Situation, choose
from breakeven.planning.validate import options_from
from breakeven.records import replace
from breakeven.work import ONE, Work

SAMPLE = Sample(
    items=50, seconds=0.05, mean_seconds=1e-3, spread_seconds=0.0, error=0.02, argument=NOTHING, result=NOTHING
)


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any function."""
    monkeypatch.setattr(known, "_functions", {})
    monkeypatch.setattr(known, "_profile", assumed(2))


@pytest.mark.parametrize("mean_seconds, left, worth", [(50e-9, 10**7, False), (1e-6, 10**6, True), (1e-3, 20, False)])
def test_what_decides_is_loaded_only_where_something_may_be_gained(
    mean_seconds: float, left: int, *, worth: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for items that are shorter than moving them, however many; nor for little work in all."""
    monkeypatch.delitem(sys.modules, "breakeven.executor.steering")
    loop: Any = SimpleNamespace(count=101, first_seconds=0.0, seconds=100 * mean_seconds)
    assert auto._worth_loading(loop, left, 0) is worth


def _steering(**chosen: Any) -> steering.Steering:
    """Of a call of `len` on 100 items."""
    options, recorder = options_from(chosen), Recorder()
    recorder.items = 100
    return steering.Steering(Work(len, [()] * 100, mode=ONE, length=100, options=options), recorder, options)


def _known(deciding: steering.Steering, sample: Sample = SAMPLE, handicap: float = 1.0) -> known.Known:
    """What a call before has left, made under the same options."""
    workers = deciding._workers()
    choice = choose(sample, Situation(items=100, known=True, cpus=2, max_workers=workers), assumed(2))
    return known.Known(sample=sample, items=100, choice=choice, terms=deciding._terms(), handicap=handicap)


def _after_a_call(later: Sample, *, broken: bool = False) -> known.Known:
    """What is remembered of a call whose choice was made by SAMPLE, and that showed `later` since."""
    deciding = _steering()
    deciding.recall(_known(deciding), 100)
    deciding._recalled, deciding._broken = later, broken
    deciding.learn(None)
    found = known.recall(len)
    assert found is not None
    return found


def test_a_choice_is_kept_for_the_next_call_while_what_it_rests_on_holds() -> None:
    """A call with as many items goes by it."""
    found = _after_a_call(replace(SAMPLE, mean_seconds=1.1e-3))
    assert found.covers(100, _steering()._terms())
    assert not found.covers(200, _steering()._terms())


@pytest.mark.parametrize("change", [{"mean_seconds": 2e-3}, {"cpu_share": 1.9}])
def test_a_choice_is_made_anew_where_what_it_rested_on_was_seen_to_change(change: dict[str, float]) -> None:
    """Items that take twice as long, or the threads of a library that were only there as it was loaded."""
    assert not _after_a_call(replace(SAMPLE, **change)).covers(100, _steering()._terms())


def test_a_choice_whose_promise_was_broken_is_not_taken_again() -> None:
    """Though the items were as expected."""
    assert not _after_a_call(SAMPLE, broken=True).covers(100, _steering()._terms())


def test_what_workers_fell_short_by_is_forgiven_by_and_by() -> None:
    """The next call counts with most of it."""
    deciding = _steering()
    deciding.recall(_known(deciding, handicap=3.0), 100)
    assert deciding._handicap == 1.0 + 2.0 * steering.FORGIVEN
    assert _known(deciding, handicap=3.0).handicap == 3.0


@pytest.mark.parametrize("other", [{"max_workers": 1}, {"start_method": "spawn"}, {"memory_limit": 1 << 33}])
def test_a_choice_holds_under_the_options_that_it_was_made_under(other: dict[str, Any]) -> None:
    """With one worker the loop is all there is, which says nothing of more."""
    limited = _steering(**other)
    before = _known(limited)
    assert before.covers(100, limited._terms())
    assert not before.covers(100, _steering()._terms())
    again = _steering().recall(before, 100)
    assert again is not None
    assert {one.backend for one in again.candidates} >= {"serial", "processes"}


@pytest.mark.parametrize("change", [{"refusal": "an item cannot be pickled"}, {"argument": None, "result": None}])
def test_what_was_seen_of_other_items_decides_nothing(change: dict[str, Any]) -> None:
    """Others may be moved; and what nobody has weighed does not weigh nothing."""
    deciding = _steering()
    before = _known(deciding, replace(SAMPLE, **change))
    assert _steering().recall(replace(before, items=0), 100) is None


@pytest.mark.parametrize("seconds", [1e-3, 80e-3])
@pytest.mark.parametrize("others, waits", [(64_000, False), (0, True)])
def test_a_first_look_takes_no_neighbours_turns_for_waiting(
    others: int, seconds: float, *, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time off the CPU is waiting only where nobody else wanted it."""
    monkeypatch.setattr(noticing, "running_elsewhere", lambda _: others)
    seen = noticing.Noticing(len)
    seen.worked(10, seconds, 0.05 * seconds)
    assert (seen.sample().blocked_share > 0.5) is waits


def test_what_workers_take_longer_is_held_against_them_alone() -> None:
    """Where items take 1.4 times as long as here, the loop is still forecast by what they take here."""
    before = _known(_steering())
    after = before.done_elsewhere(1.4e-3, "processes", broken=False)
    assert after.sample.mean_seconds == SAMPLE.mean_seconds
    assert after.handicap == pytest.approx(1.4)
    assert after.covers(100, before.terms)


@pytest.mark.parametrize("place", ["processes", "threads"])
def test_what_is_quicker_elsewhere_is_by_now_quicker_here(place: str) -> None:
    """A little is chance, and would only ever make the mean less; far more, and the next call has to see for itself."""
    before = _known(_steering())
    assert before.done_elsewhere(0.8e-3, place, broken=False).sample.mean_seconds == before.sample.mean_seconds
    assert before.done_elsewhere(0.8e-3, place, broken=False).covers(100, before.terms)
    assert before.done_elsewhere(0.3e-3, place, broken=False).sample.mean_seconds == pytest.approx(0.3e-3)
    assert not before.done_elsewhere(0.3e-3, place, broken=False).covers(100, before.terms)


def test_threads_that_queue_for_the_gil_make_no_item_dearer() -> None:
    """How much longer they take there, the share of the GIL says."""
    before = _known(_steering())
    assert before.done_elsewhere(3e-3, "threads", broken=False) == before


def test_items_that_were_far_quicker_in_workers_are_seen_here_again() -> None:
    """What they weigh is known, how long they take is not."""
    deciding = _steering()
    crowded = _known(deciding).done_elsewhere(0.3e-3, "processes", broken=False, crowded=True)
    assert crowded.sample.error == SAMPLE.error
    before = _known(deciding).done_elsewhere(0.3e-3, "processes", broken=False)
    assert deciding.recall(before, 100) is None
    assert deciding.noticing.sample().argument == SAMPLE.argument
    assert deciding.quiet_until_seconds == 0.0
    assert not deciding.noticing.observed.items


@pytest.mark.parametrize("usable, waits", [(1, False), (64, True)])
def test_a_crowd_is_more_than_the_cpus_that_are_ours(
    usable: int, *, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three others are many where one CPU may be used, whatever the machine has."""
    monkeypatch.setattr(noticing, "running_elsewhere", lambda _: 3)
    monkeypatch.setattr(known, "cpus", lambda: usable)
    seen = noticing.Noticing(len)
    seen.worked(10, 1e-3, 0.05e-3)
    assert (seen.sample().blocked_share > 0.5) is waits


def test_items_that_were_dear_once_are_known_as_cheap_after_one_call() -> None:
    """Though it is over before anybody looks: else each later call would be chosen for as a long one."""
    deciding = _steering()
    known.remember(len, _known(deciding, replace(SAMPLE, mean_seconds=1e-3)))
    ledger = be.map(len, [()] * 10).report.ledger
    found = known.recall(len)
    assert ledger.choice.startswith("serial")
    assert found is not None
    assert found.sample.mean_seconds < 0.5e-3
    assert not found.items


def test_an_unclear_choice_for_the_loop_asks_for_no_room_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer to read than the choice."""
    monkeypatch.setattr(steering, "memory_limit_bytes", lambda: pytest.fail("asked for"))
    deciding = _steering()
    found = deciding.recall(_known(deciding, replace(SAMPLE, mean_seconds=60e-6)), 100)
    assert found is not None
    assert found.forecast.backend == "serial"


def _trial(deciding: steering.Steering, gain: float, others: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a map goes after two threads did `gain` loops' worth of work, beside so many other threads."""
    monkeypatch.setattr(steering, "running_elsewhere", lambda _: others)
    went: list[str] = []
    monkeypatch.setattr(deciding, "go", lambda _, choice: went.append(choice.forecast.backend))
    mixed: Any = SimpleNamespace(facts={"workers": 2, "backend": "threads"}, stream=SimpleNamespace(remaining=900))
    kept: Any = SimpleNamespace(restart=lambda *_: None)
    deciding._end_trial(mixed, gain, kept)
    return went


@pytest.mark.parametrize("gain, went", [(1.0, ["processes"]), (1.9, [])])
def test_a_trial_in_a_known_functions_call_goes_by_what_its_items_took_before(
    gain: float, went: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them has been done in this thread yet: that they take nothing does not follow."""
    deciding = _steering(max_workers=2)
    monkeypatch.setattr(deciding, "_cpus", 2)
    deciding.recall(_known(deciding, replace(SAMPLE, mean_seconds=20e-3)), 1000)
    assert _trial(deciding, gain, 0, monkeypatch) == went


@pytest.mark.parametrize("others, known_share", [(0, 1.0), (3, None)])
def test_a_trial_in_a_crowd_decides_for_its_own_call_only(
    others: int, known_share: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What threads gain beside others says little of the GIL."""
    deciding = _steering(max_workers=2)
    monkeypatch.setattr(deciding, "_cpus", 2)
    deciding.recall(_known(deciding), 100)
    _trial(deciding, 0.4, others, monkeypatch)
    assert deciding.noticing.gil == pytest.approx(1.0, abs=0.01)
    deciding.learn(None)
    found = known.recall(len)
    assert found is not None
    assert found.sample.gil_share == (known_share and pytest.approx(known_share, abs=0.01))


def test_an_array_that_stands_in_every_item_is_weighed_once_for_all() -> None:
    """A hundred megabytes that workers are given once do not travel with each of sixty items."""
    array = np.zeros(1_000_000)
    items = [(array, number) for number in range(50)]
    assert weigh_items(items[:1], items, 1e-3, sparing=False).shared_bytes == pytest.approx(array.nbytes / 50)
    others = [(array.copy(), number) for number in range(50)]
    assert weigh_items(others[:1], others, 1e-3, sparing=False).shared_bytes == pytest.approx(array.nbytes)


def test_nothing_is_chosen_while_waiting_cannot_be_told_from_queueing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that sleep, first seen in a crowd, would be given to processes, which never learn that they sleep."""
    monkeypatch.setattr(noticing, "running_elsewhere", lambda _: 64_000)
    deciding = _steering(max_workers=2)
    deciding.noticing.worked(10, 30e-3, 1e-3)
    assert deciding.look([()] * 10, [0] * 10, 1000) is None
    deciding.noticing.worked(10, 30e-3, 1e-3)
    assert deciding.noticing.sample().blocked_share > 0.5
    assert deciding.look([()] * 10, [0] * 10, 1000) is not None
