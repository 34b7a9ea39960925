"""A benchmark that consists of questions: each asked on a quiet machine, kept at once, held against its targets.

Lives here: `Inquiry`, its command line and its report. Never here: a question or a bound (`fem`, `lab`).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.clock import median
from benchmarks.store import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Series = dict[str, list[float]]

RESULTS = Path(__file__).parent / "results"
QUIET_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that follows from one question's series, and the least (or most) it may be."""

    question: str
    text: str
    unit: str
    bound: float
    figure: Callable[[Series], float]
    at_least: bool = True

    def met(self, figure: float) -> bool:
        """Whether the figure is good enough."""
        return figure >= self.bound if self.at_least else figure <= self.bound


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Questions by name in the order in which they are asked, and the targets that their figures have."""

    name: str
    title: str
    questions: Mapping[str, Callable[..., Series]]
    targets: Sequence[Target]
    remark: str = ""

    def main(self, arguments: list[str]) -> None:
        """Do what the command line says."""
        options = self._options(arguments)
        if options.table:
            print(self.report(json.loads(options.table.read_text())))
            return
        names = options.questions.split(",") if options.questions else list(self.questions)
        if unknown := set(names) - set(self.questions):
            sys.exit(f"unknown question: {', '.join(sorted(unknown))}; there are {', '.join(self.questions)}")
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M")
        path = options.out or RESULTS / f"{stamp}-{self.name}{'-quick' if options.quick else ''}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "benchmark": self.name,
            "conditions": machine.conditions() | {"quick": options.quick},
            "questions": {},
        }
        for name in names:
            content["questions"][name] = self._ask(name, 0 if options.quick else options.patience, quick=options.quick)
            path.write_text(json.dumps(content, indent=1) + "\n")
            print(f"{name}: done", file=sys.stderr, flush=True)
        text = self.report(content)
        path.with_suffix(".md").write_text(text)
        print(text)
        print(f"kept as {path.name} and {path.with_suffix('.md').name}", file=sys.stderr)

    def _options(self, arguments: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}",
            description="Ask the questions, keep the figures, hold them against the targets.",
        )
        parser.add_argument("--questions", help="only these, by comma: " + ",".join(self.questions))
        parser.add_argument("--quick", action="store_true", help="small and once: checks that it runs, measures little")
        parser.add_argument("--patience", type=float, default=20.0, help="longest wait for a quiet machine, seconds")
        parser.add_argument("--out", type=Path, help=f"results file (benchmarks/results/<date>-{self.name}.json)")
        parser.add_argument("--table", type=Path, metavar="FILE", help="show a results file again, measure nothing")
        return parser.parse_args(arguments)

    def _ask(self, name: str, patience_seconds: float, *, quick: bool) -> dict[str, Any]:
        others = machine.wait_until_quiet(QUIET_SHARE * machine.usable_cpus(), patience_seconds)
        before, canary = machine.CpuReading.take(), machine.canary()
        series = self.questions[name](quick=quick)
        after = machine.CpuReading.take()
        return {
            "series": {key: [float(f"{value:.5g}") for value in values] for key, values in series.items()},
            "others_before_cores": round(others, 3),
            "others_cores": round(after.foreign_cores_since(before), 3),
            "stolen_cores": round(after.stolen_cores_since(before), 3),
            "canary": {"before": canary, "after": machine.canary()},
        }

    def report(self, content: dict[str, Any]) -> str:
        """Everything as Markdown: targets first, then every series."""
        conditions, asked = content["conditions"], content["questions"]
        lines = [f"# {self.title}", "", "| target | wanted | found | met |", "| --- | --- | --- | --- |"]
        for target in self.targets:
            if target.question not in asked:
                continue
            figure = target.figure(asked[target.question]["series"])
            sign = "≥" if target.at_least else "≤"
            met = "yes" if target.met(figure) else "no"
            lines.append(f"| {target.text} | {sign} {target.bound:g} {target.unit} | {figure:.3g} | {met} |")
        for name, found in asked.items():
            about = getattr(self.questions.get(name), "__doc__", None) or "A question that is not asked any more."
            lines += ["", f"## {name}", "", about.splitlines()[0], ""]
            lines += ["| series | median | least | most | n |", "| --- | --- | --- | --- | --- |"]
            for key, taken in found["series"].items():
                lines.append(f"| {key} | {median(taken):.4g} | {min(taken):.4g} | {max(taken):.4g} | {len(taken)} |")
            lines += ["", f"Others used {found['others_cores']} cores meanwhile, {found['stolen_cores']} were stolen."]
        keys = ("date", "python", "cpu", "usable_cpus", "memory", "commit")
        told = ", ".join(f"{key} {conditions[key]}" for key in keys)
        quick = " Quick: small and once, no measurement." if conditions["quick"] else ""
        lines += ["", f"Conditions: {told}.{quick} {self.remark}".rstrip()]
        return "\n".join(lines) + "\n"
