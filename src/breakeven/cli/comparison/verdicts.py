"""A comparison → which backend paid off, and why.

Lives here: where a run's seconds went, in words that compare across backends, and the judgement of each backend
against serial. Never here: layout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from breakeven.ledger.states import COMPUTE_PARTS, KINDS, kind_of
from breakeven.report.wording import times, whole_percent
from breakeven.units import format_bytes, format_count, format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.cli.comparison.bouts import Comparison, Entry
    from breakeven.ledger.account import Ledger

PAID, UNSURE, EQUAL, LOST = "paid off", "may have paid off", "made no clear difference", "did not pay off"

_CLEAR = 0.05
"""Less than this share faster or slower is called no difference: machines that others use vary by as much."""

_PARTS = {
    "cpu": "computing",
    "gil_wait": "waiting for the GIL",
    "runq": "waiting for a CPU",
    "blocked": "blocked in the function",
}
_KINDS = {
    "pickling": "pickling and copying",
    "transport": "moving payload",
    "engine": "dispatch and merging",
    "caller": "input and consumer",
    "start": "start-up and stop",
    "waiting": "waiting",
    "unexplained": "unexplained",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is to be said about one backend."""

    backend: str
    verdict: str
    speedup: float
    why: str


def where_seconds_went(ledger: Ledger) -> dict[str, float]:
    """Split the elapsed time along the critical path; the parts sum to it, the unexplained included.

    Compute on the path is split as the compute of the lanes is: on a CPU, queueing for the GIL or a CPU, blocked.
    """
    kinds = dict.fromkeys(KINDS, 0.0)
    for category, seconds in ledger.critical_path.items():
        kinds[kind_of(category)] += seconds
    parts = {label: kinds["compute"] * share for label, share in _compute_shares(ledger).items()}
    return parts | {label: kinds[kind] for kind, label in _KINDS.items()}


def copied_bytes(ledger: Ledger) -> int:
    """Count the bytes that crossed between parent and workers, shared memory included."""
    t = ledger.traffic
    return t.bytes_out + t.bytes_in + t.shared_out_bytes + t.shared_in_bytes


def judge(comparison: Comparison) -> tuple[Judgement, ...]:
    """Judge every backend against serial: by the medians, if they are more than 5 % apart, and if all rounds agree."""
    return tuple(_judged(comparison, entry) for entry in comparison.entries[1:])


def headline(comparison: Comparison) -> str:
    """Write in one line which backend was best."""
    fastest, serial = comparison.fastest, comparison.serial
    verdict = EQUAL if fastest is serial else _verdict(comparison, fastest)
    if verdict not in {PAID, UNSURE}:
        return f"serial was best: {format_seconds(serial.median)}; nothing else was clearly faster"
    ratio = f"{format_seconds(fastest.median)} in place of {format_seconds(serial.median)}"
    return f"{fastest.backend} {verdict}: {times(comparison.speedup(fastest))} as fast as serial, {ratio}"


def _verdict(comparison: Comparison, entry: Entry) -> str:
    speedup, rounds, won = comparison.speedup(entry), len(entry.seconds), _rounds_won(comparison, entry)
    if speedup > 1 + _CLEAR:
        return PAID if won == rounds else UNSURE
    return LOST if speedup < 1 / (1 + _CLEAR) and won == 0 else EQUAL


def _rounds_won(comparison: Comparison, entry: Entry) -> int:
    """Count the rounds in which a backend was faster than serial in the same round."""
    return sum(own < serial for own, serial in zip(entry.seconds, comparison.serial.seconds, strict=True))


def _judged(comparison: Comparison, entry: Entry) -> Judgement:
    verdict = _verdict(comparison, entry)
    why = _why_paid(entry) if verdict in {PAID, UNSURE} else _why_not(comparison, entry)
    if verdict == UNSURE:
        won, rounds = _rounds_won(comparison, entry), len(entry.seconds)
        why = f"faster in {won} of {rounds} rounds only, the machine was not quiet; {why}"
    return Judgement(backend=entry.backend, verdict=verdict, speedup=comparison.speedup(entry), why=why)


def _why_paid(entry: Entry) -> str:
    """What the others than computing cost, all in all."""
    ledger = entry.typical
    computing = where_seconds_went(ledger)[_PARTS["cpu"]]
    rest = max(0.0, ledger.seconds - computing)
    moved = copied_bytes(ledger)
    carried = f"{format_bytes(moved)} moved" if moved else "nothing moved"
    return (
        f"{ledger.workers} workers computed at once; all else took {format_seconds(rest)}, "
        f"{whole_percent(rest / ledger.seconds if ledger.seconds else 0.0)} of the time ({carried})"
    )


def _why_not(comparison: Comparison, entry: Entry) -> str:
    """Name the largest thing that serial did not pay."""
    ledger = entry.typical
    parts = where_seconds_went(ledger)
    losses = {label: parts[label] for label in parts if label != _PARTS["cpu"]}
    losses["dearer"] = _dearer_seconds(comparison, entry)
    worst = max(losses, key=lambda label: losses[label])
    spent = f"{format_seconds(losses[worst])} of {format_seconds(ledger.seconds)}"
    alone = f"serial needs {format_seconds(comparison.serial.median)} for everything"
    at = break_even_text(comparison, entry) or alone
    noun = comparison.case.noun
    return {
        _PARTS["gil_wait"]: f"the work holds the GIL: workers took turns, and waited for it {spent}",
        _PARTS["runq"]: f"there were fewer free CPUs than workers: they queued {spent}",
        "moving payload": f"moving {format_bytes(copied_bytes(ledger))} took {spent}; {at}",
        "pickling and copying": f"copying {format_bytes(copied_bytes(ledger))} took {spent}; {at}",
        "start-up and stop": f"starting workers took {spent}; {at}",
        "dearer": f"each {noun} took longer with others beside it: {spent} went there (memory or caches are shared)",
    }.get(worst, f"{worst} took {spent}; {alone}")


def break_even_text(comparison: Comparison, entry: Entry) -> str:
    """Say at how much work an item a backend would be as fast as serial, were its costs to stay; empty if it is.

    With S the serial time, T the backend's and W its workers, T = S/W + costs; of k times the work both take as long
    where k·S = k·S/W + costs.
    """
    serial, workers, items = comparison.serial.median, entry.typical.workers, entry.typical.items
    costs = entry.median - serial / max(1, workers)
    if workers <= 1 or items == 0 or costs <= 0:
        return ""
    factor = costs / (serial * (1 - 1 / workers))
    each = format_seconds(factor * serial / items)
    return f"break-even would be at {each} a {comparison.case.noun}, {format_count(round(factor, 1))} times the work"


def _dearer_seconds(comparison: Comparison, entry: Entry) -> float:
    """Elapsed time by which computing grew dearer than it was in the serial run, shared among the workers."""
    ledger = entry.typical
    grown = ledger.useful_seconds - comparison.serial.typical.useful_seconds
    return max(0.0, grown) / max(1, ledger.workers)


def _compute_shares(ledger: Ledger) -> dict[str, float]:
    """Split compute over all lanes; where no lane could tell, all of it counts as computing."""
    splits = [lane.compute_split for lane in ledger.all_lanes if lane.compute_split]
    sums = {part: math.fsum(split.get(part, 0.0) for split in splits) for part in COMPUTE_PARTS}
    whole = math.fsum(sums.values())
    if whole <= 0:
        return {label: float(part == "cpu") for part, label in _PARTS.items()}
    return {label: sums[part] / whole for part, label in _PARTS.items()}
