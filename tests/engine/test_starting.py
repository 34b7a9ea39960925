"""Starting where there is not enough of something: a clear error, or a slower way that the report tells of."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.harness import run_program

FEW_DESCRIPTORS = """
import gc, os, resource, sys
import numpy as np
import breakeven as be
from tests.engine.tasks import triple

options = dict(backend="processes", start_method=sys.argv[1], max_workers=2)
array = np.ones(100_000)
be.map(triple, [array] * 3, **options)
be.shutdown()
gc.collect()
StartFailed = be.StartFailed  # importing it needs a descriptor, too
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
before = len(os.listdir("/proc/self/fd"))
refused = short = 0
for spare in range(int(sys.argv[2]), 48, int(sys.argv[3])):
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1 + spare, hard))
    try:
        results = be.map(triple, [array] * 3, **options)
        assert [float(result[0]) for result in results] == [3.0] * 3
        # read back once there are descriptors again: a report needs files
        short += any("workers could be started" in note for note in results._recording()["notes"])
        del results
    except StartFailed as error:
        refused += 1
        assert "open files" in str(error), error
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    be.shutdown()
    gc.collect()
    after = os.listdir("/proc/self/fd")
    assert len(after) == before, (spare, before, [os.readlink(f"/proc/self/fd/{n}") for n in after if n.isdigit()])
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        pass
    else:
        raise AssertionError(f"a child was left behind with {spare} descriptors")
results = be.map(triple, [1, 2], **options)
print(refused > 0, short > 0, results)
"""

NO_MEMFD = """
import os, sys
import numpy as np
def refused(*_):
    raise PermissionError(1, "Operation not permitted")
os.memfd_create = refused
import breakeven as be
from tests.engine.tasks import triple

array = np.ones(200_000)
results = be.map(triple, [array] * 4, backend="processes", start_method=sys.argv[1], max_workers=2)
assert all(float(result.sum()) == 600_000 for result in results)
shared = be.SharedArray.empty(10)
def fill(at):
    shared[at] = at
be.map(fill, range(10), backend="processes", start_method=sys.argv[1], max_workers=2)
assert shared.tolist() == list(range(10))
print(*results.report.ledger.notes, sep="\\n")
"""

LITTLE_DISK = """
import os, sys, tempfile
import numpy as np
def refused(*_):
    raise PermissionError(1, "Operation not permitted")
os.memfd_create = refused
access = os.access
os.access = lambda path, mode: path != "/dev/shm" and access(path, mode)
import breakeven as be
from tests.engine.tasks import triple
from breakeven.testing.tasks import make_array, total

options = dict(backend="processes", start_method=sys.argv[1], max_workers=2)
array = np.ones(400_000)  # 3.2 MB, on a disk of 1 MB
arguments = be.map(total, [array + at for at in range(6)], **options)
assert arguments == [400_000.0 * (1 + at) for at in range(6)], arguments
results = be.map(make_array, range(12), **options)  # 320 kB each
assert [float(result[0]) for result in results] == [float(at) for at in range(12)]
both = be.map(triple, [array] * 6, **options)
assert all(float(result.sum()) == 1_200_000 for result in both)
for run in (arguments, results, both):
    print("|".join(run.report.ledger.notes))
"""

HOLES = """
import os
def refused(*_):
    raise PermissionError(1, "Operation not permitted")
os.memfd_create = refused
access = os.access
os.access = lambda path, mode: path != "/dev/shm" and access(path, mode)
from breakeven.engine.arena import Arena, open_file
owner = Arena(open_file("test"))
low, high = owner.put(memoryview(bytes(300_000))), owner.put(memoryview(bytes(300_000)))
owner.free(low[2])
owner.trim(0)
with open(os.path.join(os.environ["TMPDIR"], "full"), "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
try:
    owner.put(memoryview(b"x" * 300_000))
except OSError as error:
    print(error.strerror, owner.used_bytes == 303104)
owner.close()
os.unlink(os.path.join(os.environ["TMPDIR"], "full"))
"""

FULL_DISK = """
import os, sys
def refused(*_):
    raise PermissionError(1, "Operation not permitted")
os.memfd_create = refused
access = os.access
os.access = lambda path, mode: path != "/dev/shm" and access(path, mode)
import breakeven as be
from tests.engine.tasks import triple
with open(os.path.join(os.environ["TMPDIR"], "full"), "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
try:
    print(be.map(triple, range(3), backend="processes", start_method=sys.argv[1], max_workers=2))
except be.StartFailed as error:
    print("refused:", error)
os.unlink(os.path.join(os.environ["TMPDIR"], "full"))
print(be.map(triple, range(3), backend="processes", start_method=sys.argv[1], max_workers=2))
"""

NO_INTERPRETER = """
import sys
import breakeven as be
from tests.engine.tasks import triple
kept, sys.executable = sys.executable, "/nowhere/python"
options = dict(backend="processes", start_method=sys.argv[1], max_workers=2)
try:
    be.map(triple, range(3), **options)
except be.StartFailed as error:
    print(error)
with be.Executor(2, backend="processes", start_method=sys.argv[1]) as executor:
    try:
        executor.submit(triple, 1).result()
    except be.StartFailed as error:
        print(error)
sys.executable = kept
print(be.map(triple, range(3), **options))
"""


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_too_few_descriptors_are_a_clear_error_or_fewer_workers(method: str, every: int) -> None:
    """From none to enough, each number with some start method: right results, or `StartFailed`; nothing is left."""
    first = ["fork", "forkserver", "spawn"].index(method) % every
    assert run_program(FEW_DESCRIPTORS, method, str(first), str(every)).strip() == "True True [3, 6]"


def test_a_system_that_refuses_memfd_gets_arrays_all_the_same(method: str) -> None:
    """Through files without a name; the report says so."""
    assert "memfd" in run_program(NO_MEMFD, method)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "breakeven-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs to mount a small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_arrays_larger_than_the_shared_memory_go_through_the_channel(method: str, small_disk: Path) -> None:
    """Both ways, slower, and the report says so."""
    arguments, results, both = run_program(LITTLE_DISK, method, TMPDIR=str(small_disk)).splitlines()
    assert "arguments travelled through the channel" in arguments
    assert "results travelled through the channel" in results
    assert "through the channel" in both
    assert os.listdir(small_disk) == []


def test_a_full_disk_is_a_clear_error(method: str, small_disk: Path) -> None:
    """No shared memory at all: the workers cannot be started, or do without; the parent stands."""
    first, second = run_program(FULL_DISK, method, TMPDIR=str(small_disk)).splitlines()
    assert first == "[0, 3, 6]" or "No space left" in first
    assert second == "[0, 3, 6]"


def test_pages_that_were_given_back_are_not_taken_for_granted(small_disk: Path) -> None:
    """Where others have taken them meanwhile there is an error, and no signal."""
    assert run_program(HOLES, TMPDIR=str(small_disk)).split() == ["No", "space", "left", "on", "device", "True"]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_an_interpreter_that_cannot_be_found_is_a_clear_error(method: str) -> None:
    """From a map and from a future; and neither hangs."""
    first, second, third = run_program(NO_INTERPRETER, method).splitlines()
    assert first == second
    assert method in first
    assert "No such file" in first
    assert third == "[0, 3, 6]"
