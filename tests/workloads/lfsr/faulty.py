"""Pieces of work that fail, each in its way. Lives here: what workers run. Never here: an expectation."""

from __future__ import annotations

import os
import signal


def raises(number: int) -> float:
    """Divide by zero."""
    return number / 0


def dies(_number: int) -> None:
    """End this worker as from outside."""
    os.kill(os.getpid(), signal.SIGKILL)


def piece(item: object) -> str:
    """Anything that can be called on an item."""
    return repr(item)


def _refuse() -> object:
    raise RuntimeError("cannot be read back")


class Unreadable:
    """Travels as bytes that raise where they are read."""

    def __reduce__(self) -> tuple[object, ...]:
        return _refuse, ()


class DiesOnce:
    """Squares numbers, and ends the first worker that gets a 3."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __call__(self, number: int) -> int:
        """Square a number; the mark on disk says whether a worker has died already."""
        if number == 3:
            try:
                os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return number * number
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number
