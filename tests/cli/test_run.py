"""`breakeven run` as a user runs it: a program of its own, on real files."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import breakeven, lines_of, started, wait_until

MINE = """
import os, sys, time
from pathlib import Path

def double(x):
    return 2 * x

def add(a, b=0):
    return a + b

def picky(x):
    if x % 4 == 1:
        raise ValueError(f"odd one: {x}")
    return x

def dies(x):
    if x == 3:
        os._exit(7)
    return x

def chatty(x):
    print("thinking about", x, flush=True)
    return x

def strange(x):
    return {1: float("nan"), 2: {x}, 3: (1, 2)}.get(x, x)

def slowly(x):
    time.sleep(0.01)
    return x

def hangs_after(x):
    if x >= 5:
        time.sleep(60)
    return x

def lines(path):
    return len(Path(path).read_text().splitlines())

def set_up(text):
    os.environ["SET_UP"] = text

def told(x):
    return os.environ.get("SET_UP")

def drawn(x):
    import breakeven
    return int(breakeven.rng().integers(1_000_000))
"""

BACKENDS = ["serial", "threads", "processes"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module of functions and a file of items."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "items.jsonl").write_text("".join(f"{number}\n" for number in range(10)))
    return tmp_path


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
def test_results_are_lines_in_input_order(folder: Path, backend: str) -> None:
    """Index and value, on stdout."""
    done = breakeven("run", "mine:double", "--range", "0:200", "--backend", backend, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert lines_of(done.stdout) == [{"index": number, "value": 2 * number} for number in range(200)]
    assert "200 items in" in done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_unordered_results_keep_their_index(folder: Path, backend: str) -> None:
    """All are there, in whatever order they finished."""
    done = breakeven("run", "mine:picky", "--range", "0:100", "--unordered", "--backend", backend, cwd=folder)
    results = {line["index"]: line["value"] for line in lines_of(done.stdout)}
    failures = {line["index"]: line["item"] for line in lines_of(done.stderr.rpartition("\n100 items")[0])}
    assert results == {number: number for number in range(100) if number % 4 != 1}
    assert failures == {number: number for number in range(100) if number % 4 == 1}
    assert done.returncode == 3


def test_bare_values_are_for_pipes(folder: Path) -> None:
    """One run's output is the next one's input."""
    first = breakeven("run", "mine:double", "--items", "items.jsonl", "--values", "--quiet", cwd=folder)
    second = breakeven("run", "mine:double", "--format", "jsonl", "--values", cwd=folder, stdin=first.stdout)
    assert lines_of(second.stdout) == [4 * number for number in range(10)]
    assert first.stderr == ""


def test_a_function_in_a_file_runs_over_rows_of_a_table(folder: Path) -> None:
    """Each row a dict of text, given as keywords."""
    (folder / "table.csv").write_text("a,b\nx,y\nz,\n")
    done = breakeven("run", str(folder / "mine.py") + ":add", "--items", str(folder / "table.csv"), "--kwargs")
    assert [line["value"] for line in lines_of(done.stdout)] == ["xy", "z"]


def test_star_gives_a_list_as_arguments(folder: Path) -> None:
    """And an item that is no list fails alone, with the reason."""
    done = breakeven(
        "run", "mine:add", "--star", "--format", "jsonl", "--out", "out.jsonl", cwd=folder, stdin="[1, 2]\n5\n[3]\n"
    )
    assert [line["value"] for line in lines_of(folder / "out.jsonl")] == [3, 3]
    (failure,) = lines_of(folder / "out.failures.jsonl")
    assert (failure["index"], failure["item"], failure["exception"]) == (1, 5, "TypeError")
    assert "--star needs a list" in failure["message"]
    assert done.returncode == 3


def test_lines_of_stdin_are_items_where_nothing_else_is_named(folder: Path) -> None:
    """Also when a dash says so."""
    for words in ([], ["--items", "-"]):
        done = breakeven("run", "builtins:len", *words, "--values", cwd=folder, stdin="a\n\nabc")
        assert done.stdout == "1\n0\n3\n"


def test_a_pattern_gives_paths(folder: Path) -> None:
    """Sorted, from below too."""
    (folder / "sub").mkdir()
    (folder / "b.txt").write_text("1\n2\n")
    (folder / "sub" / "a.txt").write_text("1\n")
    done = breakeven("run", "mine:lines", "--glob", "**/*.txt", "--values", cwd=folder)
    assert done.stdout == "2\n1\n"


def test_no_items_are_no_error(folder: Path) -> None:
    """An empty file, an empty file of results."""
    done = breakeven("run", "mine:double", "--range", "3:3", "--out", "out.jsonl", cwd=folder)
    assert (done.returncode, (folder / "out.jsonl").read_text()) == (0, "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_failed_items_go_to_a_file_of_their_own(folder: Path, backend: str) -> None:
    """With cause and traceback; all others are finished; the exit code is 3."""
    words = ("--items", "items.jsonl", "--out", "out.jsonl", "--failures", "bad.jsonl", "--backend", backend)
    done = breakeven("run", "mine:picky", *words, cwd=folder)
    assert done.returncode == 3
    assert [line["index"] for line in lines_of(folder / "out.jsonl")] == [0, 2, 3, 4, 6, 7, 8]
    failures = lines_of(folder / "bad.jsonl")
    assert [(line["index"], line["item"], line["message"]) for line in failures] == [
        (number, number, f"odd one: {number}") for number in (1, 5, 9)
    ]
    assert all(line["cause"] == "exception" and "in picky" in line["traceback"] for line in failures)
    assert "3 failed: bad.jsonl" in done.stderr


def test_a_worker_that_dies_costs_one_item(folder: Path) -> None:
    """Its cause says how."""
    done = breakeven(
        "run", "mine:dies", "--items", "items.jsonl", "--out", "out.jsonl", "--backend", "processes", cwd=folder
    )
    assert done.returncode == 3
    assert [line["value"] for line in lines_of(folder / "out.jsonl")] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert [(line["item"], line["cause"]) for line in lines_of(folder / "out.failures.jsonl")] == [(3, "exit 7")]


def test_an_item_past_its_time_fails_alone(folder: Path) -> None:
    """The unit may be written out."""
    words = ("--range", "3:7", "--timeout", "200ms", "--out", "out.jsonl", "--backend", "processes", "--chunksize", "1")
    done = breakeven("run", "mine:hangs_after", *words, cwd=folder)
    assert done.returncode == 3
    assert [line["value"] for line in lines_of(folder / "out.jsonl")] == [3, 4]
    assert {(line["item"], line["cause"]) for line in lines_of(folder / "out.failures.jsonl")} == {
        (5, "timeout"),
        (6, "timeout"),
    }


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_on_error_raise_the_first_failure_ends_the_run(folder: Path, backend: str) -> None:
    """Its traceback is shown, and what came before it is kept."""
    words = ("--items", "items.jsonl", "--out", "out.jsonl", "--on-error", "raise", "--backend", backend)
    done = breakeven("run", "mine:picky", *words, cwd=folder)
    assert done.returncode == 1
    assert "ValueError: odd one: 1" in done.stderr
    assert "in picky" in done.stderr
    assert all("mine.py" in line for line in done.stderr.splitlines() if line.startswith("  File"))
    assert lines_of(folder / "out.jsonl") == [{"index": 0, "value": 0}]


def test_a_value_that_json_cannot_hold_fails_by_name(folder: Path) -> None:
    """Every other value is written."""
    done = breakeven("run", "mine:strange", "--range", "0:5", "--out", "out.jsonl", cwd=folder)
    assert done.returncode == 3
    assert [line["value"] for line in lines_of(folder / "out.jsonl")] == [0, [1, 2], 4]
    failures = lines_of(folder / "out.failures.jsonl")
    assert [(line["index"], line["cause"]) for line in failures] == [(1, "not JSON"), (2, "not JSON")]
    assert "--repr" in failures[0]["message"]


def test_with_repr_such_a_value_is_written_as_text(folder: Path) -> None:
    """And nothing has failed."""
    done = breakeven("run", "mine:strange", "--range", "1:3", "--repr", cwd=folder)
    assert lines_of(done.stdout) == [{"index": 0, "repr": "nan"}, {"index": 1, "repr": "{2}"}]
    assert done.returncode == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_function_prints_never_mixes_with_results(folder: Path, backend: str) -> None:
    """It goes to stderr, wherever the function runs."""
    done = breakeven("run", "mine:chatty", "--range", "0:4", "--values", "--backend", backend, cwd=folder)
    assert done.stdout == "0\n1\n2\n3\n"
    assert done.stderr.count("thinking about") == 4  # threads may write into one another's lines


def test_an_initializer_runs_before_the_items(folder: Path) -> None:
    """With its arguments."""
    words = ("--initializer", "mine:set_up", "--initargs", '["ready"]', "--backend", "processes", "--values")
    done = breakeven("run", "mine:told", "--range", "0:3", *words, cwd=folder)
    assert lines_of(done.stdout) == ["ready"] * 3


def test_a_seed_gives_the_same_numbers_on_every_backend(folder: Path) -> None:
    """By item, not by worker."""
    texts = {
        breakeven("run", "mine:drawn", "--range", "0:20", "--seed", "7", "--backend", backend, cwd=folder).stdout
        for backend in BACKENDS
    }
    assert len(texts) == 1
    assert len(lines_of(texts.pop())) == 20


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_a_function_in_a_file_reaches_workers_of_every_start_method(folder: Path, start_method: str) -> None:
    """Its folder is on their path too."""
    other = folder / "else where"
    other.mkdir()
    words = ("--range", "0:4", "--values", "--backend", "processes", "--start-method", start_method)
    done = breakeven("run", "../mine.py:double", *words, cwd=other)
    assert done.stdout == "0\n2\n4\n6\n", done.stderr


def test_files_that_are_there_are_kept_without_overwrite(folder: Path) -> None:
    """Results and failures alike; nothing is run."""
    for name in ("out.jsonl", "out.failures.jsonl"):
        (folder / name).write_text("precious\n")
        done = breakeven("run", "mine:chatty", "--range", "0:3", "--out", "out.jsonl", cwd=folder)
        assert done.returncode == 2
        assert "--overwrite" in done.stderr
        assert "thinking" not in done.stderr
        assert (folder / name).read_text() == "precious\n"
        (folder / name).unlink()


def test_overwrite_replaces_results_and_takes_old_failures_away(folder: Path) -> None:
    """So that none of them is taken for this run's."""
    (folder / "out.jsonl").write_text("old\n")
    (folder / "out.failures.jsonl").write_text("old\n")
    done = breakeven("run", "mine:double", "--range", "0:1", "--out", "out.jsonl", "--overwrite", cwd=folder)
    assert done.returncode == 0
    assert lines_of(folder / "out.jsonl") == [{"index": 0, "value": 0}]
    assert not (folder / "out.failures.jsonl").exists()


def test_a_bad_line_ends_the_run_after_the_items_before_it(folder: Path) -> None:
    """They are written; the message names the line."""
    (folder / "bad.jsonl").write_text("1\n2\n{oops\n4\n")
    done = breakeven("run", "mine:double", "--items", "bad.jsonl", "--out", "out.jsonl", cwd=folder)
    assert done.returncode == 1
    assert [line["value"] for line in lines_of(folder / "out.jsonl")] == [2, 4]
    assert "bad.jsonl, line 3: not JSON" in done.stderr
    assert "2 results written to out.jsonl" in done.stderr


def test_a_full_disk_is_said_in_one_line(folder: Path) -> None:
    """No traceback: it is nobody's programming error."""
    done = breakeven(
        "run", "mine:double", "--range", "0:5", "--out", "/dev/full", "--failures", "bad.jsonl", cwd=folder
    )
    assert done.returncode == 1
    assert "/dev/full cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(6)
def test_results_stream_as_items_come(folder: Path) -> None:
    """The first is written before the second is there."""
    words = ("run", "mine:double", "--format", "jsonl", "--values", "--backend", "serial")
    pipe = subprocess.PIPE
    with started(*words, cwd=folder, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for number in range(3):
            program.stdin.write(b"%d\n" % number)
            assert program.stdout.readline() == b"%d\n" % (2 * number)
        program.stdin.close()
        assert program.wait() == 0


@pytest.mark.parametrize("backend", ["serial", "threads", "processes"])
def test_one_interrupt_ends_the_run_and_keeps_what_is_written(folder: Path, backend: str) -> None:
    """Exit code 130, one line on stderr, no traceback, no worker left."""
    words = (
        "run",
        "mine:hangs_after",
        "--range",
        "0:9",
        "--out",
        "out.jsonl",
        "--backend",
        backend,
        "--chunksize",
        "1",
    )
    out = folder / "out.jsonl"
    with started(*words, cwd=folder, stderr=subprocess.PIPE) as program:
        wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") == 5, seconds=6)
        program.send_signal(signal.SIGINT)
        _, stderr = program.communicate(timeout=6)
    assert program.returncode == 130
    assert stderr.decode().strip() == "breakeven run: interrupted; 5 results written to out.jsonl"
    assert [line["value"] for line in lines_of(out)] == [0, 1, 2, 3, 4]


def test_a_reader_that_leaves_ends_the_run_quietly(folder: Path) -> None:
    """As under `| head`."""
    words = ("run", "mine:slowly", "--range", "0:100000")
    with started(*words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.wait(timeout=20) == 1
        assert program.stderr.read() == b""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_report_is_kept_as_json_and_shown_again(folder: Path, backend: str) -> None:
    """`breakeven report` prints it, or makes the page of it."""
    words = ("--range", "0:50", "--backend", backend, "--report", "run.json", "--name", "fifty")
    assert breakeven("run", "mine:double", *words, cwd=folder).returncode == 0
    shown = breakeven("report", "run.json", cwd=folder)
    assert shown.returncode == 0
    assert shown.stdout.startswith("fifty: ")
    assert "unexplained" in shown.stdout
    assert breakeven("report", "run.json", "--html", "run.html", cwd=folder).stdout == ""
    assert "fifty" in (folder / "run.html").read_text()
    assert json.loads(breakeven("report", "run.json", "--json", cwd=folder).stdout)["items"] == 50


def test_a_report_is_written_as_a_page_by_its_ending(folder: Path) -> None:
    """Also for a run with failures."""
    done = breakeven("run", "mine:picky", "--range", "0:5", "--report", "run.html", cwd=folder)
    assert done.returncode == 3
    assert "<html" in (folder / "run.html").read_text()


def test_the_summary_as_json_never_mixes_with_results(folder: Path) -> None:
    """On stdout where results go to a file, else on stderr."""
    to_file = breakeven("run", "mine:picky", "--range", "0:5", "--out", "out.jsonl", "--json", cwd=folder)
    summary = json.loads(to_file.stdout)
    assert summary["items"] == 5
    assert summary["backend"] in {"serial", "threads", "processes", "auto"}
    assert summary["results"] == 4
    assert summary["failures"] == 1
    assert summary["failures_file"] == "out.failures.jsonl"
    assert summary["exit_code"] == to_file.returncode == 3
    to_stdout = breakeven("run", "mine:double", "--range", "0:5", "--json", cwd=folder)
    assert json.loads(to_stdout.stderr)["results"] == len(lines_of(to_stdout.stdout)) == 5


def test_progress_in_a_log_is_asked_for(folder: Path) -> None:
    """Without being asked, stderr that is no terminal gets the summary alone."""
    done = breakeven("run", "mine:double", "--range", "0:5", cwd=folder)
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "words,says",
    [
        (["mine:nothing", "--range", "0:3"], "mine has no 'nothing'"),
        (["mine", "--range", "0:3"], "MODULE:FUNC"),
        (["mine:double", "--items", "nowhere.jsonl"], "cannot read nowhere.jsonl"),
        (["mine:double", "--items", "mine.py"], "--format"),
        (["mine:double", "--range", "0:3", "--glob", "*"], "give one"),
        (["mine:double", "--range", "0:3", "--report", "x.txt"], "neither in .json nor in .html"),
        (["mine:double", "--range", "0:3", "--out", "no/where.jsonl"], "no folder"),
        (["mine:double", "--range", "0:3", "--out", "a.jsonl", "--failures", "a.jsonl"], "two files"),
        (["mine:double", "--items", "items.jsonl", "--out", "items.jsonl", "--overwrite"], "items come from"),
        (["mine:double", "--range", "0:3", "--limit", "-1"], "negative"),
        (["mine:double", "--range", "0:3", "--backend", "quantum"], "invalid choice"),
        (["mine:double", "--range", "0:3", "--backend", "ray"], "ray"),
        (["mine:double", "--range", "0:3", "--start-method", "copy"], "invalid choice"),
        (["mine:double", "--range", "0:3", "--max-workers", "-1"], "less than 1"),
        (["mine:double", "--range", "0:3", "--max-workers", "x"], "invalid whole number"),
        (["mine:double", "--range", "0:3", "--chunksize", "0"], "less than 1"),
        (["mine:double", "--range", "0:3", "--chunksize", "big"], "neither auto nor"),
        (["mine:double", "--range", "0:3", "--timeout", "0"], "--timeout"),
        (["mine:double", "--range", "0:3", "--timeout", "3 parsecs"], "not a unit"),
        (["mine:double", "--range", "0:3", "--max-worker-memory", "5Mb"], "counts bits"),
        (["mine:double", "--range", "0:3", "--retry-on", "Oops"], "no 'Oops'"),
        (["mine:double", "--range", "0:3", "--initargs", "[1]"], "none is given"),
        (["mine:double", "--range", "0:3", "--initializer", "mine:set_up", "--initargs", "1"], "not a list"),
        (["mine:double", "--star", "--kwargs", "--range", "0:3"], "not allowed with"),
        (["mine:double", "--range", "0:3", "--wrong"], "--wrong"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(folder: Path, words: list[str], says: str) -> None:
    """In a line or two on stderr, with exit code 2 and no traceback."""
    before = sorted(folder.iterdir())
    done = breakeven("run", *words, cwd=folder, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert sorted(folder.iterdir()) == before
