"""The process that workers are forked from when the parent itself must not be forked (forkserver).

Lives here: a program that has the user's modules loaded, runs no second thread, forks a worker
for each request and tells how each ended. Never here: work.
"""

from __future__ import annotations

import _signal
import _struct
import mmap
import os
import select
import sys
from _pickle import loads
from _socket import AF_UNIX, CMSG_LEN, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket
from time import perf_counter as clock

from breakeven.engine import child, pools, protocol
from breakeven.engine.part import heed
from breakeven.engine.worker import Seat

REQUEST = _struct.Struct("<I")  # bytes of the pickled list of modules that follows
REPLY = _struct.Struct("<BIi")  # kind, pid, wait status
FORKED, ENDED, FAILED = 1, 2, 3
GIVEN = 6  # descriptors with each request
CONTROL, LIFELINE = 3, 4


def main() -> None:
    """Serve requests until the parent hangs up."""
    child.keep_up_to(LIFELINE)
    control = socket(AF_UNIX, SOCK_STREAM, 0, CONTROL)
    _signal.signal(_signal.SIGINT, lambda *_: None)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGINT,))
    child.watch_parent(LIFELINE)
    wake, woken = os.pipe()
    for end in (wake, woken):
        os.set_blocking(end, False)
    _signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    poller = select.poll()
    poller.register(CONTROL, select.POLLIN)
    poller.register(wake, select.POLLIN)
    try:
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == wake:
                    os.read(wake, 512)
                    _tell_ended(control)
                elif not _fork_one(control, (wake, woken)):
                    os._exit(0)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the parent has hung up in the middle of a request


def _tell_ended(control: socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        control.sendall(REPLY.pack(ENDED, pid, status))


def _fork_one(control: socket, own: tuple[int, int]) -> bool:
    head, ancillary, _, _ = control.recvmsg(REQUEST.size, CMSG_LEN(4 * GIVEN))
    if not head:
        return False
    given = [
        fd for level, kind, data in ancillary if (level, kind) == (SOL_SOCKET, SCM_RIGHTS) for fd in _integers(data)
    ]
    length = REQUEST.unpack(head)[0]
    body = b""
    while len(body) < length:
        body += control.recv(length - len(body))
    request = loads(body)
    for name in request["preload"]:
        _load(name, request["path"])
    try:
        pools.find()
    except Exception:  # noqa: BLE001,S110 - the worker will look anew, and say what is wrong
        pass
    born = clock()
    try:
        pid = os.fork()
    except OSError as error:
        control.sendall(REPLY.pack(FAILED, 0, error.errno or 0))
    else:
        if pid == 0:
            _be_worker(control, own, given, born)
        control.sendall(REPLY.pack(FORKED, pid, 0))
    for descriptor in given:
        os.close(descriptor)
    return True


def _integers(packed: bytes) -> list[int]:
    return [number for (number,) in _struct.iter_unpack("i", packed[: len(packed) // 4 * 4])]


def _load(name: str, path: list[str]) -> None:
    """Import a module of the user's once, so that workers find it loaded; the worker reports what fails."""
    if name in sys.modules:
        return
    sys.path[:] = path
    try:
        __import__(name)
    except BaseException:  # noqa: BLE001,S110 - the worker will raise it where the user sees it
        pass


def _be_worker(control: socket, own: tuple[int, int], given: list[int], born: float) -> None:
    control.close()
    os.close(LIFELINE)
    for descriptor in own:
        _signal.set_wakeup_fd(-1)
        os.close(descriptor)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    end_fd, board_fd, arguments, results, tokens, lifeline = given
    end = socket(AF_UNIX, SOCK_STREAM, 0, end_fd)
    setup = child.read_setup(end)
    heed(setup, setup)
    board = memoryview(mmap.mmap(board_fd, child.BOARD_BYTES)).cast("B")[: 8 * protocol.WORDS].cast("Q")
    missing = setup["missing"]
    child.run(
        Seat(
            end,
            board,
            -1 if child.ARGUMENTS in missing else arguments,
            -1 if child.RESULTS in missing else results,
            -1 if child.TOKENS in missing else tokens,
            setup,
        ),
        board_fd,
        lifeline,
        born,
    )
