"""A register's structure as a picture (SVG): every state of a small one, the cycle lengths of a large one.

Lives here: which picture, and the marks that make it up. Never here: where states stand in a graph (`layout`), or a
figure that was not in the structure.
"""

from __future__ import annotations

from math import hypot, log10
from xml.sax.saxutils import escape

from breakeven.workloads.lfsr.layout import components, placed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.layout import Place
    from breakeven.workloads.lfsr.structure import Structure

MAX_DRAWN_STATES = 256
_LABELLED_STATES = 128
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2937 } .title { font-size: 15px; font-weight: 600 }
.small { font-size: 9px } .quiet { fill: #6b7280 } .edge { stroke: #94a3b8; stroke-width: 1.2; fill: none }
.cycle { fill: #2563eb } .tail { fill: #cbd5e1 } .leaf { fill: #fff; stroke: #94a3b8 } .on { fill: #fff }
.bar { fill: #2563eb } .axis { stroke: #94a3b8 }
"""
_NODE = 9.0
_BAR_WIDTH, _BAR_HEIGHT, _LEFT = 620.0, 20.0, 170.0
_MOST_BARS = 40
_TITLE_LETTERS = 90


def svg_of(structure: Structure) -> str:
    """The picture, as a whole SVG file.

    >>> from breakeven.workloads import lfsr
    >>> svg_of(lfsr.analyse(lfsr.register([1, 1, 0]))).count("<circle")
    8
    """
    return _graph(structure) if structure.states <= MAX_DRAWN_STATES else _histogram(structure)


def _file(width: float, height: float, marks: list[str], title: str, about: str) -> str:
    width = max(width, 80 + 8.2 * max(len(title), 0.8 * len(about)))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}"><style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#94a3b8"/></marker></defs>'
    )
    return "\n".join([
        head,
        f'<text class="title" x="24" y="30">{escape(title)}</text>',
        f'<text class="quiet" x="24" y="50">{escape(about)}</text>',
        *marks,
        "</svg>\n",
    ])  # fmt: skip


def _about(structure: Structure) -> tuple[str, str]:
    from breakeven.workloads.lfsr.polynomials import to_text

    one = structure.register
    cycles = sum(structure.cycles.values())
    polynomial = to_text(structure.polynomial)
    if len(polynomial) > _TITLE_LETTERS:
        polynomial = f"degree {one.degree}"
    many = f"{cycles:,} cycle{'s' * (cycles > 1)}".replace(",", " ")
    return f"{one.name}: {polynomial} over {one.field}", f"{many}, order {structure.order}, {structure.leaves} leaves"


def _graph(structure: Structure) -> str:
    """Every state a node: cycles as rings, tails growing outwards from them."""
    places, width, height = placed(components(structure.register))
    marks = [_edge(place, places[place.successor]) for place in places.values()]
    labelled = structure.states <= _LABELLED_STATES
    for state, place in places.items():
        kind = "cycle" if place.height == 0 else "leaf" if place.leaf else "tail"
        marks.append(f'<circle class="{kind}" cx="{place.x:.1f}" cy="{place.y + 60:.1f}" r="{_NODE}"/>')
        if labelled:
            on = " on" if kind == "cycle" else ""
            marks.append(
                f'<text class="small{on}" text-anchor="middle" x="{place.x:.1f}" y="{place.y + 63:.1f}">{state}</text>'
            )
    return _file(width, height + 70, marks, *_about(structure))


def _edge(a: Place, b: Place) -> str:
    """An arrow from rim to rim; a state that leads to itself has a loop."""
    ay, by = a.y + 60, b.y + 60
    if a is b:
        x, y = a.x, ay - _NODE
        return (
            f'<path class="edge" marker-end="url(#to)" d="M{x - 4:.1f} {y:.1f}C{x - 16:.1f} {y - 20:.1f} '
            f'{x + 16:.1f} {y - 20:.1f} {x + 4:.1f} {y:.1f}"/>'
        )
    length = hypot(b.x - a.x, by - ay)
    dx, dy = (b.x - a.x) / length, (by - ay) / length
    bend = 0.12 * length if a.height == 0 else 0.0  # both arrows of a cycle of two stay visible
    mx, my = (a.x + b.x) / 2 + dy * bend, (ay + by) / 2 - dx * bend
    return (
        f'<path class="edge" marker-end="url(#to)" d="M{a.x + dx * _NODE:.1f} {ay + dy * _NODE:.1f}Q{mx:.1f} {my:.1f} '
        f'{b.x - dx * (_NODE + 1):.1f} {by - dy * (_NODE + 1):.1f}"/>'
    )


def _histogram(structure: Structure) -> str:
    """A bar a cycle length, as long as the share of states that lie on such cycles, its digits beside it."""
    rows = sorted(structure.cycles.items())
    shown = rows if len(rows) <= _MOST_BARS else sorted(sorted(rows, key=lambda row: -row[0] * row[1])[:_MOST_BARS])
    periodic = sum(length * count for length, count in rows)
    smallest = min(length * count for length, count in shown)
    scale = max(1.0, log10(periodic) - log10(smallest) + 0.5)
    top = 84.0
    marks = [
        f'<text class="quiet" x="{_LEFT - 12}" y="{top - 8}" text-anchor="end">cycle length</text>',
        f'<text class="quiet" x="{_LEFT}" y="{top - 8}">share of the periodic states, logarithmic · cycles</text>',
    ]
    for at, (length, count) in enumerate(shown):
        y = top + at * _BAR_HEIGHT
        share = length * count / periodic
        bar = _BAR_WIDTH * max(0.005, 1 + (log10(length * count) - log10(periodic)) / scale)
        percent = f"{share:.1%}" if share >= 0.001 else f"{share:.1e}"
        marks += [
            f'<text x="{_LEFT - 12}" y="{y + 14:.1f}" text-anchor="end">{length}</text>',
            f'<rect class="bar" x="{_LEFT}" y="{y + 3:.1f}" width="{bar:.1f}" height="{_BAR_HEIGHT - 6}" rx="2"/>',
            f'<text x="{_LEFT + bar + 8:.1f}" y="{y + 14:.1f}">{percent} · {count} ×</text>',
        ]
    if len(shown) < len(rows):
        y = top + len(shown) * _BAR_HEIGHT + 16
        text = f"and {len(rows) - len(shown)} lengths with fewer states"
        marks.append(f'<text class="quiet" x="{_LEFT}" y="{y}">{text}</text>')
    height = top + (len(shown) + 2) * _BAR_HEIGHT
    return _file(_LEFT + _BAR_WIDTH + 260, height, marks, *_about(structure))
