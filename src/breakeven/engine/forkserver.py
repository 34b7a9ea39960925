"""The parent's side of the template: asking it for workers, hearing how they ended.

Lives here: one template a process, started when first needed and again if it has died. Never here: the template's own
program (`template`).
"""

from __future__ import annotations

import atexit
import os
import sys
from _pickle import dumps

from breakeven.engine import channel
from breakeven.engine.programs import Surroundings, lifeline, reap, spawn, turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket


class Template:
    """This process's template, started when first needed and again if it has died."""

    def __init__(self) -> None:
        self.pid = 0
        self._control: socket | None = None
        self._unread = b""
        self._statuses: dict[int, int] = {}
        self._forked: set[int] = set()  # workers of this template, as opposed to an earlier one
        self.surroundings: Surroundings | None = None  # of its start

    def fork(self, given: list[int], preload: list[str]) -> int:
        """Have the template fork a worker with these descriptors."""
        from breakeven.engine.template import FAILED, FORKED, REQUEST

        for attempt in (1, 2):  # in a turn of `start`
            control = self._open()
            request = dumps({"preload": preload, "path": list(sys.path)}, 5)
            try:
                self._pass(control, REQUEST.pack(len(request)), given)
                control.sendall(request)
                while True:
                    kind, pid, status = self._reply(None)
                    if kind == FORKED:
                        self._statuses.pop(pid, None)  # of an earlier one with the same number
                        self._forked.add(pid)
                        return pid
                    if kind == FAILED:
                        raise OSError(status, f"{os.strerror(status)} (in the forkserver's template)")
            except (BrokenPipeError, ConnectionResetError, EOFError):
                self.stop()
                if attempt == 2:  # noqa: PLR2004
                    raise
            except KeyboardInterrupt:  # nobody knows how much of the request has gone
                self.stop()
                raise
        raise AssertionError("unreachable")

    @staticmethod
    def _pass(control: socket, head: bytes, given: list[int]) -> None:
        from _socket import SCM_RIGHTS, SOL_SOCKET
        from _struct import pack

        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            numbers = [fd if fd >= 0 else null for fd in given]
            control.sendmsg([head], [(SOL_SOCKET, SCM_RIGHTS, pack(f"{len(numbers)}i", *numbers))])
        finally:
            os.close(null)

    def _open(self) -> socket:
        if self._control is None:
            ours, theirs = channel.pair()
            try:
                self.surroundings = Surroundings()
                statement = "from breakeven.engine.template import main; main()"
                self.pid = spawn(statement, [theirs.fileno(), lifeline.open()])
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            self._control = ours
        return self._control

    def _reply(self, timeout_seconds: float | None) -> tuple[int, int, int]:
        """The next thing the template says; (0, 0, 0) when it says nothing in time. Ends are remembered."""
        from breakeven.engine.template import ENDED, REPLY

        assert self._control is not None  # noqa: S101 - asked after a fork
        while len(self._unread) < REPLY.size:
            if not channel.wait_readable(self._control.fileno(), timeout_seconds):
                return 0, 0, 0
            got = self._control.recv(4096)
            if not got:
                raise EOFError("the process that forks workers ended before it answered")
            self._unread += got
        kind, pid, status = REPLY.unpack_from(self._unread)
        self._unread = self._unread[REPLY.size :]
        if kind == ENDED:
            self._statuses[pid] = status
            self._forked.discard(pid)
        return kind, pid, status

    def ended(self, pid: int) -> tuple[bool, int | None]:
        """(whether it has ended, its wait status if known)."""
        with turns:  # or the answer that another thread waits for would be read here
            return self._ended(pid)

    def _ended(self, pid: int) -> tuple[bool, int | None]:
        if pid in self._statuses:
            return True, self._statuses.pop(pid)
        try:
            while self._control is not None and self._reply(0)[0]:
                pass
        except (EOFError, ConnectionResetError):
            self.stop()
        if pid in self._statuses:
            return True, self._statuses.pop(pid)
        if pid in self._forked or _runs(pid):
            return False, None
        return True, -1  # the template that forked it is gone: nobody will tell how it ended

    def stop(self) -> None:
        """End the template; workers that it forked go on until told."""
        control, self._control = self._control, None
        self._unread = b""
        self._forked.clear()
        if control is None:
            return
        control.close()
        reap(self.pid)
        self.pid = 0

    def forget(self) -> None:
        """In a forked child, since it is the parent's; and when the interpreter ends. Nothing is waited for."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._forked.clear()
        self.pid = 0


def _runs(pid: int) -> bool:
    """Whether a process runs that is not this one's child."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in b"ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False


template = Template()
atexit.register(template.forget)  # it ends when this end is closed, which the interpreter would complain to have to do
