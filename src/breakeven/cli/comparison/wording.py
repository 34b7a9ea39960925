"""The sentences and figures that terminal and page share. Lives here: words. Never here: layout, colours, markup."""

from __future__ import annotations

from breakeven.cli.comparison.verdicts import copied_bytes, judge, where_seconds_went
from breakeven.report.wording import count_of, percent, times
from breakeven.units import format_bytes, format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from breakeven.cli.comparison.bouts import Comparison, Entry

TIME_COLUMNS = ("backend", "median", "fastest", "slowest", "runs", "first", "speed-up", "moved", "peak memory")

_WARM_UP = 1.5
"""A first run that took this many times the median is worth a note."""

_WORTH_A_ROW = 0.005
"""A part of the time that is below this share on every backend goes into `all else`."""


def machine_text(machine: Mapping[str, Any], rounds: int) -> list[str]:
    """Say what the figures were taken on, and how."""
    memory = machine["available_memory_bytes"]
    room = f", {format_bytes(memory)} of memory free" if memory else ""
    return [
        f"{machine['usable_cpus']} usable CPUs ({machine['processor']}){room}",
        (
            f"Python {machine['python']}, {machine['system']}; {count_of(machine['workers'], 'worker')}, "
            f"every backend {count_of(rounds, 'time')} in turns"
        ),
    ]


def facts_text(key: str, facts: Mapping[str, Any]) -> list[str]:
    """Say what the results say."""
    if key == "sums":
        return [f"the sums come to {facts['total']:,.6f} in all"]
    most = ", ".join(f"{name} ({count:,})" for name, count in facts["most_imported"])
    bad = facts["unparsable"]
    lines = [
        (
            f"{facts['lines']:,} lines: {facts['functions']:,} functions, {facts['classes']:,} classes, "
            f"{facts['branches']:,} branches"
        ),
        (
            f"longest function: {facts['longest_function']}, {facts['longest_function_lines']:,} lines "
            f"({facts['longest_function_path']})"
        ),
        (
            f"{facts['modules']:,} modules import one another {facts['imports']:,} times; "
            f"{facts['largest_knot']:,} of them in one knot of cycles"
        ),
        f"most imported: {most}",
    ]
    if bad:
        lines.append(f"{count_of(bad, 'file')} {'does' if bad == 1 else 'do'} not parse, counted and left out")
    return lines


def identical_text(comparison: Comparison) -> str:
    """Say whether results were equal, and how that is known."""
    runs = sum(len(entry.seconds) for entry in comparison.entries)
    prints = sorted({text for entry in comparison.entries for text in entry.fingerprints})
    if comparison.identical:
        return f"results identical in all {runs} runs (SHA-256 {prints[0]}…)"
    return f"RESULTS DIFFER between runs: {', '.join(prints)}"


def time_row(comparison: Comparison, entry: Entry) -> tuple[str, ...]:
    """One line of the table of times, under `TIME_COLUMNS`."""
    ledger = entry.typical
    peak = ledger.memory.peak_pss_bytes
    return (
        entry.backend,
        format_seconds(entry.median),
        format_seconds(min(entry.seconds)),
        format_seconds(max(entry.seconds)),
        str(len(entry.seconds)),
        format_seconds(entry.seconds[0]),
        times(comparison.speedup(entry)),
        format_bytes(copied_bytes(ledger)) if copied_bytes(ledger) else "–",
        format_bytes(peak) if peak else "–",
    )


def first_run_notes(comparison: Comparison) -> list[str]:
    """Say which backends needed a run to warm up."""
    return [
        f"{entry.backend}: the first run took {times(entry.seconds[0] / entry.median)} the median; "
        "in it workers start and load modules, and memory is touched for the first time"
        for entry in comparison.entries[1:]
        if entry.seconds[0] > _WARM_UP * entry.median
    ]


def parts_shown(comparison: Comparison) -> list[tuple[str, list[float]]]:
    """Where the seconds of each backend's typical run went: label → seconds a backend; columns sum to the run.

    What is hardly there anywhere is gathered, the unexplained never: it has its own line, the last.
    """
    columns = [where_seconds_went(entry.typical) for entry in comparison.entries]
    wholes = [entry.typical.seconds for entry in comparison.entries]
    shown: list[tuple[str, list[float]]] = []
    rest = [0.0] * len(columns)
    for label in columns[0]:
        row = [column[label] for column in columns]
        if label == "unexplained":
            continue
        if any(part >= _WORTH_A_ROW * whole for part, whole in zip(row, wholes, strict=True)):
            shown.append((label, row))
        else:
            rest = [before + part for before, part in zip(rest, row, strict=True)]
    if any(rest):
        shown.append(("all else", rest))
    return [*shown, ("unexplained", [column["unexplained"] for column in columns])]


def part_text(part: float, whole: float) -> str:
    """Write seconds and share of one part; below zero where states overlap."""
    if not part:
        return "–"
    return f"{'-' if part < 0 else ''}{format_seconds(abs(part))}  {percent(part, whole):>6}"


def judgement_texts(comparison: Comparison) -> list[tuple[str, str]]:
    """Verdict and sentence of each backend but serial."""
    return [
        (judgement.verdict, f"{judgement.backend} {judgement.verdict} ({times(judgement.speedup)}): {judgement.why}")
        for judgement in judge(comparison)
    ]


def as_dict(machine: Mapping[str, Any], comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Every figure, as what JSON can hold."""
    return {
        "machine": dict(machine),
        "identical": all(comparison.identical for comparison in comparisons),
        "cases": [_case_dict(comparison) for comparison in comparisons],
    }


def _case_dict(comparison: Comparison) -> dict[str, Any]:
    why = {judgement.backend: judgement for judgement in judge(comparison)}
    return {
        "key": comparison.case.key,
        "title": comparison.case.title,
        "amount": comparison.case.amount,
        "facts": dict(comparison.facts),
        "identical": comparison.identical,
        "fingerprint": comparison.serial.fingerprints[0],
        "fastest": comparison.fastest.backend,
        "backends": [
            {
                "backend": entry.backend,
                "seconds": list(entry.seconds),
                "median_seconds": entry.median,
                "speedup": comparison.speedup(entry),
                "where_seconds_went": where_seconds_went(entry.typical),
                "moved_bytes": copied_bytes(entry.typical),
                "peak_pss_bytes": entry.typical.memory.peak_pss_bytes,
                "verdict": why[entry.backend].verdict if entry.backend in why else None,
                "why": why[entry.backend].why if entry.backend in why else None,
            }
            for entry in comparison.entries
        ],
    }
