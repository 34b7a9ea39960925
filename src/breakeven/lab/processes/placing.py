"""On which CPUs the two sides of a connection run, and whether those may sleep.

Lives here: choosing the CPUs, moving a process there and back, keeping CPUs awake. Never here: what is timed meanwhile.

Left alone, two processes that do nothing but exchange messages are now on one CPU, now on two, and a small message
takes five times as long on two: such a median says where they happened to be. So each placement is measured by itself.
On two, a message wakes the other CPU; one that has slept for long, above all a virtual one, takes milliseconds to come
back. Workers that compute keep theirs awake, and so does the lab, by a process of the lowest priority on each.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

from breakeven.errors import UsageError
from breakeven.lab.processes import forking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    Cpus = tuple[int, ...]

ONE, TWO, FREE = "one CPU", "two CPUs", "free"
_WORDS = {"one": ONE, "two": TWO, "free": FREE}


def chosen(text: str | None) -> tuple[str, ...]:
    """Read placements; without any, one CPU and two, as far as this process may choose.

    >>> chosen("two, free")
    ('two CPUs', 'free')
    """
    if text is None:
        return (ONE, TWO)[: len(_usable())] or (FREE,)
    names = [word.strip() for word in text.split(",") if word.strip()]
    for name in names:
        if name not in _WORDS:
            raise UsageError(f"there is no placement {name!r}; there are: {', '.join(_WORDS)}", "placement")
        if name != "free" and len(_usable()) < (2 if name == "two" else 1):
            raise UsageError(f"--placement {name} needs more CPUs than this process may use; use free", "placement")
    return tuple(_WORDS[name] for name in names)


def cpus_of(placement: str) -> tuple[Cpus, ...]:
    """Return the CPUs of the near and of the far side; nothing where the kernel is to choose."""
    if placement == FREE:
        return ()
    first, *others = _usable()
    if placement == ONE:
        return (first,), (first,)
    apart = [other for other in others if other not in _threads_of_core(first)] or others
    return (first,), (apart[0],)


@contextmanager
def kept_on(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process, all its threads, on some CPUs for a block; on none given, leave it where it is."""
    if not cpus:
        yield
        return
    before = {int(thread.name): os.sched_getaffinity(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}
    usual = os.sched_getaffinity(0)
    _move("self", cpus)
    try:
        yield
    finally:
        _move("self", usual)  # those that were started meanwhile
        for thread, own in before.items():
            _put(thread, own)


def keep(pid: int, cpus: Sequence[int]) -> None:
    """Put another process on some CPUs until it is told otherwise; on none given, wherever this one may run."""
    _move(str(pid), cpus or os.sched_getaffinity(0))


@contextmanager
def awake() -> Iterator[None]:
    """Keep all usable CPUs from sleeping for a block; whoever wants one has it at once."""
    spinners: list[Any] = []
    try:
        for cpu in _usable():
            spinners.append(forking.start(_spin, cpu))  # noqa: PERF401 - those that were started are ended, if one is not
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
        for spinner in spinners:
            forking.end(spinner)


def _spin(cpu: int) -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, (cpu,))
    while True:
        pass


def _move(process: str, cpus: Collection[int]) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        _put(int(thread.name), cpus)


def _put(thread: int, cpus: Collection[int]) -> None:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:
        pass  # it has ended meanwhile


def _usable() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _threads_of_core(cpu: int) -> set[int]:
    """CPUs that are hardware threads of the same core, itself included."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return {cpu}
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
