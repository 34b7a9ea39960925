"""The one piece of shared memory that assembly in processes keeps: who may write into it, and when it is given back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import breakeven as be
from breakeven.workloads import fem
from breakeven.workloads.fem.assembly import Effort, auto, implementation_of, numba_csr, processes_shared
from breakeven.workloads.fem.verification import SAME, difference
from tests.workloads.fem.shapes import curved


def test_shared_memory_is_kept_for_the_next_call() -> None:
    """The second assembly writes into the same pages; nobody else does."""
    mesh = curved(5)
    first = implementation_of("processes-shared").matrix(mesh, Effort(2)).matrix
    kept = processes_shared._spare[0]
    again = implementation_of("processes-shared").matrix(mesh, Effort(2)).matrix
    assert processes_shared._spare == [kept]
    assert np.array_equal(first.data, again.data)
    assert not np.shares_memory(first.data, np.asarray(kept.memory))
    with processes_shared.room_of(mesh) as one, processes_shared.room_of(mesh) as other:
        assert not np.shares_memory(one.matrices, other.matrices)
    processes_shared.forget()
    assert not processes_shared._spare


def test_all_meshes_take_turns_in_one_piece_of_shared_memory() -> None:
    """However many live: what one has left the next one takes, or replaces by a larger one."""
    meshes = [curved(n) for n in (9, 30, 20, 30)]
    before, tokens = _shared_pieces(os.getpid()), []
    for mesh in (*meshes, meshes[0]):
        found = fem.assemble(mesh, "processes-shared", max_workers=2)
        assert difference(found, fem.assemble(mesh, "numpy")) <= SAME
        assert _shared_pieces(os.getpid()) == before + 1
        tokens.append(processes_shared._spare[0].memory.shared_token)
    assert tokens[0] != tokens[1]
    assert set(tokens[1:]) == {tokens[1]}
    processes_shared.forget()
    assert _shared_pieces(os.getpid()) == before


def test_a_forked_process_does_not_write_into_its_parents_room() -> None:
    """It would take the same pages for its own, and both matrices would be wrong."""
    mesh = curved(5)
    fem.assemble(mesh, "processes-shared", max_workers=2)
    be.shutdown()
    assert len(processes_shared._spare) == 1
    assert be.map(_rooms_here, range(2), backend="processes", start_method="fork", max_workers=2) == [0, 0]
    assert len(processes_shared._spare) == 1


def test_a_program_that_kept_shared_memory_ends_quietly() -> None:
    """It is given back while there is all that closing it takes."""
    program = (
        "from breakeven.workloads import fem\n"
        "if __name__ == '__main__':\n"
        "    fem.assemble(fem.generate('channel'), 'processes-shared', max_workers=2)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ended.stderr == ""


def _rooms_here(_number: int) -> int:
    return len(processes_shared._spare)


def test_workers_do_not_hold_the_memory_of_meshes_that_were() -> None:
    """They remember functions, and with each what is bound to it: of twenty meshes they map one piece."""
    be.shutdown()
    for number in range(20):
        mesh = curved(12 + number % 3)
        fem.assemble(mesh, "processes-shared", max_workers=2, batch_size=20)
        implementation_of("processes-shared").velocity(mesh, mesh.points[:, 0].copy(), Effort(2, 20))
    mapped = [_shared_pieces(child.pid) for child in psutil.Process().children()]
    assert len(mapped) == 2
    assert max(mapped) <= 1 + 8  # that one, and the eight arrays that came last by an item, until the worker is idle


def test_what_is_more_than_may_be_kept_goes_with_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right matrix all the same, from memory that is given back; nothing smaller is kept in its place."""
    monkeypatch.setattr(processes_shared, "MOST_KEPT_BYTES", 1 << 16)
    before = _shared_pieces(os.getpid())
    for name, mesh in (("processes-shared", curved(9)), ("processes-shared", curved(20)), ("auto", curved(20))):
        monkeypatch.setattr(numba_csr, "_warm", [])
        monkeypatch.setattr(auto, "_is_installed", lambda: False)
        found = fem.assemble(mesh, name, max_workers=2, batch_size=9)
        assert difference(found, fem.assemble(mesh, "numpy")) <= SAME
        assert len(processes_shared._spare) == (len(mesh.quad8) == 81)
        assert _shared_pieces(os.getpid()) == before + len(processes_shared._spare)


def test_a_call_that_fails_leaves_no_shared_memory() -> None:
    """A worker may still be writing into it."""
    mesh = curved(5)
    before = _shared_pieces(os.getpid())
    with pytest.raises(RuntimeError, match="halfway"), processes_shared.room_of(mesh):
        raise RuntimeError("halfway")
    assert not processes_shared._spare
    assert _shared_pieces(os.getpid()) == before


def _shared_pieces(pid: int) -> int:
    """How many pieces of memory a process has mapped that are shared by reference."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return len({line.split()[4] for line in maps.splitlines() if "/memfd:breakeven-shared" in line})
