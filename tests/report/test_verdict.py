"""What the verdict promises: whether it paid off, and the loss that was largest."""

from __future__ import annotations

import pytest

from breakeven.ledger import store
from breakeven.ledger.efficiency import efficiency_of
from breakeven.report.verdict import Verdict, verdict_on
from tests.ledger.recordings import Recording, by_hand, serial


def _verdict(recording: Recording) -> Verdict:
    ledger = store.from_dict(recording)
    return verdict_on(ledger, efficiency_of(ledger))


@pytest.mark.parametrize(
    "estimate, outcome",
    [(15.0, "paid off: 1.50x"), (10.2, "made no difference: 1.02x"), (5.0, "did not pay off: 0.500x")],
)
def test_the_outcome_is_the_speedup_against_serial(estimate: float, outcome: str) -> None:
    """Five per cent to either side are no difference."""
    assert _verdict(by_hand() | {"serial_seconds_estimate": estimate}).headline.startswith(outcome)


def test_failed_items_stand_in_the_headline() -> None:
    """However well it paid off."""
    assert _verdict(by_hand()).headline.endswith("; 2 items FAILED")


def test_a_run_without_compute_says_so() -> None:
    """There is no speed to speak of."""
    assert _verdict(serial() | {"parent": {}}).headline == "nothing was computed in 2.00 s"


@pytest.mark.parametrize(
    "path, loss",
    [
        ({"parent.serialise": 3.0, "worker.compute": 7.0}, "pickling"),
        ({"worker.receive": 2.0, "transit": 1.0, "worker.compute": 7.0}, "moving payload"),
        ({"parent.input": 3.0, "worker.compute": 7.0}, "pulling the input or consuming the results"),
        ({"worker.init": 3.0, "worker.compute": 7.0}, "start-up"),
        ({"parent.merge": 3.0, "worker.compute": 7.0}, "dispatch and merging"),
        ({"worker.compute": 7.0}, "unexplained time"),
    ],
)
def test_the_largest_part_of_the_path_that_is_no_compute_is_the_loss(path: dict[str, float], loss: str) -> None:
    """By kind, so that many small parts of one kind count together."""
    verdict = _verdict(by_hand() | {"path": path})
    assert verdict.loss == loss
    assert verdict.loss_share == pytest.approx(0.3)
    assert verdict.sentence.startswith(f"largest loss: {loss}, 30 %; try ")


def test_an_idle_second_worker_is_uneven_work() -> None:
    """The critical path is all compute then, and would not show it."""
    recording = by_hand() | {"path": {"worker.compute": 10.0}}
    recording["lanes"][1]["states"] = {"idle_starved": 9.0}
    recording["lanes"][1]["compute_split"] = None
    verdict = _verdict(recording)
    assert verdict.loss == "uneven work between the workers"
    assert verdict.loss_share == pytest.approx(0.32)


def test_fewer_items_than_workers_are_not_called_uneven() -> None:
    """Smaller chunks would not help."""
    recording = by_hand() | {"path": {"worker.compute": 10.0}, "items": 1}
    recording["lanes"][1]["states"] = {"idle_starved": 9.0}
    assert _verdict(recording).loss == "too few items for the workers"


def test_threads_that_queue_for_the_gil_are_told_of_processes() -> None:
    """Their compute was 12 s, of which 9 s were spent in the queue: 45 % of two workers' ten seconds."""
    recording = by_hand() | {"backend": "threads", "start_method": None, "path": {"worker.compute": 10.0}}
    recording["lanes"][0]["compute_split"] = {"cpu": 2.0, "runq": 0.0, "gil_wait": 5.0, "blocked": 0.0}
    recording["lanes"][1]["compute_split"] = {"cpu": 1.0, "runq": 0.0, "gil_wait": 4.0, "blocked": 0.0}
    verdict = _verdict(recording)
    assert verdict.loss == "threads queueing for the GIL"
    assert verdict.loss_share == pytest.approx(0.45)
    assert verdict.sentence.endswith('try backend="processes"')
    assert "did not pay off: 0.300x" in verdict.headline


def test_where_hardly_anything_is_lost_no_loss_is_named() -> None:
    """Advice would be noise."""
    verdict = _verdict(serial() | {"path": {"parent.compute": 1.99}, "parent": {"compute": 1.99}})
    assert verdict.loss is None
    assert verdict.sentence == "no loss worth naming"
