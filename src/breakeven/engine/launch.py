"""Starting worker processes: fork, forkserver (our template), spawn.

Lives here: making the descriptors of a worker, starting it, learning how it ended. Never here: what it
is told to do. What was opened for a start that failed is closed again.
"""

from __future__ import annotations

import _signal
import fcntl
import os
import sys
from _pickle import dumps
from time import perf_counter as clock

from breakeven.engine import channel, child, protocol
from breakeven.engine.arena import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from _socket import socket
    from typing import Any

METHODS = ("fork", "forkserver", "spawn")
HIGH = 64  # descriptors are lifted above this before they are moved to where a program expects them
REAP_SECONDS = 2.0


class Started:
    """A process that was started, and the parent's ends of what it was given."""

    __slots__ = ("began", "board", "board_map", "end", "forked", "method", "pid", "results", "sentinel", "status", "tokens")

    def __init__(self, method: str, end: socket, board_map: mmap.mmap, results: int, tokens: int) -> None:
        self.method = method
        self.end = end
        self.board_map = board_map
        self.board = memoryview(board_map).cast("B")[: 8 * protocol.WORDS].cast("Q")
        self.results = results
        self.tokens = tokens
        self.pid = 0
        self.sentinel = -1
        self.status: int | None = None
        self.began = clock()
        self.forked = self.began

    def stack(self) -> str:
        """The Python stack that the worker's faulthandler left, if it crashed."""
        return self.board_map[child.STACK_AT :].rstrip(b"\0").decode(errors="replace").strip()

    def ended(self) -> bool:
        """Whether the process has ended; its status is kept when it can be had."""
        if self.status is not None:
            return True
        if self.method == "forkserver":
            known, self.status = _templates.ended(self.pid)
            return known
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else reaped it: how it ended is not known
            self.status = -1
            return True
        if pid:
            self.status = status
        return bool(pid)

    def kill(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if not self.ended():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def close(self) -> None:
        """Close the parent's ends."""
        self.board.release()
        try:
            self.board_map.close()
        except BufferError:
            pass  # somebody still reads the words
        for descriptor in (self.tokens, self.sentinel):
            if descriptor >= 0:
                os.close(descriptor)
        self.tokens = self.sentinel = -1


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


def start(method: str, arguments: int, setup: dict[str, Any], preload: list[str]) -> Started:
    """Start one worker; raises OSError when the system refuses."""
    import mmap  # noqa: PLC0415 - loaded by arena already

    opened: list[int] = []
    try:
        board = open_file("board")
        opened.append(board)
        os.ftruncate(board, child.BOARD_BYTES)
        board_map = mmap.mmap(board, child.BOARD_BYTES)
        results = open_file("results") if arguments >= 0 else -1
        tokens = _open_tokens()
        ours, theirs = channel.pair()
        started = Started(method, ours, board_map, results, tokens)
        given = [theirs.detach(), board, arguments, os.dup(results) if results >= 0 else -1, tokens, lifeline.open()]
        opened.append(given[0])
        if given[3] >= 0:
            opened.append(given[3])
        try:
            if method == "fork":
                started.pid = _fork(started, given, setup)
            elif method == "spawn":
                started.pid = _spawn("from breakeven.engine.child import boot; boot()", given)
            else:
                started.pid = _templates.fork(given, preload)
            if method != "fork":
                _send_setup(ours, setup, given)
        except BaseException:
            ours.close()
            if results >= 0:
                os.close(results)
            started.close()
            raise
    finally:
        for descriptor in opened:
            os.close(descriptor)
    started.forked = clock()
    if hasattr(os, "pidfd_open"):
        try:
            started.sentinel = os.pidfd_open(started.pid)
        except OSError:
            pass  # an old kernel, or it has ended already: its socket tells
    return started


def _open_tokens() -> int:
    """A counter that both sides take from, so that a chunk is either run or recalled; -1 where there is none."""
    if not hasattr(os, "eventfd"):
        return -1
    try:
        return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
    except OSError:
        return -1


def _send_setup(end: socket, setup: dict[str, Any], given: list[int]) -> None:
    facts = {key: value for key, value in setup.items() if key not in ("initializer", "initargs")}
    facts["path"] = list(sys.path)
    facts["cwd"] = os.getcwd()
    facts["missing"] = [at for at, fd in zip(range(child.SOCKET, child.LIFELINE + 1), given, strict=True) if fd < 0]
    if setup.get("initializer") is not None:
        facts["initializer"] = setup["initializer_pickled"]
    facts.pop("initializer_pickled", None)
    data = protocol.frame(protocol.SETUP, dumps(facts, 5))
    end.setblocking(True)
    end.sendall(data)


# --- fork ---


def _fork(started: Started, given: list[int], setup: dict[str, Any]) -> int:
    for stream in (sys.stdout, sys.stderr):  # else what is buffered would be written twice
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
    end_fd, board, arguments, results, tokens, life = given
    kept = [os.dup(fd) if fd >= 0 else -1 for fd in (arguments, tokens, life)]
    born = clock()
    try:
        pid = _fork_quietly()
        if pid == 0:
            _be_worker(started, (end_fd, board, results, *kept), setup, born)
    finally:
        for descriptor in kept:
            if descriptor >= 0:
                os.close(descriptor)
    return pid


def _fork_quietly() -> int:
    """Fork; Python's warning about threads is answered by `probes.hazards`, which knows which of them matter."""
    if sys.version_info < (3, 12):
        return os.fork()
    import warnings  # noqa: PLC0415 - loaded at start-up by the interpreter itself

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_worker(started: Started, given: tuple[int, ...], setup: dict[str, Any], born: float) -> None:
    """In the child. The fork hooks have closed what belongs to the parent's other workers."""
    import gc  # noqa: PLC0415 - built in

    from _socket import AF_UNIX, SOCK_STREAM, socket  # noqa: PLC0415 - loaded by channel already

    from breakeven.engine.worker import Seat  # noqa: PLC0415 - loaded by child already

    try:
        gc.freeze()  # what the parent had is never collected here: its pages stay shared
        started.end.close()
        end_fd, board, results, arguments, tokens, life = given
        if started.tokens >= 0:
            os.close(started.tokens)
        end = socket(AF_UNIX, SOCK_STREAM, 0, end_fd)
        child.run(Seat(end, started.board, arguments, results, tokens, setup), board, life, born)
    finally:
        os._exit(1)


# --- spawn ---


def _spawn(statement: str, given: list[int]) -> int:
    """Start an interpreter that finds `given` at descriptor 3 and up."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    lifted: list[int] = []
    try:
        for descriptor in given:
            source = descriptor if descriptor >= 0 else null
            lifted.append(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, HIGH))
        actions = [(os.POSIX_SPAWN_DUP2, high, child.SOCKET + at) for at, high in enumerate(lifted)]
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


# --- forkserver ---


class _Templates:
    """This process's template, started when first needed and again if it has died."""

    def __init__(self) -> None:
        self.pid = 0
        self._control: socket | None = None
        self._unread = b""
        self._statuses: dict[int, int] = {}

    def fork(self, given: list[int], preload: list[str]) -> int:
        """Have the template fork a worker with these descriptors."""
        from breakeven.engine.template import FAILED, FORKED, REQUEST  # noqa: PLC0415 - only for this start method

        for attempt in (1, 2):
            control = self._open()
            request = dumps({"preload": preload, "path": list(sys.path)}, 5)
            try:
                self._pass(control, REQUEST.pack(len(request)), given)
                control.sendall(request)
                while True:
                    kind, pid, status = self._reply(None)
                    if kind == FORKED:
                        return pid
                    if kind == FAILED:
                        raise OSError(status, f"{os.strerror(status)} (in the forkserver's template)")
            except (BrokenPipeError, ConnectionResetError, EOFError):
                self.stop()
                if attempt == 2:  # noqa: PLR2004
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _pass(control: socket, head: bytes, given: list[int]) -> None:
        from _socket import SCM_RIGHTS, SOL_SOCKET  # noqa: PLC0415 - loaded already
        from _struct import pack  # noqa: PLC0415 - loaded already

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
                statement = "from breakeven.engine.template import main; main()"
                self.pid = _spawn(statement, [theirs.fileno(), lifeline.open()])
            finally:
                theirs.close()
            self._control = ours
        return self._control

    def _reply(self, timeout_seconds: float | None) -> tuple[int, int, int]:
        """The next thing the template says; (0, 0, 0) when it says nothing in time. Ends are remembered."""
        from breakeven.engine.template import ENDED, REPLY  # noqa: PLC0415 - only for this start method

        assert self._control is not None  # noqa: S101 - asked after a fork
        while len(self._unread) < REPLY.size:
            if not channel.wait_readable(self._control.fileno(), timeout_seconds):
                return 0, 0, 0
            got = self._control.recv(4096)
            if not got:
                raise EOFError
            self._unread += got
        kind, pid, status = REPLY.unpack_from(self._unread)
        self._unread = self._unread[REPLY.size :]
        if kind == ENDED:
            self._statuses[pid] = status
        return kind, pid, status

    def ended(self, pid: int) -> tuple[bool, int | None]:
        """(whether it has ended, its wait status if known)."""
        if pid in self._statuses:
            return True, self._statuses.pop(pid)
        if self._control is None:
            return True, -1
        try:
            while self._reply(0)[0]:
                pass
        except (EOFError, ConnectionResetError):
            self.stop()
            return True, -1
        if pid in self._statuses:
            return True, self._statuses.pop(pid)
        return False, None

    def stop(self) -> None:
        """End the template; workers that it forked go on until told."""
        control, self._control = self._control, None
        self._unread = b""
        if control is None:
            return
        control.close()
        reap(self.pid)
        self.pid = 0

    def forget(self) -> None:
        """In a forked child: it is the parent's."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self.pid = 0


def reap(pid: int) -> None:
    """Wait for a child that was told to end; kill it when it does not."""
    deadline = clock() + REAP_SECONDS
    pause = 0.0002
    from time import sleep  # noqa: PLC0415 - built in

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


_templates = _Templates()
stop_template = _templates.stop


def forget() -> None:
    """In a forked child: lifeline and template are the parent's."""
    lifeline.forget()
    _templates.forget()
