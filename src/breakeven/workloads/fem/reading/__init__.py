"""Meshes from files and into files, by the ending of the name.

Lives here: the table of endings. Never here: a format. Whatever is read goes through `Mesh`, and so through its checks.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["read", "write"]

_READERS = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".geo": "geo"}
_WRITERS = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".vtu": "vtu"}


def read(path: str | Path, *, drop_triangles: bool = False, **constants: float) -> Mesh:
    """The mesh in a file: `.npz`, HDF5 (`x`, `y`, `quad8`), and through meshio gmsh's `.msh`, `.vtu`, `.inp` and more.

    A drawing `.geo` is meshed by gmsh, where it is installed; `constants` are those that the drawing leaves open.

    Nine-node quadrilaterals lose their middle point. Triangles are refused, unless `drop_triangles` leaves them out,
    holes and all. Where a file names no boundaries, the edges of least x are `inlet`, those of greatest x `outlet`, and
    the rest of the rim is `wall`. Raises `MeshError` for what is missing or cannot be computed on.
    """
    file = Path(path)
    if not file.is_file():
        raise MeshError(f"there is no file {file}", "path")
    name = _READERS.get(file.suffix.lower(), "foreign")
    if constants and name != "geo":
        raise MeshError(
            f"{file.name} is a mesh and has no parameter {', '.join(constants)}; only drawings do", "parameters"
        )
    room: Any = import_module(f"{__name__}.{name}")
    mesh: Mesh = room.read(file, drop_triangles=drop_triangles, **constants)
    return mesh if mesh.boundaries else guessed(mesh)


def write(path: str | Path, mesh: Mesh, solution: Any = None, *, stream: bool = False) -> Path:
    """Write a mesh (`.npz`, `.h5`, `.vtu`), and with a `Solution` its fields too (`.vtu`); returns the path.

    `stream` says that the solution's u is a stream function: velocities are turned to lie along its contours.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in _WRITERS:
        raise MeshError(f"{file.name} has an ending that cannot be written; there are {', '.join(_WRITERS)}", "path")
    if solution is not None and suffix != ".vtu":
        raise MeshError(f"{file.name} holds a mesh only; write the fields of a solution as .vtu", "path")
    room: Any = import_module(f"{__name__}.{_WRITERS[suffix]}")
    if solution is None:
        room.write(file, mesh)
    else:
        room.write(file, mesh, solution, stream=stream)
    return file


def guessed(mesh: Mesh) -> Mesh:
    """Name the rim of a mesh without names: `inlet` at the least x, `outlet` at the greatest, `wall` between them."""
    rim = mesh.outer_edges()
    x = mesh.points[rim][:, :, 0]
    near = 1e-9 * float(mesh.points[:, 0].max() - mesh.points[:, 0].min())
    first = (x <= mesh.points[:, 0].min() + near).all(axis=1)
    last = (x >= mesh.points[:, 0].max() - near).all(axis=1)
    names = {"inlet": rim[first], "outlet": rim[last], "wall": rim[~first & ~last]}
    return mesh.with_edges({name: edges for name, edges in names.items() if len(edges)})
