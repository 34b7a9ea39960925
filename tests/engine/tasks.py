"""What workers are made to do in these tests: die, hang, hog, and send rubbish.

Lives here: functions that any process can import. Never here: pytest.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import stat
import sys
import time
from pathlib import Path
from typing import Any

import breakeven as be
from breakeven.engine import protocol
from breakeven.probes.memory import resident_bytes
from breakeven.testing.tasks import tally

HOG_BYTES = 400 << 20


def triple(number: int) -> int:
    """Return three times the item."""
    return 3 * number


def pid(_: object) -> int:
    """Return the number of the process."""
    return os.getpid()


# --- deaths ---


def die(how: str) -> None:
    """End this process in the way that is asked for."""
    if how == "exit 3":
        os._exit(3)
    elif how == "exit 0":
        os._exit(0)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "raise":
        raise RuntimeError("asked to")
    elif how == "sys.exit":
        sys.exit(5)
    else:
        os.kill(os.getpid(), getattr(signal, how))
        signal.pause()  # for the signal to arrive


CAUSES = {
    "exit 3": "exit 3",
    "exit 0": "exit 0",
    "segfault": "killed by SIGSEGV",
    "abort": "killed by SIGABRT",
    "SIGKILL": "killed by SIGKILL",
    "SIGTERM": "killed by SIGTERM",
}
"""Every way to die, and what a failure calls it."""


def die_at(number: int, victim: int, how: str) -> int:
    """Return the item, but for one item, in whose middle the process dies."""
    if number == victim:
        die(how)
    return number


def die_if_negative(number: int) -> int:
    """Take next to no time, or die."""
    if number < 0:
        die("segfault")
    return number


def stop_if_negative(number: int) -> int:
    """Take next to no time, or raise what means the end to an iterator."""
    if number < 0:
        raise StopIteration
    return number


def drawn(number: int) -> tuple[int, float]:
    """Return an item and what is drawn for it; most items draw nothing."""
    return number, 0.0 if number % 1000 else float(be.rng().random())


def die_once(number: int, path: str, how: str) -> int:
    """Die when this is the first event that the file counts; return the item otherwise."""
    if number == 3 and tally(path) == 1:
        die(how)
    return number


def die_now(how: str, *_: object) -> None:
    """Initialise a worker, or try to."""
    die(how)


class OnPickling:
    """Does something to the process that pickles it."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __reduce__(self) -> Any:
        die(self.how)
        return OnPickling, (self.how,)


class OnUnpickling:
    """Does something to the process that unpickles it, unless that is the one that made it."""

    def __init__(self, how: str, owner: int = 0) -> None:
        self.how = how
        self.owner = owner or os.getpid()

    def __reduce__(self) -> Any:
        return _unpickle, (self.how, self.owner)


def _unpickle(how: str, owner: int) -> OnUnpickling:
    if os.getpid() != owner:
        die(how)
    return OnUnpickling(how, owner)


def make_on_pickling(number: int, victim: int, how: str) -> Any:
    """Return the item, but for one, whose result dies when it is pickled."""
    return OnPickling(how) if number == victim else number


def make_on_unpickling(number: int, victim: int, how: str) -> Any:
    """Return the item, but for one, whose result dies when it is unpickled."""
    return OnUnpickling(how) if number == victim else number


def leave_badly(what: str) -> int:
    """See to it that this process does not end well when it is told to end."""
    from multiprocessing.util import Finalize

    if what == "hang":
        Finalize(None, time.sleep, (3600,), exitpriority=1)
    else:
        Finalize(None, die, (what,), exitpriority=1)
    return os.getpid()


def kill_another(number: int, folder: str) -> int:
    """Announce this process; every third item kills one that was announced."""
    Path(folder, str(os.getpid())).touch()
    if number % 3 == 0 and tally(f"{folder}/kill {number}") == 1:
        for name in sorted(os.listdir(folder), reverse=bool(number % 2)):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    os.kill(int(name), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                break
    return number


def leave_a_daemon(number: int, path: str) -> int:
    """Fork a process that holds everything open that this one has, then die; it ends when the file is there."""
    if number == 2:
        child = os.fork()
        if child == 0:
            while not os.path.exists(path):
                time.sleep(0.01)
            os._exit(0)
        die("SIGKILL")
    return number


# --- hangs ---


def hang(number: int, victim: int, how: str) -> int:
    """Return the item, but for one that never ends."""
    if number != victim:
        return number
    if how == "ignoring SIGTERM":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "blocking SIGTERM":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    if how == "holding the GIL":
        return 9**9**9  # type: ignore[no-any-return]  # in C: no Python runs in this process any more
    if how == "in a loop":
        while True:
            pass
    while True:
        signal.pause()


class HangsOnUnpickling:
    """Never comes out of another process's unpickler."""

    def __init__(self, owner: int = 0) -> None:
        self.owner = owner or os.getpid()

    def __reduce__(self) -> Any:
        return _hang_unless, (self.owner,)


def _hang_unless(owner: int) -> Any:
    if os.getpid() != owner:
        while True:
            signal.pause()
    return HangsOnUnpickling(owner)


class HangsOnPickling:
    """Never comes out of the pickler."""

    def __reduce__(self) -> Any:
        while True:
            signal.pause()


def hang_on_pickling(number: int, victim: int) -> Any:
    """Return the item, but for one whose result is never pickled."""
    return HangsOnPickling() if number == victim else number


def announce_and_hang(gate: str) -> None:
    """Write this process's number into the gate, and never end."""
    Path(gate).write_text(f"{os.getpid()}\n")
    while True:
        signal.pause()


def wait_for(gate: str) -> int:
    """Return once the gate was opened for writing, and closed."""
    Path(gate).read_bytes()
    return os.getpid()


def wait_at(number: int, victim: int, gate: str) -> int:
    """Return the item, but for one only once the gate was opened and closed."""
    if number == victim:
        Path(gate).read_bytes()
    return number


class LateArrival:
    """Can be unpickled once the gate was opened and closed."""

    def __init__(self, gate: str) -> None:
        self._gate = gate

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _arrive, (self._gate,)


def _arrive(gate: str) -> str:
    Path(gate).read_bytes()
    return gate


def let_one_in(mark: str, gate: str) -> None:
    """As an initializer: done at once in the first worker that comes, in others once the gate was opened and closed."""
    try:
        os.mkdir(mark)
    except FileExistsError:
        Path(gate).read_bytes()


class HangsOnLoading:
    """What a worker never finishes to unpickle; with a `mark`, only the first process that comes does."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _hang_unless_marked, (self.mark,)


def _hang_unless_marked(mark: str) -> None:
    try:
        os.mkdir(mark or "/")
    except FileExistsError:
        if mark:
            return
    time.sleep(3600)


def refuse(_: object, number: int) -> None:
    """Raise ValueError."""
    raise ValueError(number)


def meet(place: str, number: int) -> bool:
    """Whether the other of two calls runs at the same time."""
    Path(f"{place}.{number}").touch()
    other = Path(f"{place}.{1 - number}")
    deadline = time.monotonic() + 20
    while not other.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    return other.exists()


# --- memory ---


def limit_address_space(spare: int) -> None:
    """Let this process have that many bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + spare
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def hog(number: int, every: int) -> int:
    """Return the item; every so many items take far too much memory first."""
    if number % every == 0:
        return len(bytearray(HOG_BYTES)) * 0 + number
    return number


def hog_and_wait(number: int, victim: int) -> int:
    """Return the item, but for one that takes far too much memory and stays."""
    if number == victim:
        taken = bytearray(HOG_BYTES + (resident_bytes(os.getpid()) or 0))
        while taken:
            signal.pause()
    return number


grown: list[bytearray] = []


def grow(_: object) -> int:
    """Keep some more memory each time; returns the number of the process."""
    grown.append(bytearray(60 << 20))
    return os.getpid()


# --- rubbish ---


def channel() -> socket.socket:
    """The channel to the parent, which a well-behaved task leaves alone."""
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:  # the one that listed the folder
            continue
        if is_socket:
            with socket.socket(fileno=os.dup(int(name))) as end:
                if end.family == socket.AF_UNIX and end.type == socket.SOCK_STREAM:
                    return end.dup()
    raise LookupError("no channel")


def _outcome(seq: int, count: int, values: bytes, buffers: int = 0, released: int = 0) -> bytes:
    times = [time.perf_counter()] * 6
    return protocol.OUTCOME_HEAD.pack(seq, 0, count, buffers, released, len(values), *times, -1.0, -1.0, 0) + values


RUBBISH = {
    "noise": b"\x9d\x01rubbish" * 9,
    "half a head": protocol.frame(protocol.LOG)[:5],
    "half a body": protocol.HEAD.pack(protocol.MARK, protocol.OUTCOME, 0, 500) + b"x" * 20,
    "a body that never comes": protocol.HEAD.pack(protocol.MARK, protocol.LOG, 0, 50_000_000) + b"x" * 70_000,
    "a body larger than any": protocol.HEAD.pack(protocol.MARK, protocol.LOG, 0, protocol.LONGEST + 1),
    "a body as large as can be": protocol.HEAD.pack(protocol.MARK, protocol.LOG, 0, protocol.LONGEST),
    "an unknown kind": protocol.frame(99),
    "a kind for the other direction": protocol.frame(protocol.STOP),
    "a second greeting": protocol.frame(protocol.READY, bytes(protocol.READY_BODY.size)),
    "an empty outcome": protocol.frame(protocol.OUTCOME),
    "an outcome of another chunk": protocol.frame(protocol.OUTCOME, _outcome(1 << 40, 0, b"")),
    "an outcome of too many": protocol.frame(protocol.OUTCOME, _outcome(1, 1 << 20, b"")),
    "a skip of nothing": protocol.frame(protocol.SKIPPED, protocol.OFFSET.pack(1 << 40)),
    "a release of what was not lent": protocol.frame(protocol.RELEASED, protocol.pack_offsets([4096])),
    "half a release": protocol.frame(protocol.RELEASED, b"123"),
    "a log record that is none": protocol.frame(protocol.LOG, b"none"),
    "a fault that is none": protocol.frame(protocol.BROKEN, b"none"),
}
"""What a task can put on the channel, by name."""


def send_rubbish(number: int, victim: int, kind: str) -> int:
    """Return the item; one of them sends rubbish to the parent first."""
    if number == victim:
        with channel() as end:
            end.setblocking(True)
            end.sendall(RUBBISH[kind])
    return number


def send_rubbish_once(number: int, path: str, kind: str) -> int:
    """Send rubbish when this is the first event that the file counts."""
    return send_rubbish(number, number if tally(path) == 1 else -1, kind)


def close_everything(number: int, victim: int) -> int:
    """Return the item; one of them closes every descriptor first, the channel's too."""
    if number == victim:
        os.closerange(0, 1024)
    return number


# --- what a worker sees ---


def descriptors(_: object) -> list[str]:
    """Return what each open descriptor of this process leads to."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the one that listed the folder
            continue
        if target != f"/proc/{os.getpid()}/fd":
            found.append(target)
    return found


def functions_known(_: object) -> int:
    """Return how many functions this worker keeps."""
    frame = sys._getframe()
    while frame.f_back is not None:
        worker: Any = frame.f_locals.get("self")
        if hasattr(worker, "_functions"):
            return len(worker._functions)
        frame = frame.f_back
    raise LookupError("no worker")


def environment(name: str) -> str | None:
    """Return a variable of this process's environment."""
    return os.environ.get(name)


def take_all_memory_at(number: int, victim: int) -> int:
    """Return the item; at the victim, take memory until somebody puts an end to it, or there is far too much of it."""
    held: list[bytes] = []
    while number == victim and len(held) < 512:
        held.append(b"\1" * (2 << 20))
    return number
