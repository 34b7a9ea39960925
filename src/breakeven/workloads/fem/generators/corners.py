"""Shapes with an inward corner, where the exact velocity is unbounded: the backward step and the L."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators.blocks import counted, grid, named, positive, steps
from breakeven.workloads.fem.mesh import Mesh


def backward_step(
    n: int = 8,
    inlet_length: float = 1.0,
    inlet_height: float = 0.5,
    outlet_length: float = 3.0,
    outlet_height: float = 1.0,
) -> Mesh:
    """A low channel that opens downwards into a high one; `n` elements over the step. Inlet left, outlet right.

    >>> backward_step(n=2)
    Mesh(209 points, 56 elements, boundaries: inlet, outlet, wall)
    """
    counted(n=n)
    positive(inlet_length=inlet_length, inlet_height=inlet_height, outlet_length=outlet_length)
    drop = outlet_height - inlet_height
    if drop <= 0:
        raise MeshError(f"outlet_height {outlet_height} must be above inlet_height {inlet_height}", "outlet_height")
    size = drop / n
    end = inlet_length + outlet_length
    xs = steps((0.0, inlet_length, _whole(inlet_length / size)), (inlet_length, end, _whole(outlet_length / size)))
    ys = steps((0.0, drop, n), (drop, outlet_height, _whole(inlet_height / size)))
    points, quad8 = grid(xs, ys, lambda x, y: (x > inlet_length) | (y > drop))
    near = 1e-9 * end
    return named(points, quad8, inlet=lambda x, _: x < near, outlet=lambda x, _: x > end - near)


def l_shape(n: int = 8, size: float = 1.0) -> Mesh:
    """The square [-size, size]² without its lower right quarter; `n` elements a side of a quarter. One boundary: `rim`.

    The corner stands in the origin, and its two walls run along the positive x axis and the negative y axis.

    >>> l_shape(n=1)
    Mesh(18 points, 3 elements, boundaries: rim)
    """
    counted(n=n)
    positive(size=size)
    lines = steps((-size, 0.0, n), (0.0, size, n))
    points, quad8 = grid(lines, lines, lambda x, y: (x < 0) | (y > 0))
    return named(points, quad8, rest="rim")


def _whole(number: float) -> int:
    return max(1, int(np.rint(number)))
