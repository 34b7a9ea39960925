"""How a process ended, in the words that a `Failure` carries as its cause.

Lives here: one wait status → one short text. Never here: whose fault it was, or what to do about it.
Hot path: the C module behind `signal` is asked for names, since `signal` itself loads `enum`.
"""

from __future__ import annotations

import _signal
import os

REAPED_ELSEWHERE = "unknown (reaped elsewhere)"
OUT_OF_MEMORY = "out of memory"

_ALIASES = ("SIGCLD", "SIGPOLL", "SIGIOT", "SIGRTMIN", "SIGRTMAX")


def describe_exit(status: int | None, *, oom_before: int | None = None, oom_after: int | None = None) -> str:
    """Return why a process ended, from its wait status (as of `os.waitpid`) and the OOM killer's counter around it.

    `None` for the status: somebody else collected the process, so nobody can know. The counters are those of
    `capacity.cgroup_oom_kills`, `None` where there is none. Killers that leave no count leave "killed by SIGKILL".

    >>> describe_exit(11), describe_exit(3 << 8), describe_exit(9, oom_before=0, oom_after=1), describe_exit(None)
    ('killed by SIGSEGV', 'exit 3', 'out of memory', 'unknown (reaped elsewhere)')
    """
    if status is None:
        return REAPED_ELSEWHERE
    if os.WIFEXITED(status):
        return f"exit {os.WEXITSTATUS(status)}"
    if not os.WIFSIGNALED(status):
        return f"unknown (wait status {status})"
    number = os.WTERMSIG(status)
    grown = oom_before is not None and oom_after is not None and oom_after > oom_before
    if number == _signal.SIGKILL and grown:
        return OUT_OF_MEMORY
    return f"killed by {signal_name(number)}"


def signal_name(number: int) -> str:
    """Return a signal's name on this system; one without a name is "signal" and its number.

    >>> signal_name(15), signal_name(99)
    ('SIGTERM', 'signal 99')
    """
    name: str
    for name, value in vars(_signal).items():
        if value == number and name.startswith("SIG") and name[3].isalpha() and name not in _ALIASES:
            return name
    lowest = getattr(_signal, "SIGRTMIN", None)
    if lowest is not None and lowest <= number <= _signal.SIGRTMAX:
        return f"SIGRTMIN+{number - lowest}"
    return f"signal {number}"
