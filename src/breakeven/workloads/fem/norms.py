"""How far a potential is from a known one. Lives here: L2 and H1 norms of the error. Never here: known potentials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from breakeven.workloads.fem.element import Floats, gauss, gradients, shape
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["errors"]

_AT_ONCE = 20_000
_ORDER = 4


def errors(
    mesh: Mesh,
    potential: Floats,
    exact: Callable[[Floats, Floats], Floats],
    exact_gradient: Callable[[Floats, Floats], tuple[Floats, Floats]] | None = None,
) -> tuple[float, float]:
    """(√∫(u - exact)², √∫|grad u - exact_gradient|²), by 4×4 Gauss; the second is nan without a gradient.

    >>> from breakeven.workloads import fem
    >>> mesh = fem.generate("channel", nx=2, ny=2)
    >>> errors(mesh, mesh.points[:, 0] ** 2, lambda x, y: x**2, lambda x, y: (2 * x, 0 * y)) < (1e-13, 1e-13)
    True
    """
    rule = gauss(_ORDER)
    shapes, slopes = shape(rule.points), gradients(rule.points)
    off_values = off_slopes = 0.0
    for start in range(0, len(mesh.quad8), _AT_ONCE):
        some = mesh.quad8[start : start + _AT_ONCE]
        corners, values = mesh.points[some], potential[some]
        places = shapes @ corners
        jacobian = (slopes.reshape(-1, 8) @ corners).reshape(len(some), -1, 2, 2)
        weights = np.linalg.det(jacobian) * rule.weights
        x, y = places[..., 0], places[..., 1]
        off_values += float((weights * (values @ shapes.T - exact(x, y)) ** 2).sum())
        if exact_gradient is not None:
            change = (slopes.reshape(-1, 8) @ values[:, :, None]).reshape(len(some), -1, 2)
            found = np.linalg.solve(jacobian, change[..., None])[..., 0]
            to_x, to_y = exact_gradient(x, y)
            off_slopes += float((weights * ((found[..., 0] - to_x) ** 2 + (found[..., 1] - to_y) ** 2)).sum())
    return float(np.sqrt(off_values)), float(np.sqrt(off_slopes)) if exact_gradient is not None else float("nan")
