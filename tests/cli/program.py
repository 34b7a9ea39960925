"""Runs the `breakeven` command as a program of its own. Lives here: starting it. Never here: an expectation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "breakeven")
PATIENCE_SECONDS = 50


def breakeven(
    *words: str, cwd: Path | None = None, stdin: str | bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; without `stdin` there is nothing to read."""
    content = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        input=content if content is not None else b"",
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **environment},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(*words: str, cwd: Path, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that can be interrupted as from a keyboard; it does not outlive the block."""
    program = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        **{"stdin": subprocess.DEVNULL, **streams},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    with program:
        try:
            yield program
        finally:
            program.kill()


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Look often until something has happened, and fail where it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


def lines_of(text: str | Path) -> list[Any]:
    """Values of the lines of a JSONL text or file."""
    content = text.read_text() if isinstance(text, Path) else text
    return [json.loads(line) for line in content.splitlines()]
