"""``python -m benchmarks``: run and compare; ``table FILE``: show stored results again; ``list``: what there is."""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, schedule
from benchmarks.catalogue import SECTIONS
from benchmarks.peers import REGISTRY
from benchmarks.runner import run_cell
from benchmarks.store import Results, load
from benchmarks.tables import report
from benchmarks.variants import FAMILIES, HEAVY, family, installed

if TYPE_CHECKING:
    from benchmarks.nouns import CellPlan, CellRecord

COMMANDS = ("run", "table", "list")
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Gate:
    """When the machine counts as quiet; shares are of one core for each CPU."""

    patience_seconds: float
    foreign_share: float = 0.05
    stolen_share: float = 0.01

    def disturbed(self, record: CellRecord, cpus: int) -> bool:
        """Whether others used more than their share while the cell ran (two ticks of slack for short cells)."""
        slack = 2 / machine.TICKS_PER_SECOND / max(record.wall_seconds, 0.05)
        foreign = record.foreign_cores > self.foreign_share * cpus + slack
        return foreign or record.stolen_cores > self.stolen_share * cpus + slack


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="breakeven beside its peers")
    commands = top.add_subparsers(dest="command")
    run = commands.add_parser("run", help="measure (the default)")
    run.add_argument("--sections", help="only these, by comma: " + ",".join(section.name for section in SECTIONS))
    run.add_argument("--peers", help="only these beside breakeven, by comma: " + ",".join(FAMILIES))
    run.add_argument("--all", action="store_true", help="Ray and Dask too")
    run.add_argument("--blocks", type=int, help="how often everything is measured (5; 1 with --quick)")
    run.add_argument("--quick", action="store_true", help="small and few: checks that it runs, measures little")
    run.add_argument("--out", type=Path, help="results file; one that exists is added to")
    run.add_argument("--patience", type=float, help="longest wait for a quiet machine before a cell, seconds")
    run.add_argument("--seed", type=int, default=0, help="of the order of the cells")
    table = commands.add_parser("table", help="show a results file as Markdown")
    table.add_argument("file", type=Path)
    commands.add_parser("list", help="sections and peers")
    return top


def _chosen(text: str | None, known: tuple[str, ...], what: str) -> set[str]:
    """The names asked for, all known ones if none were."""
    names = set(text.split(",")) if text else set(known)
    if unknown := names - set(known):
        sys.exit(f"unknown {what}: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return names


def measure(options: argparse.Namespace) -> Path:
    """Run all blocks, keeping every cell as it comes; where the results are."""
    sections = _chosen(options.sections, tuple(section.name for section in SECTIONS), "section")
    families = _chosen(options.peers, FAMILIES, "peer") | {"breakeven"}
    if not (options.all or options.peers):
        families -= set(HEAVY)
    absent = sorted({family(variant) for variant in REGISTRY if not installed(variant)} & families)
    for name in absent:
        print(f"{name} is not installed: left out", file=sys.stderr)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M")
    results = Results(options.out or RESULTS / f"{stamp}{'-quick' if options.quick else ''}.json")
    machine.adopt_orphans()
    facts = machine.conditions() | {"quick": options.quick, "absent": absent, "seed": options.seed}
    run = results.add_run(facts)
    patience = options.patience if options.patience is not None else (2.0 if options.quick else 20.0)
    shuffle = random.Random(options.seed)  # noqa: S311 - an order, not a secret
    gate = Gate(patience)
    for number in range(options.blocks or (1 if options.quick else 5)):
        machine.wait_until_quiet(gate.foreign_share * machine.usable_cpus(), patience)
        turns = machine.turns_per_millisecond()
        plans = schedule.block(
            shuffle,
            sections=sections,
            families=families - set(absent),
            quick=options.quick,
            turns_per_ms=turns,
        )
        before = machine.canary()
        for place, plan in enumerate(plans, 1):
            for record in _attempts(plan, gate, most=1 if options.quick else 2):
                record.run, record.block = run["run"], number
                results.add(record)
                _say(plan, record, f"block {number + 1}, cell {place}/{len(plans)}")
        run["canaries"].append({"before": before, "after": machine.canary()})
        results.write()
    return results.path


def _attempts(plan: CellPlan, gate: Gate, *, most: int) -> list[CellRecord]:
    """The cell once, and again while others disturb it; the least disturbed attempt counts."""
    attempts: list[CellRecord] = []
    cpus = machine.usable_cpus()
    while len(attempts) < most:
        load = machine.wait_until_quiet(gate.foreign_share * cpus, gate.patience_seconds)
        record = run_cell(plan)
        record.attempt, record.foreign_before = len(attempts), round(load, 4)
        record.flagged = gate.disturbed(record, cpus)
        attempts.append(record)
        if not record.flagged:
            break
    kept = min(attempts, key=lambda record: (record.flagged, record.foreign_cores + record.stolen_cores))
    for record in attempts:
        record.superseded = record is not kept
    return attempts


def _say(plan: CellPlan, record: CellRecord, place: str) -> None:
    figures = ", ".join(f"{name} {value:.4g}" for name, value in record.measures.items() if value is not None)
    note = f", others {record.foreign_cores:.2f} cores" + (", flagged" if record.flagged else "")
    print(f"{place}: {plan.label}: {record.status}; {figures}{note}", file=sys.stderr, flush=True)
    if record.stderr_tail and record.status == "failed":
        print(record.stderr_tail, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if not arguments or (arguments[0] not in COMMANDS and arguments[0] not in ("-h", "--help")):
        arguments = ["run", *arguments]
    options = parser().parse_args(arguments)
    if options.command == "list":
        for section in SECTIONS:
            variants = dict.fromkeys(variant for case in section.cases for variant in case.variants)
            print(f"{section.name}: {section.title}\n    {', '.join(variants)}")
        return
    path = options.file if options.command == "table" else measure(options)
    text = report(load(path))
    print(text, end="")
    if options.command == "run":
        path.with_suffix(".md").write_text(text)
        print(f"kept as {path.name} and {path.with_suffix('.md').name}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("interrupted; the cells measured so far are kept in the results file, `table FILE` shows them")
