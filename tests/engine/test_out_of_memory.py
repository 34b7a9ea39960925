"""The kernel's OOM killer, in a control group of the test's own: who took all memory is named, the rest done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.harness import LONGEST_SECONDS, run_program

LIMIT_BYTES = 192 << 20
GROUPS = Path("/sys/fs/cgroup")

PROGRAM = """
import os, sys
with open(sys.argv[2] + "/cgroup.procs", "w") as members:
    members.write(str(os.getpid()))
import breakeven as be
from tests.engine import tasks
options = {"backend": "processes", "start_method": sys.argv[1], "max_workers": 2, "on_error": "return"}
results = be.map(tasks.take_all_memory_at, range(12), [7] * 12, **options)
assert [result for at, result in enumerate(results) if at != 7] == [number for number in range(12) if number != 7]
failure = results[7]
print(failure.cause, failure.index, type(failure.exception).__name__, failure.worker_pid != os.getpid(), sep="|")
print(failure.exception)
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with little memory, where this user may make one."""
    first, second = GROUPS / "memory", GROUPS
    parent, name = (first, "memory.limit_in_bytes") if first.is_dir() else (second, "memory.max")
    made = parent / f"breakeven-test-{os.getpid()}"
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made below {parent}: {error}")
    try:
        try:
            (made / name).write_text(str(LIMIT_BYTES))
        except OSError as error:
            pytest.skip(f"the memory of a control group cannot be limited here: {error}")
        yield made
    finally:
        deadline = time.monotonic() + LONGEST_SECONDS
        while (made / "cgroup.procs").read_text().split():
            assert time.monotonic() < deadline, "processes are left in the control group"
            time.sleep(0.01)
        made.rmdir()


def test_an_item_that_takes_all_memory_is_named_as_such(method: str, group: Path) -> None:
    """Its worker is killed by the kernel, and by nobody else's count."""
    words, text = run_program(PROGRAM, method, str(group)).splitlines()
    assert words == "out of memory|7|WorkerDied|True"
    assert "out of memory" in text
