"""How a process ended, from real processes that ended so."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from breakeven.probes.deaths import describe_exit, signal_name


def end_of(script: str) -> int:
    """Run a script in a process of its own and return its wait status."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", script], os.environ)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_an_exit_is_told_with_its_code(code: int) -> None:
    """0 too: a worker that leaves on its own has died all the same."""
    assert describe_exit(end_of(f"import os; os._exit({code})")) == f"exit {code}"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGXCPU"])
def test_a_signal_is_told_by_its_name(name: str) -> None:
    """The number alone means nothing to most people."""
    number = int(getattr(signal, name))
    script = f"import os, signal; signal.signal({number}, 0) if {number} != 9 else 0; os.kill(os.getpid(), {number})"
    assert describe_exit(end_of(script)) == f"killed by {name}"


def test_a_real_memory_fault_is_a_segfault() -> None:
    """Not one sent by kill."""
    assert describe_exit(end_of("import ctypes; ctypes.string_at(0)")) == "killed by SIGSEGV"


def test_a_kill_while_the_oom_killer_counted_one_is_out_of_memory() -> None:
    """SIGKILL tells nothing of its sender; the group's counter does."""
    killed = end_of("import os; os.kill(os.getpid(), 9)")
    assert describe_exit(killed, oom_before=4, oom_after=5) == "out of memory"
    assert describe_exit(killed, oom_before=4, oom_after=4) == "killed by SIGKILL"
    assert describe_exit(killed, oom_before=None, oom_after=5) == "killed by SIGKILL"
    assert describe_exit(killed, oom_before=4, oom_after=None) == "killed by SIGKILL"


def test_the_oom_killer_is_not_blamed_for_other_signals() -> None:
    """It only ever sends SIGKILL."""
    segfault = end_of("import os; os.kill(os.getpid(), 11)")
    assert describe_exit(segfault, oom_before=0, oom_after=9) == "killed by SIGSEGV"
    assert describe_exit(end_of("import os; os._exit(9)"), oom_before=0, oom_after=9) == "exit 9"


def test_a_process_that_somebody_else_reaped_is_unknown() -> None:
    """No status, no cause."""
    assert describe_exit(None) == "unknown (reaped elsewhere)"
    assert describe_exit(None, oom_before=0, oom_after=1) == "unknown (reaped elsewhere)"


def test_a_stopped_process_has_not_ended() -> None:
    """Such a status is shown as it is rather than guessed at."""
    assert describe_exit(0x137F) == f"unknown (wait status {0x137F})"


def test_every_signal_of_this_system_has_the_name_that_the_signal_module_gives_it() -> None:
    """Or one that counts from SIGRTMIN, which that module does not."""
    for number in signal.valid_signals():
        if number < signal.SIGRTMIN:
            assert signal_name(number) == signal.Signals(number).name
        else:
            assert signal_name(number) == f"SIGRTMIN+{number - signal.SIGRTMIN}"
    assert signal_name(0) == "signal 0"
    assert signal_name(200) == "signal 200"
