"""Where `breakeven run` gets its items: a file, a pattern, a range, or stdin.

Lives here: choosing the source, and handing its items on one at a time while it remembers those that have no result
yet. Never here: the format of a file (`records_in`). Nothing is read before it is asked for, so a file of any size
streams; a source that breaks off in the middle ends the run after the items before it, and the reason is kept.
"""

from __future__ import annotations

import glob
import os
import sys
from itertools import islice
from pathlib import Path

from breakeven.cli.exits import UsageError
from breakeven.cli.records_in import FORMATS, InputError, format_of, read, unpacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any, BinaryIO


class Items:
    """An iterator over items that knows how far it is and which items are under way."""

    def __init__(self, source: Iterator[Any], total: int | None = None, stream: BinaryIO | None = None) -> None:
        """`total` where it is known beforehand; `stream` is the file that `source` reads, to be closed with it."""
        self.total = total
        self.taken = 0
        self.error: InputError | None = None
        self._source = source
        self._stream = stream
        self._size_bytes = 0 if stream is None else os.fstat(stream.fileno()).st_size
        self._under_way: dict[int, Any] = {}

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        try:
            item = next(self._source)
        except InputError as error:
            self.error = error
            raise StopIteration from None
        self._under_way[self.taken] = item
        self.taken += 1
        return item

    def finish(self, index: int) -> Any:
        """Forget an item that has its result, and return it."""
        return self._under_way.pop(index, None)

    def expected(self) -> int | None:
        """How many items there will be: known, guessed from the share of a file read so far, or None."""
        if self.total is not None or self._stream is None or not self._size_bytes or self._stream.closed:
            return self.total
        read_bytes = self._stream.tell()
        return round(self.taken * self._size_bytes / read_bytes) if read_bytes else None

    def first(self, limit: int) -> Items:
        """The same items, no more than `limit` of them; in place of these."""
        total = None if self.total is None else min(self.total, limit)
        items = Items(islice(self._source, limit), total)
        items._stream = self._stream
        return items

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._stream is not None:
            self._stream.close()


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where items come from."""
    group = parser.add_argument_group("items (one of these; without any, stdin)")
    group.add_argument(
        "--items", metavar="FILE", help=f"{', '.join(FORMATS)}; also .gz, .bz2, .xz of these; - is stdin"
    )
    group.add_argument("--glob", metavar="PATTERN", action="append", help="paths of files, sorted; ** crosses folders")
    group.add_argument("--range", metavar="A:B[:STEP]", help="whole numbers from A up to, not including, B")
    group.add_argument("--format", choices=FORMATS, help="of --items or stdin; stdin is txt unless this says otherwise")
    group.add_argument("--limit", metavar="N", type=int, help="stop after the first N items")
    unpack = group.add_mutually_exclusive_group()
    unpack.add_argument("--star", action="store_true", help="each item is a list: call FUNC(*item)")
    unpack.add_argument("--kwargs", action="store_true", help="each item is an object: call FUNC(**item)")


def open_items(options: argparse.Namespace) -> Items:
    """Find the one source that the flags name; raise `UsageError` for none, several, or one that cannot be opened."""
    if options.limit is not None and options.limit < 0:
        raise UsageError(f"--limit {options.limit} is negative")
    named = [flag for flag in ("items", "glob", "range") if getattr(options, flag) is not None]
    if len(named) > 1:
        raise UsageError(f"--{named[0]} and --{named[1]} both say where items come from; give one")
    if options.format and (options.glob or options.range):
        raise UsageError("--format belongs to --items and stdin")
    if options.range is not None:
        numbers = parse_range(options.range)
        items = Items(iter(numbers), len(numbers))
    elif options.glob:
        paths = matching(options.glob)
        items = Items(iter(paths), len(paths))
    else:
        items = _from_file(options.items, options.format)
    return items if options.limit is None else items.first(options.limit)


def all_items(options: argparse.Namespace) -> Sequence[Any]:
    """Every item of the source, read at once: for what has to know how many there are."""
    items = open_items(options)
    try:
        found = list(items)
    finally:
        items.close()
    if items.error is not None:
        raise UsageError(str(items.error))
    return found


def parse_range(text: str) -> range:
    """Read `A:B` or `A:B:STEP`; an omitted A is 0.

    >>> parse_range("2:10:3")
    range(2, 10, 3)
    >>> parse_range(":1_000")
    range(0, 1000)
    """
    parts = text.split(":")
    try:
        if len(parts) in {2, 3}:
            return range(int(parts[0] or 0), *map(int, parts[1:]))
    except ValueError:
        pass
    raise UsageError(f"--range {text!r} is not A:B or A:B:STEP with whole numbers and a STEP other than 0")


def matching(patterns: Sequence[str]) -> list[str]:
    """Paths of the files that match, each once, sorted; folders only where the pattern ends with a slash."""
    paths: set[str] = set()
    for pattern in patterns:
        found = glob.glob(pattern, recursive=True)  # noqa: PTH207 - keeps paths as they were written
        paths.update(path for path in found if pattern.endswith("/") or not Path(path).is_dir())
    if not paths:
        raise UsageError(f"no file matches {' or '.join(patterns)} (patterns are quoted, lest the shell expands them)")
    return sorted(paths)


def _from_file(name: str | None, kind: str | None) -> Items:
    if name is None and sys.stdin.isatty():
        raise UsageError("there are no items: give --items FILE, --glob PATTERN or --range A:B, or pipe them in")
    if name in {None, "-"}:
        stream, shown, kind = open(0, "rb", closefd=False), "stdin", kind or "txt"  # noqa: SIM115 - lives as long as the run
    else:
        shown = str(name)
        if Path(shown).is_dir():
            raise UsageError(f"cannot read {shown}: it is a folder; --glob '{shown}/**' gives the files in it")
        kind = kind or format_of(shown)
        try:
            stream = Path(shown).open("rb")  # noqa: SIM115 - the run reads from it to its end
        except OSError as error:
            raise UsageError(f"cannot read {shown}: {error.strerror}") from None
    return Items(read(unpacked(stream, shown), kind, shown), stream=stream)
