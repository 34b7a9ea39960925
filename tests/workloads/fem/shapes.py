"""Meshes and fields that several of these tests use. Never here: an expectation."""

from __future__ import annotations

import numpy as np

from breakeven.workloads import fem
from breakeven.workloads.fem.element import NODES, Floats

UNIT = (NODES + 1) / 2
"""The unit square as one element's eight points."""


def square(n: int = 4) -> fem.Mesh:
    """A unit square of n × n elements."""
    return fem.generate("channel", nx=n, ny=n, length=1.0)


def curved(n: int = 6) -> fem.Mesh:
    """A unit square of curved elements, so that no two element matrices are alike."""
    return fem.case("harmonic", n=n)[0]


def harmonic(x: Floats, y: Floats) -> Floats:
    """A potential without sources."""
    return np.asarray(np.sin(np.pi * x) * np.sinh(np.pi * y) / np.sinh(np.pi))


def harmonic_gradient(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Its slopes."""
    return (
        np.asarray(np.pi * np.cos(np.pi * x) * np.sinh(np.pi * y) / np.sinh(np.pi)),
        np.asarray(np.pi * np.sin(np.pi * x) * np.cosh(np.pi * y) / np.sinh(np.pi)),
    )
