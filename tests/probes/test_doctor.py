"""What the doctor finds: on this host, in trees of files, and by each judgement alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breakeven.probes import doctor
from breakeven.probes.host import HostFacts, read_host_facts
from tests.probes.trees import V2_MOUNT, Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = HostFacts(
    system="Linux",
    python_version=(3, 12),
    gil_enabled=True,
    default_start_method="fork",
    fork_hazard=None,
    cpu_count=8,
    usable_cpus=8,
    cpu_quota=None,
    shared_memory_bytes=8 * 10**9,
    shared_memory_free_bytes=8 * 10**9,
    available_memory_bytes=16 * 10**9,
    open_files_limit=4096,
    user_tasks_limit=None,
    group_tasks_limit=None,
    address_space_limit_bytes=None,
    overcommit_mode=0,
    blas_threads=(("openblas", 1),),
    has_memfd=True,
    has_pidfd=True,
)


def test_a_good_host_is_fine_throughout_and_gets_no_advice() -> None:
    """Every judgement answers, so that a report can show what was looked at."""
    hazards = doctor.examine(GOOD)
    assert {hazard.level for hazard in hazards} == {"fine"}
    assert {hazard.advice for hazard in hazards} == {""}
    assert len({hazard.name for hazard in hazards}) == len(hazards) == 12
    assert all(hazard.finding for hazard in hazards)


@pytest.mark.parametrize(
    "judge, changes, level, words",
    [
        (doctor.cpus, {"usable_cpus": 2, "cpu_quota": 1.5}, "warning", "2 of 8 usable, because of a quota of 1.5 CPUs"),
        (doctor.cpus, {"usable_cpus": 2, "cpu_quota": 7.0}, "warning", "2 of 8 usable, because of CPU affinity"),
        (doctor.cpus, {"usable_cpus": 2}, "warning", "because of CPU affinity"),
        (doctor.cpus, {"cpu_quota": 7.5}, "notice", "8 usable, but a quota of 7.5 CPUs"),
        (doctor.cpus, {"cpu_count": 1, "usable_cpus": 1}, "notice", "1 usable"),
        (
            doctor.memory,
            {"available_memory_bytes": 10**9},
            "warning",
            "1.00 GB available, 125 MB for each of 8 workers",
        ),
        (doctor.memory, {"available_memory_bytes": None}, "notice", "not measured"),
        (doctor.start_method, {"fork_hazard": "2 threads run"}, "notice", "no fork: 2 threads run"),
        (doctor.blas_threads, {"blas_threads": (("openblas", 8),)}, "notice", "openblas: 8"),
        (doctor.blas_threads, {"blas_threads": ()}, "fine", "no BLAS"),
        (doctor.memfd, {"has_memfd": False}, "notice", "not available"),
        (doctor.memfd, {"has_memfd": False, "system": "Darwin"}, "notice", "not available"),
        (doctor.shared_memory, {"shared_memory_free_bytes": 1}, "notice", "1 B free of 8.00 GB"),
        (doctor.shared_memory, {"shared_memory_bytes": 64 << 20, "has_memfd": False}, "warning", "free of 67.1 MB"),
        (doctor.shared_memory, {"shared_memory_bytes": None}, "fine", "not needed"),
        (doctor.shared_memory, {"shared_memory_bytes": None, "has_memfd": False}, "notice", "not there"),
        (doctor.pidfd, {"has_pidfd": False}, "notice", "not available"),
        (doctor.open_files, {"open_files_limit": 256}, "warning", "at most 256 a process, 320 may be needed"),
        (doctor.open_files, {"open_files_limit": None}, "fine", "any number"),
        (doctor.tasks, {"user_tasks_limit": 70, "group_tasks_limit": 900}, "warning", "at most 70 with threads"),
        (doctor.tasks, {"group_tasks_limit": 60}, "warning", "at most 60 with threads"),
        (doctor.tasks, {"group_tasks_limit": 9000}, "fine", "at most 9000"),
        (doctor.address_space, {"address_space_limit_bytes": 2 * 10**9}, "warning", "at most 2.00 GB"),
        (doctor.overcommit, {"overcommit_mode": 2}, "warning", "mode 2"),
        (doctor.overcommit, {"overcommit_mode": None}, "fine", "not measured"),
        (doctor.interpreter_lock, {"gil_enabled": False}, "fine", "threads side by side"),
    ],
)
def test_each_hazard_is_told_with_its_figures(
    judge: Callable[[HostFacts], doctor.Hazard], changes: dict[str, object], level: str, words: str
) -> None:
    """And comes with advice unless it is fine."""
    hazard = judge(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert hazard.level == level
    assert words in hazard.finding
    assert bool(hazard.advice) == (level != "fine")


def test_this_host_is_read_as_it_is() -> None:
    """Against what the standard library says of it, where it says anything."""
    facts = read_host_facts()
    shared = os.statvfs("/dev/shm")  # noqa: S108 - looked at, not written to
    assert facts.cpu_count == os.cpu_count()
    assert facts.usable_cpus <= facts.cpu_count
    assert facts.python_version == sys.version_info[:2]
    assert facts.shared_memory_bytes == shared.f_frsize * shared.f_blocks
    assert facts.default_start_method in {"fork", "forkserver", "spawn"}
    assert facts.overcommit_mode in {0, 1, 2}
    assert facts.blas_threads
    assert len(doctor.examine(facts)) == 12


def test_limits_of_a_process_are_read_from_that_process() -> None:
    """Set on a real child, and infinity is no limit."""
    script = """
import resource
from breakeven.probes.host import read_host_facts
resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.RLIM_INFINITY))
facts = read_host_facts()
print(facts.open_files_limit, facts.address_space_limit_bytes)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["99", str(8 << 30)]
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert read_host_facts().address_space_limit_bytes is None


def test_the_limits_of_every_group_above_are_read(tmp_path: Path) -> None:
    """The tightest one holds."""
    tree = Tree(tmp_path).groups("0::/a/b\n", V2_MOUNT).write("/sys/fs/cgroup/a/cpu.max", "50000 100000")
    tree.write("/sys/fs/cgroup/a/b/pids.max", "max\n").write("/sys/fs/cgroup/a/pids.max", "80\n")
    facts = read_host_facts(tree.path)
    assert (facts.group_tasks_limit, facts.cpu_quota, facts.usable_cpus) == (80, 0.5, 1)
    assert facts.shared_memory_bytes is None
    assert facts.overcommit_mode is None


def test_asking_leaves_no_descriptor_open() -> None:
    """A memfd and a pidfd are made to see whether they can be, and closed again."""
    read_host_facts()
    before = sorted(os.listdir("/proc/self/fd"))
    read_host_facts()
    assert sorted(os.listdir("/proc/self/fd")) == before
