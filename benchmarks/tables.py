"""Results as Markdown: the targets first, then every section in full, then the conditions.

Formats only; judgements come from ``verdicts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.catalogue import SECTIONS
from benchmarks.targets import TARGETS
from benchmarks.variants import LABELS, REFERENCES, family
from benchmarks.verdicts import Cells, Spread, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.nouns import Case, Section

NOTHING = "–"


def figure(value: float) -> str:
    """Three significant digits, whole numbers whole.

    >>> figure(0.12345), figure(17.04), figure(94770.0), figure(8.0)
    ('0.123', '17', '94 770', '8')
    """
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def spread(values: Spread | None, missing: str = NOTHING) -> str:
    """Median and, of several values, the least and the most."""
    if values is None:
        return missing
    if values.count == 1 or values.least == values.most:
        return figure(values.median)
    return f"{figure(values.median)} ({figure(values.least)}–{figure(values.most)})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def report(content: dict[str, Any]) -> str:
    """The whole report."""
    cells = Cells(content)
    parts = ["# breakeven beside its peers\n", _reading(content, cells), "## Targets\n", _targets(cells)]
    parts += [_section(cells, section) for section in SECTIONS if cells.of(section.name)]
    parts += ["## Conditions\n", _conditions(content)]
    return "\n".join(parts)


def _reading(content: dict[str, Any], cells: Cells) -> str:
    blocks = {(cell["run"], cell["block"]) for cell in cells.kept}
    flagged = sum(cell["flagged"] for cell in cells.kept)
    repeated = len(content["cells"]) - len(cells.kept)
    return (
        f"Two workers each. {len(cells.kept)} cells in {len(blocks)} interleaved blocks, each cell in a fresh "
        f"interpreter; figures are medians over blocks with (least–most). {repeated} cells were run again because "
        f"others used the machine meanwhile; {flagged} of those kept were disturbed all the same. Absolute figures "
        "move with the machine: compare within one run.\n"
    )


def _targets(cells: Cells) -> str:
    rows = [_target_row(judge(cells, target)) for target in TARGETS if cells.of(target.section)]
    heads = ("what", "target", "measured", "n", "met", "best peer", "its figure", "times better than it")
    return table(heads, rows)


def _target_row(verdict: Verdict) -> tuple[str, ...]:
    target, measured = verdict.target, verdict.measured
    sign = "≥" if target.at_least else "≤"
    count = measured.count if measured else 0
    met = {None: "not measured", True: "**yes**", False: "no"}[verdict.met]
    if verdict.met is not None:
        met += f", {verdict.blocks_met} of {count + verdict.failures}"
    return (
        target.what,
        f"{sign} {figure(target.bound)} {target.unit}".strip(),
        spread(measured),
        str(count),
        met,
        LABELS[verdict.peer] if verdict.peer else NOTHING,
        spread(verdict.peer_measured),
        spread(verdict.times_better),
    )


def _section(cells: Cells, section: Section) -> str:
    parts = [f"## {section.title}\n", section.how + "\n"]
    for case in section.cases:
        if cells.of(section.name, case.name):
            if case.name:
                parts.append(f"**{case.name}**\n")
            parts.append(_case(cells, section, case))
    return "\n".join(parts)


def _case(cells: Cells, section: Section, case: Case) -> str:
    variants = cells.variants(section.name, case.name)
    spreads = {
        (variant, column.measure): Spread.over(
            cells.by_block(section.name, case.name, variant, column.measure).values()
        )
        for variant in variants
        for column in section.columns
    }
    columns = [
        column
        for column in section.columns
        if column.missing != NOTHING or any(spreads[variant, column.measure] for variant in variants)
    ]

    def rank(variant: str) -> tuple[bool, float]:
        first = spreads[variant, columns[0].measure] if columns else None
        return first is None, 0.0 if first is None else first.median * (-1 if columns[0].more_is_better else 1)

    rows = []
    for variant in sorted(variants, key=rank):
        kept = cells.of(section.name, case.name, variant)
        shown = [spread(spreads[variant, column.measure], column.missing) for column in columns]
        flagged = sum(cell["flagged"] for cell in kept)
        rows.append((LABELS[variant], *shown, f"{len(kept)}" + (f", {flagged} disturbed" if flagged else "")))
    text = table(("variant", *(column.heading for column in columns), "n"), rows)
    return text + _remarks(cells, section, case)


def _remarks(cells: Cells, section: Section, case: Case) -> str:
    """What went wrong or was left behind, one line a variant."""
    lines = []
    for variant in cells.variants(section.name, case.name):
        kept = cells.of(section.name, case.name, variant)
        odd = sorted({cell["status"] for cell in kept} - {"ok"})
        left = max(cell["left_processes"] for cell in kept)
        said = [*odd, *([f"up to {left} processes left behind"] if left and "timeout" not in odd else [])]
        if said and not (family(variant) in REFERENCES and not odd):
            lines.append(f"- {LABELS[variant]}: {', '.join(said)}")
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _conditions(content: dict[str, Any]) -> str:
    lines = []
    for run in content["runs"]:
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        kept = [cell for cell in content["cells"] if cell["run"] == run["run"] and not cell["superseded"]]
        foreign = Spread.over(cell["foreign_cores"] for cell in kept)
        place = f"{run['python']}; {run['kernel']}; {run['cpu']}, {run['usable_cpus']} of {run['cpus']} CPUs usable"
        lines.append(
            f"- **{run['run']}**, {run['date']}, commit {run['commit']}: {place}; {run['memory']}; {versions}."
        )
        lines.append(f"  Others used {spread(foreign)} cores during a cell. {_canaries(run['canaries'])}")
        lines += [f"  Left out: {', '.join(run['absent'])} (not installed)."] if run.get("absent") else []
        lines += ["  **Quick settings: a check that everything runs, not a measurement.**"] if run.get("quick") else []
    return "\n".join(lines) + "\n"


def _canaries(canaries: list[dict[str, dict[str, float]]]) -> str:
    """How far a fixed spin and a fixed copy, taken before and after each block, lay apart in all."""
    said = []
    for name, what in (("spin_ms", "spin"), ("copy_ms", "copy of 32 MiB")):
        values = [reading[name] for block in canaries for reading in block.values()]
        if values:
            said.append(f"a fixed {what} took {figure(min(values))}–{figure(max(values))} ms")
    return "Between blocks " + " and ".join(said) + "." if said else ""
