"""What a worker has of its parent: descriptors, modules, functions, environment; no more, no older than it should."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import breakeven as be
from breakeven.engine.forkserver import template
from breakeven.engine.functions import MOST
from tests.engine import tasks
from tests.engine.harness import LONGEST_SECONDS, program, wait_until_gone


def test_a_worker_has_none_of_the_parents_ends(method: str) -> None:
    """Nor those of other workers: it could keep them open, or speak for them."""
    own = {"socket": 1, "memfd:breakeven-arguments": 1, "memfd:breakeven-results": 2, "memfd:breakeven-board": 2}
    own |= {"[eventfd]": 1, "[pidfd]": 0, "[eventpoll]": 0}
    results = be.map(tasks.descriptors, range(8), backend="processes", start_method=method, max_workers=3, chunksize=1)
    for found in results:
        for kind, most in own.items():
            assert sum(kind in target for target in found) <= most, (kind, found)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_started_worker_inherits_nothing_of_the_parents(method: str, tmp_path: Path) -> None:
    """Not even what the parent lets its children inherit."""
    descriptor = os.open(tmp_path / "open", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)
    try:
        for found in be.map(tasks.descriptors, range(4), backend="processes", start_method=method, max_workers=2):
            assert str(tmp_path / "open") not in found
    finally:
        os.close(descriptor)


def test_standard_input_is_the_parents_alone(method: str) -> None:
    """A task that reads from it finds it empty."""
    assert be.map(_read_input, [0], backend="processes", start_method=method, max_workers=1) == [b""]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of the user's, which returns 1."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # a second file of the same second and size would not be seen
    (tmp_path / "changing.py").write_text("def task(_):\n    return 1\n")
    importlib.invalidate_caches()
    yield importlib.import_module("changing")
    del sys.modules["changing"]


def test_a_module_that_was_reloaded_runs_its_new_code(method: str, module: ModuleType) -> None:
    """Workers that have the old one are replaced."""
    options = {"backend": "processes", "start_method": method, "max_workers": 2}
    for version in (1, 2, 3):
        assert be.map(module.task, range(4), **options) == [version] * 4
        Path(module.__file__ or "").write_text(f"def task(_):\n    return {version + 1}\n")
        importlib.reload(module)
    assert be.map(module.task, range(4), **options) == [4] * 4


def test_an_executor_runs_the_new_code_of_a_reloaded_module(method: str, module: ModuleType) -> None:
    """Its workers are replaced as those of a map are."""
    with be.Executor(2, backend="processes", start_method=method) as executor:
        assert executor.submit(module.task, 0).result() == 1
        Path(module.__file__ or "").write_text("def task(_):\n    return 2\n")
        importlib.reload(module)
        assert {executor.submit(module.task, 0).result() for _ in range(6)} == {2}


def test_a_function_whose_module_the_worker_cannot_find_fails_its_items(method: str, module: ModuleType) -> None:
    """With what the import raised; other functions work."""
    if method == "fork":
        pytest.skip("a forked worker has the parent's modules")
    Path(module.__file__ or "").unlink()
    results = be.map(module.task, range(3), backend="processes", start_method=method, max_workers=2, on_error="return")
    assert all(isinstance(result.exception, ModuleNotFoundError) for result in results)
    assert be.map(tasks.triple, range(3), backend="processes", start_method=method, max_workers=2) == [0, 3, 6]


def test_a_path_that_was_added_later_is_known_to_workers(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warm ones, too."""
    options = {"backend": "processes", "start_method": method, "max_workers": 2}
    assert be.map(tasks.triple, range(3), **options) == [0, 3, 6]
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "added.py").write_text("def task(number):\n    return -number\n")
    importlib.invalidate_caches()
    added = importlib.import_module("added")
    try:
        assert be.map(added.task, range(3), **options) == [0, -1, -2]
    finally:
        del sys.modules["added"]


def test_thousands_of_lambdas_do_not_pile_up() -> None:
    """Neither here nor in the workers, which keep the latest."""
    options = {"backend": "processes", "start_method": "fork", "max_workers": 1}
    for number in range(4 * MOST):
        assert be.map(lambda item, number=number: item + number, [1], **options) == [1 + number]
    (known,) = be.map(tasks.functions_known, [0], **options)
    assert known <= 2 * MOST


def test_thousands_of_lambdas_submitted_do_not_pile_up_either() -> None:
    """An executor may live for days."""
    with be.Executor(1, backend="processes", start_method="fork") as executor:
        for number in range(4 * MOST):
            assert executor.submit(lambda item, number=number: item + number, 1).result() == 1 + number
        assert executor.submit(tasks.functions_known, 0).result() <= 2 * MOST


def test_functions_with_large_constants_do_not_pile_up_in_an_executor() -> None:
    """Their pages are given back once nobody runs them."""
    numpy = pytest.importorskip("numpy")
    with be.Executor(1, backend="processes", start_method="fork") as executor:
        constant = numpy.zeros(0)
        for number in range(3 * MOST):
            constant = numpy.full(100_000, float(number))
            assert executor.submit(lambda constant=constant: float(constant[0])).result() == number
        assert _arena_bytes() < 2 * MOST * constant.nbytes


def test_a_template_that_was_killed_is_started_again() -> None:
    """Its workers live on, and are still ended when they must be."""
    options = {"backend": "processes", "start_method": "forkserver", "max_workers": 2, "chunksize": 1}
    before = set(be.map(tasks.pid, range(8), **options))
    os.kill(template.pid, signal.SIGKILL)
    wait_until_gone(template.pid, zombies_count=True)
    results = be.map(tasks.hang, range(8), [3] * 8, ["waiting"] * 8, timeout=0.1, on_error="return", **options)
    assert [result for result in results if isinstance(result, int)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(results[3].exception, be.TaskTimeout)
    wait_until_gone(results[3].worker_pid)
    be.shutdown()
    for pid in before:
        wait_until_gone(pid)


@pytest.mark.parametrize("asked", [None, "fork"])
def test_a_parent_that_runs_threads_is_not_forked_in_silence(asked: str | None) -> None:
    """Unless that is asked for the template forks; the report says which and why."""
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, name="the user's")
    thread.start()
    try:
        report = be.map(tasks.triple, range(4), backend="processes", start_method=asked, max_workers=2).report
    finally:
        gate.set()
        thread.join()
    assert report.ledger.start_method == (asked or "forkserver")
    (note,) = [note for note in report.ledger.notes if "thread" in note]
    assert "the user's" in note
    assert note.startswith("forked although" if asked else "forkserver instead of fork")


def test_a_parent_without_threads_is_forked() -> None:
    """It is the quickest start; the report says that it was made."""
    report = be.map(tasks.triple, range(4), backend="processes", max_workers=2).report
    assert report.ledger.start_method == "fork"
    assert report.ledger.notes == ()


def _read_input(_: object) -> bytes:
    return os.read(0, 100)


def _arena_bytes() -> int:
    """Pages of the arguments' arena that are in use, as the kernel counts them."""
    held = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if "breakeven-arguments" in os.readlink(f"/proc/self/fd/{name}"):
                held += os.fstat(int(name)).st_blocks * 512
        except OSError:
            continue
    return held


def test_a_later_call_sees_the_environment_as_it_is_then(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that were kept hear what was set, changed and removed; what a task set there itself stays."""
    options = {"backend": "processes", "start_method": method, "max_workers": 1}
    monkeypatch.setenv("BREAKEVEN_CHANGED", "before")
    monkeypatch.setenv("BREAKEVEN_REMOVED", "before")
    names = ["BREAKEVEN_CHANGED", "BREAKEVEN_REMOVED", "BREAKEVEN_ADDED", "BREAKEVEN_OWN", "OMP_NUM_THREADS"]
    assert be.map(_variable, names, **options) == ["before", "before", None, None, "1"]
    (pid,) = be.map(_set_own, ["BREAKEVEN_OWN"], **options)
    monkeypatch.setenv("BREAKEVEN_CHANGED", "zweitens ä")
    monkeypatch.delenv("BREAKEVEN_REMOVED")
    monkeypatch.setenv("BREAKEVEN_ADDED", "now")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert be.map(_variable, names, **options) == ["zweitens ä", None, "now", "mine", "1"]
    assert be.map(_pid, [0], **options) == [pid]


def test_a_later_call_runs_in_the_directory_of_then(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths mean to a worker that was kept what they mean to its caller."""
    options = {"backend": "processes", "start_method": method, "max_workers": 2}
    (tmp_path / "here").write_text("found")
    assert be.map(_pid, range(8), **options, chunksize=1)
    monkeypatch.chdir(tmp_path)
    assert be.map(_read, ["here"] * 8, **options, chunksize=1) == ["found"] * 8


@pytest.mark.parametrize("method", ["forkserver"])
def test_a_template_that_was_kept_forks_workers_with_the_environment_of_now(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started with an older one, for another crew."""
    assert be.map(_variable, ["BREAKEVEN_LATER"], backend="processes", start_method=method, max_workers=1) == [None]
    monkeypatch.setenv("BREAKEVEN_LATER", "yes")
    with be.Executor(1, backend="processes", start_method=method) as executor:
        assert executor.submit(_variable, "BREAKEVEN_LATER").result() == "yes"


def test_a_later_call_logs_at_the_levels_of_then(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """A level that is set between two calls holds in workers that were kept, and so does one that is taken away."""
    options = {"backend": "processes", "start_method": method, "max_workers": 1}
    heard = []
    (pid,) = be.map(_log_and_pid, ["unheard"], **options)
    for level in (logging.INFO, logging.NOTSET):
        with caplog.at_level(level, logger="tasks.surroundings"):
            assert be.map(_log_and_pid, [logging.getLevelName(level)], **options) == [pid]
            heard = [record.getMessage() for record in caplog.records if record.name == "tasks.surroundings"]
    assert heard == ["INFO"]


def test_a_template_leaves_no_complaint_at_exit() -> None:
    """Python warns of a socket that it has to close itself."""
    text = "import breakeven as be; be.map(abs, [-1], backend='processes', start_method='forkserver')"
    with program(text, PYTHONWARNINGS="default") as process:
        assert process.communicate(timeout=LONGEST_SECONDS)[1] == ""


@pytest.mark.parametrize("chunksize", [1, 8])
def test_a_process_that_a_task_forks_is_no_worker(method: str, chunksize: int, tmp_path: Path) -> None:
    """Should it return, or leave by an exception, it ends there as a program would, and does no other item."""
    done = tmp_path / "done"
    options: dict[str, Any] = {"backend": "processes", "start_method": method, "max_workers": 2}
    results = be.map(_fork, range(24), [str(done)] * 24, chunksize=chunksize, **options)
    assert [int(result[-1]) for result in results] == list(range(24))
    assert {int(result[0]) for result in results} == {0, 3}
    assert sorted(map(int, done.read_text().split())) == list(range(24))


def _fork(number: int, done: str) -> np.ndarray[Any, Any]:
    """Which number this is, in the worker after how its copy ended; each item is noted once, by the worker."""
    child = os.fork() if number % 3 == 0 else None
    code = 0
    if child == 0:
        logging.getLogger("tasks.surroundings").info("in the copy")
        if number % 2:
            sys.exit(3)
        return np.full(1 << 16, -1)
    if child is not None:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(done, "a", encoding="utf-8") as file:
        file.write(f"{number}\n")
    return np.array([code, *[number] * (1 << 16)])


def _log_and_pid(text: str) -> int:
    logging.getLogger("tasks.surroundings").info(text)
    return os.getpid()


def _set_own(name: str) -> int:
    os.environ[name] = "mine"
    return os.getpid()


def _pid(_: object) -> int:
    return os.getpid()


def _read(path: str) -> str:
    return Path(path).read_text()


def _variable(name: str) -> str | None:
    return os.environ.get(name)
