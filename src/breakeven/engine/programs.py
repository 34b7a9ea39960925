"""Starting an interpreter that finds what it is given at known descriptors, and collecting it.

Lives here: spawn, the lifeline, what a process has from its parent, the wait for an end. Never here: what the started
program does.
"""

from __future__ import annotations

import _signal
import fcntl
import os
import sys
from _thread import RLock
from time import perf_counter as clock
from time import sleep

from breakeven.engine import pools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST = 3  # the descriptor at which a started program finds the first thing it is given
REAP_SECONDS = 2.0


class Surroundings:
    """What a process has from the one that started it, and what tasks may look at: environment and directory."""

    __slots__ = ("directory", "environment")

    def __init__(self) -> None:
        self.environment: dict[bytes, bytes] = dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - decoding all of it takes ten times as long, and this is paid once a call
        try:
            self.directory: str | None = os.getcwd()
        except OSError:  # it was removed: nobody can be sent there
            self.directory = None

    def same_as(self, other: Surroundings) -> bool:
        """Whether nothing has changed."""
        return self.environment == other.environment and self.directory == other.directory

    def since(self, before: Surroundings) -> dict[str, Any]:
        """What a process must hear that knows them as they were `before`."""
        now, then = self.environment, before.environment
        facts: dict[str, Any] = {}
        if now != then:
            changed = [name for name in (*now, *then) if now.get(name) != then.get(name)]
            facts["environment"] = {name: now.get(name) for name in changed if os.fsdecode(name) not in pools.VARIABLES}
        if self.directory != before.directory:
            facts["cwd"] = self.directory
        return facts


class _Turns:
    """One thread at a time: lifeline and template are this process's, whichever crew a worker is started for.

    So a worker that is forked by one thread does not inherit the ends of what another is starting, either.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def forget(self) -> None:
        """In a forked child: the thread that held it may not exist."""
        self._lock = RLock()


turns = _Turns()


class _Lifeline:
    """A pipe whose only writer is this process: when it closes, the kernel ends every worker."""

    def __init__(self) -> None:
        self.reader = self.writer = -1
        self.owner = 0

    def open(self) -> int:
        """Descriptor of the reading end."""
        if self.owner != os.getpid():
            self.reader, self.writer = os.pipe()
            self.owner = os.getpid()
        return self.reader

    def forget(self) -> None:
        """In a forked child: it must not keep the parent's workers alive."""
        if self.writer >= 0:
            os.close(self.writer)
            os.close(self.reader)
        self.reader = self.writer = -1
        self.owner = 0


lifeline = _Lifeline()


def spawn(statement: str, given: list[int]) -> int:
    """Start an interpreter that finds `given` at descriptor 3 and up."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    lifted: list[int] = []  # above where they are to be, so that none is overwritten before it was moved
    try:
        for descriptor in given:
            source = descriptor if descriptor >= 0 else null
            lifted.append(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, FIRST + len(given)))
        actions = [(os.POSIX_SPAWN_DUP2, high, FIRST + at) for at, high in enumerate(lifted)]
        command = f"import sys; sys.path[:] = {sys.path!r}; {statement}"
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *interpreter_flags(), "-c", command],
            os.environ,
            file_actions=actions,
            setsigmask=[_signal.SIGINT],  # until its handler stands: no traceback from a start that Ctrl-C met
        )
    finally:
        for descriptor in (null, *lifted):
            os.close(descriptor)


def interpreter_flags() -> list[str]:
    """The flags that make a started interpreter behave like this one."""
    flags = sys.flags
    given = []
    if flags.isolated:
        given.append("-I")
    else:
        if flags.ignore_environment:
            given.append("-E")
        if flags.no_user_site:
            given.append("-s")
    if flags.no_site:
        given.append("-S")
    if flags.optimize:
        given.append("-" + "O" * flags.optimize)
    if flags.dont_write_bytecode:
        given.append("-B")
    if flags.utf8_mode:
        given += ["-X", "utf8"]
    given += [f"-W{option}" for option in sys.warnoptions]
    return given


def reap(pid: int) -> None:
    """Wait for a child that was told to end; kill it when it does not."""
    deadline = clock() + REAP_SECONDS
    pause = 0.0002
    while True:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        if clock() > deadline:
            os.kill(pid, _signal.SIGKILL)
            deadline += 1e9
        sleep(pause)
        pause = min(pause * 2, 0.01)
