"""A measured program: an interpreter of its own, watched from outside until the last of its processes is gone.

Lives here: starting it, talking with it a line of JSON at a time, and its end: what it took, and that nothing of it
stays. Never here: what it measures.

The program leads a session of its own, and while it runs this process is the one that orphans fall to (Linux: child
subreaper). So the CPU seconds also count what nobody within waits for, such as a fork server, and an end by exception
or Ctrl-C takes the whole tree along, not just its first process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from shutil import rmtree
from tempfile import mkdtemp
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Self

from breakeven.engine.arena import open_file
from breakeven.errors import BreakevenError
from breakeven.probes.kernel import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PATIENCE_SECONDS = 1.0  # for what outlives the first process, before it is ended
_GRACE_SECONDS = 0.7  # for a program that is told to end early, before it is killed
_LAUNCHER_SECONDS = 0.4  # for a launcher to end those it has launched; MPICH's takes 0.07
_TRACKER = b"multiprocessing.resource_tracker"
_SEGMENTS = b"/dev/shm/mpich_shm_"  # those who make these remove them, unless they are killed


class ProgramFailed(BreakevenError):
    """A measured program ended with an error of its own; `text` is the end of what it wrote about it."""

    def __init__(self, name: str, code: int, text: str) -> None:
        super().__init__(name, code, text)
        self.name = name
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"the measured program {self.name} ended with exit code {self.code}; it wrote: {self.text or 'nothing'}"


class WrongResult(BreakevenError):
    """A measured program did its work wrong, so its time is worth nothing; `what` names the work."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} gave a wrong result, so nothing is told of its time; please report this"


@dataclass(frozen=True, slots=True)
class Toll:
    """What a program took: wall clock from before its interpreter started until it ended, CPU of all processes."""

    wall_seconds: float
    user_seconds: float
    system_seconds: float

    @property
    def cpu_share(self) -> float:
        """CPU seconds by wall seconds: 1 is one CPU busy all the time."""
        return (self.user_seconds + self.system_seconds) / self.wall_seconds


class Program:
    """One run of `python -m MODULE WORDS…`; a context manager, at whose end no process of it is left.

    Where the context is left before `finish`, the program is told to end, and killed where it does not within 0.7 s.
    Ctrl-C at the terminal does not reach it, since it leads a session of its own; an exception here does. Its temporary
    files lie in a folder of its own that goes with it, and what multiprocessing's resource tracker keeps is given back
    by that, so it is the one process that is not killed at once.

    Not to be shared between threads; several may run at a time, since orphans are told apart by their session.
    """

    def __init__(self, module: str, words: Sequence[str] = (), *, variables: Mapping[str, str] | None = None) -> None:
        self._name = module
        self._command = [sys.executable, "-m", module, *words]
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._toll: Toll | None = None
        self._began_ns = 0
        self._errors = -1
        self._folder = ""
        self._is_launched = False
        self._dismissed_ns = 0

    @classmethod
    def of_command(cls, command: Sequence[str], *, variables: Mapping[str, str] | None = None) -> Program:
        """A program that is started by another command, such as mpiexec."""
        program = cls(command[0], variables=variables)
        program._command = list(command)
        program._is_launched = True
        return program

    def __enter__(self) -> Self:
        self._errors = open_file("errors")
        self._folder = mkdtemp(prefix="be-lab-")
        _adopt_orphans(yes=True)
        self._began_ns = perf_counter_ns()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter that runs this
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={
                    **os.environ,
                    **self._variables,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "TMPDIR": self._folder,
                },
                start_new_session=True,
            )
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._toll is None:
                self._end(early=True)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        os.close(self._errors)
        rmtree(self._folder, ignore_errors=True)
        _adopt_orphans(yes=False)

    @property
    def pid(self) -> int:
        """The first process of the program."""
        assert self._process is not None  # noqa: S101 - within the context
        return self._process.pid

    def say(self, message: Any) -> None:
        """Send one line of JSON."""
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see above
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def lines(self) -> Iterator[Any]:
        """Every line of JSON the program prints, until it closes its output."""
        while (line := self.hear()) is not None:
            yield line

    def hear(self, meanwhile: Callable[[], None] | None = None, every_seconds: float = 0.01) -> Any:
        """The next line of JSON, or None at the end; `meanwhile` is called about every `every_seconds` until then."""
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see above
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if meanwhile is not None and not select.select([descriptor], [], [], every_seconds)[0]:
                meanwhile()
                continue
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def finish(self) -> Toll:
        """Wait for the end; raises `ProgramFailed` where the program did not end well."""
        code = self._end(early=False)
        if code:
            os.lseek(self._errors, 0, os.SEEK_SET)
            text = os.read(self._errors, 1 << 20).decode(errors="replace").strip()
            raise ProgramFailed(self._name, code, text[-2000:])
        assert self._toll is not None  # noqa: S101 - set by _end
        return self._toll

    def dismiss(self) -> None:
        """Tell the program that there is nothing more to do; it ends when it has answered what it was asked."""
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._dismissed_ns = self._dismissed_ns or perf_counter_ns()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already

    def _end(self, *, early: bool) -> int:
        """Wait for everything in the program's session, for so long only if it ends early, and take its figures."""
        process = self._process
        assert process is not None  # noqa: S101 - within the context
        assert process.stdout is not None  # noqa: S101 - a pipe
        self.dismiss()
        if not early:
            process.stdout.close()  # all that it had to say has been heard
        killed: _Killed | None = None
        try:
            ended = _waited(process.pid, self._dismissed_ns + int(_GRACE_SECONDS * 1e9) if early else None)
            if ended is None:
                killed = _Killed(process.pid, launcher=self._is_launched)
                ended = killed.ended or os.wait4(process.pid, 0)
            wall = (perf_counter_ns() - self._began_ns) * 1e-9
            _, status, usage = ended
            if killed is not None:
                killed.bury()
            more = _bury(process.pid, _PATIENCE_SECONDS)
        except BaseException:
            _Killed(process.pid, launcher=False).bury()
            _bury(process.pid, _PATIENCE_SECONDS)
            process.returncode = -signal.SIGKILL
            self._toll = Toll(0.0, 0.0, 0.0)
            raise
        finally:
            process.stdout.close()
        self._toll = Toll(wall, usage.ru_utime + more[0], usage.ru_stime + more[1])
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode


def _waited(pid: int, until_ns: int | None) -> tuple[int, int, Any] | None:
    """Wait for a child; None if it has not ended by a moment."""
    if until_ns is None:
        return os.wait4(pid, 0)
    while True:
        found = os.wait4(pid, os.WNOHANG)
        if found[0]:
            return found
        if perf_counter_ns() > until_ns:
            return None
        select.select([], [], [], 0.001)


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


def _bury(group: int, patience_seconds: float) -> tuple[float, float]:
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


class _Killed:
    """A process and all that descend from it, killed: those included that lead sessions of their own, as MPI's do.

    A launcher is asked first, since it then removes files whose names nobody else knows; `ended` is what waiting for
    the process gave, if that was enough.
    """

    def __init__(self, pid: int, *, launcher: bool) -> None:
        tree = [one for one in descendants(pid) if _TRACKER not in (read_bytes(f"/proc/{one}/cmdline") or b"")]
        self._segments = {path for one in tree for path in _segments(one)}
        self._others = tree[1:]
        self.ended: tuple[int, int, Any] | None = None
        if launcher:
            os.kill(pid, signal.SIGTERM)
            self.ended = _waited(pid, perf_counter_ns() + int(_LAUNCHER_SECONDS * 1e9))
        for one in tree[1:] if self.ended else tree:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended meanwhile

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
    """Paths of MPI's shared memory that a process maps."""
    lines = (read_bytes(f"/proc/{pid}/maps") or b"").splitlines()
    return {line.split()[-1] for line in lines if _SEGMENTS in line}


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # all of it has ended


_running: list[int] = [0]  # how many programs want orphans to fall to this process


def _adopt_orphans(*, yes: bool) -> None:
    """Have orphaned descendants fall to this process while any program runs, where the system has such a thing."""
    _running[0] += 1 if yes else -1
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, int(_running[0] > 0), 0, 0, 0)


def printed(message: Any) -> None:
    """Print one line of JSON at once: the program's end of `Program.hear`."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
