"""Every exception that breakeven raises.

Lives here: the tree, each class with its facts as attributes and its text made from them. Never here: deciding when
one is raised. Nothing on the hot path imports this room (see docs/decisions/0002).

    BreakevenError
    ├── UsageError                also a ValueError      the call itself is wrong; nothing was started
    │   └── UsageTypeError        also a TypeError
    ├── StartFailed               also a BrokenExecutor  no worker could be started
    │   └── InitializerFailed                            the initializer raised in a worker
    ├── WorkerDied                also a BrokenExecutor  a worker ended while it had an item
    ├── TaskTimeout               also a TimeoutError    an item ran past `timeout`
    ├── MemoryExceeded            also a MemoryError     an item took its worker past its hard memory limit
    ├── Unpicklable               also a PicklingError   an argument, result or function cannot travel
    ├── BackendUnavailable        also an ImportError    a backend needs what is not installed
    ├── CheckpointMismatch        also a ValueError      a checkpoint belongs to another call
    ├── LedgerUnreadable          also a ValueError      a file or recording is no ledger
    │   └── LedgerVersionError                           a ledger of a version that cannot be read here
    ├── RemoteError                                      stands for a task's exception that cannot be rebuilt here
    └── RemoteTraceback                                  the worker's traceback, as `__cause__` of a task's exception

Facts are the constructor's arguments, in order, and so `args`: that is what pickle keeps, and the text follows from it.
Texts read `<subject> <what happened> <while …>; <likely cause: what to try>`.
"""

from __future__ import annotations

import pickle
from concurrent.futures import BrokenExecutor

__all__ = [
    "BackendUnavailable",
    "BreakevenError",
    "CheckpointMismatch",
    "InitializerFailed",
    "LedgerUnreadable",
    "LedgerVersionError",
    "MemoryExceeded",
    "RemoteError",
    "RemoteTraceback",
    "StartFailed",
    "TaskTimeout",
    "Unpicklable",
    "UsageError",
    "UsageTypeError",
    "WorkerDied",
]


class BreakevenError(Exception):
    """Root of everything that breakeven raises on its own account."""

    def __init__(self, *facts: object) -> None:
        # Some of the bases (OSError behind TimeoutError) give arguments a meaning of their own, so they get none.
        super().__init__()
        self.args = facts

    def __str__(self) -> str:
        return Exception.__str__(self)


class UsageError(BreakevenError, ValueError):
    """An option or argument is wrong, found before anything was started.

    >>> print(UsageError("chunksize is 0; give a positive number of tasks a message, or 'auto'", "chunksize"))
    chunksize is 0; give a positive number of tasks a message, or 'auto'
    """

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message, option)
        self.message = message
        self.option = option

    def __str__(self) -> str:
        return self.message


class UsageTypeError(UsageError, TypeError):
    """An argument is of the wrong kind, such as a function that cannot be called."""


class StartFailed(BreakevenError, BrokenExecutor):
    """No worker could be started."""

    def __init__(self, start_method: str, reason: str, advice: str = "") -> None:
        super().__init__(start_method, reason, advice)
        self.start_method = start_method
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        advice = self.advice or "try fewer workers, another start_method, or backend='threads'"
        return f"no worker could be started by {self.start_method}: {self.reason}; {advice}"


class InitializerFailed(StartFailed):
    """The initializer raised in a worker; its exception is the cause (`__cause__`)."""

    def __str__(self) -> str:
        advice = self.advice or "call it in this process first, where a debugger can follow it"
        return f"the initializer failed in a worker started by {self.start_method}: {self.reason}; {advice}"


class WorkerDied(BreakevenError, BrokenExecutor):
    """A worker ended while it had an item to run.

    `index` is the item's place in the input, or None for a submitted call; `cause` says how it ended ("killed by
    SIGSEGV", "exit 3", "out of memory", …); `stack_text` is the last Python stack, where the worker could leave one.

    >>> print(WorkerDied(17, 4242, "exit 3"))
    worker 4242 ended (exit 3) while it ran item 17; the task may have called os._exit: let it raise instead
    """

    def __init__(self, index: int | None, pid: int | None, cause: str, stack_text: str = "") -> None:
        super().__init__(index, pid, cause, stack_text)
        self.index = index
        self.pid = pid
        self.cause = cause
        self.stack_text = stack_text

    def __str__(self) -> str:
        ended = self.cause if self.cause.startswith("killed") else f"ended ({self.cause})"
        where = "while it ran " + _task(self.index)
        text = f"{_worker(self.pid)} {'was ' if ended == self.cause else ''}{ended} {where}; {_advice(self.cause)}"
        return f"{text}\n{self.stack_text}" if self.stack_text else text


class TaskTimeout(BreakevenError, TimeoutError):
    """An item ran past `timeout`, and its worker was ended; a thread (`pid` is None) was left to itself.

    >>> print(TaskTimeout(3, 0.5, 4242))
    item 3 was still running after 0.5 s, and worker 4242 was ended; raise timeout, or look for what the item waits on
    """

    def __init__(self, index: int | None, seconds: float, pid: int | None = None) -> None:
        super().__init__(index, seconds, pid)
        self.index = index
        self.seconds = seconds
        self.pid = pid

    def __str__(self) -> str:
        late = f"{_task(self.index)} was still running after {self.seconds:g} s"
        if self.pid is None:
            return f"{late}, in a thread, which cannot be ended; raise timeout, or use backend='processes'"
        return f"{late}, and worker {self.pid} was ended; raise timeout, or look for what the item waits on"


class MemoryExceeded(BreakevenError, MemoryError):
    """An item took its worker past its hard memory limit, and the worker was ended.

    >>> print(MemoryExceeded(3, 4242, 2_100_000_000, 2_000_000_000))
    worker 4242 held 2100 MB of 2000 MB allowed while it ran item 3; raise max_worker_memory, or make the item smaller
    """

    def __init__(self, index: int | None, pid: int | None, held_bytes: int, limit_bytes: int) -> None:
        super().__init__(index, pid, held_bytes, limit_bytes)
        self.index = index
        self.pid = pid
        self.held_bytes = held_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        where = "while it ran " + _task(self.index)
        return (
            f"{_worker(self.pid)} held {self.held_bytes / 1e6:.0f} MB of {self.limit_bytes / 1e6:.0f} MB allowed "
            f"{where}; raise max_worker_memory, or make the item smaller"
        )


class Unpicklable(BreakevenError, pickle.PicklingError):
    """An argument, a result or the function cannot travel between processes.

    `path` leads to the part that pickle refused, `what` is "argument", "result" or "function", and `index` the item.

    >>> print(Unpicklable("argument.lock", "argument", "cannot pickle '_thread.lock' object", 3))
    argument.lock (item 3) cannot be pickled: cannot pickle '_thread.lock' object; leave it out, make it in the \
function, or use backend='threads'
    """

    def __init__(self, path: str, what: str, reason: str, index: int | None = None) -> None:
        super().__init__(path, what, reason, index)
        self.path = path
        self.what = what
        self.reason = reason
        self.index = index

    def __str__(self) -> str:
        item = "" if self.index is None else f" (item {self.index})"
        advice = "return something plainer" if self.what == "result" else "leave it out, make it in the function"
        return f"{self.path}{item} cannot be pickled: {self.reason}; {advice}, or use backend='threads'"


class BackendUnavailable(BreakevenError, ImportError):
    """A backend needs something that is not installed here.

    >>> print(BackendUnavailable("dask", "pip install 'dask[distributed]'", "No module named 'dask'"))
    backend 'dask' cannot be used here: No module named 'dask'; install what it needs: pip install 'dask[distributed]'
    """

    def __init__(self, backend: str, install: str, reason: str = "a package is missing") -> None:
        super().__init__(backend, install, reason)
        self.backend = backend
        self.install = install
        self.reason = reason

    def __str__(self) -> str:
        return f"backend {self.backend!r} cannot be used here: {self.reason}; install what it needs: {self.install}"


class CheckpointMismatch(BreakevenError, ValueError):
    """A checkpoint was made by another call than the one that is to go on from it.

    `what` differs: "function", "items", "seed", …; `expected` is what this call has, `found` what the checkpoint has.
    """

    def __init__(self, path: str, what: str, expected: str, found: str) -> None:
        super().__init__(path, what, expected, found)
        self.path = path
        self.what = what
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"checkpoint {self.path} was made with another {self.what}: {self.found}, where this call has "
            f"{self.expected}; make the same call again, or name another checkpoint"
        )


class LedgerUnreadable(BreakevenError, ValueError):
    """A file or recording that was to be read as a ledger is none, or is damaged.

    >>> print(LedgerUnreadable("run.json", "lanes[0].items is -3, not a whole number from 0 up"))
    run.json cannot be read as a ledger: lanes[0].items is -3, not a whole number from 0 up; save the report again
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.source} cannot be read as a ledger: {self.reason}; save the report again"


class LedgerVersionError(LedgerUnreadable):
    """A ledger was written to a version of the format that cannot be read here.

    >>> print(LedgerVersionError("run.json", 2, 1))
    run.json is a ledger of version 2, and this breakeven reads version 1; use the breakeven that wrote it
    """

    def __init__(self, source: str, found: object, readable: object) -> None:
        super().__init__(source, f"it is of version {found}, and {readable} can be read")
        self.args = (source, found, readable)
        self.found = found
        self.readable = readable

    def __str__(self) -> str:
        return (
            f"{self.source} is a ledger of version {self.found}, and this breakeven reads version {self.readable}; "
            "use the breakeven that wrote it"
        )


class RemoteError(BreakevenError):
    """Stands for an exception of a task that cannot be rebuilt in this process.

    >>> print(RemoteError("solver.Diverged", "step 12", "Traceback …"))
    solver.Diverged: step 12
    """

    def __init__(self, type_name: str, message: str, traceback_text: str = "") -> None:
        super().__init__(type_name, message, traceback_text)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class RemoteTraceback(BreakevenError):
    """Shows, as the `__cause__` of a task's exception, where in the worker it was raised."""

    def __init__(self, traceback_text: str) -> None:
        super().__init__(traceback_text)
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"\n{self.traceback_text.rstrip()}"


_CRASHED = "native code crashed: run that item alone with backend='serial' under `python -X faulthandler`"
_ADVICE = {
    "killed by SIGSEGV": _CRASHED,
    "killed by SIGBUS": _CRASHED,
    "killed by SIGILL": _CRASHED,
    "killed by SIGFPE": _CRASHED,
    "killed by SIGABRT": _CRASHED,
    "killed by SIGKILL": "something outside ended it, often for want of memory: try fewer workers or smaller items",
    "killed by SIGTERM": "something outside ended it: look at what supervises this process",
    "out of memory": "the machine or its control group ran out: try fewer workers or smaller items",
}


def _advice(cause: str) -> str:
    if cause.startswith("exit "):
        return "the task may have called os._exit: let it raise instead"
    return _ADVICE.get(cause, "run that item alone with backend='serial' to see why, or allow retries")


def _task(index: int | None) -> str:
    return "a task" if index is None else f"item {index}"


def _worker(pid: int | None) -> str:
    return "its worker" if pid is None else f"worker {pid}"
