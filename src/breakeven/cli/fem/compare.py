"""Run every implementation of assembly and velocity on one mesh, in turns, and hold them against one another.

The first one named is the reference (python, unless others are chosen). Prints the
median seconds of each part, elements a second, speed-up, the messages and bytes that
really moved, memory a worker, and whether all agree. Compile time stands apart. The
exit code is 1 if any disagrees.
"""

from __future__ import annotations

import json
import sys

from breakeven.cli.exits import DONE, FAILED
from breakeven.cli.fem.inputs import effort_arguments, effort_options, mesh_arguments, mesh_of, rounds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `fem compare`."""
    mesh_arguments(parser)
    effort_arguments(parser)
    parser.add_argument("--implementations", metavar="A,B", help="only these, by comma; the first is the reference")
    parser.add_argument("--rounds", metavar="N", type=int, default=3, help="how often (%(default)s)")
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout")


def execute(options: argparse.Namespace) -> int:
    """Compare and tell."""
    from breakeven.workloads.fem.assembly.effort import effort_of
    from breakeven.workloads.fem.comparison import compare

    rounds = rounds_of(options)
    mesh = mesh_of(options)
    effort = effort_of(**effort_options(options))
    names = options.implementations.split(",") if options.implementations else None
    rows = compare(mesh, effort, names, rounds, status)
    status("")
    agree = all(row.agrees for row in rows)
    if options.json:
        shown = {
            "nodes": len(mesh.points),
            "elements": len(mesh.quad8),
            "max_workers": effort.max_workers,
            "rounds": rounds,
            "reference": rows[0].name,
            "agree": agree,
            "implementations": [row.to_dict() for row in rows],
        }
        print(json.dumps(shown, indent=1, allow_nan=False))
    else:
        took = "one round" if rounds == 1 else f"medians of {rounds} rounds in turns"
        print(f"{len(mesh.quad8):,} elements, {effort.max_workers} workers, {took}\n")
        print(_table(rows))
    return DONE if agree else FAILED


def status(text: str) -> None:
    """Show what is running now, in a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{'  ' + text + ' …' if text else ''}")
        sys.stderr.flush()


def _table(rows: Sequence[Any]) -> str:
    from statistics import median

    from breakeven.units import format_bytes, format_count, format_seconds

    heads = ["", "assemble", "elements/s", "speed-up", "velocity", "messages", "sent", "returned", "shared"]
    lines = [[*heads, "a worker", "apart by"]]
    for row in rows:
        moved = row.traffic
        lines.append(
            [
                row.name if row.chosen == row.name else f"{row.name}: {row.chosen}",
                format_seconds(median(row.assemble_seconds)),
                format_count(row.elements_per_second),
                f"{row.speedup:.2f}×",
                format_seconds(median(row.velocity_seconds)),
                str(moved.messages_out + moved.messages_in) if moved.messages_out else "–",
                format_bytes(moved.payload_out_bytes) if moved.messages_out else "–",
                format_bytes(moved.payload_in_bytes) if moved.messages_out else "–",
                format_bytes(moved.shared_bytes) if moved.shared_bytes else "–",
                format_bytes(row.worker_bytes) if row.worker_bytes else "–",
                f"{row.matrix_difference:.0e}" + ("" if row.agrees else " DISAGREES"),
            ]
        )
    notes = []
    for row in rows:
        parts = ", ".join(f"{part} {format_seconds(seconds)}" for part, seconds in row.parts.items())
        compiled = f"; compiling, apart: {format_seconds(row.compile_seconds)}" if row.compile_seconds else ""
        notes.append(f"  {row.name}: {parts}{compiled}")
    others = [row.name for row in rows if not row.identical]
    bits = f"all but {', '.join(others)}" if others else "each of them"
    notes += ["", f"One worker and batches of 777 elements give the same bits as above: {bits}."]
    return "\n".join([columns(lines), "", *notes])


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Text in columns, the first to the left and the others to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )
