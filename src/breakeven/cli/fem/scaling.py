"""Measure batch sizes and workers, and hold a cost model against the figures.

Workers are started anew for every run, as those of a pool are. The model is
T = T_serial · share + start + per message + per byte (of the parent, and of the
workers side by side; and contention), fitted to counted messages and bytes; its error
is taken on other batch sizes, between those it was fitted on. On a busy machine more
rounds are made than asked for, until the figures settle, for a minute at most. The
break-even is the number of elements from which workers pay, by the model and as measured.
"""

from __future__ import annotations

import json
import math

from breakeven.cli.exits import DONE, UsageError
from breakeven.cli.fem.compare import columns, status
from breakeven.cli.fem.inputs import mesh_arguments, mesh_of, rounds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `fem scaling`."""
    mesh_arguments(parser)
    parser.add_argument("--elements", metavar="N", type=int, default=20_000, help="of a square, where no MESH is named")
    parser.add_argument(
        "--implementation", metavar="NAME", default="processes-pickle", help="one of processes-… (%(default)s)"
    )
    parser.add_argument("--kernel", choices=("python", "numpy"), default="python", help="(%(default)s)")
    parser.add_argument("--batch-sizes", metavar="A,B", default="100,1000,5000,10000", help="(%(default)s)")
    parser.add_argument(
        "--check-sizes", metavar="A,B", help="batch sizes the model is only tried on; default: between the others"
    )
    parser.add_argument("--max-workers", metavar="N", type=int, help="1 to N are measured; default: the usable CPUs")
    parser.add_argument("--chunksize", metavar="N", type=int, default=1, help="tasks a message (%(default)s)")
    parser.add_argument("--start-method", choices=("fork", "forkserver", "spawn"), help="how processes start")
    parser.add_argument("--rounds", metavar="N", type=int, default=3, help="how often at least (%(default)s)")
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout")


def execute(options: argparse.Namespace) -> int:
    """Measure and tell."""
    from breakeven.workloads import fem
    from breakeven.workloads.fem.assembly.effort import effort_of
    from breakeven.workloads.fem.scaling import scaling

    rounds = rounds_of(options)
    sizes = _numbers(options.batch_sizes)
    checks = _numbers(options.check_sizes) if options.check_sizes else None
    effort = effort_of(options.max_workers, None, options.chunksize)
    if options.mesh is None and options.case is None:
        if options.elements < 1:
            raise UsageError(f"--elements {options.elements} is less than 1")
        side = max(2, round(math.sqrt(options.elements)))
        mesh = fem.generate("channel", nx=side, ny=side, length=1.0)
    else:
        mesh = mesh_of(options)
    found = scaling(
        mesh,
        options.implementation,
        kernel=options.kernel,
        batch_sizes=sizes,
        check_sizes=checks,
        workers=range(1, effort.max_workers + 1),
        chunksize=options.chunksize,
        start_method=options.start_method,
        rounds=rounds,
        tell=status,
    )
    status("")
    if options.json:
        print(json.dumps(found.to_dict(), indent=1, allow_nan=False))
    else:
        print(_told(found))
    return DONE


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise UsageError(f"--batch-sizes {text} is no list of whole numbers from 1 up, such as 100,1000")
    return numbers


def _told(found: Any) -> str:
    from breakeven.units import format_bytes, format_percent, format_seconds

    model = found.model
    lines = [["batch", "workers", "tasks", "messages", "moved", "measured", "speed-up", "model", "off", ""]]
    lines += [
        [
            f"{run.batch_size:,}",
            str(run.workers),
            str(run.tasks),
            str(run.messages),
            format_bytes(run.moved_bytes),
            format_seconds(run.middle_seconds),
            f"{run.speedup:.2f}×",
            format_seconds(run.predicted_seconds),
            f"{(run.predicted_seconds / run.middle_seconds - 1) * 100:+.0f} %",
            "fitted" if run.fitted else "not fitted",
        ]
        for run in found.runs
    ]
    start, message = format_seconds(model.start_seconds), format_seconds(model.message_seconds)
    costs = f"{start} to start + {message} a message + {format_seconds(model.byte_seconds * 1e6)} a MB"
    if model.worker_byte_seconds:
        costs += f" + {format_seconds(model.worker_byte_seconds * 1e6)} a MB, shared among the workers"
    errors = f"worst error {format_percent(found.fit_error)}"
    if found.held_out_error is not None:
        errors += f", {format_percent(found.held_out_error)} on batch sizes it was not fitted on"
    opening = f"{found.implementation}, {found.kernel} kernel, {found.elements:,} elements"
    serial = format_seconds(model.serial_seconds)
    if model.contention:
        costs += f", each further worker {format_percent(model.contention)} slower"
    told = [
        f"{opening}, middles of {found.rounds} rounds in turns; serial {serial}",
        "",
        columns(lines),
        "",
        f"model: T = {serial} × share + {costs}; {errors}",
    ]
    if found.uncertainty is not None:
        told.append(f"what was measured may be off by {format_percent(found.uncertainty)}")
    even = found.break_even
    if even:
        predicted, measured = even["predicted_elements"], even["found_elements"]
        expected = "no size" if predicted is None else f"{predicted:,} elements"
        seen = "none of those tried" if measured is None else f"{measured:,}"
        told.append(f"break-even on {even['workers']} workers: predicted at {expected}, found at {seen}")
    return "\n".join(told)
