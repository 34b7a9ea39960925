"""A solution as a picture: mesh, potential, streamlines, pressure, as PNG, SVG or PDF.

Lives here: drawing. Never here: figures that are not in the solution. Every element is drawn as six triangles, so that
curved sides look curved and a quadratic potential is seen as one.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError, needed
from breakeven.workloads.fem.mesh import Mesh
from breakeven.workloads.fem.solution import Solution
from breakeven.workloads.fem.streams import stream_function

__all__ = ["PANELS", "draw", "draw_mesh"]

PANELS = ("mesh", "potential", "streamlines", "pressure")
_TRIANGLES = np.array([(0, 4, 7), (4, 1, 5), (5, 2, 6), (6, 3, 7), (4, 5, 6), (4, 6, 7)])
_MOST_LINES = 60_000
"""Elements whose sides are drawn; of more, which would be one grey, only the rim."""
_STREAMLINES = 70
"""Streamlines across the longer side of a picture, where the flow is as fast as half of it is."""
_FEWEST_AND_MOST = 9, 45
_FLAT = 1e-9
"""Of a value, what may be rounding."""
_MOST_VECTORS = 4000
"""Elements that are drawn one by one in an SVG; of more, an image."""
_SEEN = 0.25
"""The share of a mesh that a body takes where it is easily seen in the whole."""
_FLATTEST_AND_TALLEST = 0.04, 12.0
"""Height by width of a panel; what is longer or taller stays white on its other sides."""
_BESIDE, _ABOVE_AND_BELOW = 1.7, 0.72
"""Inches for what stands around a panel: numbers, scale and title."""
_LEAST_INCHES = 4.5, 1.8
"""Across and up: what a title and the names of boundaries need."""
_INK, _BODY = "#1b2a3a", "#f3f1ec"


def draw(
    solution: Solution,
    path: str | Path,
    *,
    panels: tuple[str, ...] = PANELS,
    window: tuple[float, float, float, float] | None = None,
    stream: bool = False,
    title: str = "",
    quantity: str = "potential, m²/s",
) -> Path:
    """Draw `panels` of a solution; `window` is (x from, x to, y from, y to).

    By default that is all of the mesh, or where a boundary `body` is small in it, what is around the body. `stream`
    says that u is a stream function: its contours are the streamlines; `quantity` is what else u is. Returns the path.
    """
    window = window or _around_body(solution.mesh)
    inside = _inside(solution.mesh, window)
    figure, axes = _sheet(solution.mesh, len(panels), window)
    triangles = _triangulation(solution.mesh)
    for axis, panel in zip(axes, panels, strict=False):
        if panel == "mesh":
            _entitle(axis, _counts(solution.mesh) + _lines(axis, solution.mesh, window))
        elif panel == "potential":
            _filled(figure, axis, triangles, solution.potential, "viridis", inside)
            _entitle(axis, "stream function, m²/s" if stream else quantity)
        elif panel == "streamlines":
            _streamlines(figure, axis, solution, triangles, inside, stream=stream)
            _entitle(axis, "streamlines, equal flow between them; colour: speed, m/s")
        elif panel == "pressure":
            usual = _elements(figure, axis, solution, window)
            _entitle(axis, f"pressure above and below {usual:,.2f} Pa, its median, in Pa")
        else:
            raise MeshError(f"there is no panel {panel!r}; there are {', '.join(PANELS)}", "panels")
    return _save(figure, path, title)


def draw_mesh(mesh: Mesh, path: str | Path, *, title: str = "") -> Path:
    """Draw a mesh with its named boundaries in colour. Returns the path."""
    figure, axes = _sheet(mesh, 1, None)
    _entitle(axes[0], _counts(mesh) + _lines(axes[0], mesh, None))
    colours = needed("matplotlib", "pictures").colormaps["tab10"]
    for number, (name, edges) in enumerate(mesh.boundaries.items()):
        sides = mesh.points[edges].reshape(-1, 3, 2)
        collection = needed("matplotlib.collections", "pictures").LineCollection(
            list(sides), colors=[colours(number)], linewidths=2.2, label=name
        )
        axes[0].add_collection(collection)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return _save(figure, path, title)


def _sheet(mesh: Mesh, count: int, window: tuple[float, float, float, float] | None) -> tuple[Any, list[Any]]:
    needed("matplotlib", "pictures")
    from matplotlib.figure import Figure

    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    left, right, bottom, top = window or (low[0], high[0], low[1], high[1])
    shape = float(np.clip((top - bottom) / (right - left), *_FLATTEST_AND_TALLEST))
    columns, across = _arranged(count, shape)
    rows = -(-count // columns)
    wide = max(columns * (across + _BESIDE), _LEAST_INCHES[0])
    high = max(rows * (across * shape + _ABOVE_AND_BELOW), _LEAST_INCHES[1])
    figure = Figure(figsize=(wide, high), layout="constrained", facecolor="white")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for axis in axes:
        axis.set_aspect("equal")
        margin = 0.0 if window else 0.02 * max(right - left, top - bottom)
        axis.set_xlim(left - margin, right + margin)
        axis.set_ylim(bottom - margin, top + margin)
        axis.tick_params(labelsize=8, colors="#667")
        axis.set_xlabel("m", fontsize=8, color="#667", loc="right", labelpad=1)
        for side in axis.spines.values():
            side.set_visible(False)
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes


def _arranged(count: int, shape: float) -> tuple[int, float]:
    """Columns, and a panel's inches across: long panels stand under one another, tall ones side by side."""
    if shape < 0.45:  # noqa: PLR2004
        return 1, 7.5
    if shape > 2:  # noqa: PLR2004
        return count, 9.0 / shape
    return min(count, 2), 5.8


def _entitle(axis: Any, title: str) -> None:
    """A title in as many lines as its column is wide for."""
    across = axis.figure.get_size_inches()[0] / axis.get_subplotspec().get_gridspec().ncols
    axis.set_title(fill(title, int(across * 10)), fontsize=11)


def _counts(mesh: Mesh) -> str:
    number = len(mesh.quad8)
    return f"{number:,} element{'s' if number > 1 else ''}, {len(mesh.points):,} points"


def _around_body(mesh: Mesh) -> tuple[float, float, float, float] | None:
    """A body and as much again on all its sides; None where there is no body, or it is easily seen in the whole."""
    edges = mesh.boundaries.get("body")
    if edges is None or not len(edges):
        return None
    low, high = mesh.points[edges.ravel()].min(axis=0), mesh.points[edges.ravel()].max(axis=0)
    size = float((high - low).max())
    if size > _SEEN * float(np.ptp(mesh.points, axis=0).max()):
        return None
    return float(low[0] - size), float(high[0] + size), float(low[1] - size), float(high[1] + size)


def _save(figure: Any, path: str | Path, title: str) -> Path:
    file = Path(path)
    if title:
        figure.suptitle(title, fontsize=13, color=_INK)
    try:
        figure.savefig(file, dpi=150)
    except ValueError as error:
        raise MeshError(f"{file.name} cannot be drawn: {error}", "path") from None
    return file


def _triangulation(mesh: Mesh) -> Any:
    tri = needed("matplotlib.tri", "pictures")
    return tri.Triangulation(mesh.points[:, 0], mesh.points[:, 1], mesh.quad8[:, _TRIANGLES].reshape(-1, 3))


def _rim(mesh: Mesh) -> Any:
    collections = needed("matplotlib.collections", "pictures")
    return collections.LineCollection(list(mesh.points[mesh.outer_edges()]), colors=_INK, linewidths=0.9)


def _lines(axis: Any, mesh: Mesh, window: tuple[float, float, float, float] | None) -> str:
    """Draw the elements; returns what is to be said of that."""
    collections = needed("matplotlib.collections", "pictures")
    shown = mesh.quad8[_touching(mesh, window)]
    outline = mesh.points[shown[:, [0, 4, 1, 5, 2, 6, 3, 7]]]
    too_many = len(shown) > _MOST_LINES
    thin = float(np.clip(30 / np.sqrt(len(shown) + 1), 0.12, 0.6))
    axis.add_collection(
        collections.PolyCollection(
            list(outline),
            facecolors=_BODY,
            edgecolors=_BODY if too_many else "#4a6484",
            linewidths=thin,
            rasterized=len(shown) > _MOST_VECTORS,
        )
    )
    axis.add_collection(_rim(mesh))
    return "; their sides are too fine to be seen" if too_many else ""


def _filled(
    figure: Any,
    axis: Any,
    triangles: Any,
    values: Floats,
    colours: str,
    inside: NDArray[np.bool_],
) -> None:
    seen = values[inside]
    levels = _levels(float(seen.min()), float(seen.max()), 41)
    drawn = axis.tricontourf(
        triangles, values, levels=levels, cmap=colours, extend="neither" if inside.all() else "both"
    )
    axis.tricontour(
        triangles, values, levels=levels[::2], colors="white", linewidths=0.35, alpha=0.7, linestyles="solid"
    )
    _scale(figure, axis, drawn)


def _levels(low: float, high: float, count: int) -> Floats:
    """Evenly from `low` to `high`; where those are the same but for rounding, a tenth about them, so as to say so.

    An even `count` leaves no level in the middle, which would show the rounding.
    """
    least = _FLAT * max(abs(low), abs(high))
    if high - low <= least:
        low, high = (low - 0.1 * abs(low), high + 0.1 * abs(high)) if least else (-1.0, 1.0)
    return np.linspace(low, high, count)


def _scale(figure: Any, axis: Any, drawn: Any) -> None:
    """A bar of colours as high as the picture, with round numbers at it."""
    from matplotlib.ticker import MaxNLocator

    across, high_up = _inches(axis)
    beside = axis.inset_axes([1 + 0.15 / across, 0.0, 0.14 / across, 1.0])
    low, high = drawn.levels[[0, -1]] if hasattr(drawn, "levels") else drawn.get_clim()
    ticks = [
        tick for tick in MaxNLocator(int(np.clip(3 * high_up, 2, 7))).tick_values(low, high) if low <= tick <= high
    ]
    bar = figure.colorbar(drawn, cax=beside, ticks=ticks, format="%.5g")
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)


def _inches(axis: Any) -> tuple[float, float]:
    """How wide and how high a panel becomes, about."""
    grid = axis.get_subplotspec().get_gridspec()
    wide, high = axis.figure.get_size_inches() / (grid.ncols, grid.nrows) - (_BESIDE, _ABOVE_AND_BELOW)
    spans = np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim())
    scale = min(wide / spans[0], high / spans[1])
    return float(spans[0] * scale), float(spans[1] * scale)


def _inside(mesh: Mesh, window: tuple[float, float, float, float] | None) -> Any:
    """Which points lie in the window (N,), or where none does, belong to elements that reach into it."""
    if window is None:
        return np.ones(len(mesh.points), dtype=bool)
    x, y = mesh.points.T
    inside = (x > window[0]) & (x < window[1]) & (y > window[2]) & (y < window[3])
    if not inside.any():
        inside[mesh.quad8[_touching(mesh, window)]] = True
    if not inside.any():
        raise MeshError(
            f"the window from ({window[0]:g}, {window[2]:g}) to ({window[1]:g}, {window[3]:g}) shows nothing of the "
            f"mesh, which lies from ({x.min():g}, {y.min():g}) to ({x.max():g}, {y.max():g})",
            "window",
        )
    return inside


def _touching(mesh: Mesh, window: tuple[float, float, float, float] | None) -> Any:
    """Which elements reach into the window (E,)."""
    if window is None:
        return np.ones(len(mesh.quad8), dtype=bool)
    corners = mesh.points[mesh.quad8]
    (left, bottom), (right, top) = corners.min(axis=1).T, corners.max(axis=1).T
    return (right > window[0]) & (left < window[1]) & (top > window[2]) & (bottom < window[3])


def _elements(figure: Any, axis: Any, solution: Solution, window: tuple[float, float, float, float] | None) -> float:
    """Pressure as it is: one value an element. White is the median over the area, which is returned: the free stream's.

    Blue is suction, red is what presses, of the same depth for the same distance from the median.
    """
    collections = needed("matplotlib.collections", "pictures")
    mesh = solution.mesh
    outline = mesh.points[mesh.quad8[:, [0, 4, 1, 5, 2, 6, 3, 7]]]
    seen = _touching(mesh, window)
    usual = _median(solution.pressure, outline)
    values = solution.pressure[seen] - usual
    reach = max(float(np.quantile(np.abs(values), 0.995)), _FLAT * abs(usual))
    drawn = collections.PolyCollection(
        list(outline[seen]), array=values, cmap="RdBu_r", edgecolors="face", linewidths=0.2, rasterized=True
    )
    drawn.set_clim(-reach, reach)
    axis.add_collection(drawn)
    axis.add_collection(_rim(mesh))
    _scale(figure, axis, drawn)
    return usual


def _median(values: Floats, outline: Floats) -> float:
    """The value (E,) that half of the area of the polygons (E, 8, 2) stays below."""
    x, y = outline[..., 0], outline[..., 1]
    areas = np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1))
    ranks = np.argsort(values)
    shares = np.cumsum(areas[ranks])
    return float(values[ranks[np.searchsorted(shares, shares[-1] / 2)]])


def _streamlines(
    figure: Any,
    axis: Any,
    solution: Solution,
    triangles: Any,
    inside: NDArray[np.bool_],
    *,
    stream: bool,
) -> None:
    speed = np.linalg.norm(solution.nodal_velocity(), axis=1)
    low, high = np.quantile(speed[inside], [0.0, 0.995])
    levels = _levels(float(low), float(high), 34)
    drawn = axis.tricontourf(triangles, speed, levels=levels, cmap="magma", extend="both")
    _scale(figure, axis, drawn)
    values = solution.potential if stream else stream_function(solution)
    least, most = float(values[inside].min()), float(values[inside].max())
    if least < most:
        across = float(max(np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim()))) * float(np.median(speed[inside]))
        count = int(np.clip(_STREAMLINES * (most - least) / max(across, 1e-300), *_FEWEST_AND_MOST))
        lines = np.linspace(least, most, count)
        axis.tricontour(triangles, values, levels=lines, colors="white", linewidths=0.7, linestyles="solid")
    axis.add_collection(_rim(solution.mesh))
