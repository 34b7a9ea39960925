"""`.geo`: a drawing in gmsh's language, meshed by gmsh into eight-node quadrilaterals and read as its `.msh`.

Lives here: what gmsh is told. Never here: choosing elements (`foreign`). A drawing is a program that gmsh runs, and may
start others: read those you trust. gmsh works in a process of its own, so that what it leaves open, and a crash, stay
there. Physical curves become boundaries.
"""

from __future__ import annotations

import math
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import breakeven as be
from breakeven.workloads.fem.faults import MeshError, needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.reading import foreign

_TOLD = {
    "General.Terminal": 0,
    "Mesh.Algorithm": 8,  # triangles that pair well
    "Mesh.RecombineAll": 1,
    "Mesh.SubdivisionAlgorithm": 1,  # and each rest cut in quadrilaterals: else a few triangles stay
    "Mesh.ElementOrder": 2,
    "Mesh.SecondOrderIncomplete": 1,
    "Mesh.MshFileVersion": 2.2,
}


def read(file: Path, *, drop_triangles: bool, **constants: Any) -> Mesh:
    """Mesh a drawing; `constants` are those that it leaves open by `DefineConstant`."""
    text = file.read_text(encoding="utf-8", errors="replace")
    for name, value in constants.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MeshError(f"{name} is {value!r}; constants of a drawing are numbers", "parameters")
        if not re.search(rf"\b{re.escape(name)}\b", text):
            raise MeshError(f"{file.name} has no constant {name}", "parameters")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{file.stem}.msh"
        try:
            be.map(
                partial(meshed, file.absolute(), target),
                [constants],
                backend="processes",
                max_workers=1,
                max_tasks_per_worker=1,
                progress=False,
            )
        except be.WorkerDied as error:
            raise MeshError(f"{file.name} cannot be meshed: gmsh crashed ({error})", "path") from None
        return foreign.read(target, drop_triangles=drop_triangles)


def meshed(file: Path, target: Path, constants: dict[str, float]) -> None:
    """Have gmsh mesh `file` and write `target`; run in a worker that ends with it."""
    gmsh = needed("gmsh", "meshing a .geo", "breakeven[fem-gmsh]")
    if not gmsh.isInitialized():
        gmsh.initialize(readConfigFiles=False, interruptible=False)
    gmsh.logger.start()
    try:
        _draw(gmsh, file, constants)
        gmsh.model.mesh.generate(2)
        gmsh.write(str(target))
    except MeshError:
        raise
    except Exception as error:  # noqa: BLE001 - gmsh raises nothing more exact
        told = [line.partition(":")[2].strip() for line in gmsh.logger.get() if line.startswith("Error")]
        raise MeshError(f"{file.name} cannot be meshed by gmsh: {(told or [error])[0]}", "path") from None


def _draw(gmsh: Any, file: Path, constants: dict[str, float]) -> None:
    """Read the drawing into a model of its own."""
    gmsh.model.add(f"breakeven {file.name}")
    for name, value in constants.items():
        gmsh.parser.setNumber(name, [value])
    for name, told in _TOLD.items():
        gmsh.option.setNumber(name, told)
    gmsh.merge(str(file))
    surfaces = gmsh.model.getEntities(2)
    if not surfaces:
        raise MeshError(f"{file.name} draws no surface; name one by Plane Surface", "path")
    # Only physical groups are written where there are any; a drawing may name its curves alone.
    if gmsh.model.getPhysicalGroups() and not gmsh.model.getPhysicalGroups(2):
        gmsh.model.addPhysicalGroup(2, [tag for _, tag in surfaces])
