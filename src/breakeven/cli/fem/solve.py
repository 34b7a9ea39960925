"""Solve one flow: a named case, a generator's, or a mesh file with conditions by boundary name.

A file with boundaries inlet and outlet needs no conditions: 2.5 m/s come in, the
potential is 0 at the outlet, the rest are walls. The answer is checked in the run
(mass balance, residual, the matrix itself); one that fails is an error.
"""

from __future__ import annotations

import json
from time import perf_counter

from breakeven.cli.exits import DONE
from breakeven.cli.fem.inputs import effort_arguments, effort_options, flow_of, mesh_arguments, writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_STREAM = {"joukowski", "aerofoil"}
"""Cases whose potential is the stream function."""
_HEAT = {"nafems-t4"}
"""Cases whose potential is a temperature: nothing flows, and no pressure follows."""
_ROUNDING = 1e-10
"""A flux that is so small a share of the potential's range is none."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `fem solve`."""
    mesh_arguments(parser)
    for name, shape, what in (
        ("--dirichlet", "NAME=VALUE", "the potential on a boundary"),
        ("--flux", "NAME=VALUE", "the speed at which fluid comes in"),
        ("--robin", "NAME=C,VALUE", "du/dn + C·u = VALUE"),
    ):
        parser.add_argument(name, metavar=shape, action="append", default=[], help=f"{what}; may be given again")
    parser.add_argument("--implementation", metavar="NAME", default="auto", help="of assembly (%(default)s)")
    parser.add_argument("--solver", metavar="NAME", default="cg-amg", help="cg-amg, cg-jacobi or direct (%(default)s)")
    parser.add_argument("--tolerance", metavar="X", type=float, default=1e-12, help="relative residual (%(default)s)")
    effort_arguments(parser)
    parser.add_argument("--vtu", metavar="FILE", help="write the solution for ParaView")
    parser.add_argument(
        "--picture", metavar="FILE", help="draw mesh, potential, streamlines, pressure: .png, .svg, .pdf"
    )
    parser.add_argument(
        "--window", metavar="X0,X1,Y0,Y1", help="the part that is drawn; default: all, or around a small body"
    )
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout")


def execute(options: argparse.Namespace) -> int:
    """Solve, write, tell."""
    from breakeven.workloads import fem

    writable(options.vtu)
    writable(options.picture)
    window = _window(options.window)
    began = perf_counter()
    mesh, conditions, name = flow_of(options)
    load_seconds = perf_counter() - began
    solution = fem.solve(
        mesh,
        conditions,
        implementation=options.implementation,
        solver=options.solver,
        tolerance=options.tolerance,
        **effort_options(options),
    )
    figures = solution.to_dict()
    figures["stage_seconds"] = {"load": load_seconds, **figures["stage_seconds"]}
    if name:
        figures["case"] = name
        _add_error(figures, solution, name, options)
    if options.vtu:
        fem.write(options.vtu, mesh, solution, stream=name in _STREAM)
    if options.picture:
        from breakeven.workloads.fem.pictures import PANELS, draw

        shown: dict[str, Any] = {"stream": name in _STREAM, "window": window, "title": name}
        if name in _HEAT:
            shown |= {"panels": PANELS[:2], "quantity": "temperature, °C"}
        draw(solution, options.picture, **shown)
    if options.json:
        print(json.dumps(figures, indent=1, allow_nan=False))
    else:
        print(_told(figures))
    return DONE


def _window(text: str | None) -> Any:
    from breakeven.cli.exits import UsageError

    if text is None:
        return None
    try:
        left, right, bottom, top = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--window {text} is not X0,X1,Y0,Y1") from None
    if left >= right or bottom >= top:
        raise UsageError(f"--window {text} is empty")
    return left, right, bottom, top


def _add_error(figures: dict[str, Any], solution: Any, name: str, options: argparse.Namespace) -> None:
    """Where the exact potential is known, how far off this one is."""
    from breakeven.cli.fem.inputs import parameters
    from breakeven.workloads.fem.cases import exact

    known = exact(name, **parameters(options.parameters))
    if known is not None:
        off = abs(solution.potential - known(*solution.mesh.points.T))
        figures["max_error"] = float(off.max())


def _told(figures: dict[str, Any]) -> str:
    from breakeven.units import format_seconds

    unit = "K" if figures.get("case") in _HEAT else "m²/s"
    steps = "1 iteration" if figures["iterations"] == 1 else f"{figures['iterations']:,} iterations"
    residual = f"relative residual {figures['relative_residual']:.1e}, mass imbalance {figures['mass_imbalance']:.1e}"
    lines = [
        f"{figures['nodes']:,} nodes, {figures['elements']:,} elements, {figures['nnz']:,} entries in the matrix",
        *(f"  repaired: {repair}" for repair in figures["repairs"]),
        f"assembled by {figures['chosen']}, solved by {figures['method']} in {steps}, {residual}",
        "",
        *_ranges(figures),
        *(f"  in through {name}: {_of_note(flux, figures):.6g} {unit}" for name, flux in figures["fluxes"].items()),
    ]
    if "max_error" in figures:
        lines.append(f"  largest error against the exact potential: {figures['max_error']:.2e}")
    stages = figures["stage_seconds"]
    lines += ["", "  ".join(f"{name} {format_seconds(seconds)}" for name, seconds in stages.items())]
    return "\n".join(lines)


def _of_note(flux: float, figures: dict[str, Any]) -> float:
    """A flux, 0 where it is rounding beside the differences of the potential."""
    return flux if abs(flux) > _ROUNDING * (figures["u_max"] - figures["u_min"]) else 0.0


def _ranges(figures: dict[str, Any]) -> list[str]:
    """From where to where each field runs, with as many digits as tell its ends apart, and its unit."""
    rows = [("potential", "u", 6, "m²/s"), ("speed", "speed", 6, "m/s"), ("pressure", "pressure", 9, "Pa")]
    if figures.get("case") in _HEAT:
        rows = [("temperature", "u", 6, "°C")]
    return [
        f"  {name:<11} {figures[key + '_min']:>14.{digits}g} … {figures[key + '_max']:<14.{digits}g} {unit}"
        for name, key, digits, unit in rows
    ]
