"""A finding as a web page that needs nothing else: figure, table, conditions.

Lives here: the HTML and its few rules of style, light and dark. Never here: the figure itself (`drawing`).
"""

from __future__ import annotations

import html

from breakeven.lab.showing.drawing import GRID, INK, svg_of
from breakeven.lab.showing.tables import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from breakeven.lab.measuring.finding import Finding

_STYLE = """
:root { color-scheme: light dark; --ink: #22252a; --paper: #fff; --quiet: #5c6370; --line: #d7dbe2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --paper: #16181c; --quiet: #a2a9b4; --line: #383d46; } }
body { color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
svg { width: 100%; height: auto; } figure { margin: 0; }
.wide { margin: 0 calc(50% - min(50vw - 1.5rem, 48rem)); }
pre { overflow-x: auto; font-size: 12.5px; line-height: 1.4; } .quiet { color: var(--quiet); font-size: 13px; }
"""

_COLUMN_INCHES = 13.0
"""What is wider than that would be hard to read in a column of text."""


def section(finding: Finding, figure: Figure | None) -> str:
    """Return one instrument's part of a page: headline, figure, table, fits, notes."""
    parts = [f'<section id="{html.escape(finding.instrument)}">', f"<h2>{html.escape(finding.instrument)}</h2>"]
    if figure is not None:
        wide = ' class="wide"' if figure.get_figwidth() > _COLUMN_INCHES else ""
        parts.append(f"<figure{wide}>{_own_ids(svg_of(figure), finding.instrument)}</figure>")
    parts.append(f"<pre>{html.escape(render(finding))}</pre></section>")
    return "\n".join(parts)


def page(title: str, sections: Iterable[str]) -> str:
    """Return a whole page.

    >>> page("This machine", ["<p>fast</p>"]).startswith("<!DOCTYPE html>")
    True
    """
    name = html.escape(title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>'
    parts = ["<!DOCTYPE html>", f"<html lang=en><head>{head}<style>{_STYLE}</style></head>", f"<body><h1>{name}</h1>"]
    return "\n".join([*parts, *sections, "</body></html>", ""])


def _own_ids(svg: str, name: str) -> str:
    """Let the page colour ink and grid, and keep the ids of several figures on one page apart."""
    inked = svg.replace(INK, "currentColor").replace(GRID, "var(--line)")
    for mark in ('id="', 'href="#', "url(#"):
        inked = inked.replace(mark, f"{mark}{name}-")
    return inked
