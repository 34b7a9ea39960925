"""The ledger as a dozen lines of plain text: verdict, critical path, workers, traffic, memory, efficiency, failures.

Rule: no line is longer than 100 columns, every figure has its unit, and unexplained time has a line of its own.
Never here: colour, which is the terminal's (`cli`), and judgement, which is `verdict`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from breakeven.ledger.account import CLOCK_SECONDS, NO_TRAFFIC, Efficiency, Lane, Ledger
from breakeven.ledger.states import COMPUTE_PARTS, KINDS, UNEXPLAINED, WORKER_STATES
from breakeven.report.outlook import forecast_line
from breakeven.report.verdict import verdict_on
from breakeven.report.wording import (
    KIND_LABELS,
    SPLIT_LABELS,
    category_label,
    count_of,
    duration,
    failure_text,
    percent,
    plain,
    started,
    whole_percent,
)
from breakeven.units import format_bytes

WIDTH = 100
_LABEL = 12
_SHORTEST_NAME = 8
_PATH_LABEL = 36
_BAR = 29
_PATH_LINES = 6
_LEAST_WHOLE = 0.005
_ALL_CPU = 0.98
"""From this share of compute on a CPU upwards, its split is not worth a line."""
_HARDLY = 0.005
"""Parts of the critical path below this share go into one line together, if there are several."""


def table_of(ledger: Ledger, efficiency: Efficiency | None) -> str:
    """Return the table, without a newline at its end."""
    verdict = verdict_on(ledger, efficiency)
    name = plain(ledger.name, max(_SHORTEST_NAME, WIDTH - len(verdict.headline) - 2))
    lines = [
        plain(f"{name}: {verdict.headline}", WIDTH),
        verdict.sentence,
        _row("run", _run(ledger)),
        *([_row("chosen", ledger.choice)] if ledger.choice else []),
        *([_row("forecast", told)] if (told := forecast_line(ledger)) else []),
        *_path(ledger),
        *_workers(ledger.lanes),
        _row("messages", _traffic(ledger)),
        _row("memory", _memory(ledger)),
        _row("efficiency", _efficiency(efficiency)),
        _row("failures", _failures(ledger)),
        *(_row("note", note) for note in ledger.notes),
    ]
    return "\n".join(line.rstrip()[:WIDTH] for line in lines)


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{plain(text, WIDTH - _LABEL)}"


def _run(ledger: Ledger) -> str:
    amount = f"{count_of(ledger.items, 'item')} in {count_of(ledger.chunks, 'chunk')}"
    how = f"{ledger.start_method}; " if ledger.start_method else ""
    return f"{duration(ledger.seconds)} from entry to return; {amount}; {how}{started(ledger)}"


def path_rows(ledger: Ledger, most: int | None = None) -> list[tuple[str, str, float]]:
    """Return (category, label, seconds) of the critical path, longest first, the unexplained last.

    With `most` given, what does not fit and what is hardly there is one row before the last.
    """
    parts = sorted(((t, name) for name, t in ledger.path.items() if t > 0), key=lambda part: (-part[0], part[1]))
    shown = parts
    if most is not None:
        large = [part for part in parts if part[0] >= _HARDLY * ledger.seconds]
        shown = parts if len(parts) <= min(most, len(large) + 1) else large[: most - 1]
    rows = [(name, category_label(name), seconds) for seconds, name in shown]
    rest = parts[len(shown) :]
    if rest:
        rows.append(("", f"{len(rest)} others", math.fsum(seconds for seconds, _ in rest)))
    return [*rows, (UNEXPLAINED, UNEXPLAINED, ledger.unexplained_seconds)]


def _path(ledger: Ledger) -> Iterator[str]:
    for place, (_, label, seconds) in enumerate(path_rows(ledger, _PATH_LINES)):
        share = seconds / ledger.seconds if ledger.seconds >= CLOCK_SECONDS else 0.0
        bar = "#" * round(_BAR * min(1.0, max(0.0, share)))
        figures = f"{duration(seconds):>10} {percent(seconds, ledger.seconds):>8}"
        yield f"{'' if place else 'path':<{_LABEL}}{plain(label, _PATH_LABEL):<{_PATH_LABEL}}{figures}  {bar}"


def _workers(lanes: tuple[Lane, ...]) -> Iterator[str]:
    present = math.fsum(lane.seconds for lane in lanes)
    if present < CLOCK_SECONDS:
        return
    kinds = seconds_by_kind(lanes)
    shares = (f"{KIND_LABELS[kind]} {_roughly(kinds[kind] / present)}" for kind in KINDS if kinds[kind] > 0)
    yield _row("workers", ", ".join(shares))
    split, computed = split_of(lanes), math.fsum(lane.compute_seconds for lane in lanes)
    if split and split["cpu"] < _ALL_CPU * computed and computed >= CLOCK_SECONDS:
        parts = (
            f"{SPLIT_LABELS[part]} {_roughly(split[part] / computed)}" for part in COMPUTE_PARTS if split[part] > 0
        )
        yield _row("compute", ", ".join(parts))


def _roughly(share: float) -> str:
    return whole_percent(share) if share >= _LEAST_WHOLE else "<1 %"


def seconds_by_kind(lanes: tuple[Lane, ...]) -> defaultdict[str, float]:
    """Sum what worker lanes did by kind of time, the unexplained included."""
    kinds: defaultdict[str, float] = defaultdict(float)
    for lane in lanes:
        for state, seconds in lane.closed_states.items():
            kinds[UNEXPLAINED if state == UNEXPLAINED else WORKER_STATES[state]] += seconds
    return kinds


def split_of(lanes: tuple[Lane, ...]) -> dict[str, float]:
    """Sum the compute split over the lanes that have one; empty if none has."""
    splits = [lane.compute_split for lane in lanes if lane.compute_split is not None]
    return {part: math.fsum(split.get(part, 0.0) for split in splits) for part in COMPUTE_PARTS} if splits else {}


def _traffic(ledger: Ledger) -> str:
    t = ledger.traffic
    if t == NO_TRAFFIC:
        return "none"
    ways = (
        f"{t.messages_out:,} out with {format_bytes(t.bytes_out)}, {t.messages_in:,} in with {format_bytes(t.bytes_in)}"
    )
    if not t.shared_out_bytes and not t.shared_in_bytes:
        return ways
    return f"{ways}; shared memory {format_bytes(t.shared_out_bytes)} out, {format_bytes(t.shared_in_bytes)} in"


def _memory(ledger: Ledger) -> str:
    peak, samples = ledger.memory.peak_pss_bytes, ledger.memory.samples
    if peak is None:
        return "peak not measured"
    return f"peak {format_bytes(peak)} PSS, all processes together ({count_of(samples, 'sample')})"


def _efficiency(efficiency: Efficiency | None) -> str:
    if efficiency is None:
        return "not defined: nothing was computed"
    factors = (
        f"{whole_percent(efficiency.parallel)} = load balance {whole_percent(efficiency.load_balance)}"
        f" · serialisation {whole_percent(efficiency.serialisation)}"
        f" · transfer {whole_percent(efficiency.transfer)}"
    )
    return f"{factors} ({'replayed' if efficiency.ideal_basis == 'replay' else 'from sums'})"


def _failures(ledger: Ledger) -> str:
    extra = [count_of(number, noun) for number, noun in _troubles(ledger) if number]
    trouble = f"; {', '.join(extra)}" if extra else ""
    if not ledger.failures:
        return f"none{trouble}"
    more = f", and {len(ledger.failures) - 1:,} more" if len(ledger.failures) > 1 else ""
    first = failure_text(ledger.failures[0], WIDTH - _LABEL - len(more) - len(trouble))
    return f"{first}{more}{trouble}"


def _troubles(ledger: Ledger) -> tuple[tuple[int, str], ...]:
    return ((ledger.deaths, "death"), (ledger.retries, "retry"))
