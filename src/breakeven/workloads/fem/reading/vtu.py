"""`.vtu`, for ParaView: quadratic quadrilaterals with potential and velocity at points, means and pressure in elements.

Where the potential is a stream function, it is called so, and velocities are turned to lie along its contours.
Boundaries are written as lines too, with their number in `boundary` (-1 in elements), and 1 in `boundary:NAME`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from breakeven.workloads.fem.faults import needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.reading.npz import PREFIX
from breakeven.workloads.fem.solution import Solution


def write(file: Path, mesh: Mesh, solution: Solution | None = None, *, stream: bool = False) -> None:
    """Write a mesh, and with it the fields of a solution; `stream` says that u is a stream function."""
    meshio = needed("meshio", "writing .vtu")
    points = np.column_stack([mesh.points, np.zeros(len(mesh.points))])
    cells: list[tuple[str, Any]] = [("quad8", mesh.quad8)]
    named = {name: edges[:, [0, 2, 1]] for name, edges in mesh.boundaries.items() if len(edges)}
    cells += [("line3", lines) for lines in named.values()]
    sizes = [len(block) for _, block in cells]
    number = [np.full(size, place - 1, np.int32) for place, size in enumerate(sizes)]
    point_data: dict[str, Any] = {}
    cell_data: dict[str, Any] = {"boundary": number}
    for place, name in enumerate(named):  # meshio writes names as they are
        cell_data[escape(PREFIX + name)] = [(one == place).astype(np.int8) for one in number]
    if solution is not None:
        point_data["stream function" if stream else "potential"] = solution.potential
        point_data["velocity"] = _spatial(solution.nodal_velocity(), turned=stream)
        mean = _spatial(solution.velocity, turned=stream)
        fields = {"mean velocity": mean, "speed": solution.speed, "pressure": solution.pressure}
        for name, values in fields.items():
            rest = [np.full((size, *values.shape[1:]), np.nan) for size in sizes[1:]]
            cell_data[name] = [values, *rest]
    meshio.Mesh(points, cells, point_data=point_data, cell_data=cell_data).write(file, file_format="vtu")


def _spatial(vectors: Any, *, turned: bool) -> Any:
    """Plane vectors as ParaView wants them, with a z of 0; `turned` from -grad u by a quarter, to (du/dy, -du/dx)."""
    if turned:
        vectors = np.column_stack([-vectors[:, 1], vectors[:, 0]])
    return np.column_stack([vectors, np.zeros(len(vectors))])
