"""The eight-node serendipity quadrilateral: shape functions, their gradients, and the points they are summed at.

Lives here: the reference square [-1, 1]² and Gauss rules on it and on its edges. Never here: a mesh. Nodes are the four
corners counter-clockwise from (-1, -1), then the mid-sides (0, -1), (1, 0), (0, 1), (-1, 0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]

NODES: Floats = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (0, -1), (1, 0), (0, 1), (-1, 0)], dtype=np.float64)
"""Places of the eight nodes in the reference square."""

EDGES = ((0, 4, 1), (1, 5, 2), (2, 6, 3), (3, 7, 0))
"""Local nodes of the four edges, each as corner, mid-side, corner."""

TURNED = (0, 3, 2, 1, 7, 6, 5, 4)
"""The same element walked the other way round."""


class Rule(NamedTuple):
    """A quadrature rule: `points` (G, 2) in the reference square, `weights` (G,) that sum to its area, 4."""

    points: Floats
    weights: Floats


def shape(points: Floats) -> Floats:
    """Values of the eight shape functions at `points` (G, 2), as (G, 8).

    >>> bool(np.allclose(shape(NODES), np.eye(8)))
    True
    """
    xi, eta = points[:, :1], points[:, 1:]
    at_xi, at_eta = NODES[:4, 0], NODES[:4, 1]
    values = np.empty((len(points), 8))
    values[:, :4] = 0.25 * (1 + xi * at_xi) * (1 + eta * at_eta) * (xi * at_xi + eta * at_eta - 1)
    values[:, 4::2] = 0.5 * (1 - xi**2) * (1 + eta * NODES[4::2, 1])
    values[:, 5::2] = 0.5 * (1 - eta**2) * (1 + xi * NODES[5::2, 0])
    return values


def gradients(points: Floats) -> Floats:
    """Derivatives of the shape functions to xi and eta at `points` (G, 2), as (G, 2, 8).

    >>> bool(np.allclose(gradients(NODES).sum(axis=2), 0.0))  # together they are constant
    True
    """
    xi, eta = points[:, :1], points[:, 1:]
    at_xi, at_eta = NODES[:4, 0], NODES[:4, 1]
    slopes = np.empty((len(points), 2, 8))
    slopes[:, 0, :4] = 0.25 * at_xi * (1 + eta * at_eta) * (2 * xi * at_xi + eta * at_eta)
    slopes[:, 1, :4] = 0.25 * at_eta * (1 + xi * at_xi) * (xi * at_xi + 2 * eta * at_eta)
    slopes[:, 0, 4::2] = -xi * (1 + eta * NODES[4::2, 1])
    slopes[:, 1, 4::2] = 0.5 * (1 - xi**2) * NODES[4::2, 1]
    slopes[:, 0, 5::2] = 0.5 * (1 - eta**2) * NODES[5::2, 0]
    slopes[:, 1, 5::2] = -eta * (1 + xi * NODES[5::2, 0])
    return slopes


def gauss(order: int) -> Rule:
    """The tensor-product Gauss rule of `order` points a side.

    >>> rule = gauss(3)
    >>> rule.points.shape, round(float(rule.weights.sum()), 12)
    ((9, 2), 4.0)
    """
    places, weights = np.polynomial.legendre.leggauss(order)
    xi, eta = np.meshgrid(places, places, indexing="ij")
    return Rule(np.column_stack([xi.ravel(), eta.ravel()]), np.outer(weights, weights).ravel())


def edge_shape(places: Floats) -> tuple[Floats, Floats]:
    """Values and slopes of an edge's three functions (corner, mid, corner) at `places` (G,) in [-1, 1], as (G, 3)."""
    at = places[:, None]
    values = np.concatenate([0.5 * at * (at - 1), 1 - at**2, 0.5 * at * (at + 1)], axis=1)
    slopes = np.concatenate([at - 0.5, -2 * at, at + 0.5], axis=1)
    return values, slopes


STIFFNESS_RULE = gauss(3)
"""Computed once: what assembly sums over."""

VELOCITY_RULE = gauss(2)
"""Computed once: what the velocity is averaged over."""
