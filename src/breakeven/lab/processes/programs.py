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
from typing import TYPE_CHECKING, Any, NoReturn, Self

from breakeven.engine.arena import open_file
from breakeven.errors import BreakevenError
from breakeven.lab.processes.families import Killed, adopt_orphans, bury, has_ended, waited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

SILENT_SECONDS = 120.0
"""A program that has said nothing for so long, or not ended, will not."""
_GRACE_SECONDS = 0.5  # for a program that is told to end early, before it is killed
_LOOK_SECONDS = 0.2  # between looks whether a program that says nothing is still there
_MEANWHILE_SECONDS = 0.01


class ProgramFailed(BreakevenError):
    """A measured program ended with an error of its own; `text` is the end of what it wrote about it."""

    def __init__(self, name: str, code: int, text: str) -> None:
        super().__init__(name, code, text)
        self.name = name
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"the measured program {self.name} ended with exit code {self.code}; it wrote: {self.text or 'nothing'}"


class ProgramSilent(BreakevenError):
    """A measured program neither answered nor ended, so it was ended; `seconds` is how long it was waited for."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name, seconds)
        self.name = name
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"the measured program {self.name} said nothing for {self.seconds:g} s and was ended; "
            "ask for less at a time, or report this if you asked for little"
        )


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

    Where the context is left before `finish`, the program is told to end, and killed where it does not within 0.5 s.
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
        adopt_orphans(yes=True)
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
        adopt_orphans(yes=False)

    @property
    def pid(self) -> int:
        """The first process of the program."""
        assert self._process is not None  # noqa: S101 - within the context
        return self._process.pid

    def say(self, message: Any) -> None:
        """Send one line of JSON; raises `ProgramFailed` where the program has ended."""
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see above
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._ended_instead()

    def lines(self) -> Iterator[Any]:
        """Every line of JSON the program prints, until it closes its output."""
        while (line := self.hear()) is not None:
            yield line

    def hear(self, meanwhile: Callable[[], None] | None = None, *, limit_seconds: float = SILENT_SECONDS) -> Any:
        """The next line of JSON, or None at the end; `meanwhile` is called about a hundred times a second until then.

        The end is that of the first process: what it has left behind may hold its output open.
        """
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see above
        descriptor = self._process.stdout.fileno()
        pause = _LOOK_SECONDS if meanwhile is None else _MEANWHILE_SECONDS
        until_ns = perf_counter_ns() + int(limit_seconds * 1e9)
        ended = False
        while b"\n" not in self._rest:
            if not select.select([descriptor], [], [], 0.0 if ended else pause)[0]:
                if ended:
                    return None
                ended = has_ended(self._process.pid)
                if not ended and perf_counter_ns() > until_ns:
                    raise ProgramSilent(self._name, limit_seconds)
                if meanwhile is not None:
                    meanwhile()
                continue
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def answer(self, meanwhile: Callable[[], None] | None = None, *, limit_seconds: float = SILENT_SECONDS) -> Any:
        """The next line of JSON, as `hear` gives it; raises `ProgramFailed` where the program has ended instead."""
        found = self.hear(meanwhile, limit_seconds=limit_seconds)
        if found is None:
            self._ended_instead()
        return found

    def _ended_instead(self) -> NoReturn:
        self.finish()  # raises what went wrong
        raise ProgramFailed(self._name, 0, "")

    def finish(self, *, limit_seconds: float = SILENT_SECONDS) -> Toll:
        """Wait for the end; raises `ProgramFailed` where that is no good one, `ProgramSilent` where there is none."""
        code = self._end(early=False, limit_seconds=limit_seconds)
        if code is None:
            raise ProgramSilent(self._name, limit_seconds)
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

    def _end(self, *, early: bool, limit_seconds: float = _GRACE_SECONDS) -> int | None:
        """Wait for everything in the program's session, and take its figures; its exit code, or None if it was killed.

        The limit is counted from when it was told to end, if it ends early.
        """
        process = self._process
        assert process is not None  # noqa: S101 - within the context
        assert process.stdout is not None  # noqa: S101 - a pipe
        self.dismiss()
        if not early:
            process.stdout.close()  # all that it had to say has been heard
        killed: Killed | None = None
        try:
            begin_ns = self._dismissed_ns if early else perf_counter_ns()
            ended = waited(process.pid, begin_ns + int(limit_seconds * 1e9))
            if ended is None:
                killed = Killed(process.pid, launcher=self._is_launched)
                ended = killed.ended or os.wait4(process.pid, 0)
            wall = (perf_counter_ns() - self._began_ns) * 1e-9
            _, status, usage = ended
            if killed is not None:
                killed.bury()
            more = bury(process.pid)
        except BaseException:
            Killed(process.pid, launcher=False).bury()
            bury(process.pid)
            process.returncode = -signal.SIGKILL
            self._toll = Toll(0.0, 0.0, 0.0)
            raise
        finally:
            process.stdout.close()
        self._toll = Toll(wall, usage.ru_utime + more[0], usage.ru_stime + more[1])
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode if killed is None else None


def printed(message: Any) -> None:
    """Print one line of JSON at once: the program's end of `Program.hear`."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
