"""`.npz`: `points` (N, 2) or `x` and `y` (N,), `quad8` (E, 8), and each boundary's edges (K, 3) as `boundary:NAME`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.mesh import Mesh

PREFIX = "boundary:"
"""Of the name of an array, before that of a boundary."""


def read(file: Path, *, drop_triangles: bool) -> Mesh:
    """Read a mesh; a file from elsewhere runs no code."""
    if not zipfile.is_zipfile(file):
        raise MeshError(f"{file.name} cannot be read as .npz: it is no archive of arrays", "path")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return mesh_of({name: arrays[name] for name in arrays.files}, file, drop_triangles=drop_triangles)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, MeshError):
            raise
        raise MeshError(f"{file.name} cannot be read as .npz: {error}", "path") from None


def write(file: Path, mesh: Mesh) -> None:
    """Write a mesh."""
    named: dict[str, Any] = {PREFIX + name: edges for name, edges in mesh.boundaries.items()}
    np.savez_compressed(file, points=mesh.points, quad8=mesh.quad8, **named)


def mesh_of(arrays: Mapping[str, Any], file: Path, *, drop_triangles: bool) -> Mesh:
    """A mesh from named arrays; says what is missing, and what is there instead."""
    there = ", ".join(sorted(arrays)) or "nothing"
    if "points" in arrays:
        points = np.asarray(arrays["points"])
    elif "x" in arrays and "y" in arrays:
        x, y = np.ravel(arrays["x"]), np.ravel(arrays["y"])
        if len(x) != len(y):
            raise MeshError(f"{file.name} has {len(x)} x and {len(y)} y; every point needs both", "points")
        points = np.column_stack([x, y])
    else:
        missing = " and ".join(name for name in ("x", "y") if name not in arrays)
        raise MeshError(f"{file.name} has no dataset {missing}; it has {there}, and x, y, quad8 are needed", "points")
    kinds = [name for name in ("quad8", "quad9") if name in arrays]
    kinds = [name for name in kinds if np.size(arrays[name])] or kinds[:1]
    if not kinds:
        raise MeshError(f"{file.name} has no dataset quad8 (E, 8) or quad9 (E, 9); it has {there}", "quad8")
    if len(kinds) > 1:
        raise MeshError(
            f"{file.name} has both quad8 and quad9; leave the middles of the nine-node elements out, quad9[:, :8], "
            "and put all elements into quad8",
            "quad8",
        )
    for other in arrays:
        if other.lower().startswith("tri") and np.size(arrays[other]) and not drop_triangles:
            raise MeshError(
                f"{file.name} has triangles in {other}, {np.shape(arrays[other])}, and leaving them out leaves holes; "
                "mesh again with quadrilaterals only, or ask to drop triangles",
                "quad8",
            )
    if "boundaries" in arrays:
        raise MeshError(
            f"{file.name} has a dataset boundaries, which says no names; give each boundary's edges (K, 3) as "
            f"{PREFIX}NAME (.npz) or NAME in a group boundaries (HDF5)",
            "boundaries",
        )
    named = {key.removeprefix(PREFIX): edges for key, edges in arrays.items() if key.startswith(PREFIX)}
    return Mesh(points, arrays[kinds[0]], named)
