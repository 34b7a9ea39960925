"""Looking at a tree's memory: the group's charge in both versions, what pages are, torn looks left out."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from breakeven.lab.instruments.memory.looking import Held, Pages, Peak, group_bytes, look, pages
from tests.probes.trees import V2_MOUNT, Tree, v1_mount

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1_000_000


def test_a_v1_group_is_charged_less_the_kernels_own(tmp_path: Path) -> None:
    """What memory.kmem counts is in memory.usage too."""
    tree = Tree(tmp_path).groups("4:memory:/g\n", v1_mount("memory"))
    tree.write("/sys/fs/cgroup/memory/g/memory.usage_in_bytes", "1000\n")
    tree.write("/sys/fs/cgroup/memory/g/memory.kmem.usage_in_bytes", "300\n")
    assert group_bytes(tree.path) == (700, 300)


def test_a_v2_group_is_charged_less_the_kernels_own(tmp_path: Path) -> None:
    """The line `kernel` of memory.stat."""
    tree = Tree(tmp_path).groups("0::/g\n", V2_MOUNT)
    tree.write("/sys/fs/cgroup/g/memory.current", "1000\n")
    tree.write("/sys/fs/cgroup/g/memory.stat", "anon 600\nfile 100\nkernel 300\nkernel_stack 40\n")
    assert group_bytes(tree.path) == (700, 300)


def test_without_a_group_nothing_is_told(tmp_path: Path) -> None:
    """Neither charge is zero then; both are unknown."""
    assert group_bytes(Tree(tmp_path).path) == (None, None)


def test_fresh_pages_are_no_files_and_belong_to_this_process_alone() -> None:
    """Forty megabytes that are written to are in all three figures."""
    before = pages(os.getpid())
    with mmap.mmap(-1, 40 * MEGABYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block[:] = b"x" * len(block)
        after = pages(os.getpid())
    for name in ("proportional_bytes", "unfiled_bytes", "unique_bytes"):
        assert 38 * MEGABYTE < getattr(after, name) - getattr(before, name) < 42 * MEGABYTE


def test_a_process_that_is_gone_holds_nothing() -> None:
    """Zero, not an error: what ends meanwhile counts nothing."""
    assert pages(2**22 + 1) == Pages(0, 0, 0)
    assert look(os.getpid()).tree.proportional_bytes > 0


def test_a_torn_look_is_counted_and_left_out_of_the_peak() -> None:
    """Its parts belong to different moments."""
    peak = Peak(os.getpid())
    peak()
    peak.count(Held(Pages(5, 10**12, 5), Pages(), torn=False, group_bytes=7, kernel_bytes=0))
    assert peak.looks == 1
    assert peak.unfiled_bytes == 10**12
