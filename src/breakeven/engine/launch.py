"""Starting worker processes: fork, forkserver (our template), spawn.

Lives here: making the descriptors of a worker, starting it, learning how it ended. Never here: what it
is told to do. What was opened for a start that failed is closed again.
"""

from __future__ import annotations

import _signal
import os
import sys
from _pickle import dumps
from time import perf_counter as clock
from time import sleep

from breakeven.engine import channel, child, pools, protocol
from breakeven.engine.arena import open_file
from breakeven.engine.forkserver import template
from breakeven.engine.programs import Surroundings, lifeline, spawn, turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from _socket import socket
    from collections.abc import Sized
    from typing import Any

METHODS = ("fork", "forkserver", "spawn")


class Started:
    """A process that was started, and the parent's ends of what it was given."""

    __slots__ = (
        "began",
        "board",
        "board_map",
        "end",
        "forked",
        "method",
        "pid",
        "results",
        "sentinel",
        "status",
        "tokens",
    )

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
            known, self.status = template.ended(self.pid)
            return known
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else reaped it: how it ended is not known
            self.status = -1
            return True
        if pid:
            self.status = status
        return bool(pid)

    def wait(self) -> None:
        """Wait until it has ended."""
        while not self.ended():
            sleep(0.0002)

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


def start(method: str, arguments: int, setup: dict[str, Any], preload: list[str]) -> Started:
    """Start one worker; raises OSError when the system refuses."""
    with turns:
        return _start(method, arguments, setup, preload)


def _start(method: str, arguments: int, setup: dict[str, Any], preload: list[str]) -> Started:
    import mmap

    theirs: list[int] = []  # closed here, whatever comes
    ours: list[int] = []  # closed here if the start fails
    started = None
    try:
        board = open_file("board")
        theirs.append(board)
        os.pwrite(board, bytes(child.BOARD_BYTES), 0)  # its page is there, or this says that the disk is full
        board_map = mmap.mmap(board, child.BOARD_BYTES)
        results = open_file("results") if arguments >= 0 else -1
        ours.append(results)
        tokens = _open_tokens()
        ours.append(tokens)
        end, other_end = channel.pair()
        theirs.append(other_end.detach())
        started = Started(method, end, board_map, results, tokens)
        if results >= 0:
            theirs.append(os.dup(results))
        given = [theirs[1], board, arguments, theirs[2] if results >= 0 else -1, tokens, lifeline.open()]
        _begin(started, given, setup, preload)
    except BaseException:
        if started is not None:
            started.end.close()
            if started.pid:
                started.kill(_signal.SIGKILL)
                started.wait()
        for descriptor in ours:
            if descriptor >= 0:
                os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    started.forked = clock()
    if hasattr(os, "pidfd_open"):
        try:
            started.sentinel = os.pidfd_open(started.pid)
        except OSError:
            pass  # an old kernel, or it has ended already: its socket tells
    return started


def _begin(started: Started, given: list[int], setup: dict[str, Any], preload: list[str]) -> None:
    if started.method == "fork":
        _fork(started, given, setup)
        return
    if started.method == "spawn":
        started.pid = spawn("from breakeven.engine.child import boot; boot()", given)
    else:
        started.pid = template.fork(given, preload)
    facts = dict(setup)
    if started.method == "forkserver" and template.surroundings is not None:  # it has those of the template's start
        facts |= Surroundings().since(template.surroundings)
    _send_setup(started.end, facts, given)


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
    facts["cwd"] = Surroundings().directory
    facts["missing"] = [at for at, fd in zip(range(child.SOCKET, child.LIFELINE + 1), given, strict=True) if fd < 0]
    if setup.get("initializer") is not None:
        facts["initializer"] = _pickled_initializer(setup["initializer"], setup["initargs"])
    data = protocol.frame(protocol.SETUP, dumps(facts, 5))
    end.setblocking(True)
    end.sendall(data)


def _pickled_initializer(initializer: Any, arguments: tuple[Any, ...]) -> bytes:
    from breakeven.engine.codec import pickled, unpicklable

    try:
        return pickled((initializer, arguments), 1 << 62, calls=True)[0]
    except Exception as error:
        raise unpicklable((initializer, arguments), "initializer", None, error) from error


# --- fork ---


def _fork(started: Started, given: list[int], setup: dict[str, Any]) -> None:
    for stream in (sys.stdout, sys.stderr):  # else what is buffered would be written twice
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
    if setup.get("threads") is not None:
        pools.find()
    end_fd, board, arguments, results, tokens, life = given
    kept: list[int] = []
    born = clock()
    # Until the child has its own handler, a Ctrl-C would be shown there as a traceback of its own.
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT,))
    try:
        for descriptor in (arguments, tokens, life):  # one by one: what was opened is closed if the next fails
            kept.append(os.dup(descriptor) if descriptor >= 0 else -1)  # noqa: PERF401
        started.pid = _fork_quietly()
        if started.pid == 0:
            _be_worker(started, (end_fd, board, results, *kept), setup, born)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        for descriptor in kept:
            if descriptor >= 0:
                os.close(descriptor)


def _fork_quietly() -> int:
    """Fork; Python's warning about threads is answered by `probes.hazards`, which knows which of them matter."""
    if sys.version_info >= (3, 12):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    return os.fork()


def _be_worker(started: Started, given: tuple[int, ...], setup: dict[str, Any], born: float) -> None:
    """In the child. The fork hooks have closed what belongs to the parent's other workers."""
    import gc
    from _socket import AF_UNIX, SOCK_STREAM, socket

    from breakeven.engine.worker import Seat

    try:
        gc.freeze()  # what the parent had is never collected here: its pages stay shared
        started.end.close()
        end_fd, board, results, arguments, tokens, life = given
        if started.tokens >= 0:
            os.close(started.tokens)
        end = socket(AF_UNIX, SOCK_STREAM, 0, end_fd)
        setup["main"] = dict(vars(sys.modules["__main__"]))
        child.run(Seat(end, started.board, arguments, results, tokens, setup), board, life, born)
    finally:
        os._exit(1)


def nobody_left(crews: Sized, *, template_too: bool = False) -> None:
    """If no crew is left, let go of the lifeline, unless a template hangs on it that is to stay for the next."""
    with turns:
        if crews:  # another thread has made one meanwhile
            return
        if template_too:
            template.stop()
        if not template.pid:
            lifeline.forget()


def forget() -> None:
    """In a forked child: lifeline and template are the parent's."""
    turns.forget()
    lifeline.forget()
    template.forget()
