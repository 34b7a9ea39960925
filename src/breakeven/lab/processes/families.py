"""A tree of processes: who belongs to it, taking in its orphans, and its end, early or not.

Lives here: waiting and killing, by process ids. Never here: what the processes are for, or talking with them.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from time import perf_counter_ns

from breakeven.probes.kernel import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PATIENCE_SECONDS = 1.0  # for what outlives the first process, before it is ended
_LAUNCHER_SECONDS = 0.4  # for a launcher to end those it has launched; MPICH's takes 0.07
_HALT_SECONDS = 0.05
_TRACKER = b"multiprocessing.resource_tracker"
_SEGMENTS = b"/dev/shm/mpich_shm_"  # those who make these remove them, unless they are killed


def waited(pid: int, until_ns: int) -> tuple[int, int, Any] | None:
    """Wait for a child; None if it has not ended by a moment."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        pass  # not Linux, or an old kernel
    else:
        try:
            select.select([descriptor], [], [], max(0.0, (until_ns - perf_counter_ns()) * 1e-9))
        finally:
            os.close(descriptor)
    while True:
        found = os.wait4(pid, os.WNOHANG)
        if found[0]:
            return found
        if perf_counter_ns() > until_ns:
            return None
        select.select([], [], [], 0.001)


def has_ended(pid: int) -> bool:
    """Say whether a child that nobody has waited for has ended; False where the system does not tell."""
    return state_of(pid) == b"Z"


def state_of(pid: int) -> bytes:
    """What the kernel calls the state of a process, one letter; nothing of one that is gone, or not Linux's."""
    told = read_bytes(f"/proc/{pid}/stat")
    return told.rpartition(b")")[2].split()[0] if told else b""


def descendants(pid: int) -> list[int]:
    """The process and all that descend from it, parents first.

    >>> descendants(os.getpid())[0] == os.getpid()
    True
    """
    found = [pid]
    for one in found:
        try:
            threads = os.listdir(f"/proc/{one}/task")  # noqa: PTH208 - read for every look
        except OSError:
            continue
        for thread in threads:
            children = read_bytes(f"/proc/{one}/task/{thread}/children") or b""
            found.extend(int(child) for child in children.split())
    return found


def bury(group: int, patience_seconds: float = _PATIENCE_SECONDS) -> tuple[float, float]:
    """Wait for orphans of a process group; user and system seconds of them. What lingers is ended."""
    user = system = 0.0
    deadline = perf_counter_ns() + int(patience_seconds * 1e9)
    while True:
        try:
            pid, _, usage = os.wait4(-group, os.WNOHANG)
        except ChildProcessError:
            break
        if pid:
            user, system = user + usage.ru_utime, system + usage.ru_stime
        elif perf_counter_ns() > deadline:
            _kill(group)
            deadline += int(patience_seconds * 1e9)
        else:
            select.select([], [], [], 0.0005)
    _kill(group)  # where orphans fall to somebody else, they end all the same
    return user, system


class Killed:
    """A process and all that descend from it, killed: those included that lead sessions of their own, as MPI's do.

    A launcher is asked first, since it then removes files whose names nobody else knows; `ended` is what waiting for
    the process gave, if that was enough. Whoever has no children is halted before: else it might make a segment after
    it was asked for those it has.
    """

    def __init__(self, pid: int, *, launcher: bool) -> None:
        tree = [one for one in descendants(pid) if _TRACKER not in (read_bytes(f"/proc/{one}/cmdline") or b"")]
        halted = [one for one in tree if descendants(one) == [one] and not (launcher and one == pid)]
        for one in halted:
            _send(one, signal.SIGSTOP)
        deadline = perf_counter_ns() + int(_HALT_SECONDS * 1e9)
        while any(state_of(one) not in b"TtZX" for one in halted) and perf_counter_ns() < deadline:
            select.select([], [], [], 0.0005)
        self._segments = {path for one in tree for path in _segments(one)}
        self._others = tree[1:]
        self.ended: tuple[int, int, Any] | None = None
        if launcher:
            os.kill(pid, signal.SIGTERM)
            self.ended = waited(pid, perf_counter_ns() + int(_LAUNCHER_SECONDS * 1e9))
        for one in tree[1:] if self.ended else tree:
            _send(one, signal.SIGKILL)

    def bury(self) -> None:
        """Wait for those that fall to this process as soon as their parents have ended; remove what they would have."""
        deadline = perf_counter_ns() + int(_PATIENCE_SECONDS * 1e9)
        left = self._others
        while left and perf_counter_ns() < deadline:
            for one in left:
                try:
                    os.waitpid(one, os.WNOHANG)
                except ChildProcessError:
                    pass  # it is another's still, or gone
            left = [one for one in left if read_bytes(f"/proc/{one}/stat") is not None]
            if left:
                select.select([], [], [], 0.0005)
        for path in self._segments:
            try:
                os.unlink(path)  # noqa: PTH108 - a path of bytes
            except OSError:
                pass  # somebody was quicker


def _segments(pid: int) -> set[bytes]:
    """Paths of MPI's shared memory that a process maps, or has opened to map it."""
    lines = (read_bytes(f"/proc/{pid}/maps") or b"").splitlines()
    found = {line.split()[-1] for line in lines}
    try:
        found |= {os.readlink(b"/proc/%d/fd/%s" % (pid, one)) for one in os.listdir(b"/proc/%d/fd" % pid)}  # noqa: PTH115, PTH208
    except OSError:
        pass  # it has ended meanwhile
    return {path for path in found if path.startswith(_SEGMENTS)}


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass  # it has ended meanwhile


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # all of it has ended


_running: list[int] = [0]  # how many programs want orphans to fall to this process


def adopt_orphans(*, yes: bool) -> None:
    """Have orphaned descendants fall to this process while any program runs, where the system has such a thing."""
    _running[0] += 1 if yes else -1
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, int(_running[0] > 0), 0, 0, 0)
