"""A plan: the sample is work, the rest follows when asked for, and the table tells why."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import breakeven as be
from breakeven.executor import known
from tests.executor.test_auto import ENOUGH, count, count_and_tell

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is known of any function, and no profile is kept."""
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(tmp_path / "profile"))
    monkeypatch.setattr(known, "_functions", {})
    monkeypatch.setattr(known, "_profile", None)
    yield
    be.shutdown()


def test_a_plan_and_its_run_call_the_function_once_an_item(tmp_path: Path) -> None:
    """The items sampled are not done again."""
    from functools import partial

    path = tmp_path / "calls"
    jobs = [(at, 4 * ENOUGH) for at in range(60)]
    plan = be.plan(partial(count_and_tell, str(path)), jobs)
    sampled = path.read_text().split()
    assert 1 <= len(sampled) == plan.sampled < 60
    results = plan.run()
    assert results == [count(4 * ENOUGH)] * 60
    assert Counter(map(int, path.read_text().split())) == Counter(range(60))


def test_a_plan_is_run_once() -> None:
    """Running it again would call the function twice for an item."""
    plan = be.plan(count, [10] * 5)
    assert plan.run() == [count(10)] * 5
    with pytest.raises(be.UsageError, match="has been run"):
        plan.run()


def test_a_plan_for_heavy_items_takes_processes_and_says_from_where_they_pay() -> None:
    """As table, as attributes and as plain data."""
    plan = be.plan(count, [10 * ENOUGH] * 200)
    assert plan.backend == "processes"
    text = str(plan)
    assert "break-even" in text
    assert "80 % interval" in text
    assert all(len(line) <= WIDTH for line in text.splitlines())
    record = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
    assert record["break_even"]["items"] < 200
    assert record["chosen"]["title"] == plan.choice
    assert {one["backend"] for one in record["candidates"]} == {"serial", "threads", "processes"}


def test_a_plan_for_what_waits_takes_threads() -> None:
    """And knows that it waits, and that it does not hold the GIL meanwhile."""
    plan = be.plan(time.sleep, [0.008] * 100)
    assert plan.backend == "threads"
    assert plan.sample.blocked_share > 0.5


def test_the_run_of_a_plan_reports_its_forecast() -> None:
    """For the items that were left."""
    plan = be.plan(count, [10 * ENOUGH] * 40)
    report = plan.run().report
    assert report.forecast is not None
    assert report.ledger.items == 40 - plan.sampled


def test_everything_may_be_done_by_the_sample() -> None:
    """Then there is nothing left to run, and all results."""
    plan = be.plan(count, [5, 6])
    assert plan.sampled == 2
    assert plan.run() == [count(5), count(6)]


def test_a_task_that_raises_while_it_is_sampled_is_raised_by_the_run() -> None:
    """Planning itself does not fail."""
    plan = be.plan(int, ["1", "x", "3"])
    assert "left" in str(plan)
    with pytest.raises(ValueError, match="invalid literal"):
        plan.run()


def test_no_items_at_all_can_be_planned() -> None:
    """And run."""
    plan = be.plan(count, [])
    assert plan.backend == "serial"
    assert plan.run() == []


def test_items_of_unknown_number_are_planned_as_if_as_many_were_to_come() -> None:
    """A generator does not say how many it holds."""
    plan = be.plan(count, (4 * ENOUGH for _ in range(50)))
    assert plan.to_dict()["items"] is None
    assert plan.run() == [count(4 * ENOUGH)] * 50


def test_an_executor_plans_with_its_own_options() -> None:
    """As `breakeven.plan` does."""
    with be.Executor(max_workers=2) as executor:
        plan = executor.plan(count, [10] * 3)
        assert plan.run() == [count(10)] * 3


def test_what_if_replays_the_run() -> None:
    """No answer is slower than what happened; with one worker more it would have been quicker."""
    report = be.map(count, [4 * ENOUGH] * 60, backend="processes", max_workers=2, chunksize=1).report
    answers = report.what_if()
    assert answers["as it was"] == report.seconds
    assert set(answers) >= {"start-up free", "pickling free", "transport free", "perfect balance", "one worker more"}
    assert all(0 < seconds <= report.seconds for seconds in answers.values())
    assert answers["one worker more"] < 0.85 * report.seconds


def test_what_if_says_that_balance_would_have_helped_where_one_item_held_the_end() -> None:
    """A straggler at the very end."""
    costs = [ENOUGH] * 20 + [60 * ENOUGH]
    report = be.map(count, costs, backend="processes", max_workers=2, chunksize=1).report
    assert report.what_if()["perfect balance"] < 0.8 * report.seconds


def test_what_if_has_nothing_to_say_of_a_serial_run() -> None:
    """There was no worker."""
    assert be.map(count, [10] * 10, backend="serial").report.what_if() == {}


def test_a_plan_leaves_nothing_running() -> None:
    """No worker is started for it; the probe's thread is gone."""
    import threading

    before = threading.active_count()
    be.plan(count, [2 * ENOUGH] * 100)
    assert threading.active_count() == before


def dearer(at: int) -> int:
    """Take longer from item to item."""
    return count(at * ENOUGH // 20)


def test_a_plan_looks_ahead_so_that_items_that_get_dearer_are_no_surprise() -> None:
    """The first items alone would say a small part of what all take; what was done early is delivered in its turn."""
    plan = be.plan(dearer, range(200))
    assert plan.sample.drift > 2
    assert plan.sample.mean_seconds > 3 * plan.sample.seconds / plan.sample.items
    assert plan.run() == [count(at * ENOUGH // 20) for at in range(200)]


@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_what_was_done_early_is_delivered_wherever_the_rest_is_done(backend: str, tmp_path: Path) -> None:
    """Each item once, in order, with the numbers of its place."""
    from functools import partial

    path = tmp_path / "calls"
    jobs = [(at, ENOUGH) for at in range(64)]
    plan = be.plan(partial(count_and_tell, str(path)), jobs)
    assert {63, 47} <= set(map(int, path.read_text().split()))
    forecast = next(one for one in plan._choice.candidates if one.backend == backend)
    plan._choice = type(plan._choice)(
        forecast=forecast, reason="asked for", candidates=plan._choice.candidates, items=64, pilot=False
    )
    assert plan.run() == [count(ENOUGH)] * 64
    assert Counter(map(int, path.read_text().split())) == Counter(range(64))


def refuse_the_last(at: int) -> int:
    """Raise at the end."""
    if at == 63:
        raise ValueError(at)
    return count(ENOUGH)


def test_what_an_item_raised_early_is_raised_in_its_turn() -> None:
    """Planning does not raise it, running does, after everything before it."""
    plan = be.plan(refuse_the_last, range(64))
    with pytest.raises(ValueError, match="63"):
        plan.run()
