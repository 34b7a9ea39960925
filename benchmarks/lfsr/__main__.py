"""Measures the shift-register workload: `python -m benchmarks.lfsr`. Lives here: repetition, verdicts and storage."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.lfsr.cells import PRIMITIVE, STRANGE, Cell, cells
from breakeven.workloads import lfsr

RESULTS = Path(__file__).parents[1] / "results"
SLACK_SHARE, SLACK_SECONDS = 0.05, 0.005
"""How much slower than serial `auto` may be."""


def measured(chosen: list[Cell], repetitions: int) -> dict[str, list[float]]:
    """Every cell once a repetition, in random order, after one repetition for nothing."""
    values: dict[str, list[float]] = {cell.name: [] for cell in chosen}
    for repetition in range(-1, repetitions):
        for cell in random.sample(chosen, len(chosen)):
            value = cell.take()
            if repetition >= 0:
                values[cell.name].append(value)
        print(f"repetition {repetition + 1} of {repetitions}", file=sys.stderr)
    return values


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return median(values), low, high


def table(chosen: list[Cell], values: dict[str, list[float]]) -> list[str]:
    """A line a target with its verdict, then one a degree for `auto`."""
    lines = []
    for cell in chosen:
        if cell.most is None:
            continue
        middle, low, high = spread(values[cell.name])
        verdict = "held" if middle <= cell.most else "MISSED"
        figures = f"{middle:.4g} {cell.unit} (quartiles {low:.4g} – {high:.4g}), at most {cell.most:.4g}"
        lines.append(f"{verdict:<7} {cell.name:<44} {figures}")
    for degree in PRIMITIVE:
        serial, auto = (median(values[f"degree {degree}, {name}"]) for name in ("serial", "auto"))
        held = auto <= serial * (1 + SLACK_SHARE) + SLACK_SECONDS
        figures = f"{auto * 1e3:.3f} ms, serial {serial * 1e3:.3f} ms"
        lines.append(f"{'held' if held else 'MISSED':<7} auto, degree {degree:<31} {figures}")
    return lines


def main() -> int:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=11)
    parser.add_argument("--store", metavar="NAME", help="keep the raw values as benchmarks/results/NAME.json")
    options = parser.parse_args()
    seconds, compiled = lfsr.ready()
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        strange = Path(folder) / "strange.csv"
        strange.write_text(STRANGE)
        chosen = cells(strange)
        values = measured(chosen, options.repetitions)
    print(f"kernels ready in {seconds:.2f} s, {compiled} of them compiled; n = {options.repetitions}, medians")
    print("\n".join(table(chosen, values)))
    if options.store:
        record = {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "cpus": len(os.sched_getaffinity(0)),
            "load_before": load_before,
            "load_after": os.getloadavg(),
            "kernels_ready_seconds": seconds,
            "kernels_compiled": compiled,
            "values": values,
        }
        path = RESULTS / f"{options.store}.json"
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"raw values: {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
