"""What processes hold in memory, and the most that a tree of them held at once.

Lives here: one process's figures, and the watch that samples a tree for as little as that may cost. Never here: a
thread or a clock of its own; the engine's loop drives the watch and hands it the time.

Resident pages (RSS) are cheap to read and count a shared page once a process, so their sum means nothing after a fork.
Proportional pages (PSS) share such a page out among those who map it, so their sum is what the tree really holds, but
the kernel walks the page table for it: measured 10 µs a MB resident, against 7 µs in all for RSS. Hence the watch looks
at RSS often, and at PSS where RSS has moved. Where there is no /proc, psutil answers what the system lets it.
"""

from __future__ import annotations

import os

from breakeven.probes.kernel import field, read_bytes, whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

INTERVAL_SECONDS = 0.025
COST_SHARE = 0.005
"""The watch may take this share of the time it has been watching, and stays blind rather than take more."""
CHANGE_SHARE = 0.1
"""PSS is read anew once RSS has moved by more than this since the last time."""

_PSS_SECONDS_A_BYTE = 10.5e-6 / 2**20
"""What reading PSS costs until this machine has shown it: 10.5 µs a MB resident, measured on Linux 6."""

_RSS_SECONDS = 10e-6
"""What one look at RSS costs, rounded up; 7 µs measured."""

_HAS_PROC = os.path.exists("/proc/self/statm")  # noqa: PTH110 - pathlib is slow to import
_PAGE_BYTES: int = os.sysconf("SC_PAGESIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes(pid: int) -> int | None:
    """Return the bytes of RAM a process maps, shared ones in full; `None` once it is gone or where no one can tell."""
    if not _HAS_PROC:
        return _ask_psutil(pid, "memory_info", "rss")
    words = (read_bytes(f"/proc/{pid}/statm") or b"").split(None, 2)
    pages = whole_number(words[1]) if len(words) > 1 else None
    return None if pages is None else pages * _PAGE_BYTES


def peak_resident_bytes() -> int | None:
    """Return the most bytes of RAM that this process has mapped since its begin or `forget_peak`, or `None`."""
    amount = field(read_bytes("/proc/self/status"), b"VmHWM:") if _HAS_PROC else None
    return None if amount is None else amount * 1024


def forget_peak() -> bool:
    """Have `peak_resident_bytes` count from now on; False where the kernel does not offer that."""
    try:
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, b"5")
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def proportional_bytes(pid: int) -> int | None:
    """Return the bytes a process holds with each shared page divided among those who map it (PSS), or `None`."""
    if not _HAS_PROC:
        return _ask_psutil(pid, "memory_full_info", "pss")
    return _kilobytes(read_bytes(f"/proc/{pid}/smaps_rollup"), b"Pss:")


def unique_bytes(pid: int) -> int | None:
    """Return the bytes that would be free if this process alone ended (USS), or `None`."""
    if not _HAS_PROC:
        return _ask_psutil(pid, "memory_full_info", "uss")
    rollup = read_bytes(f"/proc/{pid}/smaps_rollup")
    parts = [_kilobytes(rollup, name) for name in (b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:")]
    return None if parts[0] is None else sum([part or 0 for part in parts])


def tree_proportional_bytes(pids: Iterable[int]) -> int | None:
    """Return what these processes hold together, each page counted once; `None` if none of them could be read.

    A process that ends meanwhile counts nothing. Pages shared with processes outside `pids` count by our share.
    """
    amounts = [amount for amount in [proportional_bytes(pid) for pid in pids] if amount is not None]
    return sum(amounts) if amounts else None


class MemoryWatch:
    """The peak memory of a changing set of processes, sampled by whoever calls `tick` often.

    `peak_pss_bytes` is the largest sum of PSS found, the processes read one right after the other; `None` while none
    was read: runs of less than about 0.1 s cannot pay for it. `peak_rss_bytes` is the largest sum of RSS, an upper
    bound, and `peak_rss_by_pid` outlives the processes. `samples`, `pss_reads` and `cost_seconds` say what that
    rests on. A peak between two samples is not seen. Not safe to share between threads.
    """

    __slots__ = (
        "_clock",
        "_due_seconds",
        "_pids",
        "_pss_rate",
        "_rss_at_pss",
        "_since_seconds",
        "cost_seconds",
        "peak_pss_bytes",
        "peak_rss_by_pid",
        "peak_rss_bytes",
        "pss_reads",
        "samples",
    )

    def __init__(self, pids: Iterable[int], clock: Callable[[], float]) -> None:
        """Watch `pids` from now on; `clock` (seconds, monotonic) is also where the times given to `tick` come from."""
        self._clock = clock
        self._pids = dict.fromkeys(pids)
        self._pss_rate = _PSS_SECONDS_A_BYTE
        self.restart(clock())

    def restart(self, now_seconds: float) -> None:
        """Begin a new run: forget every peak, go on with the same processes."""
        self._since_seconds = now_seconds
        self._due_seconds = now_seconds + INTERVAL_SECONDS
        self._rss_at_pss: dict[int, int] = {}
        self.peak_pss_bytes: int | None = None
        self.peak_rss_bytes: int | None = None
        self.peak_rss_by_pid: dict[int, int] = {}
        self.samples = 0
        self.pss_reads = 0
        self.cost_seconds = 0.0

    @property
    def due_seconds(self) -> float:
        """When the next sample is wanted, so that a loop knows how long it may sleep."""
        return self._due_seconds

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes watched, in the order in which they came."""
        return tuple(self._pids)

    def add(self, pid: int) -> None:
        """Watch one more process; a pid that is watched already stays so."""
        self._pids[pid] = None
        self._rss_at_pss.clear()

    def remove(self, pid: int) -> None:
        """Watch a process no longer, if it was watched; its peak stays."""
        self._pids.pop(pid, None)

    def tick(self, now_seconds: float) -> None:
        """Take a sample if one is due; else a comparison is all it costs."""
        if now_seconds >= self._due_seconds:
            self._sample(now_seconds)

    def settle(self, now_seconds: float) -> None:
        """Take a last sample at the end of a run, due or not, unless the run was too short to pay for it."""
        if self._may_spend(len(self._pids) * _RSS_SECONDS, now_seconds):
            self._sample(now_seconds)

    def _sample(self, now_seconds: float) -> None:
        begun_seconds = self._clock()
        sizes = {}
        for pid in self._pids:
            resident = resident_bytes(pid)
            if resident is not None:
                sizes[pid] = resident
                if resident > self.peak_rss_by_pid.get(pid, -1):
                    self.peak_rss_by_pid[pid] = resident
        self.samples += 1
        self.peak_rss_bytes = max(sum(sizes.values()), self.peak_rss_bytes or 0)
        self.cost_seconds += self._clock() - begun_seconds
        if self._has_moved(sizes) and self._may_spend(sum(sizes.values()) * self._pss_rate, now_seconds):
            self._read_pss(sizes)
        spent = self.cost_seconds if self.pss_reads else 2 * self.cost_seconds  # half of it is left for a first PSS
        self._due_seconds = max(now_seconds + INTERVAL_SECONDS, self._since_seconds + spent / COST_SHARE)

    def _has_moved(self, sizes: dict[int, int]) -> bool:
        """Say whether any process came, went, or changed its size by a tenth since PSS was read."""
        before = self._rss_at_pss
        if before.keys() != sizes.keys():
            return bool(sizes)
        return any(abs(size - before[pid]) > CHANGE_SHARE * before[pid] for pid, size in sizes.items())

    def _read_pss(self, sizes: dict[int, int]) -> None:
        """Read the PSS of all: what one process maps anew changes the share of every other that maps it too."""
        begun_seconds = self._clock()
        amount = tree_proportional_bytes(sizes)
        if amount is not None:
            self.peak_pss_bytes = max(amount, self.peak_pss_bytes or 0)
        took_seconds = self._clock() - begun_seconds
        self._rss_at_pss = sizes
        self._pss_rate = took_seconds / max(1, sum(sizes.values()))
        self.pss_reads += 1
        self.cost_seconds += took_seconds

    def _may_spend(self, estimate_seconds: float, now_seconds: float) -> bool:
        return self.cost_seconds + estimate_seconds <= COST_SHARE * (now_seconds - self._since_seconds)


def last_look(watch: MemoryWatch | None, began_seconds: float, clock: Callable[[], float]) -> MemoryWatch:
    """A look at the end of a run, the only one where none was watched; none that costs more than its share."""
    if watch is None:
        watch = MemoryWatch((os.getpid(),), clock)
        watch.restart(began_seconds)
    watch.settle(clock())
    return watch


def _kilobytes(rollup: bytes | None, name: bytes) -> int | None:
    amount = field(rollup, name)
    return None if amount is None else amount * 1024


def _ask_psutil(pid: int, question: str, answer: str) -> int | None:
    try:
        import psutil
    except ImportError:
        return None
    try:
        figures: Any = getattr(psutil.Process(pid), question)()
    except (OSError, psutil.Error):
        return None
    found = getattr(figures, answer, None)
    return None if found is None else int(found)
