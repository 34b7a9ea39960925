"""``python -m benchmarks.auto``: measure regret, harm and forecasts of `auto`; ``table FILE`` shows them again."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.auto.arms import QUICK, fixed_arms, peer_arms
from benchmarks.auto.judge import report
from benchmarks.auto.workloads import draw

RESULTS = Path(__file__).parents[1] / "results"
LONGEST_SECONDS = 120


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auto", description=__doc__)
    parser.add_argument("table", nargs="*", help="table FILE: show a results file again")
    parser.add_argument("--blocks", type=int, default=3, help="how often everything is measured (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of sizes and order (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one block, few arms, no peers")
    parser.add_argument("--workloads", help="only these, by comma")
    parser.add_argument("--no-peers", action="store_true", help="breakeven alone")
    parser.add_argument("--out", type=Path, help="results file")
    options = parser.parse_args()
    if options.table:
        print(report(json.loads(Path(options.table[1]).read_text(encoding="utf-8"))))
        return
    path = measure(options)
    text = report(json.loads(path.read_text(encoding="utf-8")))
    path.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(text)


def measure(options: argparse.Namespace) -> Path:
    """All cells, block by block in random order; where the figures are."""
    arms = [*fixed_arms(), "auto", "plan"]
    if options.quick:
        arms = list(QUICK)
    elif not options.no_peers:
        arms += peer_arms()
    keys = [one.key for one in draw(options.seed)]
    if options.workloads:
        keys = [key for key in keys if any(key.startswith(name) for name in options.workloads.split(","))]
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M")
    path = options.out or RESULTS / f"{stamp}-auto.json"
    _calibrate(path)
    cells: list[dict[str, Any]] = []
    dice = random.Random(options.seed)  # noqa: S311 - order, not secrets
    for block in range(1 if options.quick else options.blocks):
        order = keys[:]
        dice.shuffle(order)
        for key in order:
            turn = arms[:]
            dice.shuffle(turn)
            cells.extend({"block": block, "workload": key, "arm": arm, **_cell(options.seed, key, arm)} for arm in turn)
            print(f"block {block + 1}: {key}", file=sys.stderr, flush=True)
            record = {"seed": options.seed, "taken": stamp, "machine": machine.conditions(), "cells": cells}
            path.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return path


def _calibrate(path: Path) -> None:
    """A profile of this machine as it is now, for all cells, as a user would have one."""
    os.environ["BREAKEVEN_PROFILE"] = str(path.with_suffix(".profile"))
    subprocess.run([sys.executable, "-m", "breakeven", "calibrate", "--force"], check=True, stdout=sys.stderr)


def _cell(seed: int, key: str, arm: str) -> dict[str, Any]:
    before = machine.CpuReading.take()
    command = [sys.executable, "-m", "benchmarks.auto.cell", str(seed), key, arm]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {LONGEST_SECONDS} s"}
    if run.returncode != 0:
        return {"failed": run.stderr[-300:]}
    foreign = machine.CpuReading.take().foreign_cores_since(before)
    return {**json.loads(run.stdout.splitlines()[-1]), "foreign_cores": foreign}


if __name__ == "__main__":
    main()
