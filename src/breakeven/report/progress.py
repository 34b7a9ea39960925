"""One line on stderr that tells how far a run is: share, rate, time left, backend, failures.

Lives here: what the line says and when it is drawn. Never here: a thread (it would forbid `fork`), and a library
(the thread that draws also dispatches; rich takes 140 ms to import and 0.35 ms a refresh, this takes 0.02 ms).
Elsewhere than in a terminal a bar has to be asked for. A notebook shows it in one line that is written anew, a log as a
whole line every ten seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque

from breakeven.report.wording import plain
from breakeven.units import format_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_DELAY_SECONDS = 0.3
"""A run that is over sooner shows nothing."""

_REFRESH_SECONDS = 0.1
_REFRESH_SECONDS_IN_A_NOTEBOOK = 0.5
_REFRESH_SECONDS_IN_A_LOG = 10.0

_RATE_SECONDS = 20.0
"""The rate is that of the last so many seconds."""

_ERASE = "\r\x1b[2K"
_COLUMNS = 100  # where there is no terminal to ask
_ERASE_IN_A_NOTEBOOK = "\r" + " " * _COLUMNS + "\r"
_DIM, _GREEN, _RED, _PLAIN = "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


def open_progress(
    name: str,
    total: int | None = None,
    backend: str = "",
    *,
    wanted: bool | None = True,
    stream: TextIO | None = None,
    lasted_seconds: float = 0.0,
) -> Bar | None:
    """Make a bar where one is wanted: `None` means in a terminal only.

    The bar is driven with `update(done, total, failures)` as often as one likes and ended with `close()`;
    `lasted_seconds` says for how long the run has been under way.
    """
    stream = sys.stderr if stream is None else stream
    if wanted is False or stream is None or (wanted is None and not _is_terminal(stream)):
        return None
    return Bar(name, backend, stream, total=total, lasted_seconds=lasted_seconds)


class Bar:
    """The line. Not for several threads at once."""

    def __init__(
        self,
        name: str,
        backend: str,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        *,
        total: int | None = None,
        lasted_seconds: float = 0.0,
    ) -> None:
        """`backend` may be changed while the bar is shown; `about` says that totals are a guess."""
        self.backend = backend
        self.total = total
        self.about = False
        self._name = plain(name, 24)
        self._stream = stream
        self._clock = clock
        self._terminal = _is_terminal(stream)
        if self._terminal:
            self._erase, self._every = _ERASE, _REFRESH_SECONDS
        elif _is_notebook(stream):
            self._erase, self._every = _ERASE_IN_A_NOTEBOOK, _REFRESH_SECONDS_IN_A_NOTEBOOK
        else:
            self._erase, self._every = "", _REFRESH_SECONDS_IN_A_LOG
        self._began = clock() - lasted_seconds
        self._due = self._began + (_DELAY_SECONDS if self._erase else self._every)
        self._marks: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._shown = False

    def update(self, done: int, total: int | None = None, failures: int = 0) -> None:
        """Tell how far the run is; draws only when it is time to. Cheap enough for every item."""
        now = self._clock()
        if now < self._due:
            return
        total = self.total if total is None else total
        self._due = now + self._every
        self._marks.append((now, done))
        while now - self._marks[0][0] > _RATE_SECONDS and len(self._marks) > 2:  # noqa: PLR2004 - first and last
            self._marks.popleft()
        self._draw(self._line(now, done, total, failures))

    def clear(self) -> None:
        """Make room for a line that someone else writes; the bar is drawn again with the next update."""
        if self._shown:
            self._stream.write(self._erase)
            self._stream.flush()
        self._due = min(self._due, self._clock())

    def close(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._stream.write(self._erase)
            self._stream.flush()
        self._shown = False

    def _draw(self, line: str) -> None:
        self._stream.write(self._erase + line if self._erase else line + "\n")
        self._stream.flush()
        self._shown = True

    def _line(self, now: float, done: int, total: int | None, failures: int) -> str:
        width = _width_of(self._stream) - 3  # room for the ^C that a terminal writes
        colour = self._terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        (then, before), about = self._marks[0], "~" if self.about else ""
        rate = (done - before) / (now - then) if now > then else 0.0
        share = min(1.0, done / total) if total else None
        counted = f"{done:,}" + (f"/{about}{total:,}" if total is not None else "")
        parts = [f"{counted} items"]
        if rate > 0:
            parts.append(rate_text(rate))
        if share is not None and rate > 0 and total is not None:
            parts.append(f"{about}{clock_text((total - done) / rate)} left")
        elif share is None:
            parts.append(clock_text(now - self._began))
        if self.backend:
            parts.append(self.backend)
        failed = f"{failures:,} failed" if failures else ""
        while len(parts) > 1 and len(" · ".join([*parts, failed])) > width - 6:
            parts.pop()
        if len(" · ".join([*parts, failed])) > width:  # not even that fits: the count alone, cut if it has to be
            return f"{done:,}"[:width]
        words = " · ".join(parts)
        room = width - len(words) - (len(failed) + 3 if failed else 0)
        front = self._front(share, room, colour=colour)
        tail = f" · {_RED}{failed}{_PLAIN}" if failed and colour else f" · {failed}" if failed else ""
        return front + words + tail

    def _front(self, share: float | None, room: int, *, colour: bool) -> str:
        """Name, bar and percentage, as far as there is room for them."""
        percent = "" if share is None else f"{100 * share:3.0f} %  "
        room -= len(percent)
        name = f"{self._name}  " if room > len(self._name) + 2 else ""
        cells = min(30, room - len(name) - 1)
        if share is None or cells < 5:  # noqa: PLR2004 - a shorter bar says nothing
            return name + (percent if room >= 0 else "")
        full = round(share * cells)
        mark, rest = ("━", "━" if colour else "─") if _speaks_unicode(self._stream) else ("#", "-")
        if colour:
            return f"{name}{_GREEN}{mark * full}{_DIM}{rest * (cells - full)}{_PLAIN} {percent}"
        return f"{name}{mark * full}{rest * (cells - full)} {percent}"


def rate_text(per_second: float) -> str:
    """Write how many a second, or a minute where they are few.

    >>> rate_text(12_345.6), rate_text(3.456), rate_text(0.05)
    ('12.3 k/s', '3.46/s', '3/min')
    """
    return f"{format_count(per_second)}/s" if per_second >= 1 else f"{format_count(round(per_second * 60, 6))}/min"


def clock_text(seconds: float) -> str:
    """Write a span as a clock would.

    >>> clock_text(4.2), clock_text(83), clock_text(7384)
    ('0:05', '1:23', '2:03:04')
    """
    whole = int(-(-min(max(seconds, 0.0), 359_999.0) // 1))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # closed, or no real stream
        return False


def _is_notebook(stream: TextIO) -> bool:
    return type(stream).__module__.partition(".")[0] == "ipykernel"


def _width_of(stream: TextIO) -> int:
    if not _is_terminal(stream):
        return _COLUMNS
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return _COLUMNS


def _speaks_unicode(stream: TextIO) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "").lower()
