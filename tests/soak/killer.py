"""Kills a random worker of a process again and again: run as `killer.py PID KILLS PAUSE_SECONDS`.

A program of its own, since a thread that does it would forbid the process under test to fork.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """The children of a process that live, this program left out."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(word) for word in words if int(word) != os.getpid() and lives(int(word))]


def lives(pid: int) -> bool:
    """Whether a process has not ended: what nobody has waited for, such as an idle worker of an earlier call, has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def workers_of(pid: int) -> list[int]:
    """The processes that work for another: its children, and those of a template that forks them for it."""
    found = children_of(pid)
    return [worker for child in found for worker in children_of(child)] or found


def main() -> None:
    """Kill, pause, kill; print how many were killed."""
    pid, kills, pause_seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    chance = random.Random(7)
    killed = 0
    while killed < kills and Path(f"/proc/{pid}").exists():
        time.sleep(chance.uniform(0.5, 1.5) * pause_seconds)
        found = workers_of(pid)
        if found:
            try:
                os.kill(chance.choice(found), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
    print(killed, flush=True)


if __name__ == "__main__":
    main()
