"""What deciding costs, and when what was decided or noticed is not believed any more."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from breakeven.executor import auto, known, noticing, steering
from breakeven.ledger.recorder import Recorder
from breakeven.model.profile import assumed
from breakeven.model.sample import Sample
from breakeven.planning.choice import Situation, choose
from breakeven.planning.validate import options_from
from breakeven.records import replace
from breakeven.work import ONE, Work

SAMPLE = Sample(items=50, seconds=0.05, mean_seconds=1e-3, spread_seconds=0.0, error=0.02)


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


def _after_a_call(later: Sample) -> known.Known:
    """What is remembered of a call whose choice was made by SAMPLE, and that showed `later` since."""
    recorder = Recorder()
    recorder.items = 100
    deciding = steering.Steering(
        Work(len, [()] * 100, mode=ONE, length=100, options=options_from({})), recorder, options_from({})
    )
    choice = choose(SAMPLE, Situation(items=100, known=True, cpus=2), assumed(2))
    deciding.recall(known.Known(sample=SAMPLE, items=100, choice=choice), 100)
    deciding._recalled = later
    deciding.learn(None)
    found = known.recall(len)
    assert found is not None
    return found


def test_a_choice_is_kept_for_the_next_call_while_what_it_rests_on_holds() -> None:
    """A call with as many items goes by it."""
    assert _after_a_call(replace(SAMPLE, mean_seconds=1.1e-3)).covers(100)


@pytest.mark.parametrize("change", [{"mean_seconds": 2e-3}, {"cpu_share": 1.9}])
def test_a_choice_is_made_anew_where_what_it_rested_on_was_seen_to_change(change: dict[str, float]) -> None:
    """Items that take twice as long, or the threads of a library that were only there as it was loaded."""
    assert not _after_a_call(replace(SAMPLE, **change)).covers(100)


@pytest.mark.parametrize("others, waits", [(64_000, False), (0, True)])
def test_a_short_first_look_takes_no_neighbours_turn_for_waiting(
    others: int, *, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A millisecond off the CPU is waiting only where nobody else wanted it."""
    monkeypatch.setattr(noticing, "running_elsewhere", lambda _: others)
    seen = noticing.Noticing(len)
    seen.worked(10, 1e-3, 0.05e-3)
    assert (seen.sample().blocked_share > 0.5) is waits
