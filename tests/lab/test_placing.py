"""Where the two processes of a connection run: on the CPUs that were asked for, and nowhere kept afterwards."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from breakeven.lab.instruments import latency
from breakeven.lab.processes import placing
from breakeven.lab.transports.exchange import ONE_WAY, Order
from breakeven.lab.transports.links import opened

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU alone leaves no choice")


def allowed_of(pid: int) -> set[str]:
    """The CPUs that the kernel lets each thread of a process use, as it writes them."""
    found = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        found |= {line for line in status.read_text().splitlines() if line.startswith("Cpus_allowed_list")}
    return found


def test_two_cpus_are_two_and_one_is_one_and_free_is_none() -> None:
    """Each side's group, near then far."""
    (near,), (far,) = placing.cpus_of(placing.TWO)
    assert near != far
    assert placing.cpus_of(placing.ONE) == ((near,), (near,))
    assert placing.cpus_of(placing.FREE) == ()


def test_a_block_keeps_all_threads_on_its_cpus_and_gives_the_others_back() -> None:
    """Also a thread that was there before, such as that which feeds a queue."""
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    before = allowed_of(os.getpid())
    first = min(os.sched_getaffinity(0))
    try:
        with placing.kept_on([first]):
            assert allowed_of(os.getpid()) == {f"Cpus_allowed_list:\t{first}"}
        assert allowed_of(os.getpid()) == before
    finally:
        go.set()
        thread.join()


def test_after_an_exchange_nothing_stays_pinned() -> None:
    """Neither this process, nor a server process between the two when the next order is free."""
    everywhere = os.sched_getaffinity(0)
    with opened(["Manager.list"], 4096) as links:
        link = links["Manager.list"]
        server = link.pids[2]
        link.run(Order(ONE_WAY, size_bytes=100, count=2, cpus=placing.cpus_of(placing.TWO)))
        assert os.sched_getaffinity(server) == set(placing.cpus_of(placing.TWO)[1])
        link.run(Order(ONE_WAY, size_bytes=100, count=2))
        assert os.sched_getaffinity(server) == everywhere
    assert os.sched_getaffinity(0) == everywhere


def test_cpus_are_kept_awake_by_processes_that_give_way_and_end_with_the_block() -> None:
    """One a CPU, of the idle class, so that whoever wants the CPU has it."""
    before = set(multiprocessing.active_children())
    with placing.awake():
        spinners = set(multiprocessing.active_children()) - before
        assert len(spinners) == len(os.sched_getaffinity(0))
        deadline = time.monotonic() + 5
        while any(os.sched_getscheduler(one.pid or 0) != os.SCHED_IDLE for one in spinners):
            assert time.monotonic() < deadline
            os.sched_yield()
    assert set(multiprocessing.active_children()) == before


def test_each_placement_is_a_row_of_its_own() -> None:
    """One CPU and two, unless told otherwise; lines are fitted to each."""
    found = latency.measure(quick=True, transports="os.pipe", sizes="0,1KiB,8KiB", seconds=0.2)
    assert [row.labels["placement"] for row in found.rows] == ["one CPU"] * 3 + ["two CPUs"] * 3
    assert set(found.fits) == {"os.pipe, one CPU", "os.pipe, two CPUs"}


def test_an_unknown_placement_is_refused_with_the_list() -> None:
    """The names are told."""
    with pytest.raises(ValueError, match="no placement 'moon'; there are: one, two, free"):
        placing.chosen("one,moon")
