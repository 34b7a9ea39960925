"""What processes hold, from real processes of known size; time is handed in, never waited for."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from breakeven.probes import memory
from breakeven.probes.memory import MemoryWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 2**20

HOLDER = """
import os, sys
held = []
print("ready", flush=True)
for line in sys.stdin:
    held.append(bytearray(os.urandom(4096)) * (int(line) * 256))
    print("held", flush=True)
"""

# A parent that fills 48 MiB and forks a child that only reads them: every page is there once, mapped twice.
SHARER = """
import os, sys
held = bytearray(b"x") * (48 << 20)
child = os.fork()
if child == 0:
    sum(held[::4096])
    print(os.getpid(), flush=True)
    os.read(0, 1)
    os._exit(0)
os.waitpid(child, 0)
"""


class Holder:
    """A child process that takes memory when told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def take(self, mebibytes: int) -> None:
        """Fill that much more memory, and return when it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{mebibytes}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "held\n"

    def end(self) -> None:
        """End and collect the child."""
        self._process.communicate()


class Clock:
    """A time that passes only when told to; each look at it may take a while."""

    def __init__(self, *, look_seconds: float = 0.0) -> None:
        self.now_seconds = 100.0
        self._look_seconds = look_seconds

    def __call__(self) -> float:
        """Return the time after one look at it."""
        self.now_seconds += self._look_seconds
        return self.now_seconds

    def after(self, seconds: float) -> float:
        """Let time pass and return what time it is."""
        self.now_seconds += seconds
        return self.now_seconds


@contextlib.contextmanager
def _child(script: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-S", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()


@pytest.fixture
def hold() -> Iterator[Callable[[], Holder]]:
    """Give a maker of child processes that take memory when told to."""
    with contextlib.ExitStack() as stack:

        def start() -> Holder:
            process = stack.enter_context(_child(HOLDER))
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return Holder(process)

        yield start


# --- one process -------------------------------------------------------------------------------------


def test_memory_that_a_process_fills_is_resident_proportional_and_its_own(hold: Callable[[], Holder]) -> None:
    """Private memory counts in full in all three figures."""
    child = hold()
    for measure in (memory.resident_bytes, memory.proportional_bytes, memory.unique_bytes):
        before = measure(child.pid) or 0
        child.take(16)
        grown = (measure(child.pid) or 0) - before
        assert 15 * MIB < grown < 20 * MIB


def test_pages_shared_by_two_processes_count_once_in_their_sum() -> None:
    """Each has half of them by PSS, all of them by RSS, none of its own by USS."""
    with _child(SHARER) as parent:
        assert parent.stdout is not None
        pids = [parent.pid, int(parent.stdout.readline())]
        resident = [memory.resident_bytes(pid) or 0 for pid in pids]
        assert all(amount > 48 * MIB for amount in resident)
        assert 48 * MIB < (memory.tree_proportional_bytes(pids) or 0) < 80 * MIB
        assert all(20 * MIB < (memory.proportional_bytes(pid) or 0) < 40 * MIB for pid in pids)
        assert all((memory.unique_bytes(pid) or 0) < 20 * MIB for pid in pids)


def test_a_process_that_is_gone_is_not_measured(hold: Callable[[], Holder]) -> None:
    """None is not zero, and a sum over the living is still a sum."""
    child = hold()
    child.end()
    assert memory.resident_bytes(child.pid) is None
    assert memory.proportional_bytes(child.pid) is None
    assert memory.unique_bytes(child.pid) is None
    assert memory.tree_proportional_bytes([child.pid]) is None
    assert (memory.tree_proportional_bytes([child.pid, os.getpid()]) or 0) > MIB


def test_without_proc_psutil_gives_the_same_figures(
    monkeypatch: pytest.MonkeyPatch, hold: Callable[[], Holder]
) -> None:
    """The way for systems that have no /proc, tried on one that has."""
    child = hold()
    measures = (memory.resident_bytes, memory.proportional_bytes, memory.unique_bytes)
    by_proc = [measure(child.pid) for measure in measures]
    monkeypatch.setattr(memory, "_HAS_PROC", False)
    by_psutil = [measure(child.pid) for measure in measures]
    assert by_psutil == pytest.approx(by_proc, rel=0.02)  # the kernel may take a page back in between
    child.end()
    assert [measure(child.pid) for measure in measures] == [None, None, None]


# --- a tree over time --------------------------------------------------------------------------------


def test_a_watch_does_nothing_until_it_is_due() -> None:
    """25 ms after it began, and not a moment sooner."""
    clock = Clock()
    watch = MemoryWatch([os.getpid()], clock)
    watch.tick(clock.after(0.0249))
    assert watch.samples == 0
    watch.tick(clock.after(0.0002))
    assert watch.samples == 1
    assert (watch.peak_rss_bytes or 0) > MIB
    assert watch.due_seconds == pytest.approx(clock.now_seconds + memory.INTERVAL_SECONDS)


def test_the_peak_stays_when_memory_is_given_back(hold: Callable[[], Holder]) -> None:
    """Of each process and of the tree, also after the process is gone."""
    clock = Clock()
    child = hold()
    watch = MemoryWatch([os.getpid(), child.pid], clock)
    watch.tick(clock.after(60))
    before = watch.peak_pss_bytes or 0
    child.take(32)
    watch.tick(clock.after(60))
    peak = watch.peak_pss_bytes or 0
    assert 31 * MIB < peak - before < 40 * MIB
    assert watch.peak_rss_by_pid[child.pid] > 32 * MIB
    child.end()
    watch.tick(clock.after(60))
    watch.remove(child.pid)
    watch.tick(clock.after(60))
    assert watch.pids == (os.getpid(),)
    assert watch.peak_pss_bytes == peak
    assert watch.peak_rss_by_pid[child.pid] > 32 * MIB
    assert watch.samples == 4


def test_pss_is_read_again_only_once_a_size_has_changed_by_a_tenth(hold: Callable[[], Holder]) -> None:
    """What costs a walk through the page table is not done for nothing."""
    clock = Clock()
    child = hold()
    child.take(32)
    watch = MemoryWatch([child.pid], clock)
    watch.tick(clock.after(60))
    watch.tick(clock.after(60))
    child.take(1)
    watch.tick(clock.after(60))
    assert (watch.samples, watch.pss_reads) == (3, 1)
    child.take(8)
    watch.tick(clock.after(60))
    assert (watch.samples, watch.pss_reads) == (4, 2)


def test_pss_of_all_is_read_again_when_a_process_comes_or_goes(hold: Callable[[], Holder]) -> None:
    """Whoever maps a shared page anew makes everyone else's share of it smaller."""
    clock = Clock()
    one, other = hold(), hold()
    watch = MemoryWatch([one.pid], clock)
    watch.tick(clock.after(60))
    watch.add(other.pid)
    watch.tick(clock.after(60))
    assert watch.pss_reads == 2
    other.end()
    watch.tick(clock.after(60))
    assert watch.pss_reads == 3


def test_a_watch_takes_no_more_than_its_share_of_the_time(hold: Callable[[], Holder]) -> None:
    """On a machine where every look takes 1 ms, and where size changes all the time."""
    clock = Clock(look_seconds=0.001)
    child = hold()
    watch = MemoryWatch([child.pid], clock)
    begun_seconds = clock.now_seconds
    for _ in range(20):
        child.take(1)
        for _ in range(50):
            watch.tick(clock.after(0.01))
    elapsed_seconds = clock.now_seconds - begun_seconds
    assert watch.samples > 2
    assert watch.cost_seconds <= memory.COST_SHARE * elapsed_seconds + 0.002


def test_a_run_too_short_to_pay_for_pss_has_none() -> None:
    """Not measured, rather than measured at the run's expense; RSS still bounds it."""
    clock = Clock()
    watch = MemoryWatch([os.getpid()], clock)
    watch.settle(clock.after(0.004))
    assert watch.samples == 1
    assert watch.pss_reads == 0
    assert watch.peak_pss_bytes is None
    assert (watch.peak_rss_bytes or 0) > MIB


def test_a_run_too_short_to_pay_for_anything_is_left_alone() -> None:
    """A call that takes a millisecond is not made slower by looking at it."""
    clock = Clock()
    watch = MemoryWatch([os.getpid()], clock)
    watch.settle(clock.after(0.001))
    assert watch.samples == 0
    assert watch.peak_rss_by_pid == {}


def test_a_new_run_starts_without_the_peaks_of_the_last(hold: Callable[[], Holder]) -> None:
    """Workers are kept between runs; what they held in the last one is not this one's."""
    clock = Clock()
    big, small = hold(), hold()
    big.take(32)
    watch = MemoryWatch([big.pid, small.pid], clock)
    watch.tick(clock.after(60))
    watch.remove(big.pid)
    watch.restart(clock.now_seconds)
    assert (watch.samples, watch.pss_reads, watch.peak_pss_bytes, watch.peak_rss_bytes) == (0, 0, None, None)
    watch.tick(clock.after(60))
    assert (watch.peak_rss_bytes or 0) < 32 * MIB
    assert list(watch.peak_rss_by_pid) == [small.pid]


def test_a_watch_over_nothing_has_nothing_to_say() -> None:
    """Neither does it fail, nor does it divide by zero; removing a stranger is no fault."""
    clock = Clock()
    watch = MemoryWatch([], clock)
    watch.remove(1)
    watch.tick(clock.after(60))
    assert watch.samples == 1
    assert watch.peak_pss_bytes is None
    assert watch.peak_rss_bytes == 0
