"""The machine under the benchmark: what it is, how busy others keep it, whether its speed holds.

Reads Linux's ``/proc``; never starts a measurement.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks import tasks
from benchmarks.variants import DISTRIBUTIONS

ROOT = Path(__file__).resolve().parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36
CANARY_BYTES = 32 * 2**20
CANARY_TURNS = 300_000


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds so far: of the whole machine, lost to the hypervisor, of this process and its reaped children."""

    at: float
    busy: float
    stolen: float
    own: float

    @classmethod
    def take(cls) -> CpuReading:
        """Read the counters now."""
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        user, nice, system, _idle, _iowait, _irq, _softirq, stolen = fields[:8]
        own = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            used = resource.getrusage(who)
            own += used.ru_utime + used.ru_stime
        busy = (user + nice + system) / TICKS_PER_SECOND
        return cls(time.monotonic(), busy, stolen / TICKS_PER_SECOND, own)

    def foreign_cores_since(self, before: CpuReading) -> float:
        """Cores that others kept busy on average (never negative; a tick is 10 ms coarse)."""
        others = (self.busy - before.busy) - (self.own - before.own)
        return max(0.0, others / max(self.at - before.at, 1e-9))

    def stolen_cores_since(self, before: CpuReading) -> float:
        """Cores that the hypervisor kept for others on average."""
        return (self.stolen - before.stolen) / max(self.at - before.at, 1e-9)


def usable_cpus() -> int:
    """CPUs this process may run on."""
    return len(os.sched_getaffinity(0))


def wait_until_quiet(most_cores: float, patience_seconds: float) -> float:
    """Wait, but not for ever, until others leave the machine alone; the load last seen, in cores."""
    give_up = time.monotonic() + patience_seconds
    while True:
        before = CpuReading.take()
        time.sleep(0.3)
        load = CpuReading.take().foreign_cores_since(before)
        if load <= most_cores or time.monotonic() > give_up:
            return load
        time.sleep(0.5)


def adopt_orphans() -> None:
    """Become the parent of whatever a cell leaves behind, so that it is counted and ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def turns_per_millisecond() -> int:
    """How many turns of ``tasks.spin`` this machine does in a millisecond, undisturbed."""
    turns = 100_000
    best = min(_seconds_of_spin(turns) for _ in range(15))
    return round(turns / best / 1e3)


def _seconds_of_spin(turns: int) -> float:
    began = time.perf_counter()
    tasks.spin(turns)
    return time.perf_counter() - began


def canary() -> dict[str, float]:
    """A fixed spin and a fixed copy: if these drift over a block, so did the machine."""
    source = bytearray(CANARY_BYTES)
    copies = []
    for _ in range(5):
        began = time.perf_counter()
        bytes(source)
        copies.append(time.perf_counter() - began)
    spin = min(_seconds_of_spin(CANARY_TURNS) for _ in range(3))
    return {"spin_ms": round(spin * 1e3, 3), "copy_ms": round(min(copies) * 1e3, 3)}


def conditions() -> dict[str, object]:
    """Everything about here and now that a reader needs to judge the figures; no paths, no host name."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _first_field("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "usable_cpus": usable_cpus(),
        "memory": _first_field("/proc/meminfo", "MemTotal"),
        "load_average": os.getloadavg()[0],
        "versions": versions,
        "commit": _commit(),
    }


def _first_field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _commit() -> str:
    """The checkout's commit, with a mark if files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
