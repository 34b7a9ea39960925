"""What the doctor knows of a host.

Lives here: the facts, and reading each of them where it really stands. Never here: whether a fact is good or bad.
Nothing is assumed from a version number: what a filter may refuse, such as memfd, is asked for once and given back.
Not on the hot path.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass

from breakeven.probes.capacity import available_memory_bytes, cpu_quota, group_directories, usable_cpus
from breakeven.probes.hazards import fork_hazard
from breakeven.probes.kernel import read_number


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What the judgements need to know of a host; `None` is not measured, or no limit where a field says so."""

    system: str
    python_version: tuple[int, int]
    gil_enabled: bool
    default_start_method: str
    fork_hazard: str | None
    cpu_count: int
    usable_cpus: int
    cpu_quota: float | None  # None: no quota
    shared_memory_bytes: int | None
    shared_memory_free_bytes: int | None
    available_memory_bytes: int | None
    open_files_limit: int | None  # None: no limit
    user_tasks_limit: int | None  # None: no limit; root is not held to it
    group_tasks_limit: int | None  # None: no limit
    address_space_limit_bytes: int | None  # None: no limit
    overcommit_mode: int | None
    blas_threads: tuple[tuple[str, int], ...]
    has_memfd: bool
    has_pidfd: bool


def read_host_facts(root: str = "/") -> HostFacts:
    """Read this host now. `root` stands in for `/` where files are read; limits of the process are always the real."""
    shared = _file_system_bytes(root.rstrip("/") + "/dev/shm")  # noqa: S108 - looked at, not written to
    return HostFacts(
        system=platform.system(),
        python_version=sys.version_info[:2],
        gil_enabled=getattr(sys, "_is_gil_enabled", lambda: True)(),
        default_start_method=_default_start_method(),
        fork_hazard=fork_hazard(),
        cpu_count=os.cpu_count() or 1,
        usable_cpus=usable_cpus(root),
        cpu_quota=cpu_quota(root),
        shared_memory_bytes=shared[0],
        shared_memory_free_bytes=shared[1],
        available_memory_bytes=available_memory_bytes(root),
        open_files_limit=_soft_limit("RLIMIT_NOFILE"),
        user_tasks_limit=None if getattr(os, "geteuid", int)() == 0 else _soft_limit("RLIMIT_NPROC"),
        group_tasks_limit=_group_tasks_limit(root),
        address_space_limit_bytes=_soft_limit("RLIMIT_AS"),
        overcommit_mode=read_number(root.rstrip("/") + "/proc/sys/vm/overcommit_memory"),
        blas_threads=_blas_threads(),
        has_memfd=_has_memfd(),
        has_pidfd=_has_pidfd(),
    )


def _default_start_method() -> str:
    import multiprocessing

    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or multiprocessing.get_all_start_methods()[0]


def _file_system_bytes(path: str) -> tuple[int | None, int | None]:
    """Return size and free space of the file system at `path`."""
    try:
        found = os.statvfs(path)
    except (OSError, AttributeError):
        return None, None
    return found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail


def _soft_limit(name: str) -> int | None:
    try:
        import resource
    except ImportError:
        return None
    number = getattr(resource, name, None)
    soft = resource.RLIM_INFINITY if number is None else resource.getrlimit(number)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _group_tasks_limit(root: str) -> int | None:
    v1, v2 = group_directories("pids", root)
    limits = [read_number(f"{directory}/pids.max") for directory in [*v1, *v2]]
    return min([limit for limit in limits if limit is not None], default=None)


def _blas_threads() -> tuple[tuple[str, int], ...]:
    """Return (library, threads) of every pool that numpy and what else is loaded here brought along."""
    try:
        import numpy as np  # noqa: F401 - for the BLAS that comes with it
        from threadpoolctl import threadpool_info
    except ImportError:
        return ()
    return tuple((pool["internal_api"], pool["num_threads"]) for pool in threadpool_info())


def _has_memfd() -> bool:
    """Say whether the kernel makes one; a seccomp filter may refuse what Python offers."""
    try:
        os.close(os.memfd_create("breakeven-doctor"))
    except (OSError, AttributeError):
        return False
    return True


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True
