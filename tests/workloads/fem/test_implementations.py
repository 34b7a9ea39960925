"""Every implementation of assembly and velocity gives the same answer, however it is spread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import breakeven as be
from breakeven.workloads import fem
from breakeven.workloads.fem.assembly import Effort, auto, implementation_of, numba_csr, processes_shared, tasks
from breakeven.workloads.fem.assembly.effort import batches, effort_of
from breakeven.workloads.fem.verification import SAME, difference
from tests.workloads.fem.shapes import curved

PROCESSES = ("processes-pickle", "processes-initializer", "processes-shared")
MOVING = [(name, kernel) for name in ("threads", *PROCESSES) for kernel in ("python", "numpy")]
EFFORTS = (Effort(1), Effort(2), Effort(3), Effort(1, 1), Effort(2, 7), Effort(2, 5, 3), Effort(2, 1000))


@pytest.fixture(scope="module")
def mesh() -> fem.Mesh:
    """Curved elements, no two alike."""
    return curved(9)


@pytest.fixture(scope="module")
def reference(mesh: fem.Mesh) -> Any:
    """The loop's matrix."""
    return fem.assemble(mesh, "python")


@pytest.mark.parametrize("effort", EFFORTS, ids=lambda one: f"{one.max_workers}-{one.batch_size}-{one.chunksize}")
@pytest.mark.parametrize("name", [*fem.IMPLEMENTATIONS])
def test_the_matrix_is_the_same_by_every_implementation(
    name: str, effort: Effort, mesh: fem.Mesh, reference: Any
) -> None:
    """Within 1e-11 of its largest entry, for any number of workers, size of batch and chunk."""
    found = implementation_of(name).matrix(mesh, effort).matrix
    assert difference(found, reference) <= SAME
    assert found.nnz == reference.nnz
    assert np.array_equal(found.indices, reference.indices)


@pytest.mark.parametrize("name", [*fem.IMPLEMENTATIONS])
def test_velocity_is_the_same_by_every_implementation(name: str, mesh: fem.Mesh) -> None:
    """Vector and speed; the speed is the mean of lengths, not the length of the mean."""
    potential = np.cos(3 * mesh.points[:, 0]) * mesh.points[:, 1] ** 2
    wanted = implementation_of("python").velocity(mesh, potential, Effort(1))
    for effort in (Effort(1), Effort(2, 7)):
        found = implementation_of(name).velocity(mesh, potential, effort)
        assert np.abs(found.velocity - wanted.velocity).max() < 1e-12
        assert np.abs(found.speed - wanted.speed).max() < 1e-12
    assert (wanted.speed > np.linalg.norm(wanted.velocity, axis=1)).any()


@pytest.mark.parametrize("name, kernel", MOVING)
def test_both_kernels_can_be_chosen_where_work_is_moved(name: str, kernel: str, mesh: fem.Mesh, reference: Any) -> None:
    """So that a kind of parallelism can be judged with dear and with cheap work."""
    found = fem.assemble(mesh, name, kernel=kernel, max_workers=2, batch_size=20)
    assert difference(found, reference) <= SAME


def test_compiled_rows_are_the_same_bits_on_any_number_of_threads_and_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each row is summed by one owner in the order of the mesh; threads are used for however few elements."""
    monkeypatch.setattr(numba_csr, "ALONE_BELOW", 0)
    large = curved(70)
    wanted = fem.assemble(large, "numba-csr", max_workers=1)
    for workers, size in ((1, 100), (2, None), (2, 37), (4, 1000), (3, 5000)):
        again = fem.Mesh(large.points, large.quad8)  # a mesh of its own, with a pattern of its own
        found = fem.assemble(again, "numba-csr", max_workers=workers, batch_size=size)
        assert np.array_equal(found.indptr, wanted.indptr)
        assert np.array_equal(found.indices, wanted.indices)
        assert np.array_equal(found.data, wanted.data)


def test_the_matrix_of_the_loop_and_of_numpy_agree_with_scikit_fem_like_facts(mesh: fem.Mesh, reference: Any) -> None:
    """Constants have no slope, the matrix is symmetric, and linear potentials have no inner residual."""
    assert abs(reference @ np.ones(len(mesh.points))).max() < 1e-12
    assert abs(reference - reference.T).max() < 1e-13
    inner = np.setdiff1d(np.arange(len(mesh.points)), np.unique(mesh.outer_edges()))
    assert abs((reference @ (mesh.points @ [2.0, -3.0]))[inner]).max() < 1e-12


def test_a_task_with_the_whole_mesh_is_counted_byte_by_byte(mesh: fem.Mesh) -> None:
    """Messages and bytes are those that were packed, not a formula's; a message carries the mesh once."""
    one = implementation_of("processes-pickle").matrix(mesh, Effort(2, 9, 1)).traffic
    assert one.messages_out == one.messages_in == 9
    assert one.payload_out_bytes > 9 * (mesh.points.nbytes + mesh.quad8.nbytes)
    assert one.payload_in_bytes > len(mesh.quad8) * 64 * 16
    together = implementation_of("processes-pickle").matrix(mesh, Effort(2, 9, 3)).traffic
    assert together.messages_out == 3
    assert together.payload_out_bytes < one.payload_out_bytes / 2.5
    initial = implementation_of("processes-initializer").matrix(mesh, Effort(2, 9, 1)).traffic
    assert initial.messages_out == 9 + 2
    assert initial.payload_out_bytes < one.payload_out_bytes / 3
    shared = implementation_of("processes-shared").matrix(mesh, Effort(2, 9, 1)).traffic
    assert shared.shared_bytes == mesh.points.nbytes + mesh.quad8.nbytes + len(mesh.quad8) * 512
    assert shared.payload_out_bytes < 20_000
    assert shared.payload_in_bytes < 20_000


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"])
@pytest.mark.parametrize("name", PROCESSES)
def test_workers_may_be_started_any_way(name: str, start_method: str, mesh: fem.Mesh, reference: Any) -> None:
    """What they run stands at the top of a module."""
    found = fem.assemble(mesh, name, max_workers=2, batch_size=30, start_method=start_method)
    assert difference(found, reference) <= SAME


@pytest.mark.parametrize("name", PROCESSES)
def test_a_worker_killed_in_the_middle_costs_time_and_no_entry(name: str) -> None:
    """Its batch runs again in another; nothing hangs, and nothing is left behind."""
    mesh = curved(45)
    wanted = fem.assemble(mesh, "python")
    be.shutdown()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not killed and not over.is_set():
            for child in psutil.Process().children(recursive=True):
                if child.pid not in before and sum(child.cpu_times()[:2]) > 0.02:
                    os.kill(child.pid, signal.SIGKILL)
                    killed.append(child.pid)
                    break

    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    try:
        found = fem.assemble(mesh, name, max_workers=2, batch_size=50, kernel="python")
    finally:
        over.set()
        killer.join()
    assert killed
    assert difference(found, wanted) == 0
    assert time.monotonic() - began < 30  # it ends, at all


def test_a_worker_that_dies_with_every_batch_is_a_clear_error() -> None:
    """Not a wait without end: the first method of this kind hangs there for ever."""
    from breakeven.workloads.fem.assembly import packing

    with pytest.raises(be.WorkerDied, match="killed by SIGKILL"):
        packing.run(_die, [(0, 1)], effort_of(max_workers=1))


def _die(_message: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def test_options_that_make_no_sense_are_refused_by_name() -> None:
    """Before anything is started."""
    mesh = curved(2)
    for options, words in (
        ({"max_workers": 0}, "max_workers is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"chunksize": 1.5}, "chunksize is 1.5"),
        ({"kernel": "gpu"}, "kernel is 'gpu'"),
        ({"max_workers": True}, "max_workers is True"),
        ({"implementation": "cuda"}, "no implementation 'cuda'; there are python"),
    ):
        with pytest.raises(fem.ConditionError, match=words):
            fem.assemble(mesh, **options)


def test_numbers_of_numpy_are_numbers() -> None:
    """As they come out of an array of batch sizes to try."""
    assert effort_of(np.int64(2), np.int32(500)) == effort_of(2, 500)  # type: ignore[arg-type]


def test_batches_cover_every_element_once() -> None:
    """The last may be short."""
    assert batches(10, 4) == [(0, 4), (4, 8), (8, 10)]
    assert batches(3, 100) == [(0, 3)]


@pytest.mark.parametrize("name", [*fem.IMPLEMENTATIONS])
def test_a_mesh_far_from_the_origin_is_as_good_as_any(name: str) -> None:
    """As in the coordinates of a map, in metres: sizes of elements are taken from differences, not from places."""
    near, conditions = fem.case("harmonic", n=6)
    mesh = fem.Mesh(near.points + np.array([5e5, 4e6]), near.quad8, near.boundaries)
    conditions = [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)]
    assert difference(fem.assemble(mesh, name, max_workers=2), fem.assemble(mesh, "python")) <= SAME
    found = fem.solve(mesh, conditions, name, max_workers=2)
    assert np.abs(found.velocity - [2.5, 0]).max() < 1e-6


def test_a_matrix_is_the_callers_own(mesh: fem.Mesh, reference: Any) -> None:
    """What is done to it does not change the next one, whose pattern is kept."""
    for name in fem.IMPLEMENTATIONS:
        found = fem.assemble(mesh, name, max_workers=1)
        found.data[found.data < 0] = 0
        found.eliminate_zeros()
        found.setdiag(7.0)
        assert found.nnz < reference.nnz
        assert difference(fem.assemble(mesh, name, max_workers=1), reference) <= SAME


def test_a_pickled_task_carries_what_the_first_method_sent(mesh: fem.Mesh) -> None:
    """Range, x, y, all elements, points and weights of the rule: nothing was worked out beforehand."""
    from breakeven.workloads.fem.assembly.processes_pickle import _tasks
    from breakeven.workloads.fem.element import STIFFNESS_RULE

    tasks = _tasks(mesh, Effort(2, 30), STIFFNESS_RULE)
    assert [task[1:3] for task in tasks] == [(0, 30), (30, 60), (60, 81)]
    for _, _, _, x, y, quad8, points, weights in tasks:
        assert np.array_equal(np.column_stack([x, y]), mesh.points)
        assert np.array_equal(quad8, mesh.quad8)
        assert points.shape == (9, 2)
        assert weights.sum() == pytest.approx(4)


def test_numba_that_cannot_be_imported_is_as_if_it_were_not_there() -> None:
    """As with a numpy that is too new for it: `auto` goes another way, and who asked for it is told what to install."""
    program = (
        "import importlib.machinery, sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numba':\n"
        "            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def create_module(self, spec):\n"
        "        raise ImportError('Numba needs NumPy 0.1 or less')\n"
        "    def exec_module(self, module):\n"
        "        pass\n"
        "sys.meta_path.insert(0, Broken())\n"
        "import breakeven as be\n"
        "from breakeven.workloads import fem\n"
        "if __name__ == '__main__':\n"
        "    mesh, conditions = fem.case('patch', nx=6, ny=2)\n"
        "    from breakeven.workloads.fem.assembly import auto\n"
        "    auto._rent[0] = 1e9\n"
        "    for _ in range(2):\n"
        "        found = fem.solve(mesh, conditions, max_workers=1)\n"
        "        assert found.chosen == 'numpy', found.chosen\n"
        "        assert abs(found.potential.max() - 7.5) < 1e-11\n"
        "    try:\n"
        "        fem.assemble(mesh, 'numba-csr')\n"
        "    except be.BackendUnavailable as error:\n"
        "        assert 'NumPy 0.1' in str(error) and 'pip install breakeven[fem]' in str(error)\n"
        "    else:\n"
        "        raise SystemExit('numba-csr ran')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_numba_is_not_imported_where_it_is_not_needed() -> None:
    """It costs half a second."""
    program = (
        "import sys\n"
        "from breakeven.workloads import fem\n"
        "mesh = fem.generate('channel')\n"
        "import breakeven.cli.fem\n"
        "assert not {'numba', 'scipy', 'matplotlib', 'pyamg', 'meshio'} & set(sys.modules)\n"
        "fem.assemble(mesh, 'numpy')\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_first_auto_does_not_wait_for_a_compiler() -> None:
    """On a machine that never compiled: a small mesh is assembled and solved by arrays, numba is not even imported."""
    program = (
        "import sys\n"
        "from breakeven.workloads import fem\n"
        "mesh, conditions = fem.case('patch', nx=10, ny=5)\n"
        "fem.assemble(mesh)\n"
        "found = fem.solve(mesh, conditions)\n"
        "assert found.chosen == 'numpy', found.chosen\n"
        "assert 'compile' not in found.stages\n"
        "assert 'numba' not in sys.modules\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})


@pytest.mark.parametrize("name", ["numba-coo", "numba-csr"])
def test_importing_numba_counts_as_compiling(name: str) -> None:
    """It is paid once a process, and stands apart from what an assembly takes."""
    program = (
        "import sys\n"
        "from breakeven.workloads import fem\n"
        "from breakeven.workloads.fem.assembly import Effort, implementation_of, numba_csr\n"
        "warm, seen = numba_csr.warm, []\n"
        "numba_csr.warm = lambda: seen.append('numba' in sys.modules) or warm()\n"
        f"found = implementation_of({name!r}).matrix(fem.generate('channel'), Effort(1))\n"
        "assert seen[0] is False and found.seconds['compile'] > 0, (seen, found.seconds)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_auto_takes_compiled_code_once_it_is_loaded() -> None:
    """However small the mesh: it is the fastest from the first element on."""
    numba_csr.warm()
    found = implementation_of("auto").matrix(curved(5), Effort(2))
    assert found.note == "numba-csr"


@pytest.mark.parametrize(
    "spent_seconds, is_kept, chosen",
    [
        (0.0, True, "numpy"),
        (auto.LOADING_SECONDS / auto.SAVED_SHARE, True, "numba-csr"),
        (auto.LOADING_SECONDS / auto.SAVED_SHARE, False, "numpy"),
        (auto.COMPILING_SECONDS / auto.SAVED_SHARE, False, "numba-csr"),
    ],
)
def test_auto_loads_compiled_code_once_arrays_have_cost_as_much(
    monkeypatch: pytest.MonkeyPatch, spent_seconds: float, chosen: str, *, is_kept: bool
) -> None:
    """The price is that of loading where it was compiled before, that of compiling where it was not."""
    monkeypatch.setattr(numba_csr, "_warm", [])
    monkeypatch.setattr(auto, "_rent", [spent_seconds])
    monkeypatch.setattr(auto, "_is_kept", lambda: is_kept)
    assert auto.matrix(curved(5), Effort(2)).note == chosen


def test_what_was_compiled_is_found_where_numba_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its name and age: code of another Python or of an older source counts as none."""
    from breakeven.workloads.fem.kernels import compiled

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not auto._is_kept()
    program = "from breakeven.workloads.fem.assembly import numba_csr; assert numba_csr.warm() > 0"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert auto._is_kept()
    for file in tmp_path.rglob("*.nbi"):
        os.utime(file, (0, Path(compiled.__file__).stat().st_mtime - 1))
    assert not auto._is_kept()


def test_auto_goes_through_the_planner_where_nothing_is_compiled(
    monkeypatch: pytest.MonkeyPatch, mesh: fem.Mesh, reference: Any
) -> None:
    """The same matrix, in memory that workers would see."""
    monkeypatch.setattr(numba_csr, "_warm", [])
    monkeypatch.setattr(auto, "_is_installed", lambda: False)
    processes_shared.forget()
    found = auto.matrix(mesh, Effort(2, 10))
    assert difference(found.matrix, reference) <= SAME
    assert (found.note[:5], len(processes_shared._spare)) == ("numpy", 1)
    potential = mesh.points[:, 0] * 2
    assert np.abs(auto.velocity(mesh, potential, Effort(2)).velocity - [-2, 0]).max() < 1e-12


def test_the_first_assembly_of_a_mesh_does_not_wait_for_workers(
    monkeypatch: pytest.MonkeyPatch, reference: Any
) -> None:
    """From the second on they have started and their memory is there, which a mesh of middling size has to be asked."""
    monkeypatch.setattr(numba_csr, "_warm", [])
    monkeypatch.setattr(auto, "_is_installed", lambda: False)
    monkeypatch.setattr(auto, "SPREADING", 0)
    processes_shared.forget()
    mesh = curved(9)
    assert auto.matrix(mesh, Effort(2)).note == "numpy"
    assert not processes_shared._spare
    assert difference(auto.matrix(mesh, Effort(2)).matrix, reference) <= SAME
    assert len(processes_shared._spare) == 1


@pytest.mark.parametrize("backend, words", [("serial", ""), ("threads", " on threads"), ("processes", " on processes")])
def test_where_elements_were_worked_on_is_told_by_those_who_did(mesh: fem.Mesh, backend: str, words: str) -> None:
    """No ledger has to be made up for it."""
    with processes_shared.room_of(mesh) as room:
        places = be.map(*room.stiffness("numpy", [(0, 5), (5, 9)]), backend=backend, max_workers=2)
    assert tasks.spread_over(places) == words
