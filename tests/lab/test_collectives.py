"""Collectives: every algorithm leaves the right result, over any number of ranks, and over real pipes."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from breakeven.lab.instruments.collectives.algorithms import ALGORITHMS, is_right, sent_block
from breakeven.lab.instruments.collectives.instrument import INCHES, MPI, PANELS, draw, measure
from breakeven.lab.processes.programs import Program
from breakeven.lab.showing.drawing import figure_of, svg_of
from breakeven.lab.transports.links import has_mpi

if TYPE_CHECKING:
    from breakeven.lab.instruments.collectives.algorithms import Block


class ThreadLinks:
    """Ranks as threads; sending hands over a copy and waits until it has been taken, as a pipe without room would."""

    def __init__(self, rank: int, size: int, boxes: dict[tuple[int, int], queue.Queue[bytes]]) -> None:
        self.rank = rank
        self.size = size
        self._boxes = boxes

    def send(self, to: int, block: Block) -> None:
        """Send, and wait until it is received."""
        box = self._boxes[self.rank, to]
        box.put(block.tobytes())
        box.join()

    def receive(self, sender: int, into: Block) -> None:
        """Receive into a block of the right length."""
        box = self._boxes[sender, self.rank]
        into.reshape(-1)[:] = np.frombuffer(box.get(timeout=20))
        box.task_done()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 11])
@pytest.mark.parametrize("operation, algorithm", ALGORITHMS)
def test_every_rank_ends_with_what_the_operation_promises(operation: str, algorithm: str, size: int) -> None:
    """Powers of two and others; sends that block until they are received never wait in a circle."""
    boxes = {(one, other): queue.Queue[bytes]() for one in range(size) for other in range(size) if one != other}
    right = [False] * size

    def rank(number: int) -> None:
        result = ALGORITHMS[operation, algorithm](ThreadLinks(number, size, boxes), sent_block(number, 7, 5))
        right[number] = is_right(operation, result, number, size, 7, 5)

    threads = [threading.Thread(target=rank, args=(number,), daemon=True) for number in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert right == [True] * size


@pytest.mark.parametrize("operation", ["gather", "reduce", "allreduce"])
def test_a_wrong_result_is_noticed(operation: str) -> None:
    """One wrong element, the result of another turn, none at the root, one where there should be none."""
    blocks = np.array([sent_block(rank, 2, 4) for rank in range(3)])
    right = blocks if operation == "gather" else blocks.sum(axis=0)
    assert is_right(operation, right, 0, 3, 2, 4)
    spoilt = right.copy()
    spoilt[..., 1] += 1
    assert not is_right(operation, spoilt, 0, 3, 2, 4)
    assert not is_right(operation, right, 0, 3, 1, 4)
    assert not is_right(operation, None, 0, 3, 2, 4)
    assert is_right(operation, right, 1, 3, 2, 4) == (operation == "allreduce")


def test_collectives_are_timed_on_processes_and_beside_mpi() -> None:
    """Every algorithm at every size has a row in microseconds; MPI's too where it is installed."""
    found = measure(quick=True, ranks="2,3")
    algorithms = {row.labels["algorithm"] for row in found.rows}
    assert algorithms >= {"chain", "star", "binomial tree", "recursive doubling"}
    assert (MPI in algorithms) == has_mpi()
    for row in found.rows:
        assert [(one.name, one.unit) for one in row.quantities] == [
            ("last rank", "µs"),
            ("first rank", "µs"),
            ("skew", "µs"),
            ("late start", "µs"),
        ]
        assert row["last rank"].median >= row["first rank"].low > 0
    assert any("all right" in note for note in found.notes)
    assert "4 ranks" not in (svg := svg_of(figure_of(found, draw, panels=PANELS, inches=INCHES)))
    assert "µs after the common start" in svg


def test_what_a_collective_costs_to_start_and_a_byte_is_told_with_margins() -> None:
    """A line an algorithm and number of ranks, over three sizes or more; two sizes make none."""
    found = measure(quick=True, ranks="2", sizes="8,1KiB,128KiB", no_mpi=True)
    assert set(found.fits) == {f"{operation}, {algorithm}, 2 ranks" for operation, algorithm in ALGORITHMS}
    for fit in found.fits.values():
        (line,) = fit.segments
        assert (line.from_bytes, line.to_bytes) == (8, 128 << 10)
        assert line.alpha_us + line.beta_ns_a_byte > 0
        assert min(line.alpha_margin_us, line.beta_margin_ns_a_byte) >= 0
    assert not measure(quick=True, ranks="2", sizes="8,128KiB", no_mpi=True).fits


@pytest.mark.parametrize("answers", [1, 2, 3, 10])
def test_an_interrupt_ends_the_ranks_of_pipes_and_of_mpi(answers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had been measured is told; the check after each test sees to it that no rank is left."""
    calls = iter(range(10_000))
    hear = Program.hear

    def interrupted(self: Program, *args: Any, **limit: Any) -> object:
        if next(calls) == answers:
            raise KeyboardInterrupt
        return hear(self, *args, **limit)

    monkeypatch.setattr(Program, "hear", interrupted)
    found = measure(quick=True, ranks="2")
    assert found.interrupted
    assert len(found.rows) > 0
