"""Fifty milliseconds put into one stage of a run appear in that stage of its ledger, and nowhere else.

A ledger that sums to the wall is easy to make (a line "other" does it); one that tells the truth is not. So the truth
is planted: a known delay in each stage in turn, against the same run without it.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

import breakeven as be

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DELAY_SECONDS = 0.05
SHARE = 0.95
ITEMS = 6
TRIES = 10


def _spend() -> None:
    """Pass the time on the clock that ledgers are kept by; sleeping may end late, spinning does not."""
    end = time.perf_counter() + DELAY_SECONDS
    while time.perf_counter() < end:
        pass


class SlowToPickle:
    """Takes long to pickle."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        _spend()
        return Plain, ()


class SlowToUnpickle:
    """Takes long to unpickle."""

    def __reduce__(self) -> tuple[Callable[[], Plain], tuple[()]]:
        return _made_slowly, ()


class Plain:
    """Travels quickly."""


def _made_slowly() -> Plain:
    _spend()
    return Plain()


def identity(item: object) -> object:
    """A task that does nothing."""
    return item


def slow_at_three(item: int) -> int:
    """A task that takes long for one item."""
    if item == 3:
        _spend()
    return item


def give_slow_to_pickle(item: int) -> object:
    """A task whose third result takes long to pickle."""
    return SlowToPickle() if item == 3 else item


def give_slow_to_unpickle(item: int) -> object:
    """A task whose third result takes long to unpickle."""
    return SlowToUnpickle() if item == 3 else item


def slow_initializer() -> None:
    """An initializer that takes long."""
    _spend()


def _items_with_a_pause() -> Iterator[int]:
    for item in range(ITEMS):
        if item == 3:
            _spend()
        yield item


def _run(fn: Callable[..., Any], items: Any, **options: Any) -> be.Report:
    asked: dict[str, Any] = {"backend": "processes", "max_workers": 1, "start_method": "fork", "chunksize": 1}
    if not options:  # the worker stands ready, so that the delay is on the critical path and not its start
        be.map(identity, [0], **asked)
    return be.map(fn, items, **asked, **options).report


def _of_parent(report: be.Report, state: str) -> float:
    return report.ledger.parent.states[state]


def _of_worker(report: be.Report, state: str) -> float:
    return sum(lane.states[state] for lane in report.ledger.lanes)


STAGES: dict[str, tuple[Callable[[], be.Report], Callable[[be.Report], float], str]] = {
    "item generator": (
        lambda: _run(identity, _items_with_a_pause()),
        lambda report: _of_parent(report, "input"),
        "parent.input",
    ),
    "pickling": (
        lambda: _run(identity, [0, SlowToPickle(), 2]),
        lambda report: _of_parent(report, "serialise"),
        "parent.serialise",
    ),
    "unpickling": (
        lambda: _run(identity, [0, SlowToUnpickle(), 2]),
        lambda report: _of_worker(report, "deserialise"),
        "worker.deserialise",
    ),
    "compute": (
        lambda: _run(slow_at_three, range(ITEMS)),
        lambda report: _of_worker(report, "compute"),
        "worker.compute",
    ),
    "result pickling": (
        lambda: _run(give_slow_to_pickle, range(ITEMS)),
        lambda report: _of_worker(report, "serialise"),
        "worker.serialise",
    ),
    "unpickling in the parent": (
        lambda: _run(give_slow_to_unpickle, range(ITEMS)),
        lambda report: _of_parent(report, "deserialise"),
        "parent.deserialise",
    ),
    "initializer": (
        lambda: _run(identity, range(ITEMS), initializer=slow_initializer),
        lambda report: _of_worker(report, "init"),
        "worker.init",
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_delay_lands_in_its_stage(stage: str) -> None:
    """At least 95 % of it are in the stage's state and in its category of the critical path.

    In the state always; on the path in one run of a few, since a neighbour may keep the worker from a CPU for as long
    as the parent is held up, and then the path truly leads through the worker.
    """
    run, seconds_in, category = STAGES[stage]
    on_path = 0.0
    for _ in range(TRIES):
        report = run()
        assert seconds_in(report) >= SHARE * DELAY_SECONDS
        on_path = max(on_path, report.critical_path[category])
        if on_path >= SHARE * DELAY_SECONDS:
            break
    assert on_path >= SHARE * DELAY_SECONDS


def test_a_slow_import_of_the_tasks_module_is_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the worker has to load first is charged to import, not to transport or compute."""
    (tmp_path / "slow_module.py").write_text(
        "import time\n"
        f"end = time.perf_counter() + ({DELAY_SECONDS} if __name__ == 'slow_module' else 0)\n"
        "while time.perf_counter() < end: pass\n"
        "def task(item): return item\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    task = importlib.import_module("slow_module").task
    try:
        report = be.map(task, range(ITEMS), backend="processes", max_workers=1, start_method="spawn").report
    finally:
        del sys.modules["slow_module"]
    assert _of_worker(report, "import") >= SHARE * DELAY_SECONDS
    assert report.critical_path["worker.import"] >= SHARE * DELAY_SECONDS


def test_a_slow_consumer_of_a_stream_is_the_consumer() -> None:
    """What the caller does between two results is the caller's."""
    stream = be.imap(identity, range(ITEMS), backend="processes", max_workers=1, chunksize=1)
    for item in stream:
        if item == 3:
            _spend()
    assert _of_parent(stream.report, "consumer") >= SHARE * DELAY_SECONDS


def test_a_slow_start_is_start_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose interpreter starts slowly is charged to boot, and the wait for it to that on the path."""
    (tmp_path / "usercustomize.py").write_text(
        f"import time\nend = time.perf_counter() + {DELAY_SECONDS}\nwhile time.perf_counter() < end: pass\n"
    )
    (tmp_path / "sitecustomize.py").write_text((tmp_path / "usercustomize.py").read_text())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = be.map(identity, range(ITEMS), backend="processes", max_workers=1, start_method="spawn").report
    assert _of_worker(report, "boot") >= SHARE * DELAY_SECONDS
    assert report.critical_path["worker.boot"] >= SHARE * DELAY_SECONDS


def test_a_message_that_is_held_up_is_transport() -> None:
    """A worker that is stopped between two chunks makes its message late, and nothing else."""
    report = _run(stop_own_process_after_answering, range(ITEMS))
    lane = report.ledger.lanes[0]
    moving = lane.states["receive"] + lane.states["send"] + lane.states["serialise"]
    assert moving >= SHARE * DELAY_SECONDS
    assert lane.states["compute"] < DELAY_SECONDS / 2


def stop_own_process_after_answering(item: int) -> int:
    """Hold this worker's next message up: its channel's send waits for the delay."""
    if item == 2:
        from breakeven.engine import channel

        plain = channel.Channel.send

        def late(self: channel.Channel, data: bytes) -> bool:
            channel.Channel.send = plain  # type: ignore[method-assign]
            _spend()
            return plain(self, data)

        channel.Channel.send = late  # type: ignore[method-assign]
    return item


@pytest.mark.parametrize("workers", [1, 2])
def test_the_critical_path_sums_to_the_wall(workers: int) -> None:
    """Within 1 % or half a millisecond, and with at most 2 % unexplained."""
    report = be.map(slow_at_three, range(40), backend="processes", max_workers=workers, chunksize=1).report
    named = sum(seconds for category, seconds in report.critical_path.items() if category != "unexplained")
    assert abs(named - report.seconds) <= max(0.01 * report.seconds, 5e-4)
    assert report.critical_path.get("unexplained", 0.0) <= max(0.02 * report.seconds, 5e-4)
