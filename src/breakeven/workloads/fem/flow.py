"""`solve`: the stages in their order, each timed, each checked.

Lives here: the one way through, and Bernoulli's equation. Never here: how any stage works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from breakeven.workloads.fem.assembly import implementation_of
from breakeven.workloads.fem.assembly.effort import Assembled, Flow, Watch, effort_of
from breakeven.workloads.fem.boundary import Condition, System, apply, checked
from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import ConditionError, SolveError, is_number, needed
from breakeven.workloads.fem.mesh import Mesh, mesh_of
from breakeven.workloads.fem.solution import Solution
from breakeven.workloads.fem.solvers import MAX_ITERATIONS, TOLERANCE, Answer, check_solver, solve_system
from breakeven.workloads.fem.verification import check_answer, check_load, check_matrix, check_rows, fluxes_of

__all__ = ["AIR_DENSITY", "STAGNATION_PRESSURE", "bernoulli", "solve"]

AIR_DENSITY = 1.225
"""Of air at 15 °C at sea level, kg/m³."""

STAGNATION_PRESSURE = 101_325.0 + AIR_DENSITY / 2 * 2.5**2
"""Where the fluid rests, Pa: one atmosphere where it moves at 2.5 m/s, the speed at the inlet of the named cases."""


def bernoulli(speed: Floats, density: float = AIR_DENSITY, stagnation_pressure: float = STAGNATION_PRESSURE) -> Floats:
    """Pressure in Pa from speed in m/s: p = p0 - density / 2 · speed².

    >>> bernoulli(np.array([0.0, 2.5])).tolist()
    [101328.828125, 101325.0]
    """
    return stagnation_pressure - density / 2 * speed**2


def solve(
    mesh: Mesh,
    conditions: Iterable[Condition],
    implementation: str = "auto",
    solver: str = "cg-amg",
    *,
    max_workers: int | None = None,
    batch_size: int | None = None,
    chunksize: int | None = None,
    start_method: str | None = None,
    kernel: str | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    density: float = AIR_DENSITY,
    stagnation_pressure: float = STAGNATION_PRESSURE,
) -> Solution:
    """Solve the Laplace equation for the potential u, and derive velocity (-grad u), speed and pressure.

    `conditions` are `Dirichlet`, `Flux` and `Robin` by boundary name; a boundary without one is a wall (du/dn = 0).
    `implementation` and `solver` are names (`IMPLEMENTATIONS`, `SOLVERS`); `tolerance` is on the relative residual.
    Raises `MeshError`, `ConditionError` or `SolveError`; an answer that fails a check is never returned.

    >>> from breakeven.workloads import fem
    >>> mesh = fem.generate("channel", nx=6, ny=2)
    >>> flow = fem.solve(mesh, [fem.Flux("inlet", 2.5), fem.Dirichlet("outlet", 0.0)], implementation="numpy")
    >>> round(float(flow.potential.max()), 9), round(float(flow.pressure[0]), 6)
    (7.5, 101325.0)
    """
    effort = effort_of(max_workers, batch_size, chunksize, start_method, kernel)
    chosen = implementation_of(implementation)
    check_solver(solver, tolerance, max_iterations)
    _check_fluid(density, stagnation_pressure)
    given = checked(mesh_of(mesh), conditions)
    watch = Watch()
    for module in ("scipy.sparse", "scipy.sparse.csgraph", *(["pyamg"] if solver == "cg-amg" else [])):
        needed(module, "solving")
    watch.lap("import")
    assembled = chosen.matrix(mesh, effort)
    watch.lap("assemble")
    checks = {**check_matrix(assembled.matrix), "reference": check_rows(mesh, assembled.matrix)}
    watch.lap("verify")
    system = apply(mesh, assembled.matrix, given)
    watch.lap("boundary")
    found = _found(system, solver, tolerance, max_iterations, watch)
    derived = chosen.velocity(mesh, found.above, effort)
    watch.lap("velocity")
    pressure = bernoulli(derived.speed, density, stagnation_pressure)
    watch.lap("pressure")
    fields: dict[str, Any] = {"velocity": np.asarray(derived.velocity), "speed": derived.speed, "pressure": pressure}
    fields |= {"implementation": implementation, "chosen": assembled.note or implementation, "solver": solver}
    return Solution(**_figures(mesh, system, found, checks), **_times(watch, assembled, derived), **fields)


def _check_fluid(density: float, stagnation_pressure: float) -> None:
    for name, figure in (("density", density), ("stagnation_pressure", stagnation_pressure)):
        if not is_number(figure):
            raise ConditionError(f"{name} is {figure!r}; give a finite number", name)


class _Found(NamedTuple):
    """The solver's answer, the potential above its level (N,), and what the checks of it found."""

    answer: Answer
    above: Floats
    imbalance: float
    fluxes: dict[str, float]


def _found(system: System, solver: str, tolerance: float, max_iterations: int, watch: Watch) -> _Found:
    """Solve, and check the answer."""
    check_load(system)
    watch.lap("verify")
    try:
        answer = solve_system(system.matrix, system.load, solver, tolerance, max_iterations)
    except SolveError as error:
        feeding = [name for name, added in system.robin.items() if (added.diagonal() < 0).any()]
        if not feeding:
            raise
        raise SolveError(
            f"{error}; the coefficient of boundary {feeding[0]!r} is negative: the higher the potential there, the "
            "more comes in, which has no steady answer beyond some strength. Give 0 or more"
        ) from error
    above = system.known.copy()
    above[system.free] = answer.values
    watch.lap("solve")
    imbalance = check_answer(system, answer, above, tolerance)
    fluxes = fluxes_of(system, above)
    watch.lap("verify")
    return _Found(answer, above, imbalance, fluxes)


def _figures(mesh: Mesh, system: System, found: _Found, checks: dict[str, float]) -> dict[str, Any]:
    """What a `Solution` says of the system and its answer."""
    answer = found.answer
    return {
        "mesh": mesh,
        "potential": _potential(system, found.above),
        "nnz": int(system.whole.nnz),
        "iterations": answer.iterations,
        "residual": answer.residual,
        "method": answer.how,
        "mass_imbalance": found.imbalance,
        "fluxes": found.fluxes,
        "checks": {**checks, "mass": found.imbalance, "residual": answer.residual},
    }


def _potential(system: System, above: Floats) -> Floats:
    """Back from above the level; prescribed potentials to the last bit."""
    potential = system.prescribed.copy()
    potential[system.free] = above[system.free] + system.level
    return potential


def _times(watch: Watch, assembled: Assembled, derived: Flow) -> dict[str, Any]:
    """Where the seconds went: `stages`, and `parts` of two of them."""
    parts = {"assemble": assembled.seconds, "velocity": derived.seconds}
    return {"stages": _stages(watch.seconds, parts), "parts": parts}


def _stages(seconds: dict[str, float], parts: dict[str, dict[str, float]]) -> dict[str, float]:
    """Seconds a stage, with those of compiling taken out of the stages they fell into."""
    stages = dict(seconds)
    compiling = {stage: one.get("compile", 0.0) for stage, one in parts.items()}
    for stage, part in compiling.items():
        stages[stage] -= part
    return stages | ({"compile": sum(compiling.values())} if any(compiling.values()) else {})
