"""The kernel in array operations over a whole batch: no Python a Gauss point, temporaries of 3 kB an element."""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.element import Floats, Integers

_AT_ONCE = 512
"""Elements worked on together, so that temporaries stay in the cache (1.5 MB); larger batches are walked in steps."""


def stiffness(points: Floats, quad8: Integers, slopes: Floats, weights: Floats, out: Floats | None = None) -> Floats:
    """As `loop.stiffness`: (B, 64), written into `out` where it is given."""
    matrices = (np.empty((len(quad8), 64)) if out is None else out).reshape(-1, 8, 8)
    for start in range(0, len(quad8), _AT_ONCE):
        some = quad8[start : start + _AT_ONCE]
        gradient, determinant = _gradients(points, some, slopes)
        gradient *= np.sqrt(determinant * weights)[:, :, None, None]
        flat = gradient.reshape(len(some), -1, 8)
        np.matmul(flat.transpose(0, 2, 1), flat, out=matrices[start : start + len(some)])
    return matrices.reshape(-1, 64)


def velocity(points: Floats, quad8: Integers, potential: Floats, slopes: Floats) -> tuple[Floats, Floats]:
    """As `loop.velocity`: (B, 2) and (B,)."""
    means, lengths = np.empty((len(quad8), 2)), np.empty(len(quad8))
    for start in range(0, len(quad8), _AT_ONCE):
        some = quad8[start : start + _AT_ONCE]
        part = slice(start, start + len(some))
        gradient, _ = _gradients(points, some, slopes)
        flow = -(gradient.reshape(len(some), -1, 8) @ potential[some][:, :, None]).reshape(len(some), -1, 2)
        means[part] = flow.mean(axis=1)
        lengths[part] = np.hypot(flow[:, :, 0], flow[:, :, 1]).mean(axis=1)
    return means, lengths


def _gradients(points: Floats, quad8: Integers, slopes: Floats) -> tuple[Floats, Floats]:
    """Gradients of the shape functions to x and y (B, G, 2, 8), and the determinants (B, G)."""
    corners = points[quad8]
    corners -= corners[:, :1].copy()
    jacobian = (slopes.reshape(-1, 8) @ corners).reshape(len(quad8), -1, 2, 2)
    a, b, c, d = jacobian[..., 0, 0], jacobian[..., 0, 1], jacobian[..., 1, 0], jacobian[..., 1, 1]
    determinant = a * d - b * c
    gradient = np.empty((*determinant.shape, 2, 8))
    np.multiply((d / determinant)[..., None], slopes[:, 0], out=gradient[..., 0, :])
    gradient[..., 0, :] -= (b / determinant)[..., None] * slopes[:, 1]
    np.multiply((a / determinant)[..., None], slopes[:, 1], out=gradient[..., 1, :])
    gradient[..., 1, :] -= (c / determinant)[..., None] * slopes[:, 0]
    return gradient, determinant
