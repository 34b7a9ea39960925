"""What the check on every test finds: each kind of thing that can be left behind, left behind on purpose."""

from __future__ import annotations

import _thread
import mmap
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from tests import leaks

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

Undo = Callable[[], object]


def _child() -> Undo:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, process_group=0)
    return lambda: child.communicate(b"\n")


def _zombie() -> Undo:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return lambda: os.waitpid(pid, 0)


def _orphan() -> Undo:
    """Start a program whose parent is gone, in a process group of its own."""
    program = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0).pid)"
    )
    pid = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    return lambda: os.kill(pid, signal.SIGKILL)


def _descriptor() -> Undo:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    return lambda: os.close(descriptor)


def _mapping() -> Undo:
    descriptor = os.memfd_create("arena")
    os.ftruncate(descriptor, 4096)
    mapping = mmap.mmap(descriptor, 4096)
    os.close(descriptor)
    return mapping.close


def _segment() -> Undo:
    segment = SharedMemory(create=True, size=4096)
    segment.close()
    return segment.unlink


def _file() -> Undo:
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    return Path(path).unlink


def _raw_thread() -> Undo:
    gate, running = _thread.allocate_lock(), _thread.allocate_lock()
    gate.acquire()
    running.acquire()

    def wait() -> None:
        running.release()
        gate.acquire()

    _thread.start_new_thread(wait, ())
    running.acquire()
    return gate.release


@pytest.mark.parametrize(
    "leave, description",
    [
        (_child, r"process \d+, state \w: .*input\(\)"),
        (_zombie, r"process \d+, a zombie"),
        (_orphan, r"process \d+, state \w: .*time\.sleep\(60\)"),
        (_descriptor, r"descriptor \d+ -> /dev/null"),
        (_mapping, r"mapping /memfd:arena \(deleted\) \(inode \d+\)"),
        (_segment, r"shared segment psm_\w+"),
        (_file, r"temporary file \w+"),
        (_raw_thread, r"thread \d+"),
    ],
)
def test_what_is_left_behind_is_found_and_described(leave: Callable[[], Undo], description: str) -> None:
    """Each kind is named so that it can be recognised, and is gone once it is undone."""
    before = leaks.holdings()
    undo = leave()
    try:
        found = leaks.left_behind(before, patience_seconds=0)
        assert any(re.fullmatch(description, one) for one in found), found
    finally:
        undo()
    assert leaks.left_behind(before, patience_seconds=5) == []


def test_what_goes_away_by_itself_is_not_blamed() -> None:
    """A thread or process that is on its way out gets the time it needs."""
    before = leaks.holdings()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    _thread.start_new_thread(child.communicate, (b"\n",))
    assert leaks.left_behind(before, patience_seconds=20) == []
