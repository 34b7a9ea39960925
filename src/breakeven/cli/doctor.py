"""What about this machine could spoil parallel work, and what to do about each.

Looks at CPUs and memory by affinity, control group and hardware, at how workers
can be started, at BLAS threads, at shared memory and at limits. Changes nothing.
The exit code is 0 whatever was found.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from breakeven.cli.exits import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from breakeven.probes.doctor import Hazard

_WIDTH = 100
_MARKS = {"fine": ("✔", "green"), "notice": ("!", "yellow"), "warning": ("✘", "red")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `doctor`."""
    parser.usage = "breakeven doctor [--json]"
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def execute(options: argparse.Namespace) -> int:
    """Look, and tell."""
    from breakeven.probes.doctor import examine
    from breakeven.probes.host import read_host_facts

    hazards = examine(read_host_facts())
    if options.json:
        print(json.dumps({"hazards": [asdict(hazard) for hazard in hazards]}, indent=1))
    else:
        _show(hazards)
    return DONE


def _show(hazards: Sequence[Hazard]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table.grid(padding=(0, 2, 0, 0))
    for hazard in hazards:
        mark, colour = _MARKS[hazard.level]
        table.add_row(Text(mark, style=colour), Text(hazard.name, style="bold"), Text(hazard.finding))
        if hazard.advice:
            table.add_row("", "", Text(hazard.advice, style="dim"))
    console.print(table)
    warnings = sum(hazard.level == "warning" for hazard in hazards)
    notices = sum(hazard.level == "notice" for hazard in hazards)
    if warnings or notices:
        console.print(f"\n{len(hazards)} things looked at: {warnings} to act on, {notices} to know about")
    else:
        console.print(f"\n{len(hazards)} things looked at, all fine")
