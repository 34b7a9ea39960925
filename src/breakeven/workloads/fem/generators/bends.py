"""Flows that turn: the T and the true elbow, whose ends are named and not guessed from coordinates."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators.blocks import counted, grid, lattice, named, positive, steps
from breakeven.workloads.fem.mesh import Mesh


def tee(
    n: int = 8, length: float = 3.0, width: float = 0.5, branch_length: float = 1.0, branch_width: float = 0.5
) -> Mesh:
    """A straight channel with a branch upwards from its middle; `n` elements over its width.

    Named `inlet` (left), `outlet` (right), `branch` (the top of the branch, open) and `wall`.

    >>> tee(n=2)
    Mesh(133 points, 32 elements, boundaries: inlet, outlet, branch, wall)
    """
    counted(n=n)
    positive(length=length, width=width, branch_length=branch_length, branch_width=branch_width)
    if branch_width >= length:
        raise MeshError(f"branch_width {branch_width} must be below length {length}", "branch_width")
    size = width / n
    left, right = (length - branch_width) / 2, (length + branch_width) / 2
    side, across, up = (max(1, round(one / size)) for one in (left, branch_width, branch_length))
    xs = steps((0.0, left, side), (left, right, across), (right, length, side))
    top = width + branch_length
    points, quad8 = grid(
        xs,
        steps((0.0, width, n), (width, top, up)),
        lambda x, y: (y < width) | ((x > left) & (x < right)),
    )
    near = 1e-9 * max(length, top)
    return named(
        points,
        quad8,
        inlet=lambda x, _: x < near,
        outlet=lambda x, _: x > length - near,
        branch=lambda _, y: y > top - near,
    )


def elbow(
    n: int = 8, width: float = 0.5, inner_radius: float = 0.5, inlet_length: float = 1.0, outlet_length: float = 1.0
) -> Mesh:
    """A quarter turn between two straight legs; `n` elements over its width. Inlet at the bottom, outlet to the left.

    >>> elbow(n=2)
    Mesh(109 points, 26 elements, boundaries: inlet, outlet, wall)
    """
    counted(n=n)
    positive(width=width, inner_radius=inner_radius, inlet_length=inlet_length, outlet_length=outlet_length)
    size = width / n
    arc = np.pi / 2 * (inner_radius + width / 2)
    legs = [max(1, round(one / size)) for one in (inlet_length, arc, outlet_length)]
    block = lattice(sum(legs), n)
    along = block.s * sum(legs)
    # From the inner wall on the left to the outer on the right, walking up the inlet leg.
    place = _bent(along, inner_radius + width * (1 - block.t), legs, inlet_length, outlet_length)
    walls = np.concatenate([block.t0, block.t1])
    return Mesh(place, block.quad8, {"inlet": block.s0, "outlet": block.s1, "wall": walls})


def _bent(along: Floats, radius: Floats, legs: list[int], inlet_length: float, outlet_length: float) -> Floats:
    """Points at `radius` from the turn's centre (the origin), `along` the axis in elements."""
    first, turn, last = legs
    angle = np.clip((along - first) / turn, 0.0, 1.0) * np.pi / 2
    below = inlet_length * np.clip(1 - along / first, 0.0, 1.0)
    beyond = outlet_length * np.clip((along - first - turn) / last, 0.0, 1.0)
    return np.column_stack([radius * np.cos(angle) - beyond, radius * np.sin(angle) - below])
