"""A finding as text for a terminal, 100 columns wide at most.

Lives here: what stands in which column. Never here: what is concluded. The headline comes first; every column names
its unit; every figure is a median with its 95 % interval (of fewer than six samples: their range) and n.
"""

from __future__ import annotations

import math
import textwrap

from breakeven.lab.measuring.conditions import caption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breakeven.lab.measuring.finding import Finding, Quantity, Row
    from breakeven.lab.measuring.fits import Fit

WIDTH = 100
_GAP = "  "
LEGEND = (
    "median (95 % interval of the median by ranks; of fewer than 6 samples their range); n samples; "
    "~ did not become stable: the interval is wider than ± 5 %"
)
UNSTABLE = 0.05


def render(finding: Finding, width: int = WIDTH) -> str:
    """Return the whole finding: headline, table, fits, notes, conditions.

    >>> from breakeven.lab.measuring.finding import Finding, Quantity, Row
    >>> row = Row({"transport": "os.pipe"}, (Quantity("one-way", "µs", (8.1, 8.3, 7.9)),))
    >>> print(render(Finding(instrument="latency", headline="A pipe takes 8.1 µs.", conditions={}, rows=(row,))))
    A pipe takes 8.1 µs.
    <BLANKLINE>
    transport  n  one-way [µs]
    os.pipe    3  8.1 (7.9–8.3)
    <BLANKLINE>
    median (95 % interval of the median by ranks; of fewer than 6 samples their range); n samples; ~ did
    not become stable: the interval is wider than ± 5 %
    unknown CPU, ? usable CPUs
    """
    parts = [*_wrapped(finding.headline, width), ""]
    if finding.across:
        for name in finding.across[1:]:
            parts += [*_across(finding.rows, finding.across[0], name, width), ""]
    else:
        for rows in _groups(finding.rows):
            parts += [*_table(rows, finding.shown, width), ""]
    if finding.fits:
        parts += [*fit_table(finding.fits), ""]
    parts += [line for note in finding.notes for line in _wrapped(note, width)]
    if finding.interrupted:
        parts.append("Interrupted: this is what had been measured until then.")
    parts += _wrapped(LEGEND, width)
    parts += _wrapped(caption(dict(finding.conditions)), width)
    return "\n".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def fit_table(fits: Mapping[str, Fit]) -> list[str]:
    """Return one line a segment: t = alpha + beta·m, its range of sizes, what follows from it, and its residual."""
    columns = [
        ["t = alpha + beta·m"],
        ["from … to"],
        ["alpha [µs]"],
        ["beta [ns/B]"],
        ["n_half"],
        ["r_inf [MB/s]"],
        ["n"],
    ]
    for name, fit in fits.items():
        for part in fit.segments:
            half = "–" if math.isinf(part.n_half_bytes) else size_text(part.n_half_bytes)
            for column, text in zip(
                columns,
                (
                    name,
                    f"{size_text(part.from_bytes)} … {size_text(part.to_bytes)}",
                    f"{number(part.alpha_us)} ± {number(part.alpha_margin_us)}",
                    f"{number(part.beta_ns_a_byte)} ± {number(part.beta_margin_ns_a_byte)}",
                    half,
                    number(part.r_inf_mb_a_second),
                    str(part.points),
                ),
                strict=True,
            ):
                column.append(text)
    return _aligned(columns)


def number(value: float) -> str:
    """Write a figure with three digits that count, without an exponent where that can be read.

    >>> [number(value) for value in (0, 0.01234, 8.1, 12.34, 123.4, 45678.9, float("nan"))]
    ['0', '0.0123', '8.1', '12.3', '123', '45679', '–']
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}"


def size_text(size_bytes: float) -> str:
    """Write a size: in KiB, MiB or GiB where that is a whole number of them, else in bytes or decimal units.

    >>> size_text(512), size_text(65536), size_text(3 << 20), size_text(100_000), size_text(1_234_567)
    ('512 B', '64 KiB', '3 MiB', '100 kB', '1.23 MB')
    """
    whole = round(size_bytes)
    for unit, amount in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if whole >= amount and not whole % amount:
            return f"{whole // amount} {unit}"
    for unit, amount in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if whole >= 10 * amount or (whole >= amount > 10**3):
            return f"{whole / amount:.3g} {unit}"
    return f"{whole} B"


def cell(quantity: Quantity) -> str:
    """Return a median with its interval."""
    interval = quantity.interval
    if quantity.n < 2:
        return number(interval.value)
    mark = "~" if interval.half_width_share > UNSTABLE else ""
    return f"{mark}{number(interval.value)} ({number(interval.low)}–{number(interval.high)})"


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that have the same labels, in the order in which they first come."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.labels), []).append(row)
    return list(groups.values())


def _table(rows: Sequence[Row], shown: Sequence[str], width: int) -> list[str]:
    """One table, or several below one another where the columns do not fit beside one another."""
    found = {one.name: one.unit for row in rows for one in row.quantities if not shown or one.name in shown}
    labels = [_label_column(name, rows) for name in rows[0].labels]
    labels.append(["n", *(_count([row[name] for name in found if name in row]) for row in rows)])
    columns = [
        [f"{name} [{unit}]" if unit else name, *(cell(row[name]) if name in row else "–" for row in rows)]
        for name, unit in found.items()
    ]
    return _beside(labels, columns, width)


def _beside(labels: list[list[str]], columns: list[list[str]], width: int) -> list[str]:
    """Columns beside one another, below one another under the same labels where there are too many."""
    lines: list[str] = []
    while columns:
        fitting = 1
        while fitting < len(columns) and _wide([*labels, *columns[: fitting + 1]]) <= width:
            fitting += 1
        lines += [*([""] if lines else []), *_aligned([*labels, *columns[:fitting]])]
        columns = columns[fitting:]
    return lines


def _across(rows: Sequence[Row], label: str, name: str, width: int) -> list[str]:
    """One quantity, the values of one label side by side; in several tables where they do not fit."""
    rows = [row for row in rows if name in row]
    if not rows:
        return []
    others = [one for one in rows[0].labels if one != label]
    places = list(dict.fromkeys(tuple(row.labels[one] for one in others) for row in rows))
    cells = {(tuple(row.labels[one] for one in others), row.labels[label]): cell(row[name]) for row in rows}
    lines = [[row for row in rows if tuple(row.labels[one] for one in others) == place] for place in places]
    labels = [_label_column(one, [line[0] for line in lines]) for one in others]
    labels.append(["n", *(_count([row[name] for row in line]) for line in lines)])
    columns = [
        [str(value), *(cells.get((place, value), "") for place in places)]
        for value in dict.fromkeys(row.labels[label] for row in rows)
    ]
    title = f"{name} [{rows[0][name].unit}]"
    return [title, *_beside(labels, columns, width)]


def _label_column(name: str, rows: Sequence[Row]) -> list[str]:
    values = [row.labels[name] for row in rows]
    if name.endswith("_bytes"):
        return [name.removesuffix("_bytes"), *(size_text(float(value)) for value in values)]
    return [name.replace("_", " "), *(value if isinstance(value, str) else f"{value:g}" for value in values)]


def _count(quantities: Sequence[Quantity]) -> str:
    counts = sorted({one.n for one in quantities})
    return "–" if not counts else str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _wide(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) for column in columns) + len(_GAP) * (len(columns) - 1)


def _aligned(columns: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in columns]
    return [
        _GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]
