"""The command itself: help, version, exit codes, and that it starts quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import breakeven as be
from breakeven.cli import COMMANDS
from tests.cli.program import breakeven


def test_the_version_is_that_of_the_package() -> None:
    """One line."""
    done = breakeven("--version")
    assert (done.returncode, done.stdout) == (0, f"breakeven {be.__version__}\n")


def test_help_names_every_command() -> None:
    """And the exit codes."""
    done = breakeven("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)
    assert "130 interrupted" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_documents_itself(command: str) -> None:
    """What it does, each argument, and the exit codes, within 100 columns."""
    done = breakeven(command, "--help", COLUMNS="100")
    assert done.returncode == 0
    assert "exit codes" in done.stdout
    assert done.stdout.count("\n") > 8
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--nonsense"], ["run"], ["report"], ["doctor", "--nonsense"]])
def test_a_command_that_is_none_is_wrong_usage(words: list[str]) -> None:
    """Exit code 2, and nothing on stdout."""
    done = breakeven(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage" in done.stderr


@pytest.mark.parametrize(
    "ending, code, complaint",
    [
        ("run math:sqrt --range 0:3 >&-", 1, "the output cannot be written"),
        ("run math:sqrt --range 0:3 2>&-", 0, ""),
        ("run math:sqrt <&-", 1, "stdin"),
        ("run math:sqrt --range 0:3 --out roots.jsonl <&- >&- 2>&-", 0, ""),
        ("doctor >&-", 1, "the output cannot be written"),
        ("doctor >/dev/full", 1, "the output cannot be written"),
    ],
)
def test_closed_streams_are_told_in_one_line(ending: str, code: int, complaint: str, tmp_path: Path) -> None:
    """Or not at all where nobody would hear it; they end no run that does not need them."""
    line = f"'{sys.executable}' -m breakeven {ending}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1 if complaint else 0), done.stderr
    assert complaint in done.stderr
    assert "--out" not in ending or (tmp_path / "roots.jsonl").read_text().count("\n") == 3


def test_help_imports_neither_numpy_nor_rich_nor_the_engine() -> None:
    """What is not needed is not paid for."""
    code = (
        "import sys; from breakeven.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'rich', 'breakeven.engine', 'multiprocessing', 'concurrent.futures', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_doctor_tells_what_it_looked_at() -> None:
    """In words, and as JSON."""
    assert "CPUs" in breakeven("doctor").stdout
    hazards = json.loads(breakeven("doctor", "--json").stdout)["hazards"]
    assert {hazard["level"] for hazard in hazards} <= {"fine", "notice", "warning"}
    assert {"CPUs", "memory", "start method"} <= {hazard["name"] for hazard in hazards}


@pytest.mark.parametrize("name,content", [("nowhere.json", None), ("other.json", '{"a": 1}'), ("text.json", "hello")])
def test_a_file_that_is_no_report_is_wrong_usage(tmp_path: Path, name: str, content: str | None) -> None:
    """Said in one line, whatever is in it."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    done = breakeven("report", str(path))
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_limit_that_ends_a_command_is_told_in_a_line(tmp_path: Path) -> None:
    """It is an error of ours, though it is one of the system's kinds."""
    (tmp_path / "slow.py").write_text("import time\ndef slow(n):\n    time.sleep(0.5)\n")
    words = ("--range", "0:2", "--timeout", "0.2", "--on-error", "raise")
    done = breakeven("compare", "slow.py:slow", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "0.2" in done.stderr
