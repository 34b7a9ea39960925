"""Figures of findings: one style for all, as SVG or PNG.

Lives here: palette, axes, series with ribbons, bars with intervals, and writing files. Never here: measuring, or the
page around a figure (`pages`). matplotlib is imported when the first figure is drawn; it is the extra `breakeven[lab]`.

The palette is Okabe and Ito's, which people who confuse colours can tell apart. Names stand beside what they name
rather than in a crowded legend. Ink is one colour, so that a page can put its own in its place (light and dark).
"""

from __future__ import annotations

import io
import math
from pathlib import Path

from breakeven.errors import UsageError
from breakeven.lab.measuring.conditions import caption
from breakeven.lab.measuring.statistics import LEAST_FOR_INTERVAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from breakeven.lab.measuring.finding import Finding, Quantity

INK = "#22252a"
GRID = "#c9ced6"
PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a6a00", "#6b4fa0", "#8c564b", "#5c6370", "#004d40", "#8fae1b"),
)
"""Okabe and Ito's colours but for their yellow, which white swallows; then six more for long lists."""
MOST_STEPS = 7
"""Between the ticks of an axis of sizes: more would touch one another where panels stand side by side."""
MARKERS = "osD^vP*XphH<"
INCHES = (8.6, 5.0)

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titlecolor": INK,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "breakeven",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def figure_of(
    finding: Finding,
    draw: Callable[[Finding, Any], None],
    *,
    panels: int = 1,
    inches: tuple[float, float] = INCHES,
) -> Figure:
    """Return a figure with the headline above and the conditions below what `draw(finding, axes)` puts into it.

    `draw` is given one `Axes`, or a list of them where there are several panels, side by side.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            f"a figure cannot be drawn: {error}; install what it needs: pip install 'breakeven[lab]'", "plot"
        ) from error
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=inches, layout="constrained")
        axes = list(figure.subplots(1, panels, squeeze=False)[0])
        draw(finding, axes[0] if panels == 1 else axes)
        figure.suptitle(_wrapped(finding.headline, round(inches[0] * 11)), x=0.01, ha="left", fontsize=12, color=INK)
        below = " · ".join(
            [spread_of(finding), caption(dict(finding.conditions)), *(["interrupted"] if finding.interrupted else [])]
        )
        figure.supxlabel(_wrapped(below, round(inches[0] * 17)), x=0.01, ha="left", fontsize=7.5, color=INK)
    return figure


def spread_of(finding: Finding) -> str:
    """What dots, bars and ribbons of a figure are, and how many samples they rest on.

    >>> from breakeven.lab.measuring.finding import Finding, Quantity, Row
    >>> rows = tuple(Row({}, (Quantity("time", "µs", (1.0,) * n),)) for n in (7, 11))
    >>> spread_of(Finding(instrument="", headline="", conditions={}, rows=rows))
    'medians with 95 % intervals, n = 7–11'
    """
    numbers = sorted({row.quantities[0].n for row in finding.rows if row.quantities and row.quantities[0].n})
    if not numbers:
        return "nothing measured"
    least, most = numbers[0], numbers[-1]
    told = "ranges" if most < LEAST_FOR_INTERVAL else "95 % intervals"
    few = f" (of fewer than {LEAST_FOR_INTERVAL} samples: ranges, paler)" if least < LEAST_FOR_INTERVAL <= most else ""
    return f"medians with {told}{few}, n = {least}" + (f"–{most}" if most > least else "")


def svg_of(figure: Figure) -> str:
    """Return the figure as an `<svg>` element whose ink is the colour of the text around it."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": "breakeven lab"})
    text = out.getvalue()
    return text[text.index("<svg") :]


def write(figure: Figure, path: str | Path) -> None:
    """Write the figure as the file's suffix says: .svg or .png."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        figure.savefig(path, dpi=160, facecolor="white", metadata={} if str(path).endswith(".png") else {"Date": None})


def logarithmic(axes: Axes, *, x: str, y: str, sizes: bool = False) -> None:
    """Make both axes logarithmic and name them; `sizes` writes the ticks below as 1 KiB, 1 MiB."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("symlog" if sizes else "log", **({"linthresh": 1, "base": 2} if sizes else {}))
    axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    plain_numbers(axes.yaxis)
    if sizes:
        low = max(axes.dataLim.x0, 1.0)
        high = max(axes.dataLim.x1, low)
        steps = max(1, math.ceil(math.log2(high / low) / MOST_STEPS))
        first = math.floor(math.log2(low)) // steps * steps
        ticks = [2.0**power for power in range(first, math.ceil(math.log2(max(high, 2))) + 1, steps)]
        axes.set_xticks([0.0, *ticks] if axes.dataLim.x0 <= 0 else ticks)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_size(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if axes.dataLim.x0 > 0:
            axes.set_xlim(low / 1.3, high * 1.3)


def plain_numbers(axis: Any) -> None:
    """Write the ticks of a logarithmic axis as numbers, those between them not at all."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if 1e-3 <= value < 1e6 else f"{value:.0e}"))
    axis.set_minor_formatter(NullFormatter())


def short_size(size_bytes: float) -> str:
    """Write a tick of a size axis.

    >>> short_size(0), short_size(512), short_size(4096), short_size(8 << 20)
    ('0', '512', '4 Ki', '8 Mi')
    """
    for unit, amount in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if size_bytes >= amount:
            return f"{size_bytes / amount:g} {unit}"
    return f"{size_bytes:g}"


def series(
    axes: Axes,
    xs: Sequence[float],
    quantities: Sequence[Quantity],
    *,
    number: int,
    name: str = "",
    breaks: Iterable[float] = (),
) -> None:
    """Draw medians with a ribbon of their intervals; points are not joined across `breaks`."""
    colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
    ends = sorted(breaks)
    parts: dict[int, list[int]] = {}
    for at, x in enumerate(xs):
        parts.setdefault(sum(end < x for end in ends), []).append(at)
    for part in parts.values():
        where = [xs[at] for at in part]
        intervals = [quantities[at].interval for at in part]
        sure = min(quantities[at].n for at in part) >= LEAST_FOR_INTERVAL
        lows, highs = [one.low for one in intervals], [one.high for one in intervals]
        axes.fill_between(where, lows, highs, color=colour, alpha=0.2 if sure else 0.08, lw=0)
        axes.plot(where, [one.value for one in intervals], marker, ls="-", color=colour, ms=3.5, lw=1.3)
    if name:
        axes.plot([], [], marker, ls="-", color=colour, ms=3.5, lw=1.3, label=name)


def name_ends(axes: Axes, ends: Sequence[tuple[str, float, float, int]], *, gap: float = 0.045) -> None:
    """Write names to the right of where their lines end, moved apart so that none covers another.

    `ends` are (name, x, y, number of the series, or -1 for ink); `gap` is the least distance as a share of the axes'
    height.
    """
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    place = axes.transAxes.inverted()
    known = [(float(place.transform(axes.transData.transform((x, y)))[1]), name, number) for name, x, y, number in ends]
    known.sort()
    heights = _apart([height for height, _, _ in known], gap)
    for height, (_, name, number) in zip(heights, known, strict=True):
        axes.annotate(
            name,
            (1.015, height),
            xycoords="axes fraction",
            va="center",
            color=INK if number < 0 else PALETTE[number % len(PALETTE)],
            fontsize=9,
            annotation_clip=False,
        )


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Move sorted heights as little as may be (by squares) so that neighbours are `gap` apart, and none above 1.

    >>> [round(height, 3) for height in _apart([0.1, 0.5, 0.5, 0.52], 0.1)]
    [0.1, 0.407, 0.507, 0.607]
    """
    groups: list[list[float]] = []  # members less their distance from the first: their mean is where the group stands
    for at, height in enumerate(heights):
        groups.append([height - at * gap])
        while len(groups) > 1 and _mean(groups[-2]) > _mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    placed = [_mean(group) for group in groups for _ in group]
    placed = [height + at * gap for at, height in enumerate(placed)]
    over = max(0.0, placed[-1] - 1.0) if placed else 0.0
    return [min(height, 1.0 - (len(placed) - 1 - at) * gap) if over else height for at, height in enumerate(placed)]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def bars(axes: Axes, names: Sequence[str], quantities: Sequence[Quantity], *, unit: str, log: bool = False) -> None:
    """Draw one horizontal bar a name, first on top, with its interval and its median written beside it."""
    from breakeven.lab.showing.tables import number

    intervals = [quantity.interval for quantity in quantities]
    places = list(range(len(names)))
    values = [one.value for one in intervals]
    errors = [[one.value - one.low for one in intervals], [one.high - one.value for one in intervals]]
    colours = [PALETTE[0]] * len(names)
    axes.barh(
        places, values, xerr=errors, color=colours, height=0.62, error_kw={"ecolor": INK, "lw": 1, "capsize": 2.5}
    )
    axes.set_yticks(places, list(names))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    if log:
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
    axes.set_xlabel(unit)
    for place, one in zip(places, intervals, strict=True):
        axes.annotate(
            number(one.value), (one.high, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axes.margins(x=0.12)


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width)) or " "
