"""The words and figures that table and page share: labels of states, shares, safe text.

Rule: text from a ledger reaches a terminal only through `plain`, since a ledger may come from elsewhere. Never here:
layout, and the formatting of units, which is `breakeven.units`.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from breakeven.ledger.account import CLOCK_SECONDS, FailedItem, Ledger
from breakeven.units import format_percent, format_seconds

KIND_LABELS = {
    "compute": "compute",
    "pickling": "pickling",
    "transport": "transport",
    "engine": "engine",
    "caller": "the caller",
    "start": "start-up",
    "waiting": "waiting",
    "unexplained": "unexplained",
}

_CATEGORY_LABELS = {
    "transit": "transit (in flight, wake-up)",
    "parent.input": "parent: pull the input",
    "parent.consumer": "parent: consumer of the results",
    "parent.send_blocked": "parent: send, channel full",
    "worker.idle_before_first": "worker: idle before the first chunk",
    "worker.idle_starved": "worker: idle, no chunk to take",
    "worker.idle_tail": "worker: idle, no chunk left",
}

SPLIT_LABELS = {
    "cpu": "on a CPU",
    "runq": "queueing for a CPU",
    "gil_wait": "queueing for the GIL",
    "blocked": "blocked",
}

_SHOWN_SHARE = 0.0005
"""A share below this is written 0.0 %, and without a sign."""

_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def plain(text: str, width: int | None = None) -> str:
    r"""Return one line of printable characters, cut to `width` with an ellipsis.

    >>> plain("two\nlines, one \x1b[31mescape", 20)
    'two lines, one �[31…'
    """
    line = "".join(character if character.isprintable() else _UNPRINTABLE for character in " ".join(text.split()))
    return line if width is None or len(line) <= width else line[: max(0, width - 1)].rstrip() + "…"


def category_label(category: str) -> str:
    """Write a critical-path category in words."""
    lane, _, state = category.partition(".")
    fallback = f"{lane}: {state.replace('_', ' ')}" if state else lane.replace("_", " ")
    return _CATEGORY_LABELS.get(category, fallback)


def duration(seconds: float) -> str:
    """Write a duration; what is below the clock's nanosecond, as the rest of a sum that closes may be, is nothing.

    >>> duration(-0.25), duration(-2e-17)
    ('-250 ms', '0 s')
    """
    return format_seconds(seconds if abs(seconds) >= CLOCK_SECONDS else 0.0)


def percent(part: float, whole: float) -> str:
    """Write a share with one decimal, or a dash of a whole that is nothing.

    >>> percent(0.5, 2.0), percent(1.0, 0.0)
    ('25.0 %', '–')
    """
    return format_percent(part / whole if abs(part) >= _SHOWN_SHARE * whole else 0.0) if whole >= CLOCK_SECONDS else "–"


def whole_percent(share: float) -> str:
    """Write a share without decimals."""
    return f"{100 * share:.0f} %"


def times(factor: float) -> str:
    """Write a speed-up with three digits that count.

    >>> times(1.874), times(12.34), times(0.0567)
    ('1.87x', '12.3x', '0.057x')
    """
    digits = 2 if factor <= 0 else max(0, 2 - math.floor(math.log10(factor)))
    return f"{factor:.{min(digits, 3)}f}x"


def count_of(number: int, noun: str) -> str:
    """Write how many, with the noun in its number.

    >>> count_of(1, "item"), count_of(12_000, "message"), count_of(2, "retry")
    ('1 item', '12,000 messages', '2 retries')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def where_it_ran(ledger: Ledger) -> str:
    """Write backend and workers: `2 processes`."""
    if ledger.backend == "serial":
        return "serial, in the calling thread"
    noun = {"processes": "process", "threads": "thread"}.get(ledger.backend, "worker")
    plural = {"process": "processes"}.get(noun, noun + "s")
    named = "" if ledger.backend in ("processes", "threads") else f"{plain(ledger.backend, 12)}, "
    return f"{named}{ledger.workers:,} {noun if ledger.workers == 1 else plural}"


def started(ledger: Ledger) -> str:
    """Write when the call began, in UTC so that the same ledger reads the same everywhere."""
    try:
        moment = datetime.fromtimestamp(ledger.started_at, UTC)
    except (OverflowError, OSError, ValueError):
        return "at an unknown time"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def failure_text(failure: FailedItem, width: int | None = None) -> str:
    """Write what became of one failed item."""
    where = f" in pid {failure.pid}" if failure.pid is not None else ""
    tries = f" after {failure.attempts:,} attempts" if failure.attempts > 1 else ""
    what = f": {failure.exception}" if failure.exception else ""
    return plain(f"item {failure.index:,} {failure.cause}{where}{tries}{what}", width)
