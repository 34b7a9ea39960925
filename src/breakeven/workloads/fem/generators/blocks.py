"""Structured blocks: a lattice of eight-node elements laid over a mapped square, or over chosen cells of a grid.

Lives here: numbering, and what every family checks. Never here: a particular shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.workloads.fem.element import Floats, Integers
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.mesh import Mesh

_NONE = -1
_MOST_NUMBERED = 2**31 - 1
"""Points and middles of a block, whose numbers are int32."""


class Lattice(NamedTuple):
    """Places of a block's points: `s` and `t` (N,) in [0, 1], `quad8` (E, 8), and the edges of its four sides."""

    s: Floats
    t: Floats
    quad8: Integers
    s0: Integers
    s1: Integers
    t0: Integers
    t1: Integers


def counted(**numbers: Any) -> None:
    """Refuse numbers of elements that are no whole number from 1 up."""
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
            raise MeshError(f"{name} is {number!r}; give a whole number of elements, 1 or more", name)


def positive(**lengths: Any) -> None:
    """Refuse lengths that are not above 0."""
    for name, length in lengths.items():
        if isinstance(length, str) or not 0 < length < float("inf"):
            raise MeshError(f"{name} is {length!r}; give a length above 0", name)


def lattice(ns: int, nt: int, *, closed: bool = False) -> Lattice:
    """Number an `ns` × `nt` block; `closed` joins s = 1 to s = 0, as around a ring.

    >>> block = lattice(2, 1)
    >>> len(block.s), block.quad8.shape, block.s1.tolist()
    (13, (2, 8), [[4, 7, 12]])
    """
    columns, rows = 2 * ns + (0 if closed else 1), 2 * nt + 1
    if columns * rows > _MOST_NUMBERED:
        raise MeshError(
            f"{ns:,} × {nt:,} elements have more points than 32 bits can number; give fewer, up to 500 million in all",
            "quad8",
        )
    here = np.ones((rows, columns), dtype=bool)
    here[1::2, 1::2] = False
    numbers = np.full((rows, columns), _NONE, np.int32)
    numbers[here] = np.arange(here.sum(), dtype=np.int32)
    if closed:
        numbers = np.concatenate([numbers, numbers[:, :1]], axis=1)
    t, s = np.nonzero(here)
    quad8 = np.stack(
        [
            numbers[:-1:2, :-1:2],
            numbers[:-1:2, 2::2],
            numbers[2::2, 2::2],
            numbers[2::2, :-1:2],
            numbers[:-1:2, 1::2],
            numbers[1::2, 2::2],
            numbers[2::2, 1::2],
            numbers[1::2, :-1:2],
        ],
        axis=-1,
    ).reshape(-1, 8)

    def along(line: NDArray[np.int32]) -> Integers:
        return np.stack([line[:-1:2], line[1::2], line[2::2]], axis=-1)

    return Lattice(
        s / (2 * ns),
        t / (2 * nt),
        quad8,
        along(numbers[:, 0]),
        along(numbers[:, -1]),
        along(numbers[0]),
        along(numbers[-1]),
    )


def grid(xs: Floats, ys: Floats, keep: Callable[[Floats, Floats], NDArray[np.bool_]]) -> tuple[Floats, Integers]:
    """Points and elements of the cells between grid lines `xs` and `ys` whose centre `keep` chooses."""
    block = lattice(len(xs) - 1, len(ys) - 1)
    x = np.interp(block.s, np.linspace(0, 1, len(xs)), xs)
    y = np.interp(block.t, np.linspace(0, 1, len(ys)), ys)
    points = np.column_stack([x, y])
    centres = points[block.quad8[:, :4]].mean(axis=1)
    chosen = block.quad8[keep(centres[:, 0], centres[:, 1])]
    used = np.unique(chosen)
    fresh = np.zeros(len(points), np.int32)
    fresh[used] = np.arange(len(used), dtype=np.int32)
    return points[used], fresh[chosen]


def named(
    points: Floats, quad8: Integers, rest: str = "wall", **where: Callable[[Floats, Floats], NDArray[np.bool_]]
) -> Mesh:
    """A mesh whose rim edges are named by where their mid-side lies; what no condition takes is `rest`."""
    mesh = Mesh(points, quad8)
    rim = mesh.outer_edges()
    x, y = mesh.points[rim[:, 1]].T
    left = np.ones(len(rim), dtype=bool)
    boundaries = {}
    for name, test in where.items():
        chosen = test(x, y) & left
        boundaries[name] = rim[chosen]
        left &= ~chosen
    return Mesh(points, quad8, {**boundaries, rest: rim[left]})


def steps(*stretches: tuple[float, float, int]) -> Floats:
    """Grid lines over consecutive stretches of (from, to, elements)."""
    lines = [np.linspace(start, stop, count + 1)[:-1] for start, stop, count in stretches]
    return np.concatenate([*lines, np.array([stretches[-1][1]])])
