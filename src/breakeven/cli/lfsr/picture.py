"""A register's cycles and trees as a picture (SVG).

Up to 256 states every state is drawn; of more, a bar for each cycle length.
"""

from __future__ import annotations

from pathlib import Path

from breakeven.cli.exits import DONE
from breakeven.cli.lfsr.inputs import add_register, register_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr picture`."""
    add_register(parser)
    parser.add_argument("--out", metavar="FILE.svg", required=True, help="where it is written")


def execute(options: argparse.Namespace) -> int:
    """Draw it."""
    from breakeven.workloads.lfsr import analyse
    from breakeven.workloads.lfsr.picture import svg_of

    Path(options.out).write_text(svg_of(analyse(register_from(options))), encoding="utf-8")
    print(f"{options.out} written")
    return DONE
