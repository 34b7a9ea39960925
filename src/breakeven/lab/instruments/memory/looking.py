"""What a tree of processes holds, by the processes' own page tables and by the control group they live in.

Lives here: reading both, and the largest of what was read. Never here: a process of the tree. The group's figure is
the kernel's own count of pages charged, without those of the kernel itself (page tables, stacks), which no process
maps; it also counts whatever else moves in the group meanwhile. Groups of version 1 and 2.

Pages of files, such as those of libraries, are in memory before the tree and shared with everybody who maps them: a
tree that grows has a larger share of them, but nothing more is charged. So the group is held against what of the
proportional pages is no file's.
"""

from __future__ import annotations

from dataclasses import dataclass

from breakeven.lab.processes.families import descendants
from breakeven.probes.capacity import group_directories
from breakeven.probes.kernel import field, read_bytes, read_number

TORN_SHARE = 0.01
"""A tree that moves by more than this share of itself while it is read was read at different moments."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Bytes of one process, or of several summed: proportional, those of them that are no file's, and unique ones."""

    proportional_bytes: int = 0
    unfiled_bytes: int = 0
    unique_bytes: int = 0

    def __add__(self, other: Pages) -> Pages:
        return Pages(
            self.proportional_bytes + other.proportional_bytes,
            self.unfiled_bytes + other.unfiled_bytes,
            self.unique_bytes + other.unique_bytes,
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What a tree holds at one moment; `group_bytes` and `kernel_bytes` are None where no group counts memory.

    `workers` are all processes but the first. `torn` says that the tree changed while it was looked at, so that its
    parts belong to different moments.
    """

    first: Pages
    workers: Pages
    torn: bool
    group_bytes: int | None
    kernel_bytes: int | None

    @property
    def tree(self) -> Pages:
        """All processes together."""
        return self.first + self.workers


def pages(pid: int) -> Pages:
    """What one process maps; nothing once it is gone."""
    table = read_bytes(f"/proc/{pid}/smaps_rollup")

    def summed(*names: bytes) -> int:
        return 1024 * sum(field(table, name) or 0 for name in names)

    return Pages(
        proportional_bytes=summed(b"Pss:"),
        unfiled_bytes=summed(b"Pss_Anon:", b"Pss_Shmem:"),
        unique_bytes=summed(b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:"),
    )


def group_bytes(root: str = "/") -> tuple[int | None, int | None]:
    """Bytes charged to our memory group: those of processes and files, and those of the kernel's own."""
    v1, v2 = group_directories("memory", root)
    for at in v1:
        whole = read_number(f"{at}/memory.usage_in_bytes")
        if whole is not None:
            kernel = read_number(f"{at}/memory.kmem.usage_in_bytes") or 0
            return whole - kernel, kernel
    for at in v2:
        whole = read_number(f"{at}/memory.current")
        if whole is not None:
            kernel = field(read_bytes(f"{at}/memory.stat"), b"kernel") or 0
            return whole - kernel, kernel
    return None, None


def look(pid: int) -> Held:
    """Look at the tree below `pid` now; what ends meanwhile counts nothing."""
    pids = descendants(pid)
    earlier, _ = group_bytes()
    first = pages(pid)
    workers = sum([pages(one) for one in pids[1:]], Pages())
    group, kernel = group_bytes()
    again = pages(pid)
    moved = abs(again.proportional_bytes - first.proportional_bytes)
    if group is not None and earlier is not None:
        moved = max(moved, abs(group - earlier))
    total = first.proportional_bytes + workers.proportional_bytes
    return Held(first, workers, moved > TORN_SHARE * total or descendants(pid) != pids, group, kernel)


class Peak:
    """The most that was seen of a tree in looks taken whenever it is called; torn ones are counted and left out."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.looks = self.torn = 0
        self.unfiled_bytes = 0
        self.group_bytes = 0

    def __call__(self) -> None:
        """Look once more."""
        held = look(self._pid)
        self.looks += 1
        if held.torn:
            self.torn += 1
        else:
            self.count(held)

    def count(self, held: Held) -> None:
        """Count a look that was taken while the tree stood still."""
        self.unfiled_bytes = max(self.unfiled_bytes, held.tree.unfiled_bytes)
        self.group_bytes = max(self.group_bytes, held.group_bytes or 0)
