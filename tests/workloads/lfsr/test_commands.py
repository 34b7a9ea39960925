"""`breakeven lfsr` as a program of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.program import breakeven

KEYS = [
    "name", "q", "degree", "polynomial", "factors", "order", "primitive", "cycles", "preperiods", "leaves", "engine",
    "backend_requested", "backend_used", "reason", "states", "steps", "seconds",
]  # fmt: skip
STRANGE = "1,1,1,0,0,0,0,0,1,1\n1,1,1,0,0,0,0,0,1,1,0,1,1,1,0\n1,1,1,0,0,0,0,0,1,1,0,1,1,1,1\n"


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """The original's example."""
    path = tmp_path / "strange.csv"
    path.write_text(STRANGE)
    return path


def test_the_original_example_comes_out_as_json(strange: Path) -> None:
    """A list with one object a row, of the promised keys in their order."""
    done = breakeven("lfsr", "analyse", str(strange), "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert [list(row) for row in found] == [KEYS] * 3
    assert found[0]["cycles"] == {"1": 2, "2": 1, "3": 2, "4": 3, "6": 1, "8": 30, "12": 3, "24": 30}
    assert [row["order"] for row in found] == [24, 1057, 3255]
    assert [row["engine"] for row in found] == ["algebra"] * 3


def test_both_engines_agree_on_it(strange: Path) -> None:
    """Exit code 0 says so; steps are the states."""
    done = breakeven("lfsr", "analyse", str(strange), "--engine", "both", "--backend", "threads", "--json")
    assert done.returncode == 0, done.stderr
    assert all(row["states"] <= row["steps"] <= 1.05 * row["states"] for row in json.loads(done.stdout))


def test_large_numbers_are_whole_numbers_in_json(tmp_path: Path) -> None:
    """2^64 - 1 and 2^168 - 1 lose no digit."""
    path = tmp_path / "large.toml"
    path.write_text('[[register]]\nname = "l"\nform = "taps"\nvalue = [168, 166, 153, 151]\n')
    (row,) = json.loads(breakeven("lfsr", "analyse", str(path), "--json").stdout)
    assert row["order"] == 2**168 - 1
    assert row["cycles"] == {"1": 1, str(2**168 - 1): 1}
    assert row["states"] == 2**168


def test_csv_and_xml_say_the_same(strange: Path) -> None:
    """Readable by the standard library's own readers."""
    rows = list(csv.DictReader(breakeven("lfsr", "analyse", str(strange), "--format", "csv").stdout.splitlines()))
    lengths = {row["key"]: row["count"] for row in rows if row["name"] == "strange:1" and row["kind"] == "cycle"}
    root = ET.fromstring(breakeven("lfsr", "analyse", str(strange), "--format", "xml").stdout)  # noqa: S314
    assert lengths == {cycle.get("length"): cycle.get("count") for cycle in root[0].findall("cycle")}
    assert lengths["24"] == "30"


def test_bad_rows_stop_everything_unless_it_is_to_keep_going(tmp_path: Path) -> None:
    """Each is told with file, row and column; with --keep-going the others are analysed, and the exit code is 3."""
    path = tmp_path / "bad.csv"
    path.write_text("1,1\n1,2\n1,1,0\nx\n")
    stopped = breakeven("lfsr", "analyse", str(path), "--json")
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert f"{path}, row 2, column 2" in stopped.stderr
    assert f"{path}, row 4, column 1" in stopped.stderr
    going = breakeven("lfsr", "analyse", str(path), "--json", "--keep-going")
    assert going.returncode == 3
    assert [row["name"] for row in json.loads(going.stdout)] == ["bad:1", "bad:3"]


def test_rows_come_from_stdin_too() -> None:
    """Windows line ends, a byte order mark, and no end of the last line."""
    done = breakeven("lfsr", "analyse", "-", "--field", "3", "--json", stdin="\ufeff1,2,1\r\n\r\n# two\r\n2,1")
    assert done.returncode == 0, done.stderr
    assert [(row["name"], row["q"], row["degree"]) for row in json.loads(done.stdout)] == [
        ("stdin:1", 3, 3),
        ("stdin:4", 3, 2),
    ]


def test_what_a_catalogue_expects_is_held_against_what_comes_out(tmp_path: Path) -> None:
    """A contradiction is told, and the exit code is 1; the structure is printed all the same."""
    path = tmp_path / "mine.toml"
    path.write_text('[[register]]\nname = "r"\nform = "taps"\nvalue = [3, 1]\nexpect.order = 8\n')
    done = breakeven("lfsr", "analyse", str(path), "--json")
    assert (done.returncode, json.loads(done.stdout)[0]["order"]) == (1, 7)
    assert "r: order is 7, expected 8" in done.stderr


def test_numbers_of_more_than_four_thousand_digits_are_written(tmp_path: Path) -> None:
    """(x+1)^16384 over GF(2): Python writes so many digits only when it is told to."""
    path = tmp_path / "huge.csv"
    path.write_text("1" + ",0" * 16383 + "\n")
    done = breakeven("lfsr", "analyse", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert '"order": 16384,' in done.stdout
    assert len(done.stdout.partition('"states": ')[2].partition(",")[0]) == 4933


def test_workers_of_joblib_find_the_same(strange: Path) -> None:
    """In a program of its own, since joblib keeps its workers."""
    words = ["--engine", "both", "--backend", "joblib", "--kernel", "segments", "--workers", "2", "--json"]
    done = breakeven("lfsr", "analyse", str(strange), *words)
    assert done.returncode == 0, done.stderr
    assert [row["backend_used"] for row in json.loads(done.stdout)] == ["joblib"] * 3


def test_a_register_out_of_reach_is_told_with_its_file_and_row(tmp_path: Path) -> None:
    """Also where it ends the run."""
    path = tmp_path / "mixed.csv"
    path.write_text("1,1\n" + "1," * 69 + "1\n")
    done = breakeven("lfsr", "analyse", str(path), "--engine", "enumerate")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}, mixed:2: " in done.stderr


def test_registers_out_of_reach_are_failures_of_their_own(tmp_path: Path) -> None:
    """With --keep-going the rest is enumerated."""
    path = tmp_path / "mixed.csv"
    path.write_text("1,1\n" + "1," * 69 + "1\n")
    going = breakeven("lfsr", "analyse", str(path), "--engine", "enumerate", "--keep-going", "--json")
    assert going.returncode == 3
    assert [row["name"] for row in json.loads(going.stdout)] == ["mixed:1"]
    assert "mixed:2" in going.stderr


@pytest.mark.parametrize(
    "words, says",
    [
        (["--field", "6"], "no power of a prime"),
        (["--field", "4", "--modulus", "x^2+1"], "reducible"),
        (["--workers", "0", "--engine", "enumerate"], "workers"),
        (["--workers", "0"], "workers"),
        (["--representatives", "-1"], "representatives"),
    ],
)
def test_wrong_flags_are_told_in_one_line(strange: Path, words: list[str], says: str) -> None:
    """No traceback."""
    done = breakeven("lfsr", "analyse", str(strange), *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    """Exit code 2."""
    done = breakeven("lfsr", "analyse", "nowhere.csv")
    assert done.returncode == 2
    assert "nowhere.csv" in done.stderr


def test_the_small_commands_answer(tmp_path: Path) -> None:
    """Period, sequence, Berlekamp-Massey, matrix, catalogue, picture."""
    row = ["--coefficients", "1,1,0"]
    assert json.loads(breakeven("lfsr", "period", *row, "--json").stdout)["period"] == 7
    assert breakeven("lfsr", "period", *row, "--method", "brent").stdout.startswith("period 7")
    assert breakeven("lfsr", "sequence", *row, "--state", "1,0,0", "--count", "7").stdout == "1001011\n"
    found = json.loads(breakeven("lfsr", "bm", "1001011100101110", "--json").stdout)
    assert (found["polynomial"], found["unique"]) == ("x^3+x+1", True)
    assert json.loads(breakeven("lfsr", "bm", "--field", "11", "10 1 10", "--json").stdout)["coefficients"] == [10]
    assert breakeven("lfsr", "bm", "1\N{SUPERSCRIPT TWO}1").returncode == 2
    (tmp_path / "m.csv").write_bytes(b"0,1\n\xff,1\n")
    assert f"{tmp_path / 'm.csv'}, row 2, column 1" in breakeven("lfsr", "matrix", str(tmp_path / "m.csv")).stderr
    (tmp_path / "m.csv").write_text("0,1\n1,1\n")
    assert json.loads(breakeven("lfsr", "matrix", str(tmp_path / "m.csv"), "--json").stdout)["order"] == 3
    assert breakeven("lfsr", "catalogue", "--check").returncode == 0
    for name, more in (("small", row), ("large", ["--name", "CRC-32"])):
        picture = tmp_path / f"{name}.svg"
        assert breakeven("lfsr", "picture", *more, "--out", str(picture)).returncode == 0
        assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314 - our own


def test_the_overhead_table_has_every_group() -> None:
    """Measured here and now; that steps a state explain the slow run is exact, and so can be asserted."""
    done = breakeven("lfsr", "overhead", "--quick", "--repetitions", "1", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert {figure["group"] for figure in figures} == {
        "process creation", "initialisation", "partitioning", "messages", "merging", "lock", "steps a state", "seconds",
        "periods summed ÷ states", "whole run",
    }  # fmt: skip
    steps = {figure["name"]: figure["median"] for figure in figures if figure["group"] == "steps a state"}
    assert steps["primitive, degree 10, by segments"] == 1
    assert steps["primitive, degree 10, by start states"] > 1000
