"""Meshes around a body: the O-grid, the cylinder in it, and Joukowski's aerofoil. Named `body` and `far`."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators.blocks import Lattice, counted, lattice, positive
from breakeven.workloads.fem.mesh import Mesh


def ogrid(
    radial: int = 16,
    around: int = 48,
    inner_radius: float = 1.0,
    outer_radius: float = 10.0,
    *,
    graded: bool = True,
) -> Mesh:
    """The ring between two circles about the origin; `graded` elements grow with their radius and keep their shape.

    >>> ogrid(radial=2, around=8)
    Mesh(64 points, 16 elements, boundaries: body, far)
    """
    block, radius, angle = _ring(radial, around, inner_radius, outer_radius, graded=graded)
    points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return Mesh(points, block.quad8, {"body": block.t0, "far": block.t1})


def cylinder(radial: int = 16, around: int = 48, radius: float = 1.0, outer_radius: float = 10.0) -> Mesh:
    """The O-grid around a cylinder of `radius`, graded.

    >>> cylinder(radial=2, around=8)
    Mesh(64 points, 16 elements, boundaries: body, far)
    """
    return ogrid(radial, around, radius, outer_radius)


def joukowski(
    radial: int = 32,
    around: int = 128,
    mu_x: float = -0.1,
    mu_y: float = 0.1,
    c: float = 1.0,
    outer_radius: float = 10.0,
) -> Mesh:
    """The O-grid around Joukowski's aerofoil: circles about mu, the first through c, mapped by z = zeta + c²/zeta.

    `outer_radius` is that of the last circle, in multiples of the first. The trailing edge is the point (2c, 0), where
    the mapping has no slope: the elements there are quarter-point elements, which is what the flow there asks for.

    >>> joukowski(radial=2, around=8)
    Mesh(64 points, 16 elements, boundaries: body, far)
    """
    positive(c=c)
    mu = complex(mu_x, mu_y)
    first = abs(c - mu)
    if outer_radius <= 1:
        raise MeshError(f"outer_radius is {outer_radius}; give more than 1 circle's", "outer_radius")
    block, radius, angle = _ring(radial, around, first, first * outer_radius, graded=True)
    zeta = mu + radius * np.exp(1j * (angle + np.angle(c - mu)))
    z = zeta + c**2 / zeta
    return Mesh(np.column_stack([z.real, z.imag]), block.quad8, {"body": block.t0, "far": block.t1})


def _ring(radial: int, around: int, inner: float, outer: float, *, graded: bool) -> tuple[Lattice, Floats, Floats]:
    """Number a ring; each point's radius and angle, which runs backwards so that elements come out turned right."""
    counted(radial=radial, around=around)
    positive(inner=inner, outer=outer)
    if outer <= inner:
        raise MeshError(f"the outer radius {outer} must be above the inner radius {inner}", "outer_radius")
    if around < 3:  # noqa: PLR2004 - a ring of two elements has no inside
        raise MeshError(f"around is {around}; a ring takes 3 elements or more", "around")
    block = lattice(around, radial, closed=True)
    radius = inner * (outer / inner) ** block.t if graded else inner + (outer - inner) * block.t
    return block, radius, -2 * np.pi * block.s
