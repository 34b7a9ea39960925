"""``python -m benchmarks.lab``: ask the questions, keep the figures, hold them against the targets."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.clock import median
from benchmarks.lab.questions import QUESTIONS
from benchmarks.lab.verdicts import TARGETS
from benchmarks.store import SCHEMA

RESULTS = Path(__file__).parents[1] / "results"
QUIET_SHARE = 0.05


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lab", description=__doc__)
    parser.add_argument("--questions", help="only these, by comma: " + ",".join(QUESTIONS))
    parser.add_argument("--quick", action="store_true", help="small and once: checks that it runs, measures little")
    parser.add_argument("--patience", type=float, default=20.0, help="longest wait for a quiet machine, seconds")
    parser.add_argument("--out", type=Path, help="results file (benchmarks/results/<date>-lab.json)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="show a results file again, measure nothing")
    options = parser.parse_args(arguments)
    if options.table:
        print(report(json.loads(options.table.read_text())))
        return
    names = options.questions.split(",") if options.questions else list(QUESTIONS)
    if unknown := set(names) - set(QUESTIONS):
        sys.exit(f"unknown question: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M")
    path = options.out or RESULTS / f"{stamp}-lab{'-quick' if options.quick else ''}.json"
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "benchmark": "lab",
        "conditions": machine.conditions() | {"quick": options.quick},
        "questions": {},
    }
    for name in names:
        quiet = machine.wait_until_quiet(QUIET_SHARE * machine.usable_cpus(), 0 if options.quick else options.patience)
        before, canary = machine.CpuReading.take(), machine.canary()
        series = QUESTIONS[name](quick=options.quick)
        after = machine.CpuReading.take()
        content["questions"][name] = {
            "series": {key: [float(f"{value:.5g}") for value in values] for key, values in series.items()},
            "others_before_cores": round(quiet, 3),
            "others_cores": round(after.foreign_cores_since(before), 3),
            "stolen_cores": round(after.stolen_cores_since(before), 3),
            "canary": {"before": canary, "after": machine.canary()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(f"{name}: done", file=sys.stderr, flush=True)
    text = report(content)
    path.with_suffix(".md").write_text(text)
    print(text)
    print(f"kept as {path.name} and {path.with_suffix('.md').name}", file=sys.stderr)


def report(content: dict[str, Any]) -> str:
    """Everything as Markdown: targets first, then every series."""
    conditions, asked = content["conditions"], content["questions"]
    lines = ["# The lab", "", "| target | wanted | found | met |", "| --- | --- | --- | --- |"]
    for target in TARGETS:
        if target.question not in asked:
            continue
        figure = target.figure(asked[target.question]["series"])
        sign = "≥" if target.at_least else "≤"
        met = "yes" if target.met(figure) else "no"
        lines.append(f"| {target.text} | {sign} {target.bound:g} {target.unit} | {figure:.3g} | {met} |")
    for name, found in asked.items():
        about = (QUESTIONS[name].__doc__ or "").splitlines()[0]
        lines += [
            "",
            f"## {name}",
            "",
            about,
            "",
            "| series | median | least | most | n |",
            "| --- | --- | --- | --- | --- |",
        ]
        for key, values in found["series"].items():
            lines.append(f"| {key} | {median(values):.4g} | {min(values):.4g} | {max(values):.4g} | {len(values)} |")
        lines += ["", f"Others used {found['others_cores']} cores meanwhile, {found['stolen_cores']} were stolen."]
    told = ", ".join(f"{key} {conditions[key]}" for key in ("date", "python", "cpu", "usable_cpus", "memory", "commit"))
    quick = " Quick: small and once, no measurement." if conditions["quick"] else ""
    lines += ["", f"Conditions: {told}.{quick}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
