"""What a reader needs to know of the machine and the moment to judge a figure.

Lives here: reading it. Never here: paths, user or host names, which tell nothing of the figures.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata

from breakeven import __version__
from breakeven.probes.capacity import cpu_quota, usable_cpus
from breakeven.probes.kernel import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DISTRIBUTIONS = ("numpy", "cloudpickle", "mpi4py", "mpich", "matplotlib")


def conditions(**more: Any) -> dict[str, Any]:
    """Return machine, CPU, kernel, Python, CPUs, load, versions and the time; `more` is added at the end."""
    versions = {}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "usable_cpus": usable_cpus(),
        "cpu_count": os.cpu_count(),
        "cpu_quota_cpus": cpu_quota(),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "breakeven": __version__,
        "versions": versions,
        "load_1_minute": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        **more,
    }


def caption(found: dict[str, Any]) -> str:
    """Return the conditions as one line under a figure.

    >>> caption({"cpu": "EPYC", "usable_cpus": 2, "python": "CPython 3.11.7", "kernel": "Linux 6", "started": "now"})
    'EPYC, 2 usable CPUs · Linux 6 · CPython 3.11.7 · now'
    """
    blocks, disturbed = found.get("blocks"), found.get("disturbed_blocks")
    parts = [
        f"{found.get('cpu', 'unknown CPU')}, {found.get('usable_cpus', '?')} usable CPUs",
        str(found.get("kernel", "")),
        str(found.get("python", "")),
        str(found.get("started", "")),
        f"{disturbed} of {blocks} blocks disturbed" if blocks is not None else "",
    ]
    return " · ".join(part for part in parts if part)


def _first(path: str, name: str) -> str | None:
    """The first value that a file of `name: value` lines gives a name."""
    for line in (read_text(path) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
