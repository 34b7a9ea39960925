"""The ledger as one HTML page that needs no network, no script and no other file, light or dark as the reader is.

Rule: every text of the ledger is escaped on its way in, and the page forbids scripts, since a ledger may come from
elsewhere. Never here: geometry of the lanes (`picture`), colours (`page.css`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files

from breakeven.ledger.account import CLOCK_SECONDS, Efficiency, Lane, Ledger
from breakeven.ledger.states import COMPUTE_PARTS, KINDS, PARENT_STATES, UNEXPLAINED, WORKER_STATES, kind_of
from breakeven.report.picture import picture_of, row_height, ticks_of
from breakeven.report.table import path_rows, split_of
from breakeven.report.verdict import Verdict, verdict_on
from breakeven.report.wording import (
    KIND_LABELS,
    SPLIT_LABELS,
    count_of,
    duration,
    failure_text,
    percent,
    plain,
    started,
    times,
    where_it_ran,
    whole_percent,
)
from breakeven.units import format_bytes

_GOOD = 0.8
"""From here up an efficiency is shown as good: what the POP centre calls acceptable."""

_FAILURES_SHOWN = 200
_PATH_ROWS = 10
_NEAR_THE_END = 0.93

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body><main>"""


def page_of(ledger: Ledger, efficiency: Efficiency | None) -> str:
    """Return the page."""
    style = files("breakeven.report").joinpath("page.css").read_text(encoding="utf-8")
    title = f"{plain(ledger.name)} – breakeven report"
    parts = [
        _HEAD.format(title=_text(title), style=style),
        *_header(ledger, verdict_on(ledger, efficiency)),
        *_tiles(ledger, efficiency),
        *_lanes(ledger),
        *_path(ledger),
        *_lane_sums(ledger),
        '<div class="pair">',
        *_factors(efficiency),
        *_moved(ledger),
        "</div>",
        *_failures(ledger),
        *_footer(ledger),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(text: str) -> str:
    return escape(plain(text))


def _section(title: str, aside: str, content: Iterable[str]) -> Iterator[str]:
    yield f"<section><h2>{_text(title)}</h2>"
    if aside:
        yield f'<p class="aside">{_text(aside)}</p>'
    yield from content
    yield "</section>"


def _header(ledger: Ledger, verdict: Verdict) -> Iterator[str]:
    yield f'<header><div class="brand">breakeven report · {_text(started(ledger))}</div>'
    yield f"<h1>{_text(ledger.name)}</h1><p>{_sentence(verdict.headline)}</p>"
    yield f'<p class="loss">{_sentence(verdict.sentence)}</p></header>'


def _sentence(text: str) -> str:
    return _text(text[:1].upper() + text[1:] + ".")


def _tiles(ledger: Ledger, efficiency: Efficiency | None) -> Iterator[str]:
    speedup, peak, failed = ledger.speedup_estimate, ledger.memory.peak_pss_bytes, len(ledger.failures)
    traffic = ledger.traffic
    moved = traffic.bytes_out + traffic.bytes_in + traffic.shared_out_bytes + traffic.shared_in_bytes
    useful = None if efficiency is None else efficiency.parallel
    tiles = [
        (duration(ledger.seconds), "from entry to return", ""),
        ("–" if speedup is None else times(speedup), "the speed of serial, estimated", _grade(speedup, 1.05)),
        (
            "–" if useful is None else whole_percent(useful),
            "of the workers' time useful" if ledger.lanes else "of the time useful",
            _grade(useful, _GOOD),
        ),
        ("–" if peak is None else format_bytes(peak), "peak memory (PSS)", ""),
        (format_bytes(moved), "moved between processes", ""),
        (f"{failed:,}", "failed items" if failed != 1 else "failed item", "bad" if failed else ""),
    ]
    yield '<div class="tiles">'
    for figure, label, grade in tiles:
        yield f'<div class="tile {grade}"><b>{_text(figure)}</b><span>{_text(label)}</span></div>'
    yield "</div>"


def _grade(figure: float | None, good: float) -> str:
    return "good" if figure is not None and figure >= good else ""


def _path(ledger: Ledger) -> Iterator[str]:
    rows = [
        (kind_of(name) if name else "other", label, seconds) for name, label, seconds in path_rows(ledger, _PATH_ROWS)
    ]
    largest = max((seconds for _, _, seconds in rows), default=0.0)
    content = [_bar(((kind, seconds, label) for kind, label, seconds in rows), ledger.seconds, "")]
    content.append('<table><tr><th>part of the critical path</th><th class="figure">time</th>')
    content.append('<th class="figure">share</th><th></th></tr>')
    for kind, label, seconds in rows:
        content.append(
            f'<tr><td class="label">{_swatch(kind)}{_text(label)}</td>'
            f'<td class="figure">{_text(duration(seconds))}</td>'
            f'<td class="figure">{percent(seconds, ledger.seconds)}</td>'
            f'<td class="wide">{_bar([(kind, seconds, label)], largest, "small")}</td></tr>'
        )
    content.append("</table>")
    aside = (
        "The chain of work and waiting that the return of the call hung on. Shorten any of it and the call returns "
        "sooner, until another chain is the longest."
    )
    return _section("Where the time went", aside, content)


def _bar(parts: Iterable[tuple[str, float, str]], whole: float, size: str) -> str:
    pieces = []
    for kind, seconds, label in parts:
        share = max(0.0, seconds / whole) if whole >= CLOCK_SECONDS else 0.0
        if share > 0:
            title = f"{label}: {duration(seconds)}, {percent(seconds, whole)}" if not size else label
            pieces.append(f'<i class="{kind}" style="width:{100 * share:.3f}%" title="{_text(title)}"></i>')
    return f'<div class="bar {size}">{"".join(pieces)}</div>'


def _swatch(kind: str) -> str:
    return f'<span class="swatch {kind}"></span>'


def _lanes(ledger: Ledger) -> Iterator[str]:
    if not ledger.chunk_records:
        return
    height = row_height(len(ledger.all_lanes))
    names = "".join(f'<span style="height:{height}px">{_text(lane.name)}</span>' for lane in ledger.all_lanes)
    content = [
        f'<div class="chart"><div class="names">{names}</div>',
        f"<div>{picture_of(ledger)}</div>",
        f'<div class="axis">{"".join(_ticks(ledger.seconds))}</div></div>',
        _legend(ledger),
    ]
    yield from _section("Lanes", _lanes_aside(ledger), content)


def _lanes_aside(ledger: Ledger) -> str:
    part = "Every chunk" if ledger.has_every_chunk else f"The first {len(ledger.chunk_records):,} records of chunks"
    return (
        f"{part} by its time stamps; arcs are messages, where there are few. Where a lane is grey it waits, or does "
        "what carries no stamp: the parent's dispatching and pickling are in the sums below."
    )


def _ticks(seconds: float) -> Iterator[str]:
    for tick in ticks_of(seconds):
        share = tick / seconds if seconds >= CLOCK_SECONDS else 0.0
        end = ' class="end"' if share > _NEAR_THE_END else ""
        yield f'<span{end} style="left:{100 * share:.2f}%">{_text(duration(tick))}</span>'


def _legend(ledger: Ledger) -> str:
    present = {kind for lane, kinds in _lanes_kinds(ledger) for kind, seconds, _ in _parts(lane, kinds) if seconds > 0}
    items = "".join(f"<li>{_swatch(kind)}{_text(KIND_LABELS[kind])}</li>" for kind in KINDS if kind in present)
    return f'<ul class="legend">{items}</ul>'


def _lanes_kinds(ledger: Ledger) -> Iterator[tuple[Lane, dict[str, str]]]:
    for number, lane in enumerate(ledger.all_lanes):
        yield lane, WORKER_STATES if number else PARENT_STATES


def _parts(lane: Lane, kinds: dict[str, str]) -> list[tuple[str, float, str]]:
    """List kind, seconds and description of a lane's states, by kind."""
    parts = [
        (
            UNEXPLAINED if state == UNEXPLAINED else kinds[state],
            seconds,
            f"{state.replace('_', ' ')} {duration(seconds)}",
        )
        for state, seconds in lane.closed_states.items()
    ]
    return sorted(parts, key=lambda part: KINDS.index(part[0]))


def _lane_sums(ledger: Ledger) -> Iterator[str]:
    content = [
        '<div class="scroll"><table><tr><th>lane</th><th class="figure">pid</th><th class="figure">items</th>',
        '<th class="figure">there for</th><th class="figure">compute</th><th class="figure">unexplained</th>',
        '<th class="figure">peak RSS</th><th></th></tr>',
    ]
    content += [_lane_row(lane, kinds) for lane, kinds in _lanes_kinds(ledger)]
    content.append("</table></div>")
    split, computed = split_of(ledger.lanes), math.fsum(lane.compute_seconds for lane in ledger.lanes)
    aside = "Every second of a lane is in exactly one state; hover over a bar to see which."
    if split and computed >= CLOCK_SECONDS:
        aside += (
            " Compute was " + ", ".join(f"{percent(split[p], computed)} {SPLIT_LABELS[p]}" for p in COMPUTE_PARTS) + "."
        )
    return _section("What each lane did", aside, content)


def _lane_row(lane: Lane, kinds: dict[str, str]) -> str:
    cells = [
        "–" if lane.pid is None else str(lane.pid),
        f"{lane.tasks:,}",
        duration(lane.seconds),
        percent(lane.compute_seconds, lane.seconds),
        duration(lane.unexplained_seconds),
        "–" if lane.peak_rss_bytes is None else format_bytes(lane.peak_rss_bytes),
    ]
    figures = "".join(f'<td class="figure">{_text(cell)}</td>' for cell in cells)
    bar = _bar(_parts(lane, kinds), lane.seconds, "small")
    return f'<tr><td class="label">{_text(lane.name)}</td>{figures}<td class="wide">{bar}</td></tr>'


def _factors(efficiency: Efficiency | None) -> Iterator[str]:
    if efficiency is None:
        return _section("Efficiency", "Not defined: nothing was computed.", [])
    factors = [
        ("load balance", efficiency.load_balance, "are all workers equally busy?"),
        ("serialisation", efficiency.serialisation, "does anyone wait for a turn?"),
        ("transfer", efficiency.transfer, "what do pickling and moving cost?"),
    ]
    content = ['<div class="factors">']
    for name, share, question in factors:
        bar = _bar([("compute", min(1.0, share), question)], 1.0, "small")
        content.append(
            f'<div class="factor"><b>{whole_percent(share)}</b>{_text(name)}{bar}'
            f'<span class="aside">{_text(question)}</span></div>'
        )
    content.append("</div>")
    basis = "a replay of every chunk" if efficiency.ideal_basis == "replay" else "sums, a lower bound"
    ideal = f"with pickling and transfer free it would have taken {duration(efficiency.ideal_seconds)} ({basis})"
    aside = f"Multiplied, they are the {whole_percent(efficiency.parallel)} of the time that was useful; {ideal}."
    return _section("Efficiency", aside, content)


def _moved(ledger: Ledger) -> Iterator[str]:
    t, memory = ledger.traffic, ledger.memory
    peak = "not measured"
    if memory.peak_pss_bytes is not None:
        peak = f"{format_bytes(memory.peak_pss_bytes)} PSS of all processes ({count_of(memory.samples, 'sample')})"
    facts = [
        ("out to workers", f"{count_of(t.messages_out, 'message')}, {format_bytes(t.bytes_out)}"),
        ("back in", f"{count_of(t.messages_in, 'message')}, {format_bytes(t.bytes_in)}"),
        ("shared memory", f"{format_bytes(t.shared_out_bytes)} out, {format_bytes(t.shared_in_bytes)} in"),
        ("peak memory", peak),
        ("run", f"{count_of(ledger.items, 'item')} in {count_of(ledger.chunks, 'chunk')}"),
        ("on", where_it_ran(ledger) + (f", started by {ledger.start_method}" if ledger.start_method else "")),
        ("chosen", ledger.choice),
        ("troubles", f"{count_of(ledger.deaths, 'worker death')}, {count_of(ledger.retries, 'retry')}"),
        *(("note", note) for note in ledger.notes),
    ]
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(fact)}</dd>" for name, fact in facts if fact)
    return _section("What was moved, and how it ran", "", [f"<dl>{rows}</dl>"])


def _failures(ledger: Ledger) -> Iterator[str]:
    if not ledger.failures:
        return
    rows = [f"<tr><td>{_text(failure_text(failure))}</td></tr>" for failure in ledger.failures[:_FAILURES_SHOWN]]
    left = len(ledger.failures) - len(rows)
    more = [f'<p class="aside">and {left:,} more, in the saved report</p>'] if left else []
    yield from _section(count_of(len(ledger.failures), "failed item"), "", ["<table>", *rows, "</table>", *more])


def _footer(ledger: Ledger) -> Iterator[str]:
    made = ledger.made_with
    basis = "the useful compute of this run" if ledger.serial_seconds_estimate is None else "items sampled in this run"
    yield (
        f"<footer>Recorded by breakeven {_text(made.breakeven)} on Python {_text(made.python)}, {_text(made.kernel)}. "
        f"The speed of serial is estimated from {basis}, not measured.</footer>"
    )
