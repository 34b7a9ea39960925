"""What about this host could spoil parallel work, and what to do about each.

Lives here: one judgement a hazard, a plain function from the facts of a host. Never here: reading the facts, printing
them, or changing anything. A judgement also answers when all is well, so that a report shows what was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from breakeven.units import format_bytes

if TYPE_CHECKING:
    from breakeven.probes.host import HostFacts

Level = Literal["fine", "notice", "warning"]

_LITTLE_MEMORY_BYTES = 256_000_000
"""For one worker, or in /dev/shm, of which Docker gives 64 MiB unless asked for more."""
_FEW_FILES = 256
_FILES_A_WORKER = 8
"""Its channel, its exit, its log, a few arenas; rounded up."""
_FEW_TASKS = 64
_NEVER_OVERCOMMIT = 2


@dataclass(frozen=True, slots=True)
class Hazard:
    """One thing that was looked at: what was found, how bad that is, and what to do about it (empty when fine)."""

    name: str
    level: Level
    finding: str
    advice: str


def examine(facts: HostFacts) -> tuple[Hazard, ...]:
    """Return a judgement on every hazard known here, in the order in which to read them."""
    return tuple(judge(facts) for judge in _JUDGEMENTS)


def start_method(facts: HostFacts) -> Hazard:
    """Judge how workers would be started from here, and what the standard library would do."""
    name = "start method"
    default = f"this Python's own default is {facts.default_start_method}"
    if facts.fork_hazard is None:
        return Hazard(name, "fine", f"fork is safe at this moment; {default}", "")
    advice = "start workers before threads, or leave it: forkserver is used instead, and takes longer to start"
    return Hazard(name, "notice", f"no fork: {facts.fork_hazard}; {default}", advice)


def cpus(facts: HostFacts) -> Hazard:
    """Judge whether what counts CPUs naively would start too many workers."""
    name, usable, quota = "CPUs", facts.usable_cpus, facts.cpu_quota
    if usable < facts.cpu_count:
        cause = "CPU affinity" if quota is None or quota > usable else f"a quota of {quota:g} CPUs"
        advice = f"breakeven starts {usable} workers; tell other libraries to, os.cpu_count() misleads them"
        return Hazard(name, "warning", f"{usable} of {facts.cpu_count} usable, because of {cause}", advice)
    if quota is not None and quota < usable:
        advice = f"expect a speed-up of {quota:g} at most: the group is halted for the rest of each period"
        return Hazard(name, "notice", f"{usable} usable, but a quota of {quota:g} CPUs", advice)
    if usable == 1:
        advice = "processes cannot compute side by side here; they still help where tasks wait"
        return Hazard(name, "notice", "1 usable, as many as the machine has", advice)
    return Hazard(name, "fine", f"{usable} usable, as many as the machine has", "")


def shared_memory(facts: HostFacts) -> Hazard:
    """Judge `/dev/shm`, which matters where arrays cannot travel through memfd, and to other libraries."""
    name = "shared memory"
    size, free = facts.shared_memory_bytes, facts.shared_memory_free_bytes
    if size is None or free is None:
        if facts.has_memfd:
            return Hazard(name, "fine", "not there, and not needed: arrays travel through memfd", "")
        return Hazard(name, "notice", "not there", "large arrays are copied through the channel")
    finding = f"{format_bytes(free)} free of {format_bytes(size)} in /dev/shm"
    if min(size, free) >= _LITTLE_MEMORY_BYTES:
        return Hazard(name, "fine", finding, "")
    advice = "start the container with a larger --shm-size, or remove what is left over there"
    if facts.has_memfd:
        return Hazard(name, "notice", finding, f"breakeven uses memfd instead; for libraries that do not: {advice}")
    return Hazard(name, "warning", finding, advice)


def memory(facts: HostFacts) -> Hazard:
    """Judge what a worker could have if all took the same."""
    name = "memory"
    if facts.available_memory_bytes is None:
        return Hazard(name, "notice", "not measured", "set memory_limit yourself")
    share = facts.available_memory_bytes // facts.usable_cpus
    available, each = format_bytes(facts.available_memory_bytes), format_bytes(share)
    finding = f"{available} available, {each} for each of {facts.usable_cpus} workers"
    if share >= _LITTLE_MEMORY_BYTES:
        return Hazard(name, "fine", finding, "")
    return Hazard(name, "warning", finding, "use fewer workers (max_workers), or give the group or machine more memory")


def open_files(facts: HostFacts) -> Hazard:
    """Judge the limit on descriptors of one process."""
    limit, needed = facts.open_files_limit, _FEW_FILES + _FILES_A_WORKER * facts.usable_cpus
    if limit is None or limit >= needed:
        return Hazard("open files", "fine", f"at most {limit or 'any number'} a process", "")
    finding = f"at most {limit} a process, {needed} may be needed"
    return Hazard("open files", "warning", finding, "raise it: ulimit -n 4096")


def tasks(facts: HostFacts) -> Hazard:
    """Judge the limits on processes and threads together, of the user and of the control group."""
    limits = [limit for limit in (facts.user_tasks_limit, facts.group_tasks_limit) if limit is not None]
    needed = _FEW_TASKS + 2 * facts.usable_cpus
    if not limits or min(limits) >= needed:
        return Hazard("processes", "fine", f"at most {min(limits, default='any number')}", "")
    advice = "raise it: ulimit -u, or the group's pids.max; BLAS threads count too"
    return Hazard("processes", "warning", f"at most {min(limits)} with threads, {needed} may be needed", advice)


def address_space(facts: HostFacts) -> Hazard:
    """Judge a limit on address space, which mapped arrays use up without using memory."""
    limit = facts.address_space_limit_bytes
    if limit is None:
        return Hazard("address space", "fine", "no limit", "")
    advice = "shared arrays count in every process that maps them; better limit memory by control group, not ulimit -v"
    return Hazard("address space", "warning", f"at most {format_bytes(limit)} a process", advice)


def overcommit(facts: HostFacts) -> Hazard:
    """Judge whether a fork of a large process may be refused for memory it will never use."""
    if facts.overcommit_mode == _NEVER_OVERCOMMIT:
        advice = "a fork may fail though it copies nothing: start_method='forkserver' forks a small process instead"
        return Hazard("overcommit", "warning", "the kernel promises no more memory than there is (mode 2)", advice)
    finding = "not measured" if facts.overcommit_mode is None else f"allowed (mode {facts.overcommit_mode})"
    return Hazard("overcommit", "fine", finding, "")


def blas_threads(facts: HostFacts) -> Hazard:
    """Judge whether linear algebra would start more threads than there are CPUs once workers call it."""
    if not facts.blas_threads:
        return Hazard("BLAS threads", "fine", "no BLAS or OpenMP library is loaded", "")
    finding = ", ".join(f"{library}: {count}" for library, count in facts.blas_threads)
    most = max(count for _, count in facts.blas_threads)
    if most <= 1:
        return Hazard("BLAS threads", "fine", finding, "")
    total = most * facts.usable_cpus
    advice = (
        f"{facts.usable_cpus} workers would run {total} threads; breakeven holds each to threads_per_worker (1),"
        " others need OMP_NUM_THREADS=1"
    )
    return Hazard("BLAS threads", "notice", finding, advice)


def memfd(facts: HostFacts) -> Hazard:
    """Judge whether arrays can travel through memory that has no name."""
    if facts.has_memfd:
        return Hazard("memfd", "fine", "available: arrays travel through memory that cannot be left behind", "")
    advice = "arrays travel through /dev/shm instead; a seccomp filter that allows memfd_create would be better"
    return Hazard("memfd", "notice", "not available", advice if facts.system == "Linux" else "nothing to do")


def pidfd(facts: HostFacts) -> Hazard:
    """Judge whether a process can be watched without its number being mistaken for another's."""
    if facts.has_pidfd:
        return Hazard("pidfd", "fine", "available", "")
    return Hazard("pidfd", "notice", "not available", "nothing to do: the end of a worker is seen on its channel")


def interpreter_lock(facts: HostFacts) -> Hazard:
    """Judge whether threads can run Python side by side."""
    version = ".".join(str(part) for part in facts.python_version)
    how = (
        "one thread at a time; native code and processes run side by side"
        if facts.gil_enabled
        else "threads side by side"
    )
    return Hazard("GIL", "fine", f"Python {version} runs {how}", "")


_JUDGEMENTS = (
    cpus,
    memory,
    start_method,
    interpreter_lock,
    blas_threads,
    memfd,
    shared_memory,
    pidfd,
    open_files,
    tasks,
    address_space,
    overcommit,
)
