"""An O-grid around the aerofoil of a coordinate file, or around a NACA four-digit section.

Lives here: reading contours, the mapping that opens one into a near-circle, and the grid between it and a far circle.
Never here: the flow. The mapping is the first step of Theodorsen's method: the inverse of z = zeta + a²/zeta, with its
two singular points at the trailing edge and just inside the nose, turns any aerofoil into a curve that every ray from
its middle meets once.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.workloads.fem.element import Floats
from breakeven.workloads.fem.faults import MeshError, needed
from breakeven.workloads.fem.generators.blocks import counted, lattice
from breakeven.workloads.fem.mesh import Mesh

__all__ = ["aerofoil", "contour_of_file", "naca_contour"]

_FEWEST = 9
_DIGITS = 4


def aerofoil(
    file: str = "", naca: str = "2412", radial: int = 40, around: int = 160, outer_radius: float = 15.0
) -> Mesh:
    """The O-grid around one aerofoil of chord 1, trailing edge at (1, 0), far circle at `outer_radius` chords or so.

    `file` is a coordinate file as the UIUC collection has them, x and y a line, from the trailing edge over the upper
    side, or upper and lower side each from the nose. Without one, `naca` names a four-digit section. A blunt trailing
    edge is closed in its middle. Boundaries: `body` and `far`; edge 0 of `body` starts at the trailing edge.

    >>> aerofoil(naca="0012", radial=2, around=16)
    Mesh(128 points, 32 elements, boundaries: body, far)
    """
    counted(radial=radial, around=around)
    if around % 2 or around < _FEWEST - 1:
        raise MeshError(f"around is {around}; an aerofoil takes an even number of elements, 8 or more", "around")
    if not 1 < outer_radius < float("inf"):
        raise MeshError(f"outer_radius is {outer_radius}; give more than 1 chord", "outer_radius")
    contour = contour_of_file(file) if file else naca_contour(naca)
    opened = _opened(contour)
    block = lattice(around, radial, closed=True)
    angle = opened.angles[0] + 2 * np.pi * (1 - block.s)  # clockwise, so that elements come out counter-clockwise
    first = np.interp(angle, opened.angles, opened.radii)
    zeta = opened.middle + first * (outer_radius / first) ** block.t * np.exp(1j * angle)
    z = opened.edge + (zeta + opened.spread**2 / zeta - 2 * opened.spread) * opened.turn
    return Mesh(np.column_stack([z.real, z.imag]), block.quad8, {"body": block.t0, "far": block.t1})


def naca_contour(digits: str, points: int = 200) -> NDArray[np.complex128]:
    """The contour of a NACA four-digit section with a closed trailing edge, from there over the upper side (M,).

    NACA Report 460; the last coefficient is the one that closes the edge.

    >>> contour = naca_contour("0012")
    >>> round(float(2 * contour.imag.max()), 4)
    0.12
    """
    if len(str(digits)) != _DIGITS or not str(digits).isdigit() or not int(digits) % 100:
        raise MeshError(
            f"naca is {digits!r}; give the four digits of a section with a thickness, such as '2412'", "naca"
        )
    code = str(digits)
    camber, place, thickness = int(code[0]) / 100, int(code[1]) / 10, int(code[2:]) / 100
    x = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
    half = 5 * thickness * (0.2969 * np.sqrt(x) - 0.1260 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1036 * x**4)
    line, slope = np.zeros_like(x), np.zeros_like(x)
    if camber and place:
        ahead = x < place
        share = np.where(ahead, place, 1 - place) ** 2
        line = camber / share * np.where(ahead, 2 * place * x - x**2, 1 - 2 * place + 2 * place * x - x**2)
        slope = 2 * camber / share * (place - x)
    normal = 1j * np.exp(1j * np.arctan(slope))
    upper, lower = x + 1j * line + half * normal, x + 1j * line - half * normal
    return np.concatenate([upper[::-1], lower[1:]])


def contour_of_file(file: str) -> NDArray[np.complex128]:
    """The contour in a coordinate file, scaled to chord 1, from the trailing edge over the upper side, closed (M,)."""
    try:
        lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise MeshError(f"the aerofoil {file} cannot be read: {error.strerror}", "file") from None
    pairs = [pair for pair in map(_pair, lines) if pair is not None]
    if pairs and min(pairs[0]) > 1.5:  # noqa: PLR2004 - Lednicer's format opens with the two counts, such as 35. 35.
        count = int(pairs[0][0])
        upper, lower = pairs[1 : count + 1], pairs[count + 1 :]
        pairs = upper[::-1] + lower[1:]
    if len(pairs) < _FEWEST:
        raise MeshError(
            f"the aerofoil {file} has {len(pairs)} points; {_FEWEST} or more are needed, x and y a line", "file"
        )
    contour = np.array([complex(*pair) for pair in pairs])
    nose, tail = contour.real.min(), contour.real.max()
    contour = (contour - nose) / (tail - nose)
    if _area(contour) < 0:
        contour = contour[::-1]
    end = (contour[0] + contour[-1]) / 2
    slant = np.linspace(0, 1, len(contour))
    contour = contour + (end - contour[0]) * (1 - slant) ** 4 + (end - contour[-1]) * slant**4
    apart = np.concatenate([[True], np.abs(np.diff(contour)) > 1e-9])  # noqa: PLR2004 - a point given twice
    return np.asarray(contour[apart] - end.imag * 1j + (1 - end.real))


def _pair(line: str) -> tuple[float, float] | None:
    words = line.replace(",", " ").split()
    try:
        x, y = map(float, words)
    except ValueError:
        return None
    return (x, y) if np.isfinite([x, y]).all() else None


def _area(contour: NDArray[np.complex128]) -> float:
    """Twice the signed area: positive where the contour runs counter-clockwise."""
    following = np.roll(contour, -1)
    return float((contour.conj() * following).imag.sum())


class _Opened(NamedTuple):
    """An aerofoil as a near-circle: its radius over its angle about `middle`, and how to map back."""

    angles: Floats
    radii: Floats
    middle: complex
    spread: float
    edge: complex
    turn: complex


def _opened(contour: NDArray[np.complex128]) -> _Opened:
    """Map a contour, trailing edge first, by the inverse of z = zeta + spread²/zeta."""
    dense, nose, nose_radius = _refined(contour)
    edge = complex(dense[0])
    axis = edge - (nose + (edge - nose) / abs(edge - nose) * nose_radius / 2)
    spread, turn = abs(axis) / 4, axis / abs(axis)
    z = (dense - edge) / turn + 2 * spread
    # The root is followed along the contour: beside the trailing edge its argument stays about π, around the nose it
    # runs from 0 to 2π. A contour that bends over the line between the two points is followed all the same.
    behind = np.mod(np.angle(z - 2 * spread), 2 * np.pi)
    behind[[0, -1]] = behind[[1, -2]]
    around = np.unwrap(np.angle(z + 2 * spread))
    root = np.sqrt(np.abs(z**2 - 4 * spread**2)) * np.exp(0.5j * (behind + around - around[0]))
    zeta = (z + root) / 2
    zeta[[0, -1]] = spread
    middle = complex((zeta.real.max() + zeta.real.min()) / 2, (zeta.imag.max() + zeta.imag.min()) / 2)
    angles = np.unwrap(np.angle(zeta - middle))
    if not (np.diff(angles) > 0).all() or not np.isclose(angles[-1] - angles[0], 2 * np.pi):
        raise MeshError(
            "the contour is no aerofoil: seen from its middle it folds back; look at the order of its points", "file"
        )
    return _Opened(angles, np.abs(zeta - middle), middle, spread, edge, turn)


def _refined(contour: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], complex, float]:
    """A smooth contour through the points, twenty times as fine; its nose, and the radius of the nose."""
    interpolate = needed("scipy.interpolate", "drawing an aerofoil through its points")
    length = np.concatenate([[0.0], np.abs(np.diff(contour)).cumsum()])
    smooth = interpolate.CubicSpline(length, np.column_stack([contour.real, contour.imag]))
    parts = 20 * np.arange(len(length))
    at = np.interp(np.arange(parts[-1] + 1), parts, length)
    dense, slope, bend = ((drawn := smooth(at, order))[:, 0] + 1j * drawn[:, 1] for order in range(3))
    tip = int(np.abs(dense - dense[0]).argmax())
    curvature = abs((slope[tip].conjugate() * bend[tip]).imag) / abs(slope[tip]) ** 3
    return dense, complex(dense[tip]), float(np.clip(1 / max(curvature, 1e-9), 1e-4, 0.2))
