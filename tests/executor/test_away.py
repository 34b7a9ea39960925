"""Functions that are not to be called in this process: sampled in a worker, forecast, and never called here."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

import breakeven as be
from breakeven.executor import known
from breakeven.model.profile import StartUp, assumed
from breakeven.records import replace
from tests.engine.harness import run_program
from tests.executor.calls import Gate, held
from tests.executor.test_auto import ENOUGH, count

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is known of any function, no profile is kept, no worker stands ready."""
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(tmp_path / "profile"))
    monkeypatch.setattr(known, "_functions", {})
    monkeypatch.setattr(known, "_profile", None)
    be.shutdown()
    yield
    be.shutdown()


def tell(path: str, number: int) -> int:
    """Work, and leave a line: which item, in which process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d %d\n" % (number, os.getpid()))
    os.close(descriptor)
    count(ENOUGH)
    return -number


def told(path: Path) -> list[tuple[int, int]]:
    """The lines: (item, process)."""
    return [(int(item), int(pid)) for item, pid in (line.split() for line in path.read_text().splitlines())]


def dies_on(fatal: int, number: int) -> int:
    """End the process on one item."""
    if number == fatal:
        os._exit(3)
    return count(ENOUGH)


def hangs_on(fatal: int, number: int) -> int:
    """Never return from one item."""
    if number == fatal:
        time.sleep(600)
    return count(ENOUGH)


def test_a_map_sampled_in_a_worker_reports_a_forecast_of_processes_alone() -> None:
    """By what the workers told of themselves; held against what happened."""
    report = be.map(count, [4 * ENOUGH] * 60, sample="worker", max_workers=2).report
    forecast: Any = report.forecast
    assert {one["backend"] for one in forecast["candidates"]} == {"processes"}
    assert forecast["chosen"]["workers"] == 2
    assert forecast["sample"]["mean_seconds"] > 0
    assert report.forecast_error is not None
    assert "sample='worker'" in report.ledger.choice
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_plan_sampled_in_a_worker_calls_each_item_once_and_none_here(tmp_path: Path) -> None:
    """Planning does the first of them, the run the others."""
    path = tmp_path / "calls"
    plan = be.plan(partial(tell, str(path)), range(40), sample="worker", max_workers=2)
    sampled = told(path)
    assert len(sampled) == plan.sampled == plan.sample.items
    assert 1 < plan.sampled < 40
    assert len({pid for _, pid in sampled}) == 1
    assert plan.backend == "processes"
    assert "for worker processes alone" in str(plan)
    results = plan.run()
    assert results == [-number for number in range(40)]
    assert Counter(item for item, _ in told(path)) == Counter(range(40))
    assert os.getpid() not in {pid for _, pid in told(path)}
    assert results.report.ledger.items == 40 - plan.sampled
    assert results.report.forecast_error is not None


def test_a_plan_sampled_in_a_worker_goes_on_with_a_generator_where_it_stopped(tmp_path: Path) -> None:
    """Which is read once."""
    path = tmp_path / "calls"
    plan = be.plan(partial(tell, str(path)), (number for number in range(30)), sample="worker")
    assert plan.to_dict()["items"] is None
    assert plan.run() == [-number for number in range(30)]
    assert Counter(item for item, _ in told(path)) == Counter(range(30))


def test_the_random_numbers_of_a_plan_sampled_in_a_worker_are_those_of_a_loop() -> None:
    """They are drawn by the item's place."""
    expected = be.map(draw, range(20), seed=5, backend="serial")
    assert be.plan(draw, range(20), seed=5, sample="worker").run() == expected


def draw(_: int) -> int:
    """A number from the item's generator."""
    return int(be.rng().integers(1 << 40))


def test_everything_may_be_done_by_a_sample_in_a_worker() -> None:
    """Then the run has nothing left to do; so it is with no items at all."""
    assert be.plan(count, [5], sample="worker").run() == [count(5)]
    assert be.plan(count, [], sample="worker").run() == []


def test_a_worker_that_dies_while_it_samples_ends_the_plan_when_it_is_run() -> None:
    """Planning does not raise; the run raises what names the item."""
    plan = be.plan(partial(dies_on, 1), range(30), sample="worker")
    assert plan.sampled == 1
    with pytest.raises(be.WorkerDied, match="item 1"):
        plan.run()


def test_a_death_while_sampling_is_one_items_failure_where_failures_are_returned() -> None:
    """All others are done, each in its place."""
    results = be.plan(partial(dies_on, 1), range(30), sample="worker", on_error="return").run()
    assert [isinstance(result, be.Failure) for result in results] == [at == 1 for at in range(30)]


def test_a_timeout_holds_while_a_plan_samples() -> None:
    """Since sampling then happens in a worker, too."""
    results = be.plan(partial(hangs_on, 0), range(8), timeout=0.3, on_error="return").run()
    failed = [result for result in results if isinstance(result, be.Failure)]
    assert [failure.cause for failure in failed] == ["timeout"]
    assert failed[0].index == 0


def test_a_map_with_a_timeout_is_forecast_as_well() -> None:
    """Workers tell the same of themselves."""
    report = be.map(count, [4 * ENOUGH] * 40, timeout=60, max_workers=2).report
    assert report.forecast_error is not None
    assert len(report.ledger.lanes) == 2


def test_a_short_call_has_one_worker_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another would take a while to start, and nothing says yet that it would pay."""
    slow = StartUp(fixed_seconds=1.0, each_seconds=30.0)
    monkeypatch.setattr(known, "_profile", replace(assumed(2), start=(("fork", slow), ("forkserver", slow))))
    report = be.map(count, [10] * 5, sample="worker", max_workers=2).report
    assert len(report.ledger.lanes) == 1


def test_long_items_do_not_wait_for_a_forecast(gate: Gate) -> None:
    """A second worker begins before the first has finished anything."""
    done: list[Any] = []
    caller = Thread(
        target=lambda: done.extend(be.map(partial(held, gate.place), [1, 2], sample="worker", max_workers=2))
    )
    caller.start()
    assert gate.begun() != gate.begun()
    gate.let_through(2)
    caller.join()
    assert done == [1, 2]


def test_nothing_is_forecast_where_nothing_was_to_be_sampled() -> None:
    """`sample="none"` goes to all workers at once."""
    report = be.map(count, [ENOUGH] * 20, sample="none").report
    assert report.forecast is None
    assert report.ledger.backend == "processes"


def test_the_command_line_plans_and_compares_without_calling_the_function_here() -> None:
    """`--sample worker`."""
    program = "import sys; from breakeven.cli import main; sys.exit(main(sys.argv[1:]))"
    call = ("math:factorial", "--range", "900:960", "--sample", "worker", "--json")
    planned = json.loads(run_program(program, "plan", *call))
    assert {one["backend"] for one in planned["candidates"]} == {"processes"}
    compared = json.loads(run_program(program, "compare", *call, "--rounds", "1"))
    assert [row["way"] for row in compared["ways"]] == ["processes", "auto"]


def hangs(number: int) -> int:  # noqa: ARG001
    """Never return."""
    time.sleep(600)
    return 0


def test_a_plan_of_items_that_all_hang_comes_to_an_end() -> None:
    """Sampling gives up after a second; the rest is left to the run."""
    plan = be.plan(hangs, range(100_000), timeout=0.3, on_error="return", max_workers=2)
    assert 1 <= plan.sampled < 20
    assert plan.backend == "processes"
    json.dumps(plan.to_dict(), allow_nan=False)


def test_what_is_bound_to_a_function_is_copied_once_for_a_plan() -> None:
    """However many rounds its sampling takes."""
    import numpy as np

    plan = be.plan(partial(total_of, np.ones(1_000_000)), range(40), sample="worker", max_workers=2)
    assert plan.sampled > 1
    assert plan.sample.argument is not None
    assert plan.sample.argument.shared_bytes < 1e6
    assert plan.run() == [1e6 + at for at in range(40)]


def total_of(array: Any, number: int) -> float:
    """A function of a large array."""
    return float(array.sum()) + number


def test_a_plan_without_a_sample_is_refused() -> None:
    """It would have nothing to go by."""
    with pytest.raises(be.UsageError, match="sample is 'none'"):
        be.plan(count, [1, 2], sample="none")
