"""Everything about this machine on one page that needs no network, no script and no other file.

Lives here: the order of the page, its list of headlines, the machine, the method. Never here: an instrument's own part
(`pages`), or measuring.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from breakeven.lab import INSTRUMENTS, instrument
from breakeven.lab.showing.pages import page, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from matplotlib.figure import Figure

    from breakeven.lab.measuring.finding import Finding
    from breakeven.lab.survey import Answer

TITLE = "What parallelism costs on this machine"
_STYLE = """<style>
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td, th { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; } a { color: inherit; }
details { margin: .5rem 0 0; } summary { cursor: pointer; color: var(--quiet); font-size: 13px; }
figure svg { width: auto; max-width: 100%; }
.mark { white-space: nowrap; color: var(--quiet); font-size: 13px; }
</style>"""
_FACTS = {
    "cpu": "CPU",
    "usable_cpus": "usable CPUs",
    "cpu_quota_cpus": "CPU quota",
    "memory": "memory",
    "kernel": "kernel",
    "python": "Python",
    "breakeven": "breakeven",
    "started": "measured",
    "load_1_minute": "load before (1 min)",
}
_METHOD = (
    "Interleaved blocks in random order; every figure is a median with its 95 % interval by ranks, of fewer than six "
    "samples their range; n samples. A block is disturbed where a fixed piece of work around it moved by over 3 %; "
    "such blocks are counted, none is left out. One clock for all processes. MB = 10^6 bytes, MiB = 2^20 bytes. Raw "
    "samples: breakeven lab INSTRUMENT --json."
)


def part_of(answer: Answer) -> str:
    """Return one instrument's part: figure and headline, its table to be unfolded; or why there is none.

    >>> from breakeven.lab.survey import Answer
    >>> part_of(Answer(instrument="latency", seconds=0.1, reason="no <pipe>"))
    '<section id="latency"><h2>latency</h2><pre>no &lt;pipe&gt;</pre></section>'
    """
    if answer.finding is None:
        name = escape(answer.instrument)
        return f'<section id="{name}"><h2>{name}</h2><pre>{escape(answer.reason)}</pre></section>'
    try:
        figure = figure_of(answer.finding)
    except Exception as error:  # noqa: BLE001 - what cannot be drawn costs its figure, not the page
        figure, undrawn = None, f"<p>No figure: {escape(repr(error))}</p>"
    else:
        undrawn = ""
    whole = section(answer.finding, figure)
    folded = "<details><summary>figures, notes and conditions as text</summary>"
    return whole.replace("<pre>", f"{undrawn}{folded}<pre>").replace("</pre>", "</pre></details>")


def figure_of(finding: Finding) -> Figure | None:
    """Draw a finding as its instrument does; None where nothing was measured."""
    from breakeven.lab.showing import drawing

    if not any(quantity.n for row in finding.rows for quantity in row.quantities):
        return None
    module = instrument(finding.instrument)
    more: dict[str, Any] = {"inches": module.INCHES} if hasattr(module, "INCHES") else {}
    return drawing.figure_of(finding, module.draw, panels=getattr(module, "PANELS", 1), **more)


def page_of(answers: Sequence[Answer], parts: Sequence[str]) -> str:
    """Return the whole page: the machine, a line an instrument, then every part in full."""
    first = next((answer.finding.conditions for answer in answers if answer.finding is not None), {})
    spent = sum(answer.seconds for answer in answers)
    return page(
        TITLE,
        [
            _STYLE,
            f'<p class="quiet">{escape(_METHOD)}</p>',
            _machine(first, spent),
            "<table><tr><th>instrument</th><th>in one sentence</th><th></th></tr>",
            *(_line(answer) for answer in answers),
            "</table>",
            *parts,
        ],
    )


def _machine(conditions: Mapping[str, Any], seconds: float) -> str:
    rows = [(label, conditions.get(name)) for name, label in _FACTS.items()]
    told = [f"{label}: {value}" for label, value in rows if value is not None]
    return f'<p class="quiet">{escape(" · ".join([*told, f"took {seconds:.0f} s"]))}</p>'


def _line(answer: Answer) -> str:
    name, finding = escape(answer.instrument), answer.finding
    told = answer.reason if finding is None else finding.headline
    return (
        f'<tr><th><a href="#{name}">{name}</a></th><td>{escape(told)}</td>'
        f'<td class="mark">{escape(mark_of(answer))}</td></tr>'
    )


def mark_of(answer: Answer) -> str:
    """Return what a reader must know before the headline: failed, violated, interrupted, how many blocks disturbed."""
    finding = answer.finding
    if finding is None:
        return "✘ failed"
    if finding.interrupted:
        return f"✘ {answer.reason}" if answer.reason else "interrupted"
    blocks, disturbed = (finding.conditions.get(name) for name in ("blocks", "disturbed_blocks"))
    told = [f"{disturbed} of {blocks} blocks disturbed"] if blocks is not None else []
    return "; ".join(["✘ violated", *told] if finding.violated else told)


def names(only: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the instruments in the order of the table, all or only these.

    >>> names(["metg", "crossover"])
    ('crossover', 'metg')
    """
    return tuple(name for name in INSTRUMENTS if not only or name in only)
