"""Named cases: a generator's mesh with conditions on it, and where it is known, the exact answer.

Lives here: what flows where. Never here: making meshes, or solving.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from breakeven.workloads.fem.boundary import Condition, Dirichlet, Flux, Robin
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError
from breakeven.workloads.fem.generators import GENERATORS, generate, numbers_only
from breakeven.workloads.fem.lift import lifting
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["CASES", "Case", "case", "exact"]

INFLOW = 2.5
"""Speed at the inlet of the named cases, m/s."""

Field = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Case:
    """A case's `summary`, the `generator` its mesh comes from, and what its function makes of parameters."""

    summary: str
    generator: str
    build: Callable[..., tuple[Mesh, list[Condition]]]
    exact: Callable[..., Field] | None = None


def case(name: str, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    """The mesh and the conditions of a named case; `parameters` are its own and its generator's.

    >>> mesh, conditions = case("venturi", nx=6, ny=2, inflow=1.0)
    >>> conditions
    [Flux(name='inlet', value=1.0), Dirichlet(name='outlet', value=0.0)]
    """
    return _found(name).build(**_checked(name, parameters))


def exact(name: str, **parameters: Any) -> Field | None:
    """The exact potential of a case as a function of (x, y), or None where none is known."""
    found = _found(name)
    return None if found.exact is None else found.exact(**_checked(name, parameters))


def _found(name: str) -> Case:
    key = name.replace("_", "-")
    if key not in CASES:
        raise MeshError(f"there is no case {name!r}; there are {', '.join(CASES)}", "case")
    return CASES[key]


def _checked(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Refuse parameters that neither the case nor its generator has."""
    import inspect

    found = _found(name)
    taken = inspect.signature(found.build).parameters.values()
    known = {one.name for one in taken if one.kind is one.KEYWORD_ONLY}
    if any(one.kind is one.VAR_KEYWORD for one in taken):
        known |= set(inspect.signature(GENERATORS[found.generator]).parameters)
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise MeshError(
            f"case {name!r} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}", "parameters"
        )
    numbers_only(parameters, f"case {name!r}")
    return parameters


def _through(generator: str, summary: str) -> Case:
    """Flow from an inlet of prescribed speed to an outlet of potential 0."""

    def build(*, inflow: float = INFLOW, **parameters: Any) -> tuple[Mesh, list[Condition]]:
        return generate(generator, **parameters), [Flux("inlet", inflow), Dirichlet("outlet", 0.0)]

    return Case(summary, generator, build)


def _tee(*, inflow: float = INFLOW, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    conditions: list[Condition] = [Flux("inlet", inflow), Dirichlet("outlet", 0.0), Dirichlet("branch", 0.0)]
    return generate("tee", **parameters), conditions


def _patch(*, inflow: float = INFLOW, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    mesh = generate("channel", **{"distortion": 0.3, **parameters})
    return mesh, [Flux("inlet", inflow), Dirichlet("outlet", 0.0)]


def _patch_exact(*, inflow: float = INFLOW, length: float = 3.0, **_: Any) -> Field:
    return lambda x, y: inflow * (length - x) + 0 * y


def _harmonic(*, n: int = 16, curved: float = 0.05) -> tuple[Mesh, list[Condition]]:
    square = generate("channel", nx=n, ny=n, length=1.0, width=1.0)
    x, y = square.points.T
    bulge = curved * np.sin(np.pi * x) * np.sin(np.pi * y)
    mesh = Mesh(np.column_stack([x + bulge, y - bulge]), square.quad8, square.boundaries)
    return mesh, [Dirichlet(name, _harmonic_exact()) for name in mesh.boundaries]


def _harmonic_exact(**_: Any) -> Field:
    return lambda x, y: np.sin(np.pi * x) * np.sinh(np.pi * y) / np.sinh(np.pi)


def _cylinder(*, speed: float = 1.0, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    mesh = generate("cylinder", **parameters)
    return mesh, [Dirichlet("far", _cylinder_exact(speed=speed, **parameters))]


def _cylinder_exact(*, speed: float = 1.0, radius: float = 1.0, **_: Any) -> Field:
    return lambda x, y: -speed * x * (1 + radius**2 / (x**2 + y**2))


def _joukowski(*, alpha: float = 5.0, speed: float = 1.0, **parameters: Any) -> tuple[Mesh, list[Condition]]:
    mesh = generate("joukowski", **parameters)
    stream = _joukowski_exact(alpha=alpha, speed=speed, **parameters)
    return mesh, [Dirichlet("body", stream), Dirichlet("far", stream)]


def _joukowski_exact(
    *, alpha: float = 5.0, speed: float = 1.0, mu_x: float = -0.1, mu_y: float = 0.1, c: float = 1.0, **_: Any
) -> Field:
    """The stream function about Joukowski's aerofoil with the circulation that makes the trailing edge smooth."""
    mu, turn = complex(mu_x, mu_y), np.exp(-1j * np.radians(alpha))
    first = abs(c - mu)
    circulation = 4 * np.pi * speed * first * np.sin(np.radians(alpha) - np.angle(c - mu))

    def stream(x: Floats, y: Floats) -> Floats:
        z = np.asarray(x) + 1j * np.asarray(y)
        root = np.sqrt(z - 2 * c) * np.sqrt(z + 2 * c)
        one, other = (z + root) / 2, (z - root) / 2
        zeta = np.where(np.abs(one - mu) >= np.abs(other - mu), one, other) - mu
        potential = speed * (zeta * turn + first**2 / (zeta * turn))
        return np.asarray((potential + 1j * circulation / (2 * np.pi) * np.log(zeta / first)).imag)

    return stream


def _l_shape(**parameters: Any) -> tuple[Mesh, list[Condition]]:
    return generate("l-shape", **parameters), [Dirichlet("rim", _l_shape_exact())]


def _l_shape_exact(**_: Any) -> Field:
    def corner(x: Floats, y: Floats) -> Floats:
        angle = np.mod(np.arctan2(y, x), 2 * np.pi)
        return np.asarray((x**2 + y**2) ** (1 / 3) * np.sin(2 / 3 * angle))

    return corner


def _nafems_t4(
    *, nx: int = 12, ny: int = 20, conductivity: float = 52.0, transfer: float = 750.0, base: float = 100.0
) -> tuple[Mesh, list[Condition]]:
    plate = generate("channel", nx=nx, ny=ny, length=0.6, width=1.0)
    near = 1e-9
    mesh = plate.with_boundaries(
        base=lambda x, y: y < near,  # noqa: ARG005 - conditions are functions of x and y
        air=lambda x, y: (x > 0.6 - near) | (y > 1 - near),
    )
    return mesh, [Dirichlet("base", base), Robin("air", transfer / conductivity, 0.0)]


CASES: dict[str, Case] = {
    "patch": Case("a distorted channel with uniform flow; exact to rounding", "channel", _patch, _patch_exact),
    "channel": _through("channel", "uniform flow through a channel"),
    "converging": _through("converging", "flow through a nozzle"),
    "venturi": _through("venturi", "flow through a throat"),
    "backward-step": _through("backward-step", "flow over a step downwards"),
    "tee": Case("flow into a T, out at its other two ends", "tee", _tee),
    "elbow": _through("elbow", "flow around a quarter turn"),
    "harmonic": Case("sin πx sinh πy on a square of curved elements", "channel", _harmonic, _harmonic_exact),
    "cylinder": Case("flow past a cylinder", "cylinder", _cylinder, _cylinder_exact),
    "joukowski": Case(
        "stream function about Joukowski's aerofoil; the flux through far is its circulation",
        "joukowski",
        _joukowski,
        _joukowski_exact,
    ),
    "aerofoil": Case(
        "stream function about an aerofoil; the flux through far is its circulation, by Kutta's condition",
        "aerofoil",
        lifting,
    ),
    "l-shape": Case("the singular potential of an inward corner", "l-shape", _l_shape, _l_shape_exact),
    "nafems-t4": Case("heat in a plate that air cools: 18.25 °C at (0.6, 0.2)", "channel", _nafems_t4),
}
"""Name → case. A generator's own name is also that of its first case."""
