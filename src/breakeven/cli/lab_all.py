"""Every instrument in turn, and one page with everything about this machine.

  breakeven lab all --quick                       a minute
  breakeven lab all --plot machine.html           several minutes, for figures to quote
  breakeven lab all --only startup latency        some of them
  breakeven lab all --json > machine.json         every raw sample

Each instrument runs in an interpreter of its own. The page holds every headline, figure and table, light or dark as the
reader is, and needs no network. Ctrl-C writes it with what was measured until then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from breakeven.cli.exits import DONE, FAILED, INTERRUPTED, UsageError
from breakeven.lab import INSTRUMENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from breakeven.lab.survey import Answer

_PAGE = "breakeven-lab.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `lab all`."""
    parser.add_argument("--quick", action="store_true", help="a minute in all: checks that it runs, measures less well")
    parser.add_argument("--plot", metavar="FILE.html", default=_PAGE, help="the page (%(default)s)")
    parser.add_argument("--json", action="store_true", help="every finding with raw samples on stdout, beside the page")
    parser.add_argument(
        "--only", metavar="NAME", nargs="+", choices=[*INSTRUMENTS], default=[], help="some instruments"
    )


def execute(options: argparse.Namespace) -> int:
    """Run them, tell each headline as it comes, write the page."""
    from breakeven.lab.showing.atlas import names, page_of, part_of
    from breakeven.lab.survey import survey
    from breakeven.ledger.store import write_whole

    path = _checked(options.plot)
    answers: list[Answer] = []
    parts: list[str] = []
    interrupted = False
    try:
        for answer in survey(names(options.only), quick=options.quick):
            answers.append(answer)
            _tell(answer, quiet=options.json)
            parts.append(part_of(answer))
    except KeyboardInterrupt:
        interrupted = True
    write_whole(path, page_of(answers, parts))
    if options.json:
        print(json.dumps(_as_dict(answers), indent=1))
    print(f"Figures and tables: {path}", file=sys.stderr if options.json else sys.stdout)
    if interrupted or any(answer.interrupted for answer in answers):
        return INTERRUPTED
    good = (answer.finding is not None and not answer.reason and not answer.finding.violated for answer in answers)
    return DONE if all(good) else FAILED


def _checked(text: str) -> Path:
    """Check the page's path and what figures need, before minutes are spent."""
    from importlib.util import find_spec

    path = Path(text)
    if path.suffix != ".html":
        raise UsageError(f"--plot {text}: everything goes into one page; give it a name that ends in .html")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {text}: there is no folder {path.parent}; make it first")
    if find_spec("matplotlib") is None:
        raise UsageError("lab all draws figures with matplotlib; install it: pip install 'breakeven[lab]'")
    return path


def _tell(answer: Answer, *, quiet: bool) -> None:
    """One instrument's headline, as soon as it is there."""
    from breakeven.lab.showing.atlas import mark_of

    told = answer.reason if answer.finding is None else answer.finding.headline
    mark = mark_of(answer)
    line = f"{answer.instrument} ({answer.seconds:.1f} s{'; ' + mark if mark else ''})\n  {told}"
    print(line, file=sys.stderr if quiet else sys.stdout, flush=True)


def _as_dict(answers: Sequence[Answer]) -> dict[str, object]:
    return {
        "version": 1,
        "findings": [answer.finding.to_dict() for answer in answers if answer.finding is not None],
        "failed": {answer.instrument: answer.reason for answer in answers if answer.reason or answer.finding is None},
        "seconds": {answer.instrument: round(answer.seconds, 3) for answer in answers},
    }
