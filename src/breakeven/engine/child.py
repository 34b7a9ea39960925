"""From a fresh process to a serving worker: signals, lifeline, thread limits, initializer, ready.

Lives here: everything a worker does once, whichever way it was started. Never here: the loop
(`worker`), the parent's side (`launch`).
"""

from __future__ import annotations

import _signal
import faulthandler
import fcntl
import os
import sys
from _pickle import loads
from _socket import AF_UNIX, SOCK_STREAM, socket
from time import perf_counter as clock

from breakeven import work
from breakeven.engine import pools, protocol
from breakeven.engine.channel import frames, wait_readable
from breakeven.engine.part import facts_of, settle
from breakeven.engine.worker import Seat, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Descriptors at which a started program (spawn, template) finds what it was given.
SOCKET, BOARD, ARGUMENTS, RESULTS, TOKENS, LIFELINE = range(3, 9)
MANY = 1 << 16  # descriptors: where close_range(2) is missing, closing each costs a system call
BOARD_BYTES = 4096
STACK_AT = 8 * protocol.WORDS  # the last Python stack of a worker that crashed stands behind the words


def run(seat: Seat, board: int, lifeline: int, born: float) -> None:
    """Be a worker until told to stop; never returns."""
    status, own = 1, os.getpid()
    try:
        _arm(board, lifeline)
        booted = clock()
        worker = Worker(seat)
        os.register_at_fork(after_in_child=lambda: _disown(worker, seat))
        work.in_worker = True
        try:
            _prepare(seat.setup)
        except BaseException as error:  # noqa: BLE001 - told to the parent, which fails the calls
            from breakeven.engine.remote import describe

            worker.send(protocol.frame(protocol.BROKEN, facts_of(describe(error))))
        else:
            times = protocol.READY_BODY.pack(born, booted, clock(), os.getpid())
            worker.send(protocol.frame(protocol.READY, times))
            worker.serve()
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the parent is gone
    except BaseException:  # noqa: BLE001 - shown on stderr: a fault of this library, or something an item did to us
        if os.getpid() != own:
            os._exit(status)  # a copy that a task forked and that did not end by itself
        seat.board[protocol.PHASE] = protocol.HELD  # which item that was, the one it came to light in cannot tell
        sys.excepthook(*sys.exc_info())
    finally:
        _leave(status)


def _disown(worker: Worker, seat: Seat) -> None:
    """This is a copy that a task has forked: it is nobody's worker, and ends where its task does."""
    worker.leave = _end_copy
    for _ in worker.items:  # none of those that follow is the copy's to do
        pass
    seat.socket.close()
    if seat.tokens >= 0:
        os.close(seat.tokens)
        seat.tokens = -1
    logs = sys.modules.get("breakeven.engine.logs")
    if logs is not None:
        logs.keep_here()


def _end_copy(error: BaseException | None) -> None:
    """End as a program does, by what its task raised."""
    status = 0 if error is None else 1
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        status = error.code or 0
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
    _leave(status)


def _arm(board: int, lifeline: int) -> None:
    """Signals: Ctrl-C is the parent's to handle, SIGTERM ends, and the parent's end ends us, whatever we do then."""
    _signal.signal(_signal.SIGINT, lambda *_: None)  # a handler, not SIG_IGN: programs that a task starts get Ctrl-C
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _signal.set_wakeup_fd(-1)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGINT,))
    os.lseek(board, STACK_AT, os.SEEK_SET)
    faulthandler.enable(board, all_threads=False)
    watch_parent(lifeline)
    _close_stdin()


def watch_parent(lifeline: int) -> None:
    """Have the kernel kill this process when the last writer of the lifeline (the parent) is gone.

    No thread and no polling: `SIGKILL` is sent as the pipe's asynchronous I/O signal (fcntl(2), F_SETSIG).
    Unlike PR_SET_PDEATHSIG it does not fire when only the thread that started us ends. Whom to signal is kept with
    the open file, which all workers share through the descriptor that each was given; so each opens the pipe anew.
    """
    set_signal = getattr(fcntl, "F_SETSIG", 10 if sys.platform == "linux" else None)
    try:
        own = os.open(f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        own = -1
    if set_signal is None or own < 0:
        import threading

        threading.Thread(target=_die_with, args=(lifeline,), daemon=True).start()
        return
    os.dup2(own, lifeline, inheritable=False)
    os.close(own)
    fcntl.fcntl(lifeline, set_signal, _signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if _hung_up(lifeline):  # it was gone before we armed
        os._exit(1)


def _hung_up(lifeline: int) -> bool:
    return wait_readable(lifeline, 0)


def _die_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def _close_stdin() -> None:
    """What a task reads from standard input is not the parent's."""
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    except OSError:
        pass  # no descriptor to spare: stdin stays as it is


def _prepare(setup: dict[str, Any]) -> None:
    threads = setup.get("threads")
    if threads is not None:
        pools.hold_down(threads)
    if "multiprocessing.process" in sys.modules:  # a fork: the parent's children are not ours
        children = getattr(sys.modules["multiprocessing.process"], "_children", None)
        if children:
            children.clear()
    if "logging" in sys.modules or setup.get("levels"):
        import logging  # noqa: F401 - the parent logs, so records of tasks have a reader
    initializer = setup.get("initializer")
    if isinstance(initializer, bytes):
        initializer, arguments = loads(initializer)
        settle(setup)
        initializer(*arguments)
    elif initializer is not None:
        from breakeven.engine.namespace import remember

        remember(setup["main"])
        initializer(*setup["initargs"])


def _leave(status: int) -> None:
    """End without running the parent's exit handlers, but with everything written."""
    try:
        util = sys.modules.get("multiprocessing.util")
        if util is not None and work.in_worker:
            util._exit_function()  # noqa: SLF001 - children that a task started with multiprocessing end with us
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BaseException:  # noqa: BLE001,S110 - nothing can be done about it now
        pass
    finally:
        os._exit(status)


def keep_up_to(last: int) -> None:
    """In a started program: close what it has inherited beyond what it was given."""
    os.closerange(last + 1, MANY)


def boot() -> None:
    """Entry of a started program: everything it needs stands at known descriptors."""
    born = clock()
    import mmap

    keep_up_to(LIFELINE)
    end = socket(AF_UNIX, SOCK_STREAM, 0, SOCKET)
    setup = read_setup(end)
    sys.path[:] = setup["path"]
    board = memoryview(mmap.mmap(BOARD, BOARD_BYTES)).cast("B")[: 8 * protocol.WORDS].cast("Q")
    run(
        Seat(end, board, _given(setup, ARGUMENTS), _given(setup, RESULTS), _given(setup, TOKENS), setup),
        BOARD,
        LIFELINE,
        born,
    )


def _given(setup: dict[str, Any], descriptor: int) -> int:
    return -1 if descriptor in setup["missing"] else descriptor


def read_setup(end: socket) -> dict[str, Any]:
    """Read the SETUP frame, the first thing on the channel; nothing behind it is touched."""
    head = _exactly(end, protocol.HEAD.size)
    _, _, length = protocol.head_of(head, 0)
    whole = head + _exactly(end, length)
    for kind, _, body in frames(whole):
        if kind == protocol.SETUP:
            setup: dict[str, Any] = loads(body)
            return setup
    raise protocol.GarbledFrameError("the first frame was no SETUP")


def _exactly(end: socket, count: int) -> bytes:
    end.setblocking(True)
    got = b""
    while len(got) < count:
        more = end.recv(count - len(got))
        if not more:
            os._exit(0)  # the parent is gone
        got += more
    return got
