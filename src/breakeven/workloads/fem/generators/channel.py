"""Channels from left to right: straight, converging, and a venturi. Named `inlet`, `outlet`, `wall`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators.blocks import counted, lattice, positive
from breakeven.workloads.fem.mesh import Mesh

_MOST_DISTORTION = 0.45


def channel(
    nx: int = 30, ny: int = 10, length: float = 3.0, width: float = 1.0, distortion: float = 0.0, seed: int = 0
) -> Mesh:
    """A rectangle of `length` × `width`; `distortion` moves inner corners by up to that share of a cell.

    >>> channel(nx=6, ny=2, distortion=0.3)
    Mesh(53 points, 12 elements, boundaries: inlet, outlet, wall)
    """
    if not 0 <= distortion <= _MOST_DISTORTION:
        raise MeshError(
            f"distortion is {distortion!r}; elements stay convex from 0 to {_MOST_DISTORTION}", "distortion"
        )
    mesh = _between(nx, ny, length, np.zeros_like, lambda x: np.full_like(x, width), width)
    if not distortion:
        return mesh
    points = mesh.points.copy()
    corners = np.unique(mesh.quad8[:, :4])
    x, y = points[corners].T
    small = 1e-9 * max(length, width)
    inner = corners[(x > small) & (x < length - small) & (y > small) & (y < width - small)]
    reach = distortion * np.array([length / nx, width / ny])
    points[inner] += np.random.default_rng(seed).uniform(-reach, reach, (len(inner), 2))
    for corner, (one, other) in enumerate(((0, 1), (1, 2), (2, 3), (3, 0))):
        points[mesh.quad8[:, 4 + corner]] = (points[mesh.quad8[:, one]] + points[mesh.quad8[:, other]]) / 2
    return Mesh(points, mesh.quad8, mesh.boundaries)


def converging(
    nx: int = 30, ny: int = 10, length: float = 3.0, inlet_width: float = 1.0, outlet_width: float = 0.4
) -> Mesh:
    """A nozzle with straight walls about a straight axis (a diffuser where the outlet is the wider end).

    >>> converging(nx=4, ny=2)
    Mesh(37 points, 8 elements, boundaries: inlet, outlet, wall)
    """
    positive(inlet_width=inlet_width, outlet_width=outlet_width)

    def half(x: Floats) -> Floats:
        return np.asarray((inlet_width + (outlet_width - inlet_width) * x / length) / 2)

    middle = max(inlet_width, outlet_width) / 2
    return _between(nx, ny, length, lambda x: middle - half(x), lambda x: middle + half(x), inlet_width)


def venturi(nx: int = 96, ny: int = 32, length: float = 3.0, width: float = 1.0, throat: float = 0.4) -> Mesh:
    """A channel that narrows to `throat` halfway, its walls one period of a cosine.

    >>> venturi(nx=4, ny=2)
    Mesh(37 points, 8 elements, boundaries: inlet, outlet, wall)
    """
    positive(width=width, throat=throat)

    def shrink(x: Floats) -> Floats:
        return np.asarray((width - throat) / 4 * (1 - np.cos(2 * np.pi * x / length)))

    return _between(nx, ny, length, shrink, lambda x: width - shrink(x), width)


def _between(
    nx: int, ny: int, length: float, floor: Callable[[Floats], Floats], roof: Callable[[Floats], Floats], width: float
) -> Mesh:
    """The mesh between two walls, each a height over x."""
    counted(nx=nx, ny=ny)
    positive(length=length, width=width)
    block = lattice(nx, ny)
    x = block.s * length
    low, high = floor(x), roof(x)
    y = low * (1 - block.t) + high * block.t
    walls = np.concatenate([block.t0, block.t1])
    return Mesh(np.column_stack([x, y]), block.quad8, {"inlet": block.s0, "outlet": block.s1, "wall": walls})
