"""Trees of files that stand in for a machine's `/proc` and `/sys`, laid out as kernels lay them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30
UNLIMITED_V1 = 9223372036854771712
V2_MOUNT = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
ROOT_MOUNT = "25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"


def v1_mount(controllers: str, top: str = "/", point: str | None = None) -> str:
    """Return the mountinfo line of a v1 hierarchy."""
    where = point or f"/sys/fs/cgroup/{controllers}"
    return f"35 31 0:32 {top} {where} rw,relatime shared:9 master:3 - cgroup cgroup rw,{controllers}\n"


class Tree:
    """A root directory to be filled; `path` is what the probes take as `root`."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._root = path

    def write(self, name: str, text: str | bytes) -> Tree:
        """Write one file, its folders made as needed."""
        at = self._root / name.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def groups(self, own: str, *mounts: str) -> Tree:
        """Write what the kernel says of this process's groups and of the mounts."""
        return self.write("/proc/self/cgroup", own).write("/proc/self/mountinfo", ROOT_MOUNT + "".join(mounts))

    def memory_v2(self, group: str, limit: str, used: int = 0, inactive: int = 0) -> Tree:
        """Write a v2 group's memory files."""
        at = f"/sys/fs/cgroup{group}"
        self.write(f"{at}/memory.max", f"{limit}\n").write(f"{at}/memory.current", f"{used}\n")
        return self.write(f"{at}/memory.stat", f"anon 1\ninactive_file {inactive}\nactive_file 7\n")

    def memory_v1(self, group: str, limit: int, used: int = 0, inactive: int = 0) -> Tree:
        """Write a v1 group's memory files."""
        at = f"/sys/fs/cgroup/memory{group}"
        self.write(f"{at}/memory.limit_in_bytes", f"{limit}\n").write(f"{at}/memory.usage_in_bytes", f"{used}\n")
        return self.write(f"{at}/memory.stat", f"cache 1\ninactive_file 3\ntotal_inactive_file {inactive}\n")

    def machine_memory(self, available: int) -> Tree:
        """Write what the machine as a whole has left."""
        return self.write(
            "/proc/meminfo", f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {available // 1024} kB\n"
        )
