"""The same work on several backends: fair turns, equal results, and a verdict that says why."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Sequence
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import breakeven as be
from breakeven.cli.comparison import wording
from breakeven.cli.comparison.bouts import Case, Comparison, Entry, compare
from breakeven.cli.comparison.page import write_page
from breakeven.cli.comparison.terminal import Show
from breakeven.cli.comparison.verdicts import EQUAL, LOST, PAID, UNSURE, headline, judge, where_seconds_went
from breakeven.ledger.account import Ledger
from breakeven.report import Report
from tests.ledger.recordings import by_hand, serial

MACHINE = {
    "python": "3.11.7",
    "system": "Linux 6.1",
    "processor": "<one & only>",
    "usable_cpus": 2,
    "available_memory_bytes": 8 * 10**9,
    "workers": 2,
    "load": 0.1,
    "command": "breakeven demo",
}


def ignore(text: str) -> None:
    """Hear what is about to run, and leave it at that."""


def case_of(work: Any, fingerprint: Any = repr) -> Case:
    """Make a case of a function from backend to results."""
    return Case(
        key="sums",
        title="Add <numbers>",
        amount="a few",
        noun="sum",
        work=work,
        fingerprint=fingerprint,
        facts=lambda results: {"total": float(sum(results)), "arrays": len(results)},
    )


def ledger_of(**changes: Any) -> Ledger:
    """Make the ledger of a run by hand."""
    return Report.from_recording(by_hand() | {"failures": [], "notes": []} | changes).ledger


def entry_of(backend: str, seconds: Sequence[float], ledger: Ledger | None = None, prints: str = "a") -> Entry:
    """Make the runs of one backend; all have the same ledger."""
    ledger = ledger or ledger_of(backend=backend, seconds=10.0)
    return Entry(
        backend=backend,
        seconds=tuple(seconds),
        ledgers=(ledger,) * len(seconds),
        fingerprints=(prints,) * len(seconds),
    )


def comparison_of(*entries: Entry) -> Comparison:
    """Compare runs with a serial one that took about ten seconds."""
    first = entry_of("serial", [10.0, 10.2, 10.1], Report.from_recording(serial()).ledger)
    return Comparison(case=case_of(None), entries=(first, *entries), facts={"total": 3.5, "arrays": 2})


class _Results(list[int]):
    """Results with a report, as a run gives them."""

    report = Report.from_recording(serial())


def test_backends_take_turns_and_a_different_one_begins_each_round() -> None:
    """So that a slow moment of the machine hits all of them alike."""
    ran: list[str] = []

    def work(backend: str) -> _Results:
        ran.append(backend)
        return _Results([1, 2])

    told: list[str] = []
    comparison = compare(case_of(work), ["serial", "threads", "processes"], 3, told.append)
    assert ran == [
        *("serial", "threads", "processes"),
        *("threads", "processes", "serial"),
        *("processes", "serial", "threads"),
    ]
    assert [entry.backend for entry in comparison.entries] == ["serial", "threads", "processes"]
    assert [len(entry.seconds) for entry in comparison.entries] == [3, 3, 3]
    assert len(told) == 9


def test_times_are_taken_around_the_whole_call() -> None:
    """By a clock from outside."""
    ticks = iter(range(100))
    comparison = compare(case_of(lambda _: _Results([1])), ["serial"], 3, ignore, clock=lambda: float(next(ticks) ** 2))
    assert comparison.serial.seconds == (1.0, 5.0, 9.0)
    assert comparison.serial.median == 5.0


def test_one_run_with_other_results_is_found() -> None:
    """Whichever backend and round it was."""
    answers = iter([[1], [1], [1], [2]])
    comparison = compare(case_of(lambda _: _Results(next(answers))), ["serial", "threads"], 2, ignore)
    assert not comparison.identical
    assert wording.identical_text(comparison).startswith("RESULTS DIFFER")


def test_real_runs_are_compared() -> None:
    """All three backends of this version, one after the other."""
    case = case_of(lambda backend: be.map(partial(operator.mul, 3), range(50), backend=backend, max_workers=2))
    comparison = compare(case, ["serial", "threads", "processes"], 2, ignore)
    assert comparison.identical
    assert comparison.facts["total"] == 3 * sum(range(50))
    for entry in comparison.entries:
        parts = where_seconds_went(entry.typical)
        assert math.isclose(math.fsum(parts.values()), entry.typical.seconds, rel_tol=1e-9)


def test_where_the_seconds_went_sums_to_the_run() -> None:
    """Compute on the path is split as the lanes' compute is, and nothing is lost or spread."""
    parts = where_seconds_went(ledger_of())
    assert math.isclose(math.fsum(parts.values()), 10.0)
    assert math.isclose(parts["computing"], 7.0 * 10.4 / 12)
    assert math.isclose(parts["waiting for a CPU"], 7.0 * 0.9 / 12)
    assert math.isclose(parts["unexplained"], 0.1)


@pytest.mark.parametrize(
    "seconds,verdict",
    [
        ([5.0, 5.2, 5.1], PAID),
        ([5.0, 5.2, 10.15], UNSURE),  # one round was lost
        ([9.9, 9.8, 9.7], EQUAL),  # faster each time, but by less than the machine varies
        ([20.0, 19.0, 21.0], LOST),
        ([20.0, 19.0, 10.0], EQUAL),
    ],
)
def test_a_backend_paid_off_if_it_was_clearly_faster_in_every_round(seconds: list[float], verdict: str) -> None:
    """And lost if it was slower in every one; rounds that disagree are said to."""
    (judgement,) = judge(comparison_of(entry_of("processes", seconds)))
    assert judgement.verdict == verdict


def test_the_headline_names_the_fastest_only_where_it_paid_off() -> None:
    """A lead by chance is none."""
    assert headline(comparison_of(entry_of("processes", [5.0, 5.2, 5.1]))).startswith("processes paid off: 1.98x")
    assert headline(comparison_of(entry_of("processes", [9.9, 9.8, 9.7]))).startswith("serial was best")


@pytest.mark.parametrize(
    "changes,says",
    [
        ({"path": {"worker.compute": 1.0, "parent.serialise": 8.0}}, "copying 105 MB took 8.00 s of 10.0 s"),
        ({"path": {"worker.compute": 1.0, "transit": 8.0}}, "moving 105 MB took 8.00 s of 10.0 s"),
        ({"path": {"worker.compute": 1.0, "worker.boot": 8.0}}, "starting workers took 8.00 s"),
    ],
)
def test_a_loss_is_explained_by_its_largest_part(changes: dict[str, Any], says: str) -> None:
    """With the figure that serial is to be compared with."""
    lost = entry_of("processes", [20.0, 19.0, 21.0], ledger_of(**changes))
    (judgement,) = judge(comparison_of(lost))
    assert says in judgement.why
    assert "break-even would be at 24.9 ms a sum, 3 times the work" in judgement.why


def test_threads_that_take_turns_are_explained_by_the_gil() -> None:
    """That is where their compute went."""
    lanes = by_hand()["lanes"]
    for lane in lanes:
        compute = lane["states"]["compute"]
        lane["compute_split"] = {"cpu": compute / 2, "runq": 0.0, "gil_wait": compute / 2, "blocked": 0.0}
    lost = entry_of("threads", [20.0, 19.0, 21.0], ledger_of(backend="threads", start_method=None, lanes=lanes))
    (judgement,) = judge(comparison_of(lost))
    assert "holds the GIL" in judgement.why


def test_everything_is_there_as_json() -> None:
    """Every figure of the tables, and the sentences."""
    comparison = comparison_of(entry_of("processes", [5.0, 5.2, 5.1]))
    content = json.loads(json.dumps(wording.as_dict(MACHINE, [comparison]), allow_nan=False))
    (case,) = content["cases"]
    assert content["identical"] is case["identical"] is True
    assert case["fastest"] == "processes"
    assert [entry["backend"] for entry in case["backends"]] == ["serial", "processes"]
    assert case["backends"][1]["seconds"] == [5.0, 5.2, 5.1]
    assert case["backends"][1]["verdict"] == PAID


def test_a_terminal_shows_it_in_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Times, where they went, verdicts, and that results are equal."""
    comparison = comparison_of(entry_of("threads", [10.0, 10.3, 10.2]), entry_of("processes", [5.0, 5.2, 5.1]))
    show = Show()
    show.opening(MACHINE, 3)
    show.comparison(comparison)
    show.closing([comparison], Path("demo.html"))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    for part in (
        "10.1 s",
        "1.98x",
        "unexplained",
        "processes paid off",
        "results identical in all 9 runs",
        "demo.html",
    ):
        assert part in text
    assert "\x1b" not in text


class _Page(HTMLParser):
    """Checks that tags are closed in order, and notes what the page refers to."""

    VOID = frozenset({"meta", "line", "rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_escapes_what_it_is_given(tmp_path: Path) -> None:
    """No script, no reference, and every tag closed."""
    comparison = comparison_of(entry_of("processes", [5.0, 5.2, 5.1]))
    write_page(tmp_path / "demo.html", MACHINE, [comparison])
    page = _Page()
    content = (tmp_path / "demo.html").read_text()
    page.feed(content)
    assert (page.open, page.references) == ([], [])
    assert "<script" not in content
    for part in ("Add <numbers>", "<one & only>", "Processes paid off", "unexplained", "Results identical"):
        assert part in page.text
