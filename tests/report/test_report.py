"""What `Report` promises: the names of the public surface, and the figures behind them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given

from breakeven.report import Report, load_report
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, for_replay, recordings


def test_a_report_gives_its_figures_by_name() -> None:
    """Those of the small ledger, found by hand."""
    report = Report.from_recording(by_hand())
    assert report.seconds == 10.0
    assert report.speedup_estimate == pytest.approx(1.1)
    assert [lane.name for lane in report.lanes] == ["parent", "worker 0", "worker 1"]
    assert report.critical_path["worker.compute"] == 7.0
    assert report.critical_path["unexplained"] == pytest.approx(0.1)
    assert report.efficiency is not None
    assert report.efficiency.parallel == pytest.approx(0.55)
    assert [failure.index for failure in report.failures] == [7, 9]
    assert report.forecast is None
    assert report.forecast_error is None


def test_a_printed_report_is_its_table() -> None:
    """And its representation is one line."""
    report = Report.from_recording(by_hand())
    assert str(report) == report.table()
    assert repr(report) == "<Report of 'simulate': 1200 items in 10 s on processes>"


def test_notebooks_show_the_table() -> None:
    """Which IPython asks for with a printer of its own."""
    report = Report.from_recording(by_hand())
    shown: list[str] = []
    report._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert shown == [report.table()]


def test_a_saved_report_is_loaded_as_it_was(tmp_path: Path) -> None:
    """Down to the table."""
    report = Report.from_recording(for_replay())
    report.save(tmp_path / "run.json")
    loaded = load_report(tmp_path / "run.json")
    assert loaded.ledger == report.ledger
    assert loaded.table() == report.table()


@dear(4)
@given(recordings())
def test_the_dictionary_of_a_report_is_json_and_can_be_read_back(recording: Recording) -> None:
    """What is derived from the record stands apart, and is derived again."""
    report = Report.from_recording(recording)
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert Report.from_recording(content).to_dict() == report.to_dict()
    assert content["derived"]["unexplained_seconds"] == report.critical_path["unexplained"]
    assert math.fsum(report.critical_path.values()) == pytest.approx(report.seconds, abs=1e-9)


def test_a_report_loads_no_page_and_no_trace_before_they_are_asked_for() -> None:
    """Nor numpy, rich or anything else from outside the standard library."""
    code = (
        "import sys; from breakeven.report import Report; "
        "print(*sorted(m for m in sys.modules if m.startswith('breakeven.report.') or m in ('numpy', 'rich')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["breakeven.report.report"]
