"""Call a function over items and write one line of JSON a result.

MODULE:FUNC is imported from the working directory or the path, and
path/to/file.py:FUNC from a file. Items come from --items, --glob, --range or
stdin, and are read as they are needed, so a file of any size streams. Each result
is a line {"index": 3, "value": ...} in input order, written as soon as it is
there; --values writes bare values. An item that fails stops nothing: it becomes a
line in the failures file, and the exit code is 3.

  breakeven run mine:work --items items.jsonl --out results.jsonl
  breakeven run tools/measure.py:lines --glob 'src/**/*.py' --values
  breakeven run math:sqrt --range -2:10
  seq 100000 | breakeven run mine:check --timeout 5s --out checked.jsonl

Values have to fit JSON: numpy scalars and arrays do (as numbers and lists), NaN
and infinities do not. While results go to stdout, whatever the function prints
goes to stderr. Ctrl-C keeps every result that is written.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import PurePath

from breakeven.cli import items as sources
from breakeven.cli import settings
from breakeven.cli.calls import Numbered
from breakeven.cli.exits import DONE, FAILED, INTERRUPTED, PARTIAL, UsageError
from breakeven.cli.results_out import NOT_JSON, Lines, Unwritable, claim_stdout, failure_line, result_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import Any

    from breakeven.report import Report
    from breakeven.report.progress import Bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "breakeven run [options] MODULE:FUNC"
    parser.add_argument("function", metavar="MODULE:FUNC", help="the function, or path/to/file.py:FUNC")
    sources.arguments(parser)
    out = parser.add_argument_group("what is written")
    out.add_argument("--out", metavar="FILE", help="results as JSON lines; default, or -: stdout")
    out.add_argument(
        "--failures", metavar="FILE", help="failed items as JSON lines; default: OUT.failures.jsonl or stderr"
    )
    out.add_argument("--overwrite", action="store_true", help="replace result and failure files that are there already")
    out.add_argument("--unordered", action="store_true", help="write results as they finish, not in input order")
    out.add_argument("--values", action="store_true", help="write bare values instead of index and value")
    out.add_argument(
        "--repr", action="store_true", help="write as its repr what JSON cannot hold; without, that item fails"
    )
    out.add_argument("--report", metavar="FILE", help="where every second went: .json to keep, .html to look at")
    out.add_argument(
        "--json", action="store_true", help="summary as JSON: on stdout, or on stderr if results are there"
    )
    out.add_argument("--quiet", action="store_true", help="no summary")
    bar = out.add_mutually_exclusive_group()
    bar.add_argument(
        "--progress", action="store_const", const=True, help="a progress bar, also where stderr is no terminal"
    )
    bar.add_argument("--no-progress", dest="progress", action="store_const", const=False, help="no progress bar")
    settings.arguments(parser)


def execute(options: argparse.Namespace) -> int:
    """Run it."""
    from breakeven.cli.target import called as called_as

    if options.report and PurePath(options.report).suffix not in {".json", ".html"}:
        raise UsageError(f"--report {options.report} ends neither in .json nor in .html")
    out, failed = _outputs(options)
    called = _numbered(called_as(options.function, options), options)
    run = _Run(called, sources.open_items(options), out, failed, options)
    try:
        code = run.go(settings.chosen(options))
    finally:
        run.items.close()
        out.close()
        failed.close()
    _keep_report(run, options.report)
    _tell(run, code, options)
    return code


class _Run:
    """One run: what it counts, and what cut it short."""

    def __init__(
        self, called: Callable[..., Any], items: sources.Items, out: Lines, failed: Lines, options: argparse.Namespace
    ) -> None:
        self.called = called
        self.items = items
        self.out = out
        self.failed = failed
        self.options = options
        self.done = 0
        self.seconds = 0.0
        self.ended_by: str | None = None
        self._ended: Any = None

    def go(self, chosen: dict[str, Any]) -> int:
        """Run to the end and name the exit code; `ended_by` says what cut it short."""
        chosen = {"name": self.options.function, **chosen}
        self.out.begin(create=True)
        self.failed.begin(create=False)
        bar = _bar(chosen, wanted=self.options.progress)
        began = time.perf_counter()
        try:
            return self._work(chosen, bar)
        except KeyboardInterrupt:
            self.ended_by = "interrupted"
            return INTERRUPTED
        except _Stop as stop:
            self.ended_by = str(stop)
            return FAILED
        finally:
            self.seconds = time.perf_counter() - began
            if bar is not None:
                bar.close()

    def report(self) -> Report | None:
        """Where every second went, if it came to a run; not free, so only for those who ask."""
        return None if self._ended is None else self._ended.report

    def _work(self, chosen: dict[str, Any], bar: Bar | None) -> int:
        """Pull every result through; the stream is closed however this ends, and with it the workers' part."""
        stream = self._stream(chosen)
        try:
            for index, value in self._indexed(stream):
                item = self.items.finish(index)
                self._write(index, value, item, bar)
                self.done += 1
                if bar is not None:
                    bar.about = self.items.total is None
                    bar.update(self.done, self.items.expected(), self.failed.count)
        finally:
            stream.close()
            self._ended = stream
        if self.items.error is not None:
            raise _Stop(f"the items broke off: {self.items.error}")
        return PARTIAL if self.failed.count else DONE

    def _stream(self, chosen: dict[str, Any]) -> Any:
        """Start the run."""
        import breakeven as be

        unordered = self.options.unordered
        source = enumerate(self.items) if unordered else self.items
        return be.imap(self.called, source, ordered=not unordered, progress=False, **chosen)

    def _indexed(self, stream: Iterator[Any]) -> Iterator[tuple[int, Any]]:
        """Give every value its item's index; a failure knows its own."""
        from breakeven.work import Failure

        ordered = not self.options.unordered
        for position, value in enumerate(self._stopping(stream)):
            if isinstance(value, Failure):
                yield value.index, value
            else:
                yield (position, value) if ordered else value

    def _stopping(self, stream: Iterator[Any]) -> Iterator[Any]:
        """With `--on-error raise` the first failed item ends the run, and its traceback is shown."""
        if self.options.on_error != "raise":
            yield from stream
            return
        try:
            yield from stream
        except Exception as error:
            from breakeven.cli.blame import told

            raise _Stop(f"{told(error)}\nstopped at the first failed item") from error

    def _write(self, index: int, value: Any, item: Any, bar: Bar | None) -> None:
        """Write a result or a failure through to its file."""
        from breakeven.work import Failure

        if not isinstance(value, Failure):
            try:
                line = result_line(index, value, values=self.options.values, as_repr=self.options.repr)
            except Unwritable as error:
                value = Failure(index, error, NOT_JSON, 1, None, "")
            else:
                self._put(self.out, line)
                return
        line = failure_line(value, item)
        if bar is not None and self.failed.name is None:
            bar.clear()
        self._put(self.failed, line)

    def _put(self, lines: Lines, line: str) -> None:
        try:
            lines.write(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            where = lines.name or "the output"
            raise _Stop(f"{where} cannot be written: {error.strerror or error}") from error


class _Stop(Exception):
    """The run cannot go on; the text says why."""


def _bar(chosen: dict[str, Any], *, wanted: bool | None) -> Bar | None:
    """Make a progress bar, in a terminal or where it is asked for; elsewhere not even its module is loaded."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        return None
    from breakeven.report.progress import open_progress

    return open_progress(chosen["name"], None, chosen.get("backend", "auto"))


def _numbered(fn: Callable[..., Any], options: argparse.Namespace) -> Callable[..., Any]:
    """Say which item it was, where results come as they are done."""
    return Numbered(fn) if options.unordered else fn


def _outputs(options: argparse.Namespace) -> tuple[Lines, Lines]:
    """Check where results and failures go; nothing is removed or created yet."""
    path = None if options.out in {None, "-"} else options.out
    beside = None if path is None else f"{path.removesuffix('.jsonl')}.failures.jsonl"
    failures = options.failures or beside
    if failures is not None and failures == path:
        raise UsageError(f"--out and --failures are both {path}; they are two files")
    items = None if options.items == "-" else options.items
    stdout = claim_stdout() if path is None else sys.stdout.buffer
    out = Lines(path, stdout, overwrite=options.overwrite, source=items)
    return out, Lines(failures, sys.stderr.buffer, overwrite=options.overwrite, source=items)


def _keep_report(run: _Run, path: str | None) -> None:
    report = None if path is None else run.report()
    if path is None or report is None:
        return
    try:
        report.to_html(path) if path.endswith(".html") else report.save(path)
    except OSError as error:
        print(f"breakeven run: the report is lost: {path} cannot be written: {error.strerror}", file=sys.stderr)


def _tell(run: _Run, code: int, options: argparse.Namespace) -> None:
    """Say how it ended: why it was cut short, and the summary."""
    if run.ended_by is not None:
        kept = f"; {_counted(run.out.count, 'result')} written" + (f" to {run.out.name}" if run.out.name else "")
        print(f"breakeven run: {run.ended_by}{kept}", file=sys.stderr)
    if options.json:
        print(json.dumps(_summary(run, code)), file=sys.stderr if run.out.name is None else sys.stdout)
    elif run.ended_by is None and not options.quiet:
        print(_sentence(run), file=sys.stderr)


def _summary(run: _Run, code: int) -> dict[str, Any]:
    report = run.report()
    ledger = None if report is None else report.ledger
    return {
        "function": run.options.function,
        "items": run.done,
        "results": run.out.count,
        "failures": run.failed.count,
        "seconds": round(run.seconds, 6),
        "backend": None if ledger is None else ledger.backend,
        "workers": None if ledger is None else ledger.workers,
        "speedup_estimate": None if ledger is None else ledger.speedup_estimate,
        "out": run.out.name,
        "failures_file": run.failed.name if run.failed.count else None,
        "ended_by": run.ended_by,
        "exit_code": code,
    }


def _sentence(run: _Run) -> str:
    from breakeven.units import format_count, format_seconds

    rate = f", {format_count(run.done / run.seconds)}/s" if run.done and run.seconds > 0 else ""
    where = f" in {run.out.name}" if run.out.name else ""
    spent = f"{format_seconds(run.seconds)}{rate}"
    text = f"{_counted(run.done, 'item')} in {spent}: {_counted(run.out.count, 'result')}{where}"
    if run.failed.count:
        text += f", {run.failed.count:,} failed" + (f": {run.failed.name}" if run.failed.name else "")
    return text


def _counted(number: int, noun: str) -> str:
    """Write how many; the reports' own words would take 30 ms to import."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
