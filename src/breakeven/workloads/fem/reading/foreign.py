"""Whatever meshio reads: gmsh's `.msh` above all, with physical curves as boundaries.

Lives here: choosing the elements that can be used, and refusing the rest by name. Never here: files of our own formats.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakeven.workloads.fem.faults import MeshError, needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.reading.npz import PREFIX

_FLAT = 1e-9
_HARMLESS = {"vertex", "line", "line3"}
_TRIANGLES = {"triangle", "triangle6", "triangle7"}


def read(file: Path, *, drop_triangles: bool) -> Mesh:
    """Read a mesh through meshio."""
    meshio = needed("meshio", f"reading {file.suffix or file.name}")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # it prints warnings
            found = meshio.read(file)
    except SystemExit:  # where several of its formats share an ending, and all of them failed
        raise MeshError(
            f"{file.name} cannot be read by meshio: it is in none of the formats whose files end in {file.suffix}",
            "path",
        ) from None
    except Exception as error:  # noqa: BLE001 - each of its formats fails in its own way
        raise MeshError(f"{file.name} cannot be read by meshio: {str(error) or type(error).__name__}", "path") from None
    points = np.asarray(found.points, dtype=np.float64)
    if points.shape[1] > 2:  # noqa: PLR2004 - the plane
        if np.isfinite(points).all() and np.ptp(points[:, 2]) > _FLAT * np.ptp(points):
            raise MeshError(
                f"{file.name} is not plane: z runs from {np.min(points[:, 2])} to {np.max(points[:, 2])}", "points"
            )
        points = points[:, :2]
    quads = _quads(found, file, drop_triangles=drop_triangles)
    named = _boundaries(found)
    if drop_triangles:
        has_side = np.zeros(len(points), dtype=bool)
        has_side[quads[:, 4:]] = True
        named = {name: edges[has_side[edges[:, 1]]] for name, edges in named.items()}
    return Mesh(points, quads, {name: edges for name, edges in named.items() if len(edges)})


def _quads(found: Any, file: Path, *, drop_triangles: bool) -> NDArray[np.int64]:
    """All eight-node quadrilaterals; nine-node ones without their middle."""
    counts: dict[str, int] = {}
    blocks = []
    for block in found.cells:
        counts[block.type] = counts.get(block.type, 0) + len(block.data)
        if block.type in {"quad8", "quad9"}:
            blocks.append(np.asarray(block.data, dtype=np.int64)[:, :8])
    triangles = sum(counts.get(kind, 0) for kind in _TRIANGLES)
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "no elements"
    if triangles and not drop_triangles:
        raise MeshError(
            f"{file.name} has {triangles} triangles ({listed}), and leaving them out leaves holes; mesh again with "
            "quadrilaterals only (in gmsh: RecombineAll=1, SubdivisionAlgorithm=1), or ask to drop triangles",
            "quad8",
        )
    unknown = sorted(set(counts) - _HARMLESS - _TRIANGLES - {"quad8", "quad9"})
    if unknown:
        raise MeshError(
            f"{file.name} has {counts[unknown[0]]} elements of the kind {unknown[0]}; only eight- and nine-node "
            "quadrilaterals can be used (in gmsh: ElementOrder=2)",
            "quad8",
        )
    if not blocks:
        raise MeshError(
            f"{file.name} has no eight- or nine-node quadrilaterals; it has {listed} (where curves are physical "
            "groups, gmsh saves surfaces only if they are, too)",
            "quad8",
        )
    return np.concatenate(blocks)


def _boundaries(found: Any) -> dict[str, NDArray[np.int64]]:
    """Named groups of three-node lines: our own marks, gmsh's physical curves, or meshio's cell sets."""
    named: dict[str, list[NDArray[np.int64]]] = {}
    names = {int(tag): name for name, (tag, dimension) in found.field_data.items() if dimension == 1}
    tags = found.cell_data.get("gmsh:physical")
    marks = {key.removeprefix(PREFIX): marks for key, marks in found.cell_data.items() if key.startswith(PREFIX)}
    for number, block in enumerate(found.cells):
        if block.type != "line3":
            continue
        lines = np.asarray(block.data, dtype=np.int64)[:, [0, 2, 1]]
        for name, mark in marks.items():
            if (mark[number] == 1).any():
                named.setdefault(name, []).append(lines[mark[number] == 1])
        if tags is not None:
            for tag in np.unique(tags[number]):
                if tag:
                    named.setdefault(names.get(int(tag), f"physical-{tag}"), []).append(lines[tags[number] == tag])
        else:
            for name, chosen in found.cell_sets.items():
                if not name.startswith("gmsh:") and chosen[number] is not None and len(chosen[number]):
                    named.setdefault(name, []).append(lines[chosen[number]])
    return {name: np.concatenate(parts) for name, parts in named.items()}
