"""Forecasts as text: the table of a plan, and the line in which a run's forecast is held against what happened.

Lives here: layout of plain data that `executor` makes of a choice. Never here: a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from breakeven.ledger.account import Ledger
from breakeven.report.wording import duration, plain
from breakeven.units import format_bytes

WIDTH = 100
_MARK = "→"


def forecast_line(ledger: Ledger) -> str:
    """Return forecast, interval and error of the way that was chosen; "" where nothing was forecast."""
    chosen, error = _mapping((ledger.forecast or {}).get("chosen")), ledger.forecast_error
    if not chosen or error is None:
        return ""
    off = f"{abs(error):.0%} too {'high' if error > 0 else 'low'}" if abs(error) >= 0.005 else "exact"  # noqa: PLR2004
    return f"{_interval(chosen)} for {chosen.get('title')}: {off}"


def plan_table(record: Mapping[str, Any], name: str) -> str:
    """Return a plan as lines of plain text: what was sampled, every way with its forecast, the choice, break-even."""
    chosen = _mapping(record.get("chosen"))
    lines = [plain(f"{name}: {_headline(record, chosen)}", WIDTH), *_sampled(_mapping(record.get("sample")))]
    lines.append(f"  {'way':<26}{'forecast':>10}   {'80 % interval':<23}{'memory':>9}  most of it is")
    for one in record.get("candidates") or ():
        mark = _MARK if one.get("title") == chosen.get("title") else " "
        between = f"{duration(one['low_seconds'])} – {duration(one['high_seconds'])}"
        memory = format_bytes(one["memory_bytes"]) if one["memory_bytes"] else "–"
        lines.append(
            f"{mark} {plain(str(one['title']), 25):<26}{duration(one['seconds']):>10}   {between:<23}{memory:>9}"
            f"  {one['dominant']}"
        )
    lines += [*_rows("chosen", f"{chosen.get('title')}: {record.get('reason')}"), *_breakeven(record), _machine(record)]
    return "\n".join(line.rstrip() for line in lines)


def _headline(record: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    items = record.get("items")
    serial = next((one for one in record.get("candidates") or () if one.get("backend") == "serial"), None)
    left = "items of unknown number" if items is None else f"{items:,} items left"
    if serial is None:
        return f"{left}; for worker processes alone"
    if chosen.get("backend") == "serial":
        return f"{left}; serial is best"
    gain = serial["seconds"] / max(chosen["seconds"], 1e-12)
    return f"{left}; {chosen['title']} should be {gain:.2f} × as fast as serial"


def _sampled(sample: Mapping[str, Any]) -> list[str]:
    if not sample:
        return []
    each = f"{sample['items']:,} done already, {duration(sample['mean_seconds'])} each (± {sample['error']:.0%})"
    gil = sample.get("gil_share")
    shares = f"{min(sample['cpu_share'], 99):.0%} of it on a CPU"
    held = "" if gil is None else f", holding the GIL {gil:.0%}"
    more = [_row("sampled", f"{each}, {shares}{held}")]
    if sample.get("first_excess_seconds"):
        more.append(_row("", f"the first took {duration(sample['first_excess_seconds'])} more: warm-up, not counted"))
    if sample.get("drift", 1.0) != 1.0:
        more.append(_row("", f"the later half took {sample['drift']:.2f} × as long as the earlier"))
    moved = [
        f"{what} {format_bytes(weight['bytes'])} and {duration(weight['pickling_seconds'])} to pickle"
        for what, weight in (("item", sample.get("argument")), ("result", sample.get("result")))
        if weight
    ]
    if moved:
        more.append(_row("payload", "; ".join(moved)))
    if sample.get("refusal"):
        more.append(_row("payload", str(sample["refusal"])))
    return more


def _breakeven(record: Mapping[str, Any]) -> list[str]:
    point = _mapping(record.get("break_even"))
    if not point:
        return []
    title, items, task = point["title"], point.get("items"), point.get("task_seconds")
    said = [
        f"{title} pays from {items:,} such items" if items is not None else f"{title} never pays with such items",
    ]
    if task is not None and record.get("items"):
        said.append(f"or from {duration(task)} an item")
    rows = [_row("break-even", ", ".join(said))]
    grain, useful = point.get("metg_seconds"), point.get("useful_workers")
    if grain is not None:
        rows.append(_row("", f"workers are busy half of their time from {duration(grain)} a task (METG 50 %)"))
    if useful is not None:
        rows.append(_row("", f"the parent can keep {useful:,.1f} workers fed"))
    return rows


def _machine(record: Mapping[str, Any]) -> str:
    if record.get("profile") == "measured":
        return _row("machine", "profile measured by calibrate")
    return _row("machine", "profile assumed, and corrected by this process's own runs: calibrate measures it")


def _interval(one: Mapping[str, Any]) -> str:
    return f"{duration(one['seconds'])} ({duration(one['low_seconds'])} – {duration(one['high_seconds'])})"


def _rows(label: str, text: str) -> list[str]:
    from textwrap import wrap

    return [_row("" if place else label, line) for place, line in enumerate(wrap(text, WIDTH - 12))]


def _row(label: str, text: str) -> str:
    return f"{label:<12}{plain(text, WIDTH - 12)}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
