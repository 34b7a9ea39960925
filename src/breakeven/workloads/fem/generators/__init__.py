"""Meshes made from a few numbers: one family a file, found by name.

Lives here: the table of families. Never here: conditions, which `cases` adds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators.aerofoil import aerofoil
from breakeven.workloads.fem.generators.bends import elbow, tee
from breakeven.workloads.fem.generators.channel import channel, converging, venturi
from breakeven.workloads.fem.generators.corners import backward_step, l_shape
from breakeven.workloads.fem.generators.rings import cylinder, joukowski, ogrid
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["GENERATORS", "generate"]

GENERATORS: dict[str, Callable[..., Mesh]] = {
    "channel": channel,
    "converging": converging,
    "venturi": venturi,
    "backward-step": backward_step,
    "tee": tee,
    "elbow": elbow,
    "cylinder": cylinder,
    "ogrid": ogrid,
    "joukowski": joukowski,
    "aerofoil": aerofoil,
    "l-shape": l_shape,
}
"""Name → the function that makes such a mesh; its parameters are those of `fem mesh NAME --set KEY=VALUE`."""

_TEXTS = {"file", "naca"}


def generate(name: str, **parameters: Any) -> Mesh:
    """Make the mesh of a family; `parameters` are those of the generator's function.

    >>> generate("channel", nx=3, ny=1)
    Mesh(18 points, 3 elements, boundaries: inlet, outlet, wall)
    """
    key = name.replace("_", "-")
    if key not in GENERATORS:
        raise MeshError(f"there is no generator {name!r}; there are {', '.join(GENERATORS)}", "generator")
    mesh: Mesh = call(GENERATORS[key], parameters, f"generator {name!r}")
    return mesh


def call(maker: Callable[..., Any], parameters: dict[str, Any], who: str) -> Any:
    """Call with parameters from a user, refusing unknown ones by name."""
    known = inspect.signature(maker).parameters
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        offered = ", ".join(f"{one.name}={one.default!r}" for one in known.values() if one.default is not one.empty)
        raise MeshError(f"{who} has no parameter {', '.join(unknown)}; it has {offered}", "parameters")
    missing = [one.name for one in known.values() if one.default is one.empty and one.name not in parameters]
    if missing:
        raise MeshError(f"{who} needs {', '.join(missing)}", "parameters")
    numbers_only(parameters, who)
    return maker(**parameters)


def numbers_only(parameters: Mapping[str, Any], who: str) -> None:
    """Refuse values that are no finite numbers, but for those parameters that are texts."""
    for key, value in parameters.items():
        if key in _TEXTS:
            wrong, wanted = not isinstance(value, str), "a text"
        else:
            wrong, wanted = not isinstance(value, (int, float, np.number)) or not np.isfinite(value), "a finite number"
        if wrong:
            raise MeshError(f"{who}: {key} is {value!r}; give {wanted}", key)
