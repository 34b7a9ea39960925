"""Results and failures → lines of JSON.

Lives here: the two shapes of a line, what JSON can hold, and files that are never overwritten by accident. A line is
written whole and at once, so whatever ends the run leaves every finished result readable. Never here: what to do
about a failure.

- a result: `{"index": 3, "value": …}`; with `values=True` the bare value
- a result that JSON cannot hold, if `as_repr`: `{"index": 3, "repr": "…"}`
- a failure: `{"index", "cause", "exception", "message", "attempts", "worker_pid", "item", "traceback"}`
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from breakeven.work import Failure

NOT_JSON = "not JSON"
"""The cause of a failure whose value was there and could not be written."""


class Unwritable(Exception):
    """A value that JSON cannot hold; the text says which part and what to do."""


class Lines:
    """A file of lines, each written through to the operating system as it comes.

    A file that is there already is refused, or with `overwrite` emptied by `begin`, not before: what goes wrong
    earlier costs nobody an old result. Without a path lines go to `fallback`.
    """

    def __init__(self, path: str | None, fallback: BinaryIO, *, overwrite: bool, source: str | None = None) -> None:
        """`source` is the file that items come from; writing over it is refused."""
        self.name = path
        self.count = 0
        self._whole = True
        self._stream: BinaryIO | None = None if path else fallback
        if path is None:
            return
        place = Path(path)
        if not place.parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {place.parent}")
        if place.is_dir():
            raise UsageError(f"{path} cannot be written: it is a folder")
        if not place.is_file():  # nothing there, or a pipe or a device
            return
        if source is not None and Path(source).exists() and place.samefile(source):
            raise UsageError(f"{path} is where the items come from; name another file")
        if not overwrite:
            raise UsageError(f"{path} is already there; --overwrite replaces it, or name another file")

    def begin(self, *, create: bool) -> None:
        """Remove an old file, and `create` the new one now rather than with its first line."""
        if self._stream is not None:
            return
        try:
            if Path(str(self.name)).is_file():
                Path(str(self.name)).unlink()
            if create:
                self._opened()
        except OSError as error:
            raise UsageError(f"{self.name} cannot be written: {error.strerror}") from None

    def write(self, line: str) -> None:
        """Write one line; a full disk or a reader that left raises `OSError`."""
        stream = self._stream or self._opened()
        self._whole = False
        stream.write(line.encode() + b"\n")
        stream.flush()
        self._whole = True
        self.count += 1

    def close(self) -> None:
        """Close what was opened here; a line that could not be written was said so, and is not tried again aloud."""
        if self.name is not None and self._stream is not None:
            with suppress(OSError) if not self._whole else nullcontext():
                self._stream.close()

    def _opened(self) -> BinaryIO:
        self._stream = Path(str(self.name)).open("ab")  # noqa: SIM115 - closed by `close`
        return self._stream


def result_line(index: int, value: Any, *, values: bool, as_repr: bool) -> str:
    """Write one result as JSON; raise `Unwritable` for what JSON cannot hold, unless its repr will do.

    >>> result_line(3, (1, None), values=False, as_repr=False)
    '{"index": 3, "value": [1, null]}'
    >>> result_line(3, {1}, values=False, as_repr=True)
    '{"index": 3, "repr": "{1}"}'
    """
    try:
        text = _strict(value)
    except (TypeError, ValueError, RecursionError) as error:
        if as_repr:
            shown = json.dumps(repr(value))
            return shown if values else f'{{"index": {index}, "repr": {shown}}}'
        raise Unwritable(
            f"JSON cannot hold the value of item {index}: {_reason(error)}; return something simpler, or say --repr"
        ) from None
    return text if values else f'{{"index": {index}, "value": {text}}}'


def failure_line(failure: Failure, item: Any) -> str:
    """Write one failure as JSON; an item that JSON cannot hold is shown as its repr."""
    exception = failure.exception
    return json.dumps(
        {
            "index": failure.index,
            "cause": failure.cause,
            "exception": type(exception).__qualname__,
            "message": str(exception),
            "attempts": failure.attempts,
            "worker_pid": failure.worker_pid,
            "item": item if _fits(item) else repr(item),
            "traceback": failure.traceback_text,
        }
    )


def claim_stdout() -> BinaryIO:
    """Keep stdout for results alone: whatever else prints there from now on, here or in a worker, goes to stderr."""
    sys.stdout.flush()
    try:
        own = os.dup(1)
        os.dup2(2, 1)
    except OSError as error:
        raise UsageError("stdout is closed; --out FILE says where results go") from error
    return os.fdopen(own, "wb")


def _numpy(value: Any) -> Any:
    """What a numpy scalar or array is in JSON."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__qualname__} is no JSON value")


_strict = json.JSONEncoder(allow_nan=False, default=_numpy).encode


def _fits(value: Any) -> bool:
    """Say whether JSON can hold a value as it is."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _reason(error: Exception) -> str:
    """Say shortly why the encoder gave up."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error)
    if text.startswith("Out of range float"):
        return "it holds a NaN or an infinity"
    return "it contains itself" if text.startswith("Circular") else text
