"""Every way to run tasks, and the tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from math import fsum, sqrt

import psutil
import pytest

from breakeven.lab import ways as running
from breakeven.lab.instruments.metg.reference import bare_workers
from breakeven.lab.tasks import Pace, burn, pace

EVERY = (*running.EVERY, running.COLD)


def worker(_: object) -> int:
    """The process that runs a task."""
    return os.getpid()


def test_every_way_gives_what_the_plain_loop_gives() -> None:
    """All are open at once, as in a block; each call is checked against the expected results."""
    items = [3, 200, 50, 7]
    with running.opened(EVERY, 2) as ways:
        assert set(ways) == set(EVERY)
        for way in ways.values():
            assert way.seconds(burn, items, [burn(item) for item in items]) > 0


def test_a_way_whose_results_differ_has_no_time() -> None:
    """A quick wrong answer is not a fast one."""
    with (
        running.opened([running.LOOP], 1) as ways,
        pytest.raises(ArithmeticError, match="plain loop gave other results"),
    ):
        ways[running.LOOP].seconds(abs, [-1], [2])


def test_the_cold_way_starts_workers_anew_and_the_warm_one_does_not() -> None:
    """A cold call runs in processes that the last one did not have."""
    with running.opened([running.PROCESSES, running.COLD], 2) as ways:
        cold, warm = ways[running.COLD], ways[running.PROCESSES]
        before = set(warm.run(worker, range(8)))
        assert set(warm.run(worker, range(8))) <= before
        assert cold.before is not None
        cold.before()
        assert not before & set(cold.run(worker, range(8)))


def test_chunks_of_one_reach_every_way() -> None:
    """With a chunk size, results stay in order."""
    with running.opened([running.PROCESSES, running.POOL, running.FUTURES], 2, chunksize=1) as ways:
        for way in ways.values():
            assert list(way.run(abs, [-3, -2, -1])) == [3, 2, 1]


def test_bare_processes_do_all_tasks_between_them() -> None:
    """Five tasks on two processes: three and two; twice as many rounds are not done in no time."""
    with bare_workers(2) as bare:
        assert bare.seconds(1000, 5) > 0
        assert bare.seconds(0, 0) > 0


def test_a_burnt_task_computes_what_it_says() -> None:
    """The sum of square roots, so that no clever interpreter can leave it out."""
    assert burn(1000) == pytest.approx(fsum(sqrt(number) for number in range(1000)))


def test_rounds_follow_from_the_pace() -> None:
    """Seconds less the call's own, over seconds a round; never less than none."""
    known = Pace(call_seconds=1e-6, round_seconds=50e-9)
    assert known.rounds(51e-6) == 1000
    assert known.rounds(0.0) == 0


def test_the_pace_of_this_machine_is_measured() -> None:
    """A round takes longer than nothing, and samples are kept."""
    known = pace(0.01)
    assert known.round_seconds > 0
    assert len(known.samples) >= 9


def test_a_killed_program_takes_its_pools_with_it() -> None:
    """SIGKILL leaves no worker of any way waiting for work that nobody will send."""
    code = (
        "import sys, time\n"
        "from breakeven.lab import ways\n"
        "with ways.opened(ways.EVERY, 2):\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"open\n"
        workers = psutil.Process(program.pid).children(recursive=True)
        program.kill()
    assert len(workers) >= 6
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
