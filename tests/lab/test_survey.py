"""Every instrument on one page, and Ctrl-C while one measures."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from breakeven.cli import main
from breakeven.cli.exits import INTERRUPTED, USAGE
from breakeven.lab import INSTRUMENTS
from breakeven.lab import ways as running
from breakeven.lab.showing.atlas import names, page_of, part_of
from breakeven.lab.survey import Answer, survey

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """One instrument that runs, in an interpreter of its own, and one that does not."""
    return [*survey(["metg"], quick=True), *survey(["nowhere"], quick=True)]


def test_an_instrument_answers_from_its_own_interpreter(answers: list[Answer]) -> None:
    """What it printed as JSON is a finding here."""
    measured, _ = answers
    assert measured.finding is not None
    assert measured.finding.instrument == "metg"
    assert not measured.interrupted


def test_an_instrument_that_fails_says_why_and_stops_none(answers: list[Answer]) -> None:
    """The last words of its stderr stand in its place."""
    _, failed = answers
    assert failed.finding is None
    assert "nowhere" in failed.reason


def test_the_page_needs_nothing_but_itself(answers: list[Answer]) -> None:
    """No script, no image, no style sheet, no font from elsewhere; every headline is there."""
    page = page_of(answers, [part_of(answer) for answer in answers])
    assert answers[0].finding is not None
    headline = re.sub(r"\s+", " ", answers[0].finding.headline)
    assert headline.replace("&", "&amp;") in page
    assert page.count("<svg") == 1
    assert not re.search(r"<script|<img|<link|@import|src=|url\(http", page)
    assert "prefers-color-scheme: dark" in page
    assert "✘ failed" in page


def test_ids_of_one_figure_are_not_those_of_another(answers: list[Answer]) -> None:
    """Two figures on one page would else paint with each other's clips and markers."""
    part = part_of(answers[0])
    ids = re.findall(r'\bid="([^"]+)"', part)
    assert len(ids) == len(set(ids))
    assert all(one.startswith("metg") for one in ids)


def test_all_writes_the_page_and_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, stdout holds one document with every finding."""
    page = tmp_path / "machine.html"
    assert main(["lab", "all", "--quick", "--json", "--only", "crossover", "--plot", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["instrument"] for one in found["findings"]] == ["crossover"]
    assert "crossover" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["figures.svg", "nowhere/page.html"])
def test_a_page_that_cannot_be_written_is_refused_at_once(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before minutes are spent on what would go into it."""
    assert main(["lab", "all", "--plot", path]) == USAGE
    assert path.split("/", maxsplit=1)[0] in capsys.readouterr().err


def test_the_order_is_that_of_the_table_of_instruments() -> None:
    """Whatever the order in which some are asked for."""
    assert names() == tuple(INSTRUMENTS)
    assert names(["metg", "scenarios"]) == ("scenarios", "metg")


@pytest.mark.parametrize("name", [running.PROCESSES, running.POOL, running.FUTURES])
def test_ctrl_c_ends_a_way_whose_workers_are_busy(name: str) -> None:
    """Four tasks of half a minute each: leaving waits for none of them, and nothing stays behind."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    def sleep_on() -> None:
        with running.opened([name], 2) as ways:
            signal.setitimer(signal.ITIMER_REAL, 1.0)  # long since waiting for the first result
            ways[name].seconds(time.sleep, [30] * 4)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            sleep_on()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_ends_all_with_the_page_of_what_there_was(tmp_path: Path) -> None:
    """The instrument that runs is told, its processes end, the page is written, and the exit code says so."""
    page = tmp_path / "machine.html"
    command = [sys.executable, "-m", "breakeven", "lab", "all", "--only", "scenarios", "--plot", str(page)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        watched = psutil.Process(program.pid)
        while len(watched.children(recursive=True)) < 5:  # the instrument and the workers of its ways
            assert program.poll() is None
        below = watched.children(recursive=True)
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=30)
    assert program.returncode == INTERRUPTED, err
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert b"scenarios" in out
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
