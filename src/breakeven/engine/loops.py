"""The innermost loops: call a function on each item of a block, saying which item it is at.

Lives here: one loop a call mode, since every branch in them is paid once an item. Never here: anything else. `board` is
a shared page (processes) or a list (threads); its words are named in `protocol`.
"""

from __future__ import annotations

from itertools import islice, starmap
from time import perf_counter_ns as clock_ns

from breakeven import work
from breakeven.engine import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def _one(fn: Any, items: Iterator[Any], at: int, append: Any, board: Any, mode: int) -> None:  # noqa: ARG001
    for board[protocol.AT_ITEM], item in enumerate(items, at):
        append(fn(item))


def _star(fn: Any, items: Iterator[Any], at: int, append: Any, board: Any, mode: int) -> None:  # noqa: ARG001
    for board[protocol.AT_ITEM], item in enumerate(items, at):
        append(fn(*item))


def _call(fn: Any, items: Iterator[Any], at: int, append: Any, board: Any, mode: int) -> None:  # noqa: ARG001
    for board[protocol.AT_ITEM], (args, kwargs) in enumerate(items, at):
        append(fn(*args, **kwargs))


def _timed(fn: Any, items: Iterator[Any], at: int, append: Any, board: Any, mode: int) -> None:
    """As the others, noting when each item began, for the parent that watches a deadline."""
    for place, item in enumerate(items, at):
        board[protocol.ITEM_BEGAN_NS] = clock_ns()  # first: an item is never seen with the begin of the one before
        board[protocol.AT_ITEM] = place
        if mode == work.STAR:
            append(fn(*item))
        elif mode == work.CALL:
            append(fn(*item[0], **item[1]))
        else:
            append(fn(item))


def sweep(fn: Any, items: Iterator[Any], at: int, values: list[Any], board: Any, mode: int, count: int) -> None:
    """As the others for `count` items of less than a microsecond: to name each on the board would double their time."""
    extend = values.extend
    while count > 0:
        board[protocol.AT_ITEM] = at
        size = min(count, protocol.SWEEP)
        before = len(values)
        piece = islice(items, size)
        extend(starmap(fn, piece) if mode == work.STAR else map(fn, piece))
        if len(values) - before < size:  # C takes a task's StopIteration for the end of the items
            raise RuntimeError(work.STOP_ITERATION)
        at += size
        count -= size


LOOPS = (_one, _star, _call, _timed, _one)  # by mode, but for TIMED
TIMED = 3
