"""`auto`: every item once, results as serially, whatever is chosen; and the report says what was, and why."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

import breakeven as be
from breakeven.executor import known
from breakeven.model.profile import assumed
from tests.engine.harness import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

ENOUGH = 60_000  # rounds of `count` that take a few milliseconds


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is known of any function, and no profile is kept."""
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(tmp_path / "profile"))
    monkeypatch.setattr(known, "_functions", {})
    monkeypatch.setattr(known, "_profile", None)
    yield
    be.shutdown()


def count(rounds: int) -> int:
    """Keep a CPU busy."""
    total = 0
    for number in range(rounds):
        total += number & 3
    return total


def count_and_tell(path: str, job: tuple[int, int]) -> int:
    """The same, leaving a line in a file: whoever does it, and however often."""
    number, rounds = job
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)
    return count(rounds)


COSTS = {
    "equal": [ENOUGH] * 120,
    "cheap, then dear": [300] * 3000 + [ENOUGH] * 60,
    "dear, then cheap": [ENOUGH] * 20 + [300] * 3000,
    "one dear item first": [30 * ENOUGH] + [2000] * 1500,
    "rising": [at * 500 for at in range(250)],
    "falling": [at * 500 for at in range(250, 0, -1)],
    "periodic": ([300] * 24 + [ENOUGH]) * 60,
    "heavy tail": [20_000_000 // (at * at + 40) for at in range(300)],
}


@pytest.mark.parametrize("costs", COSTS.values(), ids=COSTS.keys())
def test_every_item_is_done_once_whatever_the_order_of_costs(costs: list[int], tmp_path: Path) -> None:
    """And the results are those of a loop."""
    path = str(tmp_path / "calls")
    jobs = list(enumerate(costs))
    results = be.map(partial(count_and_tell, path), jobs)
    assert results == [count(rounds) for rounds in costs]
    calls = Counter(int(line) for line in Path(path).read_text(encoding="ascii").splitlines())
    assert calls == Counter(range(len(jobs)))


def test_a_handful_of_tiny_items_starts_nothing() -> None:
    """No worker, no thread, no look at the machine."""
    ledger = be.map(count, [1] * 10).report.ledger
    assert ledger.backend == "serial"
    assert ledger.lanes == ()
    assert ledger.forecast is None


def test_heavy_items_are_given_to_worker_processes() -> None:
    """With a forecast that the report holds against what happened."""
    report = be.map(count, [10 * ENOUGH] * 40).report
    forecast = report.forecast
    assert forecast is not None
    moves: Any = forecast["moves"]
    assert "processes" in moves[0]["to"]  # a crowded machine may send it back
    chosen: Any = forecast["chosen"]
    assert chosen["low_seconds"] < chosen["seconds"] < chosen["high_seconds"]
    assert report.forecast_error is not None
    assert "forecast" in report.table()
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_forecast_survives_saving(tmp_path: Path) -> None:
    """Whole."""
    report = be.map(count, [10 * ENOUGH] * 30).report
    report.save(tmp_path / "ledger.json")
    again = be.load_report(tmp_path / "ledger.json")
    assert again.forecast == json.loads(json.dumps(report.forecast))
    assert again.forecast_error == pytest.approx(report.forecast_error)


def test_items_that_wait_are_given_to_more_threads_than_cpus() -> None:
    """Sleeping takes no CPU."""
    results = be.map(time.sleep, [0.01] * 120)
    assert results.report.ledger.backend == "threads"
    assert results.report.ledger.workers > 4


def test_what_cannot_be_pickled_stays_in_this_process() -> None:
    """Chosen, not failed; and the report says why."""
    lock = Lock()

    def guarded(rounds: int) -> int:
        with lock:
            return count(rounds)

    results = be.map(guarded, [10 * ENOUGH] * 30)
    assert results == [count(10 * ENOUGH)] * 30
    assert results.report.ledger.backend in {"serial", "threads"}


def test_results_that_cannot_be_pickled_stay_in_this_process() -> None:
    """A generator cannot travel."""
    results = be.map(_lazily, [10 * ENOUGH] * 20)
    assert [next(one) for one in results] == [count(10 * ENOUGH)] * 20


def _lazily(rounds: int) -> Iterator[int]:
    total = count(rounds)
    return (value for value in [total])


def test_a_generator_of_unknown_length_is_read_to_its_end_once() -> None:
    """However far it reaches."""
    given = []

    def numbers() -> Iterator[int]:
        for number in range(80):
            given.append(number)
            yield 5 * ENOUGH + number

    results = be.map(count, numbers())
    assert given == list(range(80))
    assert results == [count(5 * ENOUGH + number) for number in range(80)]


def test_an_exception_is_raised_for_the_first_item_that_fails_wherever_that_is() -> None:
    """After a move to workers, too."""
    costs = [5 * ENOUGH] * 40
    costs[30] = -1
    costs[35] = -1
    with pytest.raises(ValueError, match="minus") as raised:
        be.map(_refuse_negative, costs)
    assert "item 30" in " ".join(raised.value.__notes__)


def _refuse_negative(rounds: int) -> int:
    if rounds < 0:
        raise ValueError("minus")
    return count(rounds)


def test_a_known_function_is_not_sampled_anew() -> None:
    """A later call goes to where the first went, at once; one of three, since a crowded machine may send it back."""
    ledgers = [be.map(count, [10 * ENOUGH] * 30).report.ledger for _ in range(4)]
    assert any(one.backend == "processes" and one.parent.states["compute"] == 0.0 for one in ledgers[1:])


def test_workers_that_do_not_keep_their_promise_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items whose pickling grows dear only after the decision: the map comes back, and says so."""
    jobs = [_Job(slow=at > 30) for at in range(400)]
    monkeypatch.setattr("breakeven.executor.promise.WINDOW_SECONDS", 0.02)
    results = be.map(_do, jobs)
    ledger = results.report.ledger
    assert results == [count(2 * ENOUGH)] * 400
    assert any("came back from processes" in note for note in ledger.notes) or ledger.backend == "serial"


class _Job:
    """Cheap to pickle, or dear."""

    def __init__(self, *, slow: bool) -> None:
        self.slow = slow

    def __reduce__(self) -> Any:
        if self.slow:
            count(6 * ENOUGH)
        return _job, (self.slow,)


def _job(slow: bool) -> _Job:  # noqa: FBT001 - pickle calls it
    return _Job(slow=slow)


def _do(job: _Job) -> int:  # noqa: ARG001 - what it is like matters to the way, not to the work
    return count(2 * ENOUGH)


def test_memory_that_has_no_room_for_a_second_call_keeps_it_here() -> None:
    """A call of 150 MB under a limit of 250 MB more than there is."""
    import resource

    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    results = be.map(_hold, [150_000_000] * 12, memory_limit=taken + 250_000_000)
    assert results.report.ledger.backend == "serial"
    assert results == [150_000_000] * 12


def _hold(amount: int) -> int:
    block = bytearray(amount)
    block[::4096] = b"x" * len(block[::4096])
    return len(block)


def test_sampling_in_a_worker_never_calls_the_function_here() -> None:
    """For functions that may crash: a death is an item's failure, not this program's."""
    pids = be.map(_pid, range(20), sample="worker")
    assert os.getpid() not in pids


def _pid(number: int) -> int:  # noqa: ARG001
    return os.getpid()


def test_an_unknown_place_to_sample_is_refused() -> None:
    """With those that are known."""
    with pytest.raises(be.UsageError, match="here, worker, none"):
        be.map(count, [1], sample="elsewhere")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_one_usable_cpu_means_no_workers() -> None:
    """Affinity is honoured, not the machine's count."""
    program = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "import breakeven as be\n"
        "from tests.executor.test_auto import ENOUGH, count\n"
        "print(be.map(count, [10 * ENOUGH] * 15).report.ledger.choice)\n"
    )
    assert "one usable CPU" in run_program(program)


def test_starts_correct_the_profile_that_forecasts_go_by() -> None:
    """What a start really took here counts from then on."""
    before = known.profile()
    assert before == assumed(before.cpus)
    be.map(count, [10 * ENOUGH] * 30)
    assert known.profile().runs == 1
    assert known.profile().source == "assumed"


def test_a_stream_can_be_left_in_the_middle() -> None:
    """Workers that were started for it take no more of it."""
    stream = be.imap(count, (10 * ENOUGH for _ in iter(int, 1)))
    assert [next(stream) for _ in range(15)] == [count(10 * ENOUGH)] * 15
    stream.close()


def test_nothing_heavy_is_loaded_for_a_short_call() -> None:
    """A script that maps ten tiny items pays for no model, no engine's processes, no json."""
    program = (
        "import sys, breakeven as be\n"
        "be.map(abs, range(10))\n"
        "rooms = ['model.forecast', 'executor.steering', 'backends.crews']\n"
        "heavy = {'json', 'numpy', *('breakeven.' + room for room in rooms)}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert run_program(program).strip() == "[]"


def test_what_was_learnt_of_starts_is_kept_for_the_next_program(tmp_path: Path) -> None:
    """With a measured profile; an assumed one is not written down."""
    path = tmp_path / "profile"
    program = (
        "import os, breakeven as be\n"
        "from breakeven.executor import known\n"
        "from breakeven.model.profile import assumed\n"
        "from breakeven.probes.profiles import machine_key, write_profile\n"
        "from breakeven.records import replace\n"
        "from tests.executor.test_auto import ENOUGH, count\n"
        "path = os.environ['BREAKEVEN_PROFILE']\n"
        "if not os.path.exists(path):\n"
        "    profile = replace(assumed(2), source='measured', key=machine_key(), measured_at=1.0)\n"
        "    write_profile(path, profile.to_dict())\n"
        "print(known.profile().runs)\n"
        "calls = (be.map(count, [10 * ENOUGH] * 30).report.ledger.backend for _ in range(8))\n"
        "assert 'processes' in calls  # once: where others use the machine it may not pay at first\n"
    )
    assert run_program(program, BREAKEVEN_PROFILE=str(path)).strip() == "0"
    assert run_program(program, BREAKEVEN_PROFILE=str(path)).strip() == "1"
