"""CPUs and memory, by trees of files as cgroup v1, v2 and both lay them out."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.probes import capacity
from tests.probes.trees import GIB, UNLIMITED_V1, V2_MOUNT, Tree, v1_mount

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Give an empty machine."""
    return Tree(tmp_path)


@pytest.fixture
def _many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hardware and affinity grant 64 CPUs, which the machine at hand may not have."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


# --- which groups are ours ---------------------------------------------------------------------------


def test_a_v2_group_and_all_above_it_count(tree: Tree) -> None:
    """The path in /proc/self/cgroup is followed from the mount point down."""
    tree.groups("0::/user.slice/session.scope\n", V2_MOUNT)
    v1, v2 = capacity.group_directories("cpu", tree.path)
    top = f"{tree.path}/sys/fs/cgroup"
    assert v1 == []
    assert v2 == [f"{top}/user.slice/session.scope", f"{top}/user.slice", top]


def test_a_v1_controller_is_found_by_name_among_several_in_one_hierarchy(tree: Tree) -> None:
    """`cpu,cpuacct` is one hierarchy with two controllers, and `cpuset` is not `cpu`."""
    tree.groups("5:cpuset:/wrong\n4:cpu,cpuacct:/right\n", v1_mount("cpuset"), v1_mount("cpu,cpuacct"))
    v1, v2 = capacity.group_directories("cpu", tree.path)
    assert v1 == [f"{tree.path}/sys/fs/cgroup/cpu,cpuacct/right", f"{tree.path}/sys/fs/cgroup/cpu,cpuacct"]
    assert v2 == []


def test_a_container_without_a_cgroup_namespace_finds_its_group_at_the_mount_point(tree: Tree) -> None:
    """The kernel tells the host's path, of which only the container's own part is mounted."""
    tree.groups("4:memory:/docker/abc/inner\n", v1_mount("memory", "/docker/abc"))
    v1, _ = capacity.group_directories("memory", tree.path)
    assert v1 == [f"{tree.path}/sys/fs/cgroup/memory/inner", f"{tree.path}/sys/fs/cgroup/memory"]


def test_a_sibling_whose_name_begins_alike_is_not_an_ancestor(tree: Tree) -> None:
    """/docker/abc is no part of /docker/ab; the mount point is then the best there is."""
    tree.groups("4:memory:/docker/abc\n", v1_mount("memory", "/docker/ab"))
    assert capacity.group_directories("memory", tree.path)[0] == [f"{tree.path}/sys/fs/cgroup/memory"]


@pytest.mark.parametrize("own, top", [("/", "/.."), ("/../sibling", "/"), ("/elsewhere", "/docker/abc")])
def test_a_path_outside_of_every_mount_falls_back_to_the_mount_point(tree: Tree, own: str, top: str) -> None:
    """Namespaces show what lies outside them as `..`."""
    tree.groups(f"4:memory:{own}\n", v1_mount("memory", top))
    assert capacity.group_directories("memory", tree.path)[0] == [f"{tree.path}/sys/fs/cgroup/memory"]


def test_of_several_mounts_the_one_that_shows_most_ancestors_and_exists_is_taken(tree: Tree) -> None:
    """An agent with the host's tree mounted beside its own sees its ancestors' limits there."""
    mounts = [v1_mount("memory", "/pods/x"), v1_mount("memory", "/", "/host"), v1_mount("memory", "/", "/hidden")]
    tree.groups("4:memory:/pods/x\n", *mounts).write("/host/pods/x/tasks", "")
    own = [f"{tree.path}/host/pods/x", f"{tree.path}/host/pods", f"{tree.path}/host"]
    assert capacity.group_directories("memory", tree.path)[0] == own


def test_blanks_in_a_mount_point_are_understood(tree: Tree) -> None:
    """Mountinfo writes them as octal escapes."""
    tree.groups("4:memory:/\n", v1_mount("memory", "/", "/my\\040groups\\134x"))
    assert capacity.group_directories("memory", tree.path)[0] == [f"{tree.path}/my groups\\x"]


def test_a_colon_in_a_group_name_belongs_to_the_name(tree: Tree) -> None:
    """Only the first two colons of a line separate."""
    tree.groups("0::/a:b\n", V2_MOUNT)
    assert capacity.group_directories("cpu", tree.path)[1][0] == f"{tree.path}/sys/fs/cgroup/a:b"


# --- CPUs --------------------------------------------------------------------------------------------


def test_the_usable_cpus_are_those_of_the_affinity_mask() -> None:
    """A process bound to one CPU counts one, however many the machine has."""
    script = """
import os
from breakeven.probes.capacity import usable_cpus
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(usable_cpus())
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"1\n"


def test_without_any_group_hardware_and_affinity_decide(tree: Tree) -> None:
    """An empty /proc is no error."""
    assert capacity.cpu_quota(tree.path) is None
    assert capacity.usable_cpus(tree.path) == len(os.sched_getaffinity(0))


@pytest.mark.usefixtures("_many_cpus")
@pytest.mark.parametrize(
    "quota, cpus",
    [("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("200000", 2), ("max 100000", 64), ("9e9 1", 64)],
)
def test_a_v2_quota_is_rounded_up(tree: Tree, quota: str, cpus: int) -> None:
    """Half a CPU more can be used by one worker more; no quota, or one beyond the hardware, changes nothing."""
    tree.groups("0::/a\n", V2_MOUNT).write("/sys/fs/cgroup/a/cpu.max", quota + "\n")
    assert capacity.usable_cpus(tree.path) == cpus


@pytest.mark.usefixtures("_many_cpus")
@pytest.mark.parametrize("quota, cpus", [(250_000, 3), (100_000, 1), (-1, 64), (0, 64)])
def test_a_v1_quota_is_rounded_up(tree: Tree, quota: int, cpus: int) -> None:
    """-1 is how v1 says that there is none."""
    tree.groups("4:cpu,cpuacct:/a\n", v1_mount("cpu,cpuacct"))
    tree.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", f"{quota}\n")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n")
    assert capacity.usable_cpus(tree.path) == cpus


@pytest.mark.parametrize("tight", ["/a/b", "/a", ""])
def test_the_tightest_quota_on_the_way_up_holds(tree: Tree, tight: str) -> None:
    """A generous group inside a tight one is as tight."""
    tree.groups("0::/a/b\n", V2_MOUNT)
    for group in ("/a/b", "/a", ""):
        tree.write(f"/sys/fs/cgroup{group}/cpu.max", "150000 100000" if group == tight else "800000 100000")
    assert capacity.cpu_quota(tree.path) == 1.5


def test_a_quota_is_found_in_either_half_of_a_hybrid_hierarchy(tree: Tree) -> None:
    """Where v1 has the controller, an empty v2 tree beside it says nothing, and the other way round."""
    tree.groups("1:cpu:/x\n0::/y\n", v1_mount("cpu"), V2_MOUNT.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"))
    tree.write("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "50000")
    tree.write("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "200000")
    assert capacity.cpu_quota(tree.path) == 4
    tree.write("/sys/fs/cgroup/unified/y/cpu.max", "30000 10000")
    assert capacity.cpu_quota(tree.path) == 3


# --- memory ------------------------------------------------------------------------------------------


def test_without_a_limit_the_machine_decides(tree: Tree) -> None:
    """`MemAvailable` counts what the kernel would give up, which `MemFree` does not."""
    tree.groups("0::/a\n", V2_MOUNT).memory_v2("/a", "max", 1 * GIB).machine_memory(3 * GIB)
    assert capacity.available_memory_bytes(tree.path) == 3 * GIB


def test_a_v2_group_has_its_limit_less_what_it_uses_and_cannot_drop(tree: Tree) -> None:
    """File pages not used lately are given back when memory runs short."""
    tree.groups("0::/a\n", V2_MOUNT).memory_v2("/a", str(4 * GIB), 3 * GIB, 2 * GIB).machine_memory(64 * GIB)
    assert capacity.available_memory_bytes(tree.path) == 3 * GIB


def test_past_memory_high_a_group_is_halted_so_it_limits_too(tree: Tree) -> None:
    """The lower of `memory.high` and `memory.max` counts."""
    tree.groups("0::/a\n", V2_MOUNT).memory_v2("/a", str(8 * GIB)).machine_memory(64 * GIB)
    tree.write("/sys/fs/cgroup/a/memory.high", str(2 * GIB))
    assert capacity.available_memory_bytes(tree.path) == 2 * GIB


def test_a_v1_group_has_its_limit_less_what_it_uses_and_cannot_drop(tree: Tree) -> None:
    """v1 keeps the sum over a group's children under names that begin with `total_`."""
    tree.groups("4:memory:/a\n", v1_mount("memory")).machine_memory(64 * GIB)
    tree.memory_v1("/a", 4 * GIB, 3 * GIB, 1 * GIB).memory_v1("", UNLIMITED_V1, 50 * GIB)
    assert capacity.available_memory_bytes(tree.path) == 2 * GIB


def test_a_group_above_may_have_less_room_than_ours(tree: Tree) -> None:
    """What siblings use counts against the parent's limit."""
    tree.groups("0::/a/b\n", V2_MOUNT).machine_memory(64 * GIB)
    tree.memory_v2("/a/b", str(8 * GIB), 1 * GIB).memory_v2("/a", str(10 * GIB), 9 * GIB)
    assert capacity.available_memory_bytes(tree.path) == 1 * GIB


def test_a_group_over_its_limit_has_nothing_left(tree: Tree) -> None:
    """Never a negative amount."""
    tree.groups("0::/a\n", V2_MOUNT).memory_v2("/a", str(GIB), 2 * GIB).machine_memory(64 * GIB)
    assert capacity.available_memory_bytes(tree.path) == 0


def test_the_default_limit_leaves_a_fifth(tree: Tree) -> None:
    """80 % of what is available."""
    tree.machine_memory(10 * GIB)
    assert capacity.memory_limit_bytes(tree.path) == 8 * GIB


def test_what_nobody_tells_is_not_measured(tree: Tree) -> None:
    """None is not zero."""
    assert capacity.available_memory_bytes(tree.path) is None
    assert capacity.memory_limit_bytes(tree.path) is None
    assert capacity.cgroup_oom_kills(tree.path) is None


def test_this_machine_has_some_memory_and_some_cpus() -> None:
    """The probes answer on the machine at hand."""
    assert (capacity.available_memory_bytes() or 0) > 2**20
    assert 1 <= capacity.usable_cpus() <= (os.cpu_count() or 1)


# --- the OOM killer's counter ------------------------------------------------------------------------


def test_kills_are_counted_by_our_own_v2_group(tree: Tree) -> None:
    """`oom` in the same file counts what was tried, not what was killed."""
    tree.groups("0::/a\n", V2_MOUNT).write("/sys/fs/cgroup/a/memory.events", "oom 9\noom_kill 4\noom_group_kill 0\n")
    tree.write("/sys/fs/cgroup/memory.events", "oom_kill 100\n")
    assert capacity.cgroup_oom_kills(tree.path) == 4


def test_where_our_v2_group_does_not_count_the_next_one_above_does(tree: Tree) -> None:
    """A v2 group has memory files only where its parent hands the controller down."""
    tree.groups("0::/a/b\n", V2_MOUNT).write("/sys/fs/cgroup/a/memory.events", "oom_kill 5\n")
    assert capacity.cgroup_oom_kills(tree.path) == 5


def test_kills_are_counted_by_our_own_v1_group(tree: Tree) -> None:
    """`oom_kill_disable` begins alike and is something else."""
    control = "oom_kill_disable 1\nunder_oom 0\noom_kill 7\n"
    tree.groups("4:memory:/a\n", v1_mount("memory")).write("/sys/fs/cgroup/memory/a/memory.oom_control", control)
    assert capacity.cgroup_oom_kills(tree.path) == 7


def test_kernels_too_old_to_count_kills_are_not_measured(tree: Tree) -> None:
    """Before 4.13, `memory.oom_control` had no such line."""
    control = "oom_kill_disable 0\nunder_oom 0\n"
    tree.groups("4:memory:/a\n", v1_mount("memory")).write("/sys/fs/cgroup/memory/a/memory.oom_control", control)
    assert capacity.cgroup_oom_kills(tree.path) is None


# --- garbage -----------------------------------------------------------------------------------------

_LINE = st.sampled_from(
    [
        b"0::/a",
        b"0::",
        b"::",
        b"4:cpu,memory:/a",
        b"x:y",
        b"4:memory:../..",
        V2_MOUNT.encode(),
        v1_mount("cpu").encode(),
    ]
)
_BROKEN = st.one_of(st.binary(max_size=60), st.lists(_LINE, max_size=6).map(b"\n".join))
_NUMBERS = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"max", b"-1", b"0 0", b"1 0", b"-5 -5", b"9" * 400, b"1 x"])
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(own=_BROKEN, mounts=_BROKEN, number=_NUMBERS)
def test_no_content_of_any_file_makes_a_probe_fail(tmp_path: Path, own: bytes, mounts: bytes, number: bytes) -> None:
    """Whatever stands there, the answer is a sane number or none."""
    tree = Tree(tmp_path).write("/proc/self/cgroup", own).write("/proc/self/mountinfo", mounts)
    tree.write("/proc/meminfo", b"MemAvailable: " + number)
    for at in ("/sys/fs/cgroup", "/sys/fs/cgroup/a", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory/a"):
        for name in ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.max", "memory.current", "memory.stat"):
            tree.write(f"{at}/{name}", number)
        tree.write(f"{at}/memory.events", b"oom_kill " + number)
    assert 1 <= capacity.usable_cpus(tree.path) <= (os.cpu_count() or 1)
    assert (capacity.available_memory_bytes(tree.path) or 0) >= 0
    assert isinstance(capacity.cgroup_oom_kills(tree.path), int | None)


def test_a_file_that_cannot_be_read_is_a_file_that_is_not_there(tree: Tree) -> None:
    """A directory in its place, for one."""
    tree.groups("0::/a\n", V2_MOUNT).write("/sys/fs/cgroup/a/cpu.max/inside", "")
    assert capacity.cpu_quota(tree.path) is None
