"""Runs one cell in a fresh interpreter, watches it, and clears away what it leaves.

Ends only processes that descend from the cell: orphans come to this process (see ``machine.adopt_orphans``).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from benchmarks.cell import CHANNEL
from benchmarks.machine import ROOT, CpuReading
from benchmarks.nouns import CellPlan, CellRecord, Measures

SCRIPT = Path(__file__).with_name("cell.py")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, nothing is made there
EXIT_GRACE_SECONDS = 4.0
"""How long a cell that has reported may take to end; some libraries never do."""
MARK_GRACE_SECONDS = 5.0
"""How long a cell may take from the moment it marks: after that, what it waits for counts as never."""
ORPHAN_GRACE_SECONDS = 0.1
"""How long helpers such as a resource tracker may outlive the cell before they count as left behind."""


def environment(descriptor: int) -> dict[str, str]:
    """One thread for each numerical library, this checkout on the path, the channel's number."""
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        CHANNEL: str(descriptor),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def run_cell(plan: CellPlan) -> CellRecord:
    """Run the plan once and say what came of it; never raises for what the cell does."""
    record = CellRecord(plan.section, plan.case, plan.variant, plan.options)
    options = [f"{name}={number}" for name, number in plan.options.items()]
    reading_end, writing_end = os.pipe()
    before = CpuReading.take()
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT), plan.experiment, plan.variant, *options],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            env=environment(writing_end),
            cwd=ROOT,
            pass_fds=(writing_end,),
            start_new_session=True,
        )
        os.close(writing_end)
        try:
            _listen(process, reading_end, plan, record)
        finally:  # also when the benchmark itself is interrupted
            os.close(reading_end)
            record.left_processes = _end_descendants(process)
            _clear_shared_memory(process.pid)
        after = CpuReading.take()
        record.wall_seconds = record.wall_seconds or after.at - before.at
        record.foreign_cores = round(after.foreign_cores_since(before), 4)
        record.stolen_cores = round(after.stolen_cores_since(before), 4)
        if record.status != "ok":
            record.stderr_tail = _tail(stderr)
    return record


class Listener:
    """Collects what a cell says until it ends or its time is up."""

    def __init__(self, descriptor: int, limit_seconds: float) -> None:
        self.descriptor = descriptor
        self.began = time.monotonic()
        self.deadline = self.began + limit_seconds
        self.measures: Measures = {}
        self.marked: float | None = None
        self.pending = b""
        os.set_blocking(descriptor, False)

    def take(self) -> bool:
        """Take what is in the pipe, waiting for nothing; whether its writing ends are all closed."""
        closed = False
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.descriptor, 65536):
                self.pending += part
            closed = True
        *lines, self.pending = self.pending.split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            self.measures |= message.get("measures", {})
            if "mark" in message:
                self.marked = time.monotonic()
                self.deadline = self.marked + MARK_GRACE_SECONDS
            else:
                self.deadline = min(self.deadline, time.monotonic() + EXIT_GRACE_SECONDS)
        return closed

    def listen(self, process: subprocess.Popen[bytes]) -> float:
        """Follow the process; the moment at which it had ended or its time was up."""
        gone = os.pidfd_open(process.pid)
        watched = [self.descriptor, gone]
        try:
            while (left := self.deadline - time.monotonic()) > 0:
                ready = select.select(watched, [], [], left)[0]
                if self.take():
                    watched = [gone]
                if gone in ready:
                    break
        finally:
            os.close(gone)
        return time.monotonic()


def _listen(process: subprocess.Popen[bytes], descriptor: int, plan: CellPlan, record: CellRecord) -> None:
    """Follow the cell to its end and write down what it said."""
    listener = Listener(descriptor, plan.limit_seconds)
    ended = listener.listen(process)
    code = process.poll()
    record.measures = listener.measures
    record.wall_seconds = ended - listener.began
    if code is not None and listener.marked is not None:
        record.gone_seconds = ended - listener.marked
    if code:
        record.status = f"exit {code} after measuring" if record.measures else "failed"
    elif code is None:
        interrupted = listener.marked is not None
        record.status = "timeout" if interrupted or not record.measures else "does not exit"


def _children() -> list[int]:
    """Processes whose parent is this one, zombies included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _reap(pid: int) -> bool:
    """Collect a child that has ended; whether it had."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _end_descendants(process: subprocess.Popen[bytes]) -> int:
    """End what is left of a cell; how many processes outlived it by more than a moment."""
    if process.poll() is None:
        process.kill()
        process.wait()
    grace = time.monotonic() + ORPHAN_GRACE_SECONDS
    while (orphans := [pid for pid in _children() if not _reap(pid)]) and time.monotonic() < grace:
        time.sleep(0.005)
    left = len(orphans)
    while orphans:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
        orphans = [pid for pid in _children() if not _reap(pid)]
    return left


def _clear_shared_memory(pid: int) -> None:
    """Remove files in shared memory that carry the pid of a cell that could not clear up itself."""
    owned = re.compile(rf"[-_]{pid}[-_]")
    for entry in SHARED_MEMORY.iterdir():
        if owned.search(entry.name):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _tail(stderr: IO[bytes]) -> str:
    """The last words of a cell, without paths."""
    stderr.seek(0)
    text = stderr.read().decode(errors="replace").strip()
    return re.sub(r"(?:/[\w.+@~-]+)+/", "…/", text)[-400:]
