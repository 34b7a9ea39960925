"""Measured programs: what they take is counted whole, and nothing of them stays."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pytest

from breakeven.lab.processes.families import descendants, waited
from breakeven.lab.processes.programs import Program, ProgramFailed, ProgramSilent
from breakeven.lab.transports.links import has_mpi, launcher


@pytest.fixture
def program_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that a program can be made of."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "measured_program.py"


def test_a_program_answers_line_by_line(program_file: Path) -> None:
    """What is said goes in as a line of JSON, and what it prints comes out as one."""
    program_file.write_text(
        "import json, sys\n"
        "from breakeven.lab.processes.programs import printed\n"
        "for line in sys.stdin:\n"
        "    printed({'twice': 2 * json.loads(line)})\n"
    )
    with Program("measured_program") as program:
        program.say(21)
        assert program.hear() == {"twice": 42}
        program.say(4)
        assert program.hear() == {"twice": 8}
        toll = program.finish()
    assert toll.wall_seconds > 0
    assert toll.user_seconds > 0


def test_cpu_of_a_process_nobody_waits_for_is_counted(program_file: Path) -> None:
    """An orphan that computes after its parent has ended is in the program's CPU seconds."""
    program_file.write_text(
        "import os, time\nif not os.fork():\n    while time.process_time() < 0.3:\n        pass\n    os._exit(0)\n"
    )
    with Program("measured_program") as program:
        toll = program.finish()
    assert toll.user_seconds + toll.system_seconds >= 0.3


def test_leaving_by_an_exception_ends_the_whole_tree(program_file: Path) -> None:
    """Neither the program nor what it started outlives the context."""
    program_file.write_text(
        "import subprocess, sys, time\n"
        "from breakeven.lab.processes.programs import printed\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "printed('started')\n"
        "time.sleep(600)\n"
    )
    pids: list[int] = []

    def interrupted() -> None:
        with Program("measured_program") as program:
            assert program.hear() == "started"
            pids.extend(descendants(program.pid))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(pids) == 2
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def left_early(program: Program) -> Any:
    """The first line of a program that is left by an exception right after it."""
    heard = None

    def interrupted() -> None:
        nonlocal heard
        with program:
            heard = program.hear()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    return heard


def test_temporary_files_go_with_the_program(program_file: Path) -> None:
    """They lie in a folder of its own."""
    program_file.write_text(
        "import tempfile, time\n"
        "from breakeven.lab.processes.programs import printed\n"
        "printed(tempfile.mkstemp()[1])\n"
        "time.sleep(600)\n"
    )
    assert not Path(left_early(Program("measured_program"))).exists()


def test_shared_memory_of_a_program_that_is_killed_is_given_back(program_file: Path) -> None:
    """The resource tracker outlives it long enough to do that."""
    program_file.write_text(
        "import time\n"
        "from multiprocessing.shared_memory import SharedMemory\n"
        "from breakeven.lab.processes.programs import printed\n"
        "memory = SharedMemory(create=True, size=4096)\n"
        "printed(memory.name)\n"
        "time.sleep(600)\n"
    )
    name = left_early(Program("measured_program"))
    assert name
    assert not Path("/dev/shm", name).exists()  # noqa: S108 - looked at, not written


@pytest.mark.skipif(not has_mpi(), reason="MPI is not installed")
def test_ranks_of_mpi_that_are_ended_leave_no_segment(program_file: Path) -> None:
    """Nor does their launcher: what they map in /dev/shm is gone with them."""
    program_file.write_text(
        "import pathlib, time\n"
        "from mpi4py import MPI\n"
        "from breakeven.lab.processes.programs import printed\n"
        "MPI.COMM_WORLD.Barrier()\n"
        "lines = pathlib.Path('/proc/self/maps').read_text().splitlines()\n"
        "if MPI.COMM_WORLD.rank == 0:\n"
        "    printed(sorted({line.split()[-1] for line in lines if '/dev/shm/' in line}))\n"
        "time.sleep(600)\n"
    )
    command = [*launcher(), "-n", "2", sys.executable, "-m", "measured_program"]
    paths = left_early(Program.of_command(command))
    assert paths
    assert [path for path in paths if Path(path).exists()] == []


def test_a_program_that_says_nothing_is_not_waited_for_without_end(program_file: Path) -> None:
    """Neither for a line nor for its end; and it is ended then."""
    program_file.write_text("import time\ntime.sleep(600)\n")
    with Program("measured_program") as program:
        with pytest.raises(ProgramSilent, match=r"measured_program said nothing for 0\.1 s"):
            program.hear(limit_seconds=0.1)
        with pytest.raises(ProgramSilent):
            program.finish(limit_seconds=0.1)
        assert not Path(f"/proc/{program.pid}").exists()


def test_what_a_dead_program_left_behind_does_not_keep_anybody_waiting(program_file: Path) -> None:
    """A process that outlives it holds its output open, and the end is heard all the same."""
    program_file.write_text(
        "import os, time\n"
        "from breakeven.lab.processes.programs import printed\n"
        "printed(os.getpid())\n"
        "if not os.fork():\n    time.sleep(600)\n"
    )
    with Program("measured_program") as program:
        assert list(program.lines()) == [program.pid]
        program.finish()


def test_a_program_that_fails_says_what_it_wrote(program_file: Path) -> None:
    """The error tells the exit code and the end of what went to stderr."""
    program_file.write_text("raise SystemExit('no such thing')\n")
    with Program("measured_program") as program, pytest.raises(ProgramFailed, match=r"exit code 1.*no such thing"):
        program.finish()


def test_what_the_program_failed_by_survives_pickle() -> None:
    """Facts and text are the same after a trip to another process."""
    import pickle

    error = ProgramFailed("one", 3, "text")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.name, copy.code, copy.text, str(copy)) == ("one", 3, "text", str(error))


def test_descendants_begin_with_the_process_itself() -> None:
    """A process without children is its own tree."""
    assert descendants(os.getpid())[0] == os.getpid()
    with Program("timeit", ["-n", "1", "pass"]) as program:
        assert program.pid in descendants(os.getpid())
    assert sys.executable


def test_a_program_that_has_ended_is_no_broken_pipe(program_file: Path) -> None:
    """Who goes on talking to it hears why it ended."""
    program_file.write_text("raise SystemExit('no such thing')\n")
    with Program("measured_program") as program:
        assert program.hear() is None
        with pytest.raises(ProgramFailed, match="no such thing"):
            program.say("x" * 1_000_000)  # more than a pipe holds


def test_a_program_that_ends_in_place_of_an_answer_is_told(program_file: Path) -> None:
    """Even if it ends well."""
    program_file.write_text("pass\n")
    with Program("measured_program") as program, pytest.raises(ProgramFailed, match="exit code 0"):
        program.answer()


def test_a_child_is_waited_for_where_the_kernel_knows_no_descriptors_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python may have been built for a newer one."""

    def unknown(*_: object) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unknown, raising=False)
    child = os.fork()
    if not child:
        os._exit(7)
    ended = waited(child, perf_counter_ns() + 10**10)
    assert ended is not None
    assert os.waitstatus_to_exitcode(ended[1]) == 7
