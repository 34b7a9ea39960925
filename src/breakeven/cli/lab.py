"""Instruments that say what parallelism costs on this machine.

  breakeven lab                              lists them
  breakeven lab latency --quick              seconds instead of a minute or so
  breakeven lab bandwidth --plot rates.svg   .svg, .png, or .html with the table
  breakeven lab copies --json                raw samples, n, intervals, conditions
  breakeven lab all                          every instrument, and one page

Every figure is a median with a 95 % interval. Ctrl-C shows what was measured until then.
`breakeven lab INSTRUMENT --help` tells each one's own options.
"""

from __future__ import annotations

import json
from pathlib import Path

from breakeven.cli import lab_all
from breakeven.cli.exits import DONE, FAILED, INTERRUPTED, UsageError
from breakeven.lab import INSTRUMENTS, instrument

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from breakeven.lab.measuring.finding import Finding

ALL = "every instrument in turn, and one page with everything about this machine"
_SUFFIXES = (".svg", ".png", ".html")
_GENERAL = ("command", "version", "instrument", "json", "plot", "quick")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the instruments, each with its own options beside the general ones."""
    chosen = parser.add_subparsers(title="instruments", metavar="INSTRUMENT", dest="instrument")
    for name, (_, summary) in INSTRUMENTS.items():
        one = chosen.add_parser(name, help=summary.replace("%", "%%"), formatter_class=parser.formatter_class)
        one.add_argument("--json", action="store_true", help="raw samples, n, intervals and conditions as JSON")
        one.add_argument("--plot", metavar="FILE", help="draw a figure into FILE.svg, .png or .html")
        one.add_argument("--quick", action="store_true", help="a few seconds: checks that it runs, measures less well")
        module = instrument(name)
        one.description = module.__doc__
        if hasattr(module, "arguments"):
            module.arguments(one)
    every = chosen.add_parser("all", help=ALL, description=lab_all.__doc__, formatter_class=parser.formatter_class)
    lab_all.arguments(every)


def execute(options: argparse.Namespace) -> int:
    """Measure, show, draw."""
    if options.instrument is None:
        width = max(map(len, INSTRUMENTS), default=0)
        print("\n".join(f"{name:<{width}}  {summary}" for name, (_, summary) in INSTRUMENTS.items()))
        print(f"{'all':<{width}}  {ALL}")
        return DONE
    if options.instrument == "all":
        return lab_all.execute(options)
    module = instrument(options.instrument)
    plot = _plot_path(options.plot)
    own = {name: value for name, value in vars(options).items() if name not in _GENERAL}
    finding: Finding = module.measure(quick=options.quick, **own)
    show(finding, as_json=options.json)
    if plot is not None and finding.rows:
        draw(finding, module, plot)
    if finding.interrupted:
        return INTERRUPTED
    return FAILED if finding.violated else DONE


def show(finding: Finding, *, as_json: bool) -> None:
    """Print a finding."""
    from breakeven.lab.showing.tables import render

    print(json.dumps(finding.to_dict(), indent=1) if as_json else render(finding), flush=True)


def draw(finding: Finding, module: Any, path: Path) -> None:
    """Write the figure, or the page around it."""
    from breakeven.lab.showing import drawing

    more = {"inches": module.INCHES} if hasattr(module, "INCHES") else {}
    figure = drawing.figure_of(finding, module.draw, panels=getattr(module, "PANELS", 1), **more)
    if path.suffix == ".html":
        from breakeven.lab.showing.pages import page, section

        path.write_text(page(f"breakeven lab {finding.instrument}", [section(finding, figure)]), encoding="utf-8")
    else:
        drawing.write(figure, path)


def _plot_path(text: str | None) -> Path | None:
    """Check the file before minutes are spent on what would go into it."""
    if text is None:
        return None
    path = Path(text)
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"--plot {text}: a figure can be {', '.join(_SUFFIXES)}; give the file one of these endings")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {text}: there is no folder {path.parent}; make it first")
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib; install it: pip install 'breakeven[lab]'")
    return path
