"""`breakeven plan` and `breakeven compare` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import breakeven

MINE = """
def heavy(n):
    total = 0
    for number in range(500_000 + n):
        total += number & 3
    return total

def light(n):
    return n + 1

def odd(n, calls=[]):
    calls.append(n)
    return len(calls)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with functions in it."""
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def test_a_plan_is_printed_with_its_break_even(here: Path) -> None:
    """Every way, the choice and its reason."""
    run = breakeven("plan", "mine:heavy", "--range", "0:80", cwd=here)
    assert run.returncode == 0
    for word in ("80 % interval", "serial", "processes", "chosen", "break-even", "machine"):
        assert word in run.stdout


def test_a_plan_as_json_holds_every_candidate(here: Path) -> None:
    """Sampled items are counted, and are few."""
    run = breakeven("plan", "mine:heavy", "--range", "0:80", "--json", cwd=here)
    plan = json.loads(run.stdout)
    assert plan["chosen"]["backend"] == "processes"
    assert 0 < plan["sampled"] < 20
    assert plan["items"] == 80 - plan["sampled"]
    assert {one["backend"] for one in plan["candidates"]} >= {"serial", "processes"}


def test_a_plan_of_nothing_is_serial(here: Path) -> None:
    """Next to no work at all."""
    run = breakeven("plan", "mine:light", "--range", "0:10", "--json", cwd=here)
    assert json.loads(run.stdout)["chosen"]["backend"] == "serial"


def test_compare_holds_forecasts_against_measurements(here: Path) -> None:
    """Each way with its median; the regret of auto; equal results."""
    run = breakeven("compare", "mine:heavy", "--range", "0:8", "--rounds", "2", "--json", cwd=here)
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert [row["way"] for row in record["ways"]] == ["serial", "threads", "processes", "auto"]
    assert all(len(row["seconds"]) == 2 for row in record["ways"])
    assert record["identical"]
    assert record["best"] in {"serial", "threads", "processes"}
    assert record["regret"] == pytest.approx(
        record["ways"][3]["median_seconds"] / min(row["median_seconds"] for row in record["ways"][:3]) - 1
    )


def test_compare_prints_a_table(here: Path) -> None:
    """With the regret in a sentence of its own."""
    run = breakeven("compare", "mine:light", "--range", "0:100", "--rounds", "1", cwd=here)
    assert run.returncode == 0, run.stderr
    assert "forecast off" in run.stdout
    assert "auto took" in run.stdout
    assert "the same everywhere" in run.stdout


def test_compare_says_that_results_differ(here: Path) -> None:
    """A function that remembers its calls gives something else each time; the exit code is 1."""
    run = breakeven("compare", "mine:odd", "--range", "0:20", "--rounds", "1", cwd=here)
    assert run.returncode == 1
    assert "DIFFER" in run.stdout


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["compare", "mine:light", "--range", "0:3", "--rounds", "0"], "less than 1"),
        (["compare", "mine:light", "--range", "0:3", "--backend", "serial"], "leave --backend out"),
        (["compare", "mine:light", "--range", "0:0"], "no items"),
        (["plan", "mine:absent", "--range", "0:3"], "no 'absent'"),
        (["plan", "mine:light", "--items", "none.jsonl"], "cannot read"),
    ],
)
def test_wrong_usage_is_said_in_a_line(here: Path, arguments: list[str], complaint: str) -> None:
    """With exit code 2."""
    run = breakeven(*arguments, cwd=here)
    assert run.returncode == 2
    assert complaint in run.stderr
    assert "Traceback" not in run.stderr
