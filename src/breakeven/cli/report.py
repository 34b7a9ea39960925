"""Show a stored report again.

Reads what `breakeven run --report FILE.json` or `report.save(path)` wrote; a
report from elsewhere is safe to read. Prints where every second went, or writes
it as a web page with a picture of every worker, or as a trace for Perfetto.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import DONE, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `report`."""
    parser.usage = "breakeven report [options] FILE"
    parser.add_argument("file", metavar="FILE", help="a saved report")
    parser.add_argument("--html", metavar="OUT", help="write a web page instead")
    parser.add_argument("--trace", metavar="OUT", help="write a trace instead, to open at ui.perfetto.dev")
    parser.add_argument("--json", action="store_true", help="every figure as JSON, what follows from them included")


def execute(options: argparse.Namespace) -> int:
    """Load the report and show it as asked."""
    from breakeven.errors import BreakevenError
    from breakeven.report import load_report

    try:
        report = load_report(options.file)
    except OSError as error:
        raise UsageError(f"cannot read {options.file}: {error.strerror}") from None
    except BreakevenError as error:
        raise UsageError(str(error)) from None
    for write, path in ((report.to_html, options.html), (report.to_trace, options.trace)):
        if path is None:
            continue
        try:
            write(path)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
    if options.json:
        print(json.dumps(report.to_dict(), indent=1, allow_nan=False))
    elif options.html is None and options.trace is None:
        print(report.table())
    return DONE
