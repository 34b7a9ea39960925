"""The demonstration, on the real standard library and real arrays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from breakeven.cli import demo
from tests.cli.program import breakeven


@pytest.mark.timeout(180)
def test_the_demo_runs_real_work_on_every_backend(tmp_path: Path) -> None:
    """Results are identical, every figure is there, and one page is written."""
    done = breakeven("demo", "--quick", "--json", "--html", "page.html", "--max-workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["identical"]
    parse, sums = content["cases"]
    assert parse["facts"]["files"] > 50
    assert parse["facts"]["functions"] > 1000
    assert sums["facts"]["arrays"] == 4
    for case in (parse, sums):
        assert [entry["backend"] for entry in case["backends"]] == ["serial", "threads", "processes"]
        assert all(len(entry["seconds"]) == 3 for entry in case["backends"])
    processes = sums["backends"][2]
    assert processes["moved_bytes"] >= 400_000_000
    assert "Parse the standard library" in (tmp_path / "page.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    """A minute later would be too late."""
    done = breakeven("demo", "--html", "no/where.html", cwd=tmp_path)
    assert done.returncode == 2
    assert "no folder" in done.stderr


def test_little_memory_makes_for_less_to_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrays take a third of what is free at most."""
    monkeypatch.setattr("breakeven.probes.capacity.available_memory_bytes", lambda: 60_000_000)
    case = demo.sums(quick=True, max_workers=1)
    assert "2 distinct arrays of 10 MB" in case.amount
