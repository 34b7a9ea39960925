"""The instruments that say when parallel work pays: run for real, quickly, and looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breakeven.cli import main
from breakeven.cli.exits import USAGE
from breakeven.lab import instrument
from breakeven.lab import ways as running
from breakeven.lab.instruments import crossover, metg, scenarios
from breakeven.lab.instruments.scenarios.cases import scenarios as cases_of
from breakeven.lab.instruments.scenarios.claims import claims
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.showing import drawing
from breakeven.lab.showing.tables import render
from breakeven.model.profile import MachineProfile
from breakeven.units import parse_seconds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def found() -> dict[str, Finding]:
    """Every finding of these instruments, measured once."""
    return {
        "scenarios": scenarios.measure(quick=True, workers=2, tasks=4),
        "crossover": crossover.measure(quick=True, workers=2, tasks=4),
        "metg": metg.measure(quick=True, workers=2, tasks=16),
    }


@pytest.mark.parametrize("name", ["scenarios", "crossover", "metg"])
def test_a_finding_survives_json_and_is_shown_within_a_hundred_columns(found: dict[str, Finding], name: str) -> None:
    """What is read back is what was measured; the table fits a terminal."""
    finding = found[name]
    assert Finding.from_dict(finding.to_dict()) == finding
    assert " ".join(finding.headline.split()) in " ".join(render(finding).split())
    assert max(map(len, render(finding).splitlines())) <= 100


@pytest.mark.parametrize("name", ["scenarios", "crossover", "metg"])
def test_a_finding_can_be_drawn(found: dict[str, Finding], name: str, tmp_path: Path) -> None:
    """Its figure has the headline, axes with units, and is written whole."""
    module = instrument(name)
    panels = getattr(module, "PANELS", 1)
    figure = drawing.figure_of(found[name], module.draw, panels=panels, inches=module.INCHES)
    assert "[" in figure.axes[0].get_xlabel()
    drawing.write(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_speed_up_is_the_loops_time_over_the_ways_block_by_block(found: dict[str, Finding]) -> None:
    """Raw samples of both are kept, and the ratio is theirs."""
    finding = found["scenarios"]
    case = finding.select(case="heavy, small", way=running.PROCESSES)[0]
    alone = finding.select(case="heavy, small")[0]["a task alone"]
    loop = [ms * 4 for ms in alone.samples]
    expected = [a / b for a, b in zip(loop, case["whole call"].samples, strict=True)]
    assert list(case["speed-up"].samples) == pytest.approx(expected)


def test_light_work_on_little_data_is_lost_on_every_parallel_way(found: dict[str, Finding]) -> None:
    """Doubling four numbers: a hundred nanoseconds each, where a message takes a hundred times as long."""
    for row in found["scenarios"].select(case="light, small"):
        if row.labels.get("way") in (running.THREADS, running.PROCESSES, running.POOL, running.FUTURES):
            assert row["speed-up"].median < 0.5


def test_every_quantity_of_these_instruments_has_a_unit(found: dict[str, Finding]) -> None:
    """Times in ms or µs, ratios in ×, shares in %, sizes in kB: nothing without one."""
    for finding in found.values():
        units = {quantity.unit for row in finding.rows for quantity in row.quantities}
        assert units <= {"ms", "µs", "×", "%", "kB"}


def test_times_and_their_units_agree(found: dict[str, Finding]) -> None:
    """A task aimed at 2 ms is told as milliseconds, one aimed at 1.00 ms as some thousand microseconds."""
    aimed = found["crossover"].select(task_aimed_at="2.00 ms")[0]["a task alone"]
    assert (aimed.unit, 0.5 < aimed.median < 20) == ("ms", True)
    grain = found["metg"].select(task_aimed_at="1.00 ms")[0]["grain"]
    assert (grain.unit, 250 < grain.median < 10_000) == ("µs", True)


def test_a_crossover_has_its_forecast_beside_it(found: dict[str, Finding]) -> None:
    """For warm and for cold processes; where both are there, so is their ratio."""
    rows = {row.labels["way"]: row for row in found["crossover"].rows if "way" in row.labels}
    for way in (running.PROCESSES, running.COLD):
        told = str(rows[way].labels["forecast"])
        assert told == "never" or parse_seconds(told.split(" (", maxsplit=1)[0]) > 0
    assert rows[running.THREADS].labels["forecast"] == "–"


def test_efficiency_is_against_bare_processes(found: dict[str, Finding]) -> None:
    """A way's efficiency is their wall over its own, block by block."""
    row = found["metg"].select(task_aimed_at="1.00 ms")[0]
    bare, wall = row["bare processes wall"].samples, row["mp.Pool wall"].samples
    assert list(row["mp.Pool"].samples) == pytest.approx([100 * a / b for a, b in zip(bare, wall, strict=True)])


def test_a_verdict_needs_an_interval_and_an_effect() -> None:
    """Six samples at least; 1 outside the interval; 3 % away from 1."""
    verdicts = {
        "faster": (1.5, 1.6, 1.4, 1.5, 1.5, 1.5),
        "slower": (0.5, 0.6, 0.4, 0.5, 0.5, 0.5),
        "tie": (0.98, 1.5, 1.6, 1.7, 0.9, 1.4),
        "too few": (9.0, 9.0, 9.0, 9.0, 9.0),
    }
    for verdict, samples in verdicts.items():
        assert scenarios.verdict_on(Quantity("speed-up", "×", samples)) == verdict
    assert scenarios.verdict_on(Quantity("speed-up", "×", (1.02,) * 6)) == "tie"


def test_the_cases_are_as_large_as_the_course_has_them() -> None:
    """Eight tasks of 200 000 square roots, and lists of 50 000 numbers."""
    heavy, light, _, summed, _ = cases_of()
    assert [item[1] for item in heavy.items] == [200_000] * 8
    assert light.task(light.items[0]) == 400_000
    assert summed.task(summed.items[0]) == sum(range(50_000))


def test_every_claim_of_the_course_can_be_sampled() -> None:
    """Each gives a time in the unit that it names."""
    for claim in claims(2, quick=True):
        assert claim.unit == "ms"
        assert claim.said_low <= claim.said_high
        assert claim.sample() > 0


def test_the_profile_of_a_quick_run_is_the_known_one() -> None:
    """Nothing is measured for it, and nothing kept."""
    from breakeven.lab.outlook import profile_here

    known = profile_here(quick=True)
    assert isinstance(known, MachineProfile)


@pytest.mark.parametrize("words", [["--workers", "0"], ["--tasks", "-3"]])
@pytest.mark.parametrize("name", ["scenarios", "crossover", "metg"])
def test_no_workers_and_no_tasks_are_refused(name: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started, with the option named."""
    assert main(["lab", name, "--quick", *words]) == USAGE
    assert f"{words[0]} {words[1]}: it has to be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["scenarios", "crossover", "metg", "guidelines"])
def test_a_finding_without_samples_can_be_drawn(name: str) -> None:
    """Ctrl-C may come before the first block is done: the figure has nothing to show then, and shows it."""
    module = instrument(name)
    measured = module.measure(quick=True, workers=1)
    rows = tuple(Row(row.labels, tuple(_emptied(one) for one in row.quantities)) for row in measured.rows)
    panels = getattr(module, "PANELS", 1)
    drawing.figure_of(replace(measured, rows=rows), module.draw, panels=panels, inches=module.INCHES)


def _emptied(quantity: Quantity) -> Quantity:
    return Quantity(quantity.name, quantity.unit, ())
