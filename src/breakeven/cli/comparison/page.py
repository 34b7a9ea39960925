"""A comparison as one web page that needs no network, no script and no other file.

Lives here: markup and the geometry of the bars; the colours of the kinds of time are the reports' own. Every text is
escaped on its way in. Never here: a figure or a sentence.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files

from breakeven.cli.comparison import wording
from breakeven.cli.comparison.verdicts import EQUAL, LOST, PAID, UNSURE, headline, where_seconds_went
from breakeven.ledger.store import write_whole
from breakeven.report.picture import picture_of, row_height, ticks_of
from breakeven.report.wording import percent, where_it_ran
from breakeven.units import format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from breakeven.cli.comparison.bouts import Comparison, Entry

_CLASSES = {
    "computing": "compute",
    "waiting for the GIL": "gil",
    "waiting for a CPU": "runq",
    "blocked in the function": "blocked",
    "pickling and copying": "pickling",
    "moving payload": "transport",
    "dispatch and merging": "engine",
    "input and consumer": "caller",
    "start-up and stop": "start",
    "waiting": "waiting",
    "unexplained": "unexplained",
}
"""Label of a part of the time → the class that the style sheet paints."""

_MARKS = {PAID: ("✔", "good"), UNSURE: ("?", ""), EQUAL: ("=", ""), LOST: ("✘", "bad")}

_NEAR_THE_END = 0.93

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>breakeven demo</title>
<style>
{style}</style>
</head>
<body><main>"""

_METHOD = (
    "Times are taken around the whole call, start-up of workers included where it happened; each backend ran as often "
    "as the table says, in turns, so that a slow moment of the machine hits all alike. The line through a bar goes from"
    " the fastest to the slowest run; colours split the run nearest to the median along its critical path, and what "
    "nobody measured is shown as unexplained. Results were compared to the last bit."
)


def write_page(path: Path, machine: Mapping[str, Any], comparisons: Sequence[Comparison]) -> None:
    """Write the page, whole or not at all."""
    style = "".join(
        files(room).joinpath("page.css").read_text(encoding="utf-8") for room in ("breakeven.report", __package__)
    )
    rounds = len(comparisons[0].serial.seconds)
    parts = [
        _HEAD.format(style=style),
        '<header><div class="brand">breakeven demo</div><h1>What paid off here, and why</h1>',
        *(f"<p>{escape(line)}</p>" for line in wording.machine_text(machine, rounds)),
        f'<p class="loss"><code>{escape(machine["command"])}</code></p></header>',
        *(piece for comparison in comparisons for piece in _case(comparison)),
        f"<footer>{escape(_METHOD)}</footer></main></body></html>",
    ]
    write_whole(path, "\n".join(parts) + "\n")


def _case(comparison: Comparison) -> Iterator[str]:
    case = comparison.case
    yield f'<section><h2>{escape(case.title)}</h2><p class="aside">{escape(case.amount)}</p>'
    yield f"<p><b>{escape(_sentence(headline(comparison)))}</b></p>"
    yield from _bars(comparison)
    yield _legend(comparison)
    yield '<ul class="verdicts">'
    for verdict, text in wording.judgement_texts(comparison):
        yield _point(*_MARKS[verdict], text)
    for text in wording.first_run_notes(comparison):
        yield _point("·", "", text)
    same = comparison.identical
    yield _point("✔" if same else "✘", "good" if same else "bad", wording.identical_text(comparison))
    yield "</ul>"
    yield from _table(comparison)
    yield from _parts_table(comparison)
    for entry in comparison.entries[1:]:
        yield from _lanes(entry)
    yield "<h3>What the results say</h3>"
    yield from (f'<p class="aside">{escape(line)}</p>' for line in wording.facts_text(case.key, comparison.facts))
    yield "</section>"


def _bars(comparison: Comparison) -> Iterator[str]:
    """One bar a backend: as long as its typical run, coloured by where the seconds went."""
    longest = max(max(entry.seconds) for entry in comparison.entries)
    yield '<div class="times">'
    for entry in comparison.entries:
        best = ' class="best"' if entry is comparison.fastest else ""
        low, high = min(entry.seconds), max(entry.seconds)
        yield f"<b{best}>{escape(entry.backend)}</b>"
        yield f'<div class="track"><div class="stack" style="width:{_share(entry.median, longest)}">'
        yield from _pieces(entry)
        spread = f"left:{_share(low, longest)};width:{_share(high - low, longest)}"
        yield f'</div><div class="spread" style="{spread}"></div></div>'
        yield f"<b{best}>{escape(format_seconds(entry.median))}</b>"
    yield "</div>"


def _pieces(entry: Entry) -> Iterator[str]:
    whole = entry.typical.seconds
    for label, seconds in where_seconds_went(entry.typical).items():
        if seconds > 0:
            title = f"{label}: {format_seconds(seconds)}, {percent(seconds, whole)}"
            yield f'<i class="{_CLASSES[label]}" style="width:{_share(seconds, whole)}" title="{escape(title)}"></i>'


def _legend(comparison: Comparison) -> str:
    columns = [where_seconds_went(entry.typical) for entry in comparison.entries]
    present = {label for column in columns for label, seconds in column.items() if seconds > 0}
    shown = [(label, name) for label, name in _CLASSES.items() if label in present]
    items = (f'<li><span class="swatch {name}"></span>{escape(label)}</li>' for label, name in shown)
    return f'<ul class="legend">{"".join(items)}</ul>'


def _table(comparison: Comparison) -> Iterator[str]:
    heads = "".join(
        f'<th class="{"figure" if place else ""}">{escape(name)}</th>'
        for place, name in enumerate(wording.TIME_COLUMNS)
    )
    yield f'<h3>Times</h3><div class="scroll"><table><tr>{heads}</tr>'
    for entry in comparison.entries:
        best = " best" if entry is comparison.fastest else ""
        cells = "".join(
            f'<td class="{"figure" if place else ""}{best}">{escape(cell)}</td>'
            for place, cell in enumerate(wording.time_row(comparison, entry))
        )
        yield f"<tr>{cells}</tr>"
    yield "</table></div>"


def _parts_table(comparison: Comparison) -> Iterator[str]:
    heads = "".join(f'<th class="figure">{escape(entry.backend)}</th>' for entry in comparison.entries)
    yield f'<h3>Where the seconds went</h3><div class="scroll"><table><tr><th></th>{heads}</tr>'
    wholes = [entry.typical.seconds for entry in comparison.entries]
    for label, row in wording.parts_shown(comparison):
        texts = (wording.part_text(part, whole) for part, whole in zip(row, wholes, strict=True))
        cells = "".join(f'<td class="figure">{escape(text)}</td>' for text in texts)
        swatch = f'<span class="swatch {_CLASSES.get(label, "other")}"></span>'
        yield f"<tr><td>{swatch}{escape(label)}</td>{cells}</tr>"
    yield "</table></div>"


def _lanes(entry: Entry) -> Iterator[str]:
    """What each lane of a backend's typical run did over time."""
    ledger = entry.typical
    height = row_height(len(ledger.all_lanes))
    names = "".join(f'<span style="height:{height}px">{escape(lane.name)}</span>' for lane in ledger.all_lanes)
    yield f"<h3>Lanes: {escape(where_it_ran(ledger))}, {escape(format_seconds(ledger.seconds))}</h3>"
    yield f'<div class="chart"><div class="names">{names}</div><div>{picture_of(ledger)}</div><div class="axis">'
    for tick in ticks_of(ledger.seconds):
        end = ' class="end"' if ledger.seconds and tick / ledger.seconds > _NEAR_THE_END else ""
        yield f'<span{end} style="left:{_share(tick, ledger.seconds)}">{escape(format_seconds(tick))}</span>'
    yield "</div></div>"


def _point(mark: str, grade: str, text: str) -> str:
    return f'<li><span class="mark {grade}">{mark}</span>{escape(_sentence(text))}</li>'


def _share(part: float, whole: float) -> str:
    return f"{100 * max(0.0, part / whole):.3f}%" if whole > 0 else "0%"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
