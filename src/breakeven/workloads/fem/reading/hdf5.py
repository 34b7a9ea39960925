"""HDF5: datasets `x`, `y` (N,) and `quad8` (E, 8), from 0, and a group `boundaries` of edges (K, 3)."""

from __future__ import annotations

from pathlib import Path

from breakeven.workloads.fem.faults import MeshError, needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.reading.npz import mesh_of


def read(file: Path, *, drop_triangles: bool) -> Mesh:
    """Read a mesh."""
    h5py = needed("h5py", "reading HDF5")
    try:
        with h5py.File(file, "r") as content:
            arrays = {name: one[()] for name, one in content.items() if isinstance(one, h5py.Dataset)}
            group = content.get("boundaries")
            if isinstance(group, h5py.Group):
                arrays |= {f"boundary:{name}": one[()] for name, one in group.items()}
    except OSError as error:
        raise MeshError(f"{file.name} cannot be read as HDF5: {error}", "path") from None
    return mesh_of(arrays, file, drop_triangles=drop_triangles)


def write(file: Path, mesh: Mesh) -> None:
    """Write a mesh."""
    h5py = needed("h5py", "writing HDF5")
    with h5py.File(file, "w") as content:
        content["x"], content["y"], content["quad8"] = mesh.points[:, 0], mesh.points[:, 1], mesh.quad8
        group = content.create_group("boundaries")
        for name, edges in mesh.boundaries.items():
            group[name] = edges
