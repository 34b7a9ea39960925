"""Waiting for processes to be gone, and running programs that are to be interrupted or killed.

Lives here: what several of these tests need. Never here: a test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_SECONDS = 20.0  # to wait for what must happen: a machine that is busy with other things may take this long


def is_gone(pid: int, *, zombies_count: bool = False) -> bool:
    """Whether a process has ended; one that its parent has not collected counts only if so asked."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return zombies_count and state in b"ZX"


def wait_until_gone(pid: int, *, zombies_count: bool = False, seconds: float = LONGEST_SECONDS) -> None:
    """Wait for a process to end; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not is_gone(pid, zombies_count=zombies_count):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.002)


@contextmanager
def program(text: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program in a session of its own; whatever it left running is ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run_program(text: str, *arguments: str, **environment: str) -> str:
    """Run a Python program to its end, which must be a good one; returns what it printed."""
    with program(text, *arguments, **environment) as process:
        out, err = process.communicate(timeout=LONGEST_SECONDS * 2)
        assert process.returncode == 0, f"exit {process.returncode}\n{out}\n{err}"
    return out
