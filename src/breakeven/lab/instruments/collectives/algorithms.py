"""Gathering and reducing over ranks that can send each other bytes: every algorithm as one function.

Lives here: who sends what to whom, in which order. Never here: how bytes travel (`Links`), or a clock. Blocks are
float64 vectors of one length on every rank; a reduction adds. Rank 0 is the root. In all of them, a rank that sends
has a partner that is receiving from it or will be, whatever the pipes hold, so none can wait in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Block = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Links(Protocol):
    """One end of every pipe of a rank. Both calls block; contents and lengths are the algorithm's business."""

    rank: int
    size: int

    def send(self, to: int, block: Block) -> None:
        """Send all bytes of a contiguous block to another rank."""

    def receive(self, sender: int, into: Block) -> None:
        """Fill a contiguous block with what another rank sends."""


def gather_star(links: Links, block: Block) -> Block | None:
    """The root takes one block after the other, by rank. Time at the root: (P - 1) · (alpha + beta m)."""
    if links.rank:
        links.send(0, block)
        return None
    whole = np.empty((links.size, block.size))
    whole[0] = block
    for sender in range(1, links.size):
        links.receive(sender, whole[sender])
    return whole


def gather_binomial(links: Links, block: Block) -> Block | None:
    """Neighbours join their blocks, then pairs of neighbours: log2(P) latencies, but half the blocks move twice."""
    rank, size = links.rank, links.size
    whole = np.empty((size, block.size)) if rank == 0 else np.empty((min(_subtree(rank), size - rank), block.size))
    whole[0] = block
    step = 1
    while step < size and not rank & step:
        if rank + step < size:
            links.receive(rank + step, whole[step : step + min(step, size - rank - step)])
        step *= 2
    if rank:
        links.send(rank - step, whole)
        return None
    return whole


def reduce_chain(links: Links, block: Block) -> Block | None:
    """The last rank passes its block on, each next adds its own: (P - 1) latencies, one after the other."""
    total = block.copy()
    if links.rank + 1 < links.size:
        links.receive(links.rank + 1, scratch := np.empty_like(block))
        total += scratch
    if links.rank:
        links.send(links.rank - 1, total)
        return None
    return total


def reduce_star(links: Links, block: Block) -> Block | None:
    """Everybody sends to the root, which adds: no rank but the root has anything to do."""
    if links.rank:
        links.send(0, block)
        return None
    total, scratch = block.copy(), np.empty_like(block)
    for sender in range(1, links.size):
        links.receive(sender, scratch)
        total += scratch
    return total


def reduce_binomial(links: Links, block: Block) -> Block | None:
    """In every round half of those left send to the other half: log2(P) rounds."""
    total, scratch = block.copy(), np.empty_like(block)
    step = 1
    while step < links.size:
        if links.rank & step:
            links.send(links.rank - step, total)
            return None
        if links.rank + step < links.size:
            links.receive(links.rank + step, scratch)
            total += scratch
        step *= 2
    return total


def allreduce_doubling(links: Links, block: Block) -> Block:
    """Partners at distance 1, 2, 4 … exchange and add, so every rank has the sum after log2(P) rounds.

    Where P is no power of two, the ranks beyond the largest one give their block to a partner first and get the sum
    from it last. The lower rank of a pair sends first, so that no two fill both directions of a pipe and wait.
    """
    rank, size = links.rank, links.size
    core = 1 << (size.bit_length() - 1)
    total, scratch = block.copy(), np.empty_like(block)
    if rank >= core:
        links.send(rank - core, total)
        links.receive(rank - core, total)
        return total
    if rank + core < size:
        links.receive(rank + core, scratch)
        total += scratch
    step = 1
    while step < core:
        partner = rank ^ step
        if rank < partner:
            links.send(partner, total)
            links.receive(partner, scratch)
        else:
            links.receive(partner, scratch)
            links.send(partner, total)
        total += scratch
        step *= 2
    if rank + core < size:
        links.send(rank + core, total)
    return total


def _subtree(rank: int) -> int:
    """How many ranks send through this one in a binomial tree, itself counted: the lowest bit that is set."""
    return rank & -rank


ALGORITHMS: dict[tuple[str, str], Callable[[Links, Block], Block | None]] = {
    ("gather", "star"): gather_star,
    ("gather", "binomial tree"): gather_binomial,
    ("reduce", "chain"): reduce_chain,
    ("reduce", "star"): reduce_star,
    ("reduce", "binomial tree"): reduce_binomial,
    ("allreduce", "recursive doubling"): allreduce_doubling,
}
"""(operation, algorithm) → function; what it returns is the result where a rank has it, else None."""


def sent_block(rank: int, turn: int, length: int) -> Block:
    """What a rank contributes in a turn: whole numbers, so that every order of adding gives the same sum."""
    return np.arange(length, dtype=np.float64) % 97 + (rank + 3 * turn)


def is_right(operation: str, result: Block | None, rank: int, size: int, turn: int, length: int) -> bool:
    """Say whether a rank has exactly what the operation should leave it with."""
    if rank and operation != "allreduce":
        return result is None
    if result is None:
        return False
    blocks = [sent_block(sender, turn, length) for sender in range(size)]
    return np.array_equal(result, np.array(blocks) if operation == "gather" else np.sum(blocks, axis=0))
