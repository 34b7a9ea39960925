"""The peak memory of a few processes while something happens in them, watched from outside.

Lives here: sampling PSS as fast as the kernel answers, and the kernel's own high-water mark beside it. Never here: what
the processes do meanwhile.

PSS counts a page that several processes map in equal shares, so that sums mean something; but a peak between two
samples is not seen, and what moves while a sample is taken, as a block does that grows, counts where it was and where
it is. So a sample counts for no more than what is mapped before or after it, less what of that was others' at first.
The high-water mark (VmHWM) misses nothing, but counts every shared page in full in each process. Each is a check of
the other.
"""

from __future__ import annotations

import os

from breakeven.lab.processes import forking
from breakeven.probes.kernel import field, read_bytes
from breakeven.probes.memory import proportional_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Watcher:
    """A process that watches others on request."""

    def __init__(self) -> None:
        import multiprocessing

        self._control, theirs = multiprocessing.get_context("fork").Pipe()
        self._process = forking.start(_watch, self._control, theirs)
        theirs.close()

    def begin(self, pids: Sequence[int]) -> list[int]:
        """Watch these from now on; returns the PSS in bytes of each as it is now."""
        self._control.send(list(pids))
        idle: list[int] = self._control.recv()
        return idle

    def finish(self) -> tuple[list[int], int, int]:
        """Return the peak of each, the peak of their sum, and how many samples that rests on."""
        self._control.send(None)
        peaks: tuple[list[int], int, int] = self._control.recv()
        return peaks

    def close(self) -> None:
        """End the watching process."""
        self._control.close()
        forking.end(self._process)


def _watch(theirs: Any, control: Any) -> None:
    theirs.close()
    try:
        while True:
            pids = control.recv()
            now = [proportional_bytes(pid) or 0 for pid in pids]
            others = [max(0, _mapped(pid) - own) for pid, own in zip(pids, now, strict=True)]
            peaks, together, samples = now, sum(now), 1
            control.send(now)
            while not control.poll(0):
                now = [_bounded(pid, share) for pid, share in zip(pids, others, strict=True)]
                peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
                together = max(together, sum(now))
                samples += 1
            control.recv()
            control.send((peaks, together, samples))
    except (EOFError, OSError):
        return


def _bounded(pid: int, others_bytes: int) -> int:
    """PSS, but no more than what the process mapped at one moment, less what others have of that."""
    before = _mapped(pid)
    now = proportional_bytes(pid) or 0
    return min(now, max(before, _mapped(pid)) - others_bytes)


def _mapped(pid: int) -> int:
    return _status(pid, b"VmRSS:")


def reset_high_water(pid: int) -> None:
    """Have a process's VmHWM count from now on."""
    descriptor = os.open(f"/proc/{pid}/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"5")
    finally:
        os.close(descriptor)


def high_water_bytes(pid: int) -> int:
    """Return the most RAM a process has mapped since, each shared page in full."""
    return _status(pid, b"VmHWM:")


def shared_bytes(pid: int) -> tuple[int, int, int]:
    """Return what a process maps now (RSS), how much of it others may map too, and its share of that by PSS."""
    rollup = read_bytes(f"/proc/{pid}/smaps_rollup")
    share = sum(1024 * (field(rollup, name) or 0) for name in (b"Pss_Shmem:", b"Pss_File:"))
    return _mapped(pid), _status(pid, b"RssShmem:") + _status(pid, b"RssFile:"), share


def _status(pid: int, name: bytes) -> int:
    return 1024 * (field(read_bytes(f"/proc/{pid}/status"), name) or 0)
