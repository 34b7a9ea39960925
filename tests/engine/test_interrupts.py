"""The parent is interrupted or killed: no storm of tracebacks, no worker left, nothing in shared memory."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.engine.harness import program, wait_until_gone

WITHIN_SECONDS = 2.0  # what is promised of workers whose parent is gone
STORM_LINES = 40  # one traceback of one process has less

MAP = """
import sys
import breakeven as be
from tests.engine.tasks import announce_and_hang
be.map(announce_and_hang, sys.argv[2:], backend="processes", start_method=sys.argv[1], max_workers=2, chunksize=1)
"""

STREAM = """
import sys
import breakeven as be
from tests.engine.tasks import announce_and_hang
for _ in be.imap(announce_and_hang, sys.argv[2:], backend="processes", start_method=sys.argv[1], max_workers=2):
    pass
"""

EXECUTOR = """
import sys
import breakeven as be
from tests.engine.tasks import announce_and_hang
with be.Executor(2, backend="processes", start_method=sys.argv[1]) as executor:
    for future in [executor.submit(announce_and_hang, gate) for gate in sys.argv[2:]]:
        future.result()
"""

CAUGHT = """
import sys
import breakeven as be
from tests.engine.tasks import announce_and_hang, triple
options = dict(backend="processes", start_method=sys.argv[1], max_workers=2)
try:
    be.map(announce_and_hang, sys.argv[2:], chunksize=1, **options)
except KeyboardInterrupt:
    print(be.map(triple, range(4), **options))
"""

ARRAYS_IN_FLIGHT = """
import os, sys
import numpy as np
import breakeven as be
from tests.engine.tasks import announce_and_hang
array = np.ones(4_000_000)
shared = be.SharedArray.from_array(array)
def task(gate, array):
    array += shared[:len(array)]
    announce_and_hang(gate)
results = be.map(lambda at: array + at, range(3), backend="processes", start_method=sys.argv[1], max_workers=2)
be.map(task, sys.argv[2:], [array, array], backend="processes", start_method=sys.argv[1], max_workers=2, chunksize=1)
"""

IGNORING_SIGNALS = """
import signal, sys
import breakeven as be
from tests.engine.tasks import announce_and_hang
def task(gate):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    announce_and_hang(gate)
be.map(task, sys.argv[2:], backend="processes", start_method=sys.argv[1], max_workers=2, chunksize=1)
"""


def _gates(folder: Path) -> list[str]:
    gates = [str(folder / "gate 0"), str(folder / "gate 1")]
    for gate in gates:
        os.mkfifo(gate)
    return gates


def _others_in_session(process: subprocess.Popen[str]) -> list[int]:
    """Every other process of the program's session: its workers, and a template where there is one."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit() and int(one.name) != process.pid:
            try:
                if os.getsid(int(one.name)) == process.pid:
                    found.append(int(one.name))
            except ProcessLookupError:
                continue
    return found


def _let_it_begin(process: subprocess.Popen[str], turns: int) -> None:
    """Wait for the first other process, then some turns of this loop: what has come to pass then is left to chance."""
    assert process.stdout is not None
    process.stdout.readline()
    while not _others_in_session(process) and process.poll() is None:
        pass
    for _ in range(turns):
        _others_in_session(process)


@pytest.mark.parametrize("text", [MAP, STREAM, EXECUTOR], ids=["map", "imap", "Executor"])
def test_one_press_of_ctrl_c_ends_everything(method: str, text: str, tmp_path: Path) -> None:
    """The terminal sends it to parent and workers alike; one traceback is shown, the parent's."""
    gates = _gates(tmp_path)
    with program(text, method, *gates) as process:
        for gate in gates:
            assert Path(gate).read_text()
        others = _others_in_session(process)
        assert len(others) >= 2
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
        for pid in others:
            wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)
    assert process.returncode in {-signal.SIGINT, 130}
    assert err.count("Traceback (most recent call last)") == 1, err
    assert err.rstrip().endswith("KeyboardInterrupt"), err
    assert len(err.splitlines()) < STORM_LINES, err


def test_ctrl_c_for_the_parent_alone_ends_everything(method: str, tmp_path: Path) -> None:
    """As when a supervisor or a notebook interrupts it."""
    gates = _gates(tmp_path)
    with program(MAP, method, *gates) as process:
        for gate in gates:
            assert Path(gate).read_text()
        others = _others_in_session(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        for pid in others:
            wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)
    assert process.returncode in {-signal.SIGINT, 130}
    assert err.count("Traceback (most recent call last)") == 1, err


@pytest.mark.parametrize("turns", [0, 2, 5, 10])
def test_ctrl_c_while_workers_start_shows_no_storm_either(method: str, turns: int, tmp_path: Path) -> None:
    """Whatever they have come to."""
    gates = _gates(tmp_path)
    with program(f"print('begun', flush=True)\n{MAP}", method, *gates) as process:
        _let_it_begin(process, turns)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
        for pid in _others_in_session(process):
            wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)
    assert process.returncode in {-signal.SIGINT, 130}
    assert err.count("Traceback (most recent call last)") <= 1, err


def test_a_program_that_catches_ctrl_c_goes_on(method: str, tmp_path: Path) -> None:
    """Its next call has workers that work."""
    gates = _gates(tmp_path)
    with program(CAUGHT, method, *gates) as process:
        for gate in gates:
            assert Path(gate).read_text()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out.strip(), err) == (0, "[0, 3, 6, 9]", "")


@pytest.mark.parametrize(
    "text", [MAP, EXECUTOR, ARRAYS_IN_FLIGHT, IGNORING_SIGNALS], ids=["map", "Executor", "arrays", "deaf workers"]
)
def test_nothing_outlives_a_parent_that_is_killed(method: str, text: str, tmp_path: Path) -> None:
    """No worker, no template, no segment: `SIGKILL` leaves no time to tidy up."""
    gates = _gates(tmp_path)
    with program(text, method, *gates) as process:
        for gate in gates:
            assert Path(gate).read_text()
        others = _others_in_session(process)
        assert len(others) >= 2
        process.kill()
        process.wait(timeout=20)
        for pid in others:
            wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)
        process.communicate(timeout=20)


def test_a_parent_that_is_killed_while_workers_start_leaves_none(method: str, tmp_path: Path) -> None:
    """Whatever they have come to."""
    for turns in (0, 2, 5, 10):
        folder = tmp_path / str(turns)
        folder.mkdir()
        with program(f"print('begun', flush=True)\n{MAP}", method, *_gates(folder)) as process:
            _let_it_begin(process, turns)
            process.kill()
            process.wait(timeout=20)
            for pid in _others_in_session(process):
                wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)


def test_the_end_of_the_thread_that_started_workers_does_not_end_them() -> None:
    """A parent is its process, not one of its threads."""
    text = """
import threading
import breakeven as be
from tests.engine.tasks import pid
options = dict(backend="processes", max_workers=2, start_method="forkserver", chunksize=1)
first = []
thread = threading.Thread(target=lambda: first.extend(be.map(pid, range(6), **options)))
thread.start()
thread.join()
print(set(be.map(pid, range(6), **options)) <= set(first))
"""
    with program(text) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out.strip(), err) == (0, "True", "")


def test_the_end_of_the_program_ends_its_workers(method: str) -> None:
    """Warm ones, too, without a word."""
    text = """
import sys
import breakeven as be
from tests.engine.tasks import pid
print(*set(be.map(pid, range(6), backend="processes", start_method=sys.argv[1], max_workers=2, chunksize=1)))
"""
    with program(text, method) as process:
        out, err = process.communicate(timeout=20)
        for pid in map(int, out.split()):
            wait_until_gone(pid, seconds=WITHIN_SECONDS, zombies_count=True)
    assert (process.returncode, err) == (0, "")
