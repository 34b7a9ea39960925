"""Which way of moving frames keeps pace with a camera? Frames of 50 MB, thirty a second, to two analysers.

The camera's process has a frame every period. Where there is no room for it, or the camera is still busy sending an
earlier one, the frame is lost. Analysers read every byte of theirs and its checksum is compared. multiprocessing's
Queue and Pipe pickle the frame; shared memory and breakeven's SharedArray have slots that the camera writes into;
breakeven's executor also takes the frame as an argument, by value.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from breakeven.lab import asked
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import median
from breakeven.lab.processes.programs import SILENT_SECONDS, Program, WrongResult

if TYPE_CHECKING:
    import argparse
    from typing import Any

PANELS = 3
INCHES = (11.6, 4.2)
PROGRAM = "breakeven.lab.instruments.frames.program"
WAYS = ("Queue", "Pipe", "shared_memory ring", "breakeven by value", "breakeven SharedArray")
SIZE, QUICK_SIZE = "50 MB", "16 MB"
SECONDS, QUICK_SECONDS = 2.0, 0.15
RATE = 30.0
ANALYSERS, DEPTH = 2, 4
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 90.0, 1.8
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

QUANTITIES = {
    "rate": ("rate held", "frames/s"),
    "dropped": ("lost", "%"),
    "latency": ("median latency", "ms"),
    "worst": ("95th percentile", "ms"),
    "cpu": ("CPUs busy", "CPUs"),
    "left": ("CPU left", "%"),
    "moved": ("moved", "MB/s"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the camera's figures and the analysers'."""
    parser.add_argument("--size", default=None, help=f"of a frame (default: {SIZE}; quick: {QUICK_SIZE})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"frames a second (default: {RATE:g})")
    parser.add_argument("--seconds", type=float, default=None, help=f"the camera runs (default: {SECONDS:g})")
    parser.add_argument("--analysers", type=int, default=ANALYSERS, help=f"processes (default: {ANALYSERS})")
    parser.add_argument("--depth", type=int, default=DEPTH, help=f"frames there is room for (default: {DEPTH})")


def measure(
    *,
    quick: bool,
    size: str | None = None,
    rate: float = RATE,
    seconds: float | None = None,
    analysers: int = ANALYSERS,
    depth: int = DEPTH,
) -> Finding:
    """Film by every way, in interleaved blocks; each time in a fresh program, or, if quick, in one for all."""
    size_bytes = asked.size_bytes("size", size or (QUICK_SIZE if quick else SIZE))
    frames = max(2, round((seconds or (QUICK_SECONDS if quick else SECONDS)) * rate))
    asked.positive("rate", rate)
    asked.whole("analysers", analysers)
    asked.whole("depth", depth)
    camera: dict[str, Any] = {
        "size_bytes": size_bytes,
        "frames": frames,
        "rate": rate,
        "analysers": analysers,
        "depth": depth,
    }
    budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
    with ExitStack() as running:
        shared = running.enter_context(Program(PROGRAM, variables=ONE_THREAD)) if quick else None
        run = film_anew if shared is None else partial(film, shared)
        cases = [Case(way, partial(run, way, **camera)) for way in WAYS]
        taken = take(cases, budget_seconds=budget, warm=False, least=6, most=6 if quick else 21, always=3)
        if shared is not None and not taken.interrupted:
            shared.finish()
    rows = tuple(
        Row(
            {"frames go by": way, "frame": f"{size_bytes / 1e6:g} MB", "offered a second": rate},
            tuple(Quantity(shown, unit, taken.of(way, key)) for key, (shown, unit) in QUANTITIES.items()),
        )
        for way in WAYS
        if taken.of(way, "rate")
    )
    return Finding(
        instrument="frames",
        headline=_headline(rows, size_bytes, rate),
        conditions=conditions(**camera, **taken.facts()),
        rows=rows,
        notes=(
            f"{frames} frames a run, {analysers} analysers, room for {depth} frames; all checksums right. MB = 10^6 B.",
            "Rate held: frames analysed by the time from the first one's end to the last one's, or the camera's.",
            "Latency: from when a frame is due until it is analysed.",
            "CPU left: the share of all usable CPUs' time in which no process of the pipeline ran.",
        ),
        interrupted=taken.interrupted,
    )


def film_anew(way: str, **camera: Any) -> dict[str, float]:
    """Run the pipeline once, in a program of its own."""
    with Program(PROGRAM, variables=ONE_THREAD) as program:
        found = film(program, way, **camera)
        program.finish()
    return found


def film(
    program: Program, way: str, *, size_bytes: int, frames: int, rate: float, analysers: int, depth: int
) -> dict[str, float]:
    """Run the pipeline once, in a program that runs. Raises `WrongResult` where a frame arrived wrong."""
    from breakeven.probes.capacity import usable_cpus

    period_ns = round(1e9 / rate)
    program.say([way, size_bytes, frames, period_ns, analysers, depth])
    found = program.answer(limit_seconds=SILENT_SECONDS + 2 * frames / rate)
    if found["wrong"]:
        raise WrongResult(f"{found['wrong']} of {frames} frames by {way}")
    latencies = [one * 1e-6 for one in found["latencies_ns"]]
    window = max(found["last_ns"] - found["earliest_ns"], frames * period_ns) * 1e-9
    busy = found["cpu_ns"] / found["span_ns"]
    return {
        "rate": len(latencies) / window,
        "dropped": 100 * found["dropped"] / frames,
        "latency": median(latencies),
        "worst": _percentile(latencies, 95),
        "cpu": busy,
        "left": 100 * max(0.0, 1 - busy / usable_cpus()),
        "moved": len(latencies) * size_bytes / window * 1e-6,
    }


def draw(finding: Finding, axes: Any) -> None:
    """Rate held, latency, CPU left: one panel each."""
    from breakeven.lab.showing.drawing import INK, bars

    ways = [str(row.labels["frames go by"]) for row in finding.rows]
    panels = (
        ("rate held", "rate held [frames/s]"),
        ("median latency", "median latency [ms]"),
        ("CPU left", "CPU left [%]"),
    )
    for at, (panel, (name, unit)) in enumerate(zip(axes, panels, strict=True)):
        shown = ways if at == 0 else [""] * len(ways)
        bars(panel, shown, [row[name] for row in finding.rows], unit=unit, log=name == "median latency")
        panel.margins(x=0.22)
    offered = float(finding.rows[0].labels["offered a second"])
    axes[0].axvline(offered, color=INK, lw=1, ls=":")
    axes[0].text(
        offered, 1.005, "the camera's", transform=axes[0].get_xaxis_transform(), fontsize=8.5, ha="center", va="bottom"
    )


def _percentile(values: list[float], share: float) -> float:
    import numpy as np

    return float(np.percentile(values, share)) if values else float("nan")


def _headline(rows: tuple[Row, ...], size_bytes: int, rate: float) -> str:
    from breakeven.lab.showing.tables import number

    if not rows:
        return "Interrupted before anything had been filmed."
    known = {str(row.labels["frames go by"]): row for row in rows}
    kept = [name for name, row in known.items() if row["lost"].median <= 1 and row["rate held"].median >= 0.97 * rate]
    behind = [f"{name} {number(row['rate held'].median)}" for name, row in known.items() if name not in kept]
    asked = f"{number(rate)} frames/s of {size_bytes / 1e6:g} MB"
    n = rows[0]["rate held"].n
    if not behind:
        return f"Every way keeps pace with {asked} (n = {n})."
    verb = "keeps" if len(kept) < 2 else "keep"
    return f"{asked}: {', '.join(kept) or 'no way'} {verb} pace; behind are {', '.join(behind)} frames/s (n = {n})."
