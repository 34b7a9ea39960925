"""Finds what a test left behind: processes, descriptors, shared memory, temporary files, threads.

Lives here: looking, and telling what was found. Never here: cleaning up, which would hide it. Linux only, since it
reads /proc; elsewhere nothing is found.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SESSION_VARIABLE = "BREAKEVEN_TEST_SESSION"
"""Its value marks every program that this test session starts, and what those start, parents gone or not."""

# What may stay, each with its reason.
TOLERATED_COMMANDS = {
    b"multiprocessing.resource_tracker": "the standard library starts one a process and keeps it until the end",
}
TOLERATED_TEMPORARY = {
    "pymp-": "multiprocessing keeps one such folder a process until the end",
}

FOREIGN_SEGMENTS = ("sem.loky-", "joblib_", "mpich_")
_PROC = Path("/proc/self")
_SHARED = Path("/dev/shm")  # noqa: S108 - looked at, not written


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process and its machine held at one moment, by kind; every entry tells itself apart from any other."""

    processes: frozenset[int]
    descriptors: frozenset[str]
    mappings: frozenset[str]
    shared: frozenset[str]
    temporary: frozenset[str]
    threads: frozenset[int]


def mark_session() -> None:
    """Mark every program that will be started from here."""
    os.environ[SESSION_VARIABLE] = f"{SESSION_VARIABLE}={uuid.uuid4()}"


def holdings() -> Holdings:
    """Look at what is held now."""
    if not _PROC.exists():
        none: frozenset[str] = frozenset()
        return Holdings(frozenset(), none, none, none, none, frozenset())
    return Holdings(
        processes=frozenset(int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()),
        descriptors=frozenset(_descriptors()),
        mappings=frozenset(_mappings()),
        shared=frozenset(_segments()),
        temporary=frozenset(_temporary()),
        threads=frozenset(sys._current_frames()),  # unlike threading.enumerate(), also those of _thread
    )


def left_behind(before: Holdings, patience_seconds: float) -> list[str]:
    """Describe what is held now and was not before, once it has had time to go away by itself."""
    deadline = time.monotonic() + patience_seconds
    found = _new_since(before)
    while found and time.monotonic() < deadline:
        gc.collect()  # what only a reference cycle holds is not a leak
        time.sleep(0.01)
        found = _new_since(before)
    return found


def _new_since(before: Holdings) -> list[str]:
    now = holdings()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        *(_describe(pid) for pid in sorted(now.processes - before.processes) if _is_ours(pid)),
        *(f"descriptor {one}" for one in sorted(now.descriptors - before.descriptors)),
        *(f"mapping {one}" for one in sorted(now.mappings - before.mappings)),
        *(f"shared segment {one}" for one in sorted(now.shared - before.shared)),
        *(f"temporary file {one}" for one in sorted(now.temporary - before.temporary)),
        *(f"thread {names.get(one, one)}" for one in sorted(now.threads - before.threads)),
    ]


def _descriptors() -> Iterator[str]:
    kept = _multiprocessing_descriptors()
    for one in list((_PROC / "fd").iterdir()):
        try:
            target = one.readlink()
        except FileNotFoundError:  # the one that listed the folder
            continue
        if int(one.name) not in kept:
            yield f"{one.name} -> {target}"


def _multiprocessing_descriptors() -> set[int]:
    """Descriptors of the helpers that the standard library starts once and never closes."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    descriptor = None if tracker is None else tracker._resource_tracker._fd
    return set() if descriptor is None else {descriptor}


def _segments() -> Iterator[str]:
    """Names of shared memory, of the whole machine; those of libraries that nothing here uses are somebody else's."""
    if _SHARED.exists():
        for one in _SHARED.iterdir():
            if not one.name.startswith(FOREIGN_SEGMENTS):
                yield one.name


def _mappings() -> Iterator[str]:
    for line in (_PROC / "maps").read_text().splitlines():
        if "/memfd:" in line or "/dev/shm/" in line:  # noqa: S108
            _, _, _, _, inode, path = line.split(maxsplit=5)
            yield f"{path} (inode {inode})"


def _temporary() -> Iterator[str]:
    root = Path(tempfile.gettempdir())
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(tuple(TOLERATED_TEMPORARY))]
        yield from (str((Path(place) / name).relative_to(root)) for name in (*folders, *files))


def _is_ours(pid: int) -> bool:
    """Say whether this session started a process: by descent, by process group, or by its mark."""
    try:
        if any(command in _read(pid, "cmdline").replace(b"\0", b" ") for command in TOLERATED_COMMANDS):
            return False
        state, _, group = _standing(pid)
        if state != "Z" and (group == os.getpgrp() or _is_marked(pid)):  # a zombie is its parent's to bury
            return True
        while pid > 1:
            pid = _standing(pid)[1]
            if pid == os.getpid():
                return True
    except OSError:  # gone meanwhile, or another user's
        pass
    return False


def _is_marked(pid: int) -> bool:
    return os.environ[SESSION_VARIABLE].encode() in _read(pid, "environ")


def _standing(pid: int) -> tuple[str, int, int]:
    """State, parent and process group."""
    state, parent, group, *_ = _read(pid, "stat").rpartition(b")")[2].split()
    return state.decode(), int(parent), int(group)


def _describe(pid: int) -> str:
    try:
        state = _standing(pid)[0]
        command = _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid}, " + ("a zombie" if state == "Z" else f"state {state}: {command[:200]}")


def _read(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()
