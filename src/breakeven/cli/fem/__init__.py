"""Potential flow by finite elements: solve, mesh, compare implementations, measure scaling.

  breakeven fem solve cylinder --set radial=24 --set around=96 --picture flow.png
  breakeven fem solve car.msh --dirichlet outlet=0 --flux inlet=2.5 --vtu car.vtu
  breakeven fem mesh venturi --set nx=192 --set ny=64 --out venturi.h5
  breakeven fem compare channel --set nx=120 --set ny=40
  breakeven fem scaling --elements 20000

`breakeven fem WHAT --help` tells more about each. Needs pip install breakeven[fem].
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

WHAT = {
    "solve": "solve one flow: figures, .vtu for ParaView, pictures",
    "mesh": "make or read a mesh, check it, write it",
    "compare": "every implementation on one mesh: seconds, bytes, memory, agreement",
    "scaling": "batch sizes and workers, measured and by a model; from how many elements on workers pay",
}
"""Subcommand → what it does. The module of that name has `arguments(parser)` and `execute(options)`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `fem`."""
    chosen = parser.add_subparsers(title="what to do", metavar="WHAT", dest="what", required=True)
    for name, summary in WHAT.items():
        module = _module(name)
        one = chosen.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=parser.formatter_class,
        )
        module.arguments(one)


def execute(options: argparse.Namespace) -> int:
    """Do what was chosen."""
    code: int = _module(options.what).execute(options)
    return code


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")
