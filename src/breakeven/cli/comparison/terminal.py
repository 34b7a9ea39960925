"""A comparison in a terminal, 100 columns wide. Lives here: layout and colour. Never here: a figure or a sentence."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from breakeven.cli.comparison import wording
from breakeven.cli.comparison.verdicts import EQUAL, LOST, PAID, UNSURE, headline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from breakeven.cli.comparison.bouts import Comparison

WIDTH = 100
_MARKS = {PAID: ("✔", "green"), UNSURE: ("?", "yellow"), EQUAL: ("=", "yellow"), LOST: ("✘", "red")}


class Show:
    """Prints a comparison as it comes about; what is running now stands on stderr and goes again."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet` prints nothing on stdout, for where JSON goes there."""
        self._console = Console(width=_width(), highlight=False, quiet=quiet)
        self._status = Console(stderr=True, highlight=False)
        self._number = 0

    def opening(self, machine: Mapping[str, Any], rounds: int) -> None:
        """Say what the figures will be taken on."""
        self._console.print("[bold]breakeven demo[/]: real work on serial, threads and processes")
        for line in wording.machine_text(machine, rounds):
            self._console.print(Text(line, style="dim"))

    def status(self, text: str) -> None:
        """Show what is running now, in a terminal only."""
        if self._status.is_terminal:
            sys.stderr.write(f"\r\x1b[2K  {text} …")
            sys.stderr.flush()

    def comparison(self, comparison: Comparison) -> None:
        """Print one case: what was done, the times, where they went, what paid off."""
        self._clear()
        self._number += 1
        out = self._console
        out.print()
        out.print(Text(f"{self._number}  {comparison.case.title}", style="bold cyan"))
        out.print(Text(f"   {comparison.case.amount}"))
        for line in wording.facts_text(comparison.case.key, comparison.facts):
            out.print(Text(f"   {line}", style="dim"), soft_wrap=False)
        out.print()
        out.print(Padding(self._times(comparison), (0, 0, 1, 2)))
        out.print(Padding(self._parts(comparison), (0, 0, 1, 2)))
        out.print(Text(f"   {headline(comparison)}", style="bold"))
        for verdict, text in wording.judgement_texts(comparison):
            self._sentence(*_MARKS[verdict], text)
        for text in wording.first_run_notes(comparison):
            self._sentence("·", "dim", text)
        same = comparison.identical
        self._sentence("✔" if same else "✘", "green" if same else "bold red", wording.identical_text(comparison))

    def closing(self, comparisons: Sequence[Comparison], page: Path) -> None:
        """Say what there is to look at."""
        self._clear()
        out = self._console if not self._console.quiet else self._status
        if not self._console.quiet:
            out.print()
            for comparison in comparisons:
                out.print(Text(f"{comparison.case.title}: {headline(comparison)}"))
        out.print(Text(f"Pictures of every lane: {page}"), soft_wrap=True)

    def _sentence(self, mark: str, style: str, text: str) -> None:
        table = Table.grid(padding=(0, 1))
        table.add_row("  ", Text(mark, style=style), Text(text))
        self._console.print(table)

    def _times(self, comparison: Comparison) -> Table:
        table = _table()
        for place, name in enumerate(wording.TIME_COLUMNS):
            table.add_column(name, justify="right" if place else "left", no_wrap=True)
        for entry in comparison.entries:
            best = entry is comparison.fastest
            table.add_row(*wording.time_row(comparison, entry), style="bold" if best else "")
        return table

    def _parts(self, comparison: Comparison) -> Table:
        table = _table()
        table.add_column("where the seconds went", no_wrap=True)
        for entry in comparison.entries:
            table.add_column(entry.backend, justify="right", no_wrap=True)
        for label, row in wording.parts_shown(comparison):
            wholes = [entry.typical.seconds for entry in comparison.entries]
            table.add_row(label, *(_share(part, whole) for part, whole in zip(row, wholes, strict=True)))
        return table

    def _clear(self) -> None:
        if self._status.is_terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="dim", padding=(0, 1))


def _share(part: float, whole: float) -> Text:
    """Seconds and share of one part; what takes a fifth of the time or more catches the eye."""
    text = wording.part_text(part, whole)
    if not part:
        return Text(f"{text}        ", style="dim")
    return Text(text, style="bold" if whole > 0 and part / whole >= 0.2 else "")  # noqa: PLR2004


def _width() -> int:
    console = Console()
    return min(WIDTH, console.width) if console.is_terminal else WIDTH
