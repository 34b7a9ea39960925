"""What a worker keeps of the chunk at hand, and the small things it does about it.

Lives here: a part of a chunk's results, what stands for a function that could not be loaded, and what the kernel is
asked. Never here: the loop (`worker`). A worker imports this, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Part:
    """Results of a chunk that go back together, and when they came to be."""

    __slots__ = (
        "computed",
        "count",
        "cpu",
        "decoded",
        "done",
        "failures",
        "first",
        "fold",
        "free",
        "index",
        "queued",
        "received",
        "seq",
        "values",
    )

    def __init__(self, seq: int, index: int, free: float, received: float, count: int) -> None:
        self.seq = seq
        self.index = index  # of the chunk's first item
        self.fold: Any = None
        self.count = count
        self.free = free
        self.received = received
        self.decoded = self.computed = received
        self.first = self.done = 0
        self.cpu = self.queued = -1.0
        self.values: list[Any] = []
        self.failures: list[tuple[Any, ...]] = []

    def fail(self, error: BaseException) -> int:
        """Note what the item raised that comes next; returns the count of items that are done."""
        at = self.first + len(self.values)
        try:
            from breakeven.engine.remote import describe

            facts: tuple[Any, ...] = describe(error)
        except OSError:  # no descriptor is left to load it with, nor for a traceback
            facts = (type(error).__qualname__, str(error), "", facts_of((True, facts_of(error))))
        self.failures.append((at, *facts))
        self.values.append(None)
        return at + 1

    def next_from(self, now: float) -> float:
        """Begin the next part at `now`."""
        self.first = self.done
        self.free = self.received = self.decoded = now
        return now


def heed(facts: dict[str, Any], setup: dict[str, Any]) -> None:
    """Go by what has changed in the parent since this process was started; what tasks set here themselves stays."""
    if "path" in facts:
        sys.path[:] = facts["path"]
    for name, value in facts.get("environment", {}).items():
        if value is None:
            os.environ.pop(os.fsdecode(name), None)
        else:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)
    if "levels" in facts:
        from breakeven.engine.logs import set_levels

        setup["levels"] = facts["levels"]
        set_levels(facts["levels"])
    if facts.get("cwd") is not None:
        try:
            os.chdir(facts["cwd"])
        except FileNotFoundError:
            pass  # removed meanwhile
    if "key" in facts:
        from multiprocessing.process import current_process

        current_process().authkey = facts["key"]


def settle(setup: dict[str, Any]) -> None:
    """What was read may have brought globals of `__main__` along: they are one worker's, not one function's."""
    namespace = sys.modules.get("breakeven.engine.namespace")
    if namespace is not None:
        namespace.settle(setup["main"])


def reraise(error: BaseException) -> None:
    """Raise what unpickling an item raised, as its task."""
    raise error


class Unloadable:
    """Stands for a function that could not be loaded here; calling it says why."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *_: object, **__: object) -> None:
        """Raise why it is not there."""
        raise self.error


def facts_of(value: object) -> bytes:
    """Pickle plain facts."""
    from _pickle import dumps

    return dumps(value, 5)


def resident_bytes() -> int:
    """Bytes of RAM that this process maps."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * 4096


def queue_delay_reader() -> Callable[[], float]:
    """Read how long this thread has waited for a CPU, in seconds; -1 where the kernel does not say."""
    try:
        descriptor = os.open(f"/proc/self/task/{os.getpid()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return lambda: -1.0
    return lambda: int(os.pread(descriptor, 64, 0).split()[1]) * 1e-9
