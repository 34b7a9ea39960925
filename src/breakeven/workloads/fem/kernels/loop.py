"""The kernel as the method is taught: one element, one Gauss point at a time. The reference for all others."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.element import Floats, Integers


def stiffness(points: Floats, quad8: Integers, slopes: Floats, weights: Floats, out: Floats | None = None) -> Floats:
    """Element matrices Ke = Σ w · detJ · Bᵀ B, rows one after the other, (B, 64).

    `points` (N, 2), `quad8` (B, 8), `slopes` (G, 2, 8) as from `element.gradients`, `weights` (G,). Written into `out`
    (B, 64) where it is given.
    """
    matrices = np.empty((len(quad8), 64)) if out is None else out
    for number, nodes in enumerate(quad8):
        corners = points[nodes] - points[nodes[0]]  # so that a place far from the origin costs no digits
        matrix = np.zeros((8, 8))
        for slope, weight in zip(slopes, weights, strict=True):
            jacobian = slope @ corners
            determinant = jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]
            inverse = np.array([[jacobian[1, 1], -jacobian[0, 1]], [-jacobian[1, 0], jacobian[0, 0]]]) / determinant
            gradient = inverse @ slope
            matrix += (weight * determinant) * (gradient.T @ gradient)
        matrices[number] = matrix.ravel()
    return matrices


def velocity(points: Floats, quad8: Integers, potential: Floats, slopes: Floats) -> tuple[Floats, Floats]:
    """Mean of -grad u over the Gauss points (B, 2), and of its length (B,), which is not the length of the mean."""
    means, lengths = np.empty((len(quad8), 2)), np.empty(len(quad8))
    for number, nodes in enumerate(quad8):
        corners, values = points[nodes] - points[nodes[0]], potential[nodes]
        total, length = np.zeros(2), 0.0
        for slope in slopes:
            jacobian = slope @ corners
            determinant = jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]
            inverse = np.array([[jacobian[1, 1], -jacobian[0, 1]], [-jacobian[1, 0], jacobian[0, 0]]]) / determinant
            flow = -(inverse @ (slope @ values))
            total += flow
            length += float(np.hypot(flow[0], flow[1]))
        means[number] = total / len(slopes)
        lengths[number] = length / len(slopes)
    return means, lengths
