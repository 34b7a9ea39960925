"""Make a mesh by a generator, or read one from a file; check it, write it, draw it.

Without a name, lists the generators and cases. Every mesh is checked on its way in:
clockwise elements are turned, unused points dropped, folded elements refused.
"""

from __future__ import annotations

import json
from pathlib import Path

from breakeven.cli.exits import DONE
from breakeven.cli.fem.inputs import mesh_arguments, mesh_of, writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `fem mesh`."""
    mesh_arguments(parser)
    parser.add_argument("--out", metavar="FILE", help="write it: .npz, .h5 or .vtu")
    parser.add_argument("--picture", metavar="FILE", help="draw it, its boundaries in colour: .png, .svg or .pdf")
    parser.add_argument("--json", action="store_true", help="what it is, as JSON on stdout")


def execute(options: argparse.Namespace) -> int:
    """Make or read, write, tell."""
    from breakeven.workloads import fem

    if options.mesh is None and options.case is None:
        return _listed(options)
    writable(options.out)
    writable(options.picture)
    mesh = mesh_of(options)
    if options.out:
        fem.write(options.out, mesh)
    if options.picture:
        from breakeven.workloads.fem.pictures import draw_mesh

        draw_mesh(mesh, options.picture, title=options.case or Path(options.mesh).name)
    figures = _figures(mesh)
    if options.json:
        print(json.dumps(figures, indent=1, allow_nan=False))
        return DONE
    print(f"{figures['nodes']:,} nodes, {figures['elements']:,} elements, area {figures['area']:.6g}")
    for repair in figures["repairs"]:
        print(f"  repaired: {repair}")
    for name, edges in figures["boundaries"].items():
        print(f"  {name}: {edges:,} edges")
    print(f"  determinants from {figures['detj_min']:.3g} to {figures['detj_max']:.3g} at the Gauss points")
    return DONE


def _figures(mesh: Any) -> dict[str, Any]:
    from breakeven.workloads.fem.element import STIFFNESS_RULE
    from breakeven.workloads.fem.mesh import determinants

    found = determinants(mesh.points, mesh.quad8)
    return {
        "nodes": len(mesh.points),
        "elements": len(mesh.quad8),
        "area": float((found @ STIFFNESS_RULE.weights).sum()),
        "boundaries": {name: len(edges) for name, edges in mesh.boundaries.items()},
        "detj_min": float(found.min()),
        "detj_max": float(found.max()),
        "repairs": list(mesh.repairs),
    }


def _listed(options: argparse.Namespace) -> int:
    """Print what there is, with parameters and their defaults."""
    import inspect

    from breakeven.workloads import fem

    generators = {
        name: {key: one.default for key, one in inspect.signature(maker).parameters.items()}
        for name, maker in fem.GENERATORS.items()
    }
    if options.json:
        cases = {name: {"generator": one.generator, "summary": one.summary} for name, one in fem.CASES.items()}
        print(json.dumps({"generators": generators, "cases": cases}, indent=1))
        return DONE
    print("generators:")
    for name, defaults in generators.items():
        print(f"  {name}: " + " ".join(f"{key}={default}" for key, default in defaults.items()))
    print("cases:")
    for name, one in fem.CASES.items():
        print(f"  {name} (on {one.generator}): {one.summary}")
    return DONE
