"""How much of this machine is ours: CPUs and memory, by affinity, control group and hardware.

Lives here: what cgroup v1 and v2, alone or side by side, grant this process, found as the kernel describes it in
`/proc/self/cgroup` and `/proc/self/mountinfo`; limits of every group above ours count. Never here: what to do with it.
Hot path: one call costs about 0.1 ms, nearly all of it the kernel's. `root` stands in for `/` in tests.
"""

from __future__ import annotations

import os

from breakeven.probes.kernel import field, read_bytes, read_number, read_text, whole_number

_NO_LIMIT = 1 << 62
"""cgroup v1 spells "no limit" as the largest multiple of the page size below 2**63."""

_MICROSECONDS_BY_DEFAULT = 100_000
"""The period of a v2 quota that names none."""


def usable_cpus(root: str = "/") -> int:
    """Return how many processes can compute at once: the least of affinity, CPU quota (rounded up) and hardware.

    >>> 1 <= usable_cpus() <= os.cpu_count()
    True
    """
    counts = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    quota = cpu_quota(root)
    if quota is not None:
        counts.append(int(quota) + (quota > int(quota)))
    return max(1, min(counts))


def cpu_quota(root: str = "/") -> float | None:
    """Return the CPUs' worth of time that the tightest group grants in a period, or `None` where none sets a limit."""
    v1, v2 = group_directories("cpu", root)
    budgets = [(read_number(f"{at}/cpu.cfs_quota_us"), read_number(f"{at}/cpu.cfs_period_us")) for at in v1]
    for at in v2:
        words = (read_bytes(f"{at}/cpu.max") or b"").split()
        if words:
            period = whole_number(words[1]) if len(words) > 1 else _MICROSECONDS_BY_DEFAULT
            budgets.append((whole_number(words[0]), period))
    quotas = [quota / period for quota, period in budgets if quota and period and quota > 0 and period > 0]
    return min(quotas, default=None)


def running_elsewhere(ours: int) -> int:
    """Return how many threads of the whole machine want a CPU at this moment beside this one and `ours`; 0 if unknown.

    A glance, not an average: it costs 10 µs and is right about a neighbour that computes all the time.
    """
    words = (read_bytes("/proc/loadavg") or b"").split()
    running = whole_number(words[3].partition(b"/")[0]) if len(words) > 3 else None  # noqa: PLR2004 - proc(5)
    return max((running or 0) - 1 - ours, 0)


def available_memory_bytes(root: str = "/") -> int | None:
    """Return what can still be taken without swapping and without the OOM killer; `None` where no one can tell.

    The least of what the machine has left and what every group above this process has left. File pages that a
    group would drop when asked (`inactive_file`) count as free.
    """
    amounts = [amount for amount in [_machine_memory_bytes(root), *_group_rooms(root)] if amount is not None]
    return max(0, min(amounts)) if amounts else None


def memory_limit_bytes(root: str = "/") -> int | None:
    """Return the default of `memory_limit`: 80 % of what is available, so that others find room too."""
    available = available_memory_bytes(root)
    return None if available is None else available * 4 // 5


def cgroup_oom_kills(root: str = "/") -> int | None:
    """Return how many processes of this group the OOM killer has ended so far, or `None` where that is not counted.

    Only a difference means something: the count survives the processes. It is the group's, so a kill among
    strangers in the same group is counted too.
    """
    v1, v2 = group_directories("memory", root)
    for name, directories in (("memory.oom_control", v1), ("memory.events", v2)):
        for at in directories:
            kills = field(read_bytes(f"{at}/{name}"), b"oom_kill")
            if kills is not None:
                return kills
    return None


def group_directories(controller: str, root: str = "/") -> tuple[list[str], list[str]]:
    """Return the directories of this process's cgroup v1 and v2 for one controller, innermost first, ancestors after.

    Either list is empty where that version has no such controller; the directories need not exist.
    """
    prefix = root.rstrip("/")
    own = _own_groups(prefix)
    v1_path, v2_path = own.get(controller), own.get("")
    if v1_path is None and v2_path is None:
        return [], []
    v1: list[tuple[str, str]] = []
    v2: list[tuple[str, str]] = []
    for kind, options, top, point in _group_mounts(prefix):
        if kind == "cgroup2":
            v2.append((top, point))
        elif controller in options:
            v1.append((top, point))
    return _lineage(v1_path, v1, prefix), _lineage(v2_path, v2, prefix)


def _own_groups(prefix: str) -> dict[str, str]:
    """Return controller → path of our group in its hierarchy; the empty name is the v2 hierarchy."""
    groups = {}
    for line in (read_text(f"{prefix}/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator and (controllers or number == "0"):
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _group_mounts(prefix: str) -> list[tuple[str, list[str], str, str]]:
    """Return (type, options, group that is mounted, where) of every cgroup file system, in the order of mounting."""
    mounts = []
    for line in (read_text(f"{prefix}/proc/self/mountinfo") or "").splitlines():
        if " - cgroup" not in line:
            continue
        mount, _, system = line.partition(" - ")
        where, what = mount.split(), system.split()
        if len(where) > 4 and what[0] in ("cgroup", "cgroup2"):  # noqa: PLR2004 - fields as proc(5) numbers them
            mounts.append((what[0], what[-1].split(","), _unescape(where[3]), _unescape(where[4])))
    return mounts


def _lineage(path: str | None, mounts: list[tuple[str, str]], prefix: str) -> list[str]:
    """Return our group's directory and all above it that can be seen through the mount that shows the most of them.

    Without a cgroup namespace a container sees its host's path but only its own group, mounted at the top. Where
    the path cannot be placed under any mount (a mount made outside our namespace shows as `/..`), the mount
    itself is the nearest thing to our group.
    """
    if path is None or not mounts:
        return []
    inside = sorted([(top, point) for top, point in mounts if _is_below(path, top)], key=_length_of_first)
    if not inside:
        return [prefix + mounts[0][1]]
    chains = [_upwards(prefix + point.rstrip("/"), path[len(top.rstrip("/")) :]) for top, point in inside]
    if len(chains) > 1:  # a later mount may hide an earlier one
        chains = [chain for chain in chains if os.path.isdir(chain[0])] or chains  # noqa: PTH112 - pathlib is slow
    return chains[0]


def _is_below(path: str, top: str) -> bool:
    if ".." in path.split("/"):
        return False
    return top in ("/", path) or path.startswith(top + "/")


def _length_of_first(pair: tuple[str, str]) -> int:
    return len(pair[0])


def _upwards(point: str, relative: str) -> list[str]:
    directories = []
    relative = relative.rstrip("/")
    while relative:
        directories.append(point + relative)
        relative = relative.rpartition("/")[0]
    return [*directories, point]


def _unescape(path: str) -> str:
    """Undo the octal escapes of mountinfo: blank, tab, line feed, backslash."""
    if "\\" not in path:
        return path
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(escape, character)
    return path


def _machine_memory_bytes(root: str) -> int | None:
    kilobytes = field(read_bytes(root.rstrip("/") + "/proc/meminfo"), b"MemAvailable:")
    if kilobytes is not None:
        return kilobytes * 1024
    if root != "/":
        return None
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def _group_rooms(root: str) -> list[int | None]:
    """Return limit minus use of every group that has a limit."""
    v1, v2 = group_directories("memory", root)
    rooms = []
    for at in v1:
        limit = read_number(f"{at}/memory.limit_in_bytes")
        rooms.append(_room(limit, f"{at}/memory.usage_in_bytes", f"{at}/memory.stat", b"total_inactive_file"))
    for at in v2:
        # Past `memory.high` a group is not killed but slowed down until it is of no use.
        limits = (read_number(f"{at}/memory.max"), read_number(f"{at}/memory.high"))
        limit = min([limit for limit in limits if limit is not None], default=None)
        rooms.append(_room(limit, f"{at}/memory.current", f"{at}/memory.stat", b"inactive_file"))
    return rooms


def _room(limit: int | None, usage_path: str, stat_path: str, reclaimable: bytes) -> int | None:
    if limit is None or not 0 <= limit < _NO_LIMIT:
        return None
    used = read_number(usage_path) or 0
    return limit - max(0, used - (field(read_bytes(stat_path), reclaimable) or 0))
