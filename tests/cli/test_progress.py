"""The progress line: what it says, when it is drawn, and that it goes away."""

from __future__ import annotations

import io
import re

import pytest

from breakeven.report import progress
from breakeven.report.progress import Bar, clock_text, open_progress, rate_text


class Clock:
    """A clock that is told what time it is."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


def shown(stream: io.StringIO) -> str:
    """Return what stands on the line now, without colours."""
    last = stream.getvalue().rpartition("\r\x1b[2K")[2]
    return re.sub(r"\x1b\[\d*m", "", last)


def test_nothing_is_shown_of_a_run_that_is_over_at_once(clock: Clock) -> None:
    """A flash of a bar helps nobody."""
    stream = Terminal()
    bar = Bar("work", "serial", stream, clock)
    bar.update(1, 2, 0)
    clock.now += 0.2
    bar.update(2, 2, 0)
    bar.close()
    assert stream.getvalue() == ""


def test_the_line_tells_share_rate_time_left_backend_and_failures(clock: Clock) -> None:
    """All five, in 100 columns."""
    stream = Terminal()
    bar = Bar("work", "processes", stream, clock)
    clock.now += 2
    bar.update(500, 2000, 3)
    line = shown(stream)
    assert line.startswith("work  ━")
    assert line.endswith(" 25 %  500/2,000 items · 250/s · 0:06 left · processes · 3 failed")
    assert len(line) < 100


def test_without_a_total_it_tells_how_long_it_has_run(clock: Clock) -> None:
    """An endless input has no share."""
    stream = Terminal()
    bar = Bar("work", "threads", stream, clock)
    clock.now += 65
    bar.update(130, None)
    assert shown(stream) == "work  130 items · 2/s · 1:05 · threads"


def test_a_guessed_total_is_marked(clock: Clock) -> None:
    """With a tilde, at the total and at what follows from it."""
    stream = Terminal()
    bar = Bar("work", "", stream, clock)
    bar.about = True
    clock.now += 1
    bar.update(10, 100)
    assert "10/~100 items" in shown(stream)
    assert "~0:09 left" in shown(stream)


def test_the_rate_is_that_of_the_last_seconds(clock: Clock) -> None:
    """A slow beginning does not stay in it for ever."""
    stream = Terminal()
    bar = Bar("work", "", stream, clock)
    done = 0
    for rate in [1] * 100 + [50] * 100:
        clock.now += 1
        done += rate
        bar.update(done, 10**6)
    assert "· 50/s ·" in shown(stream)


def test_the_line_is_drawn_ten_times_a_second_at_most(clock: Clock) -> None:
    """However often it is told."""
    stream = Terminal()
    bar = Bar("work", "", stream, clock)
    for done in range(10_000):
        clock.now += 0.001
        bar.update(done, 10_000)
    assert stream.getvalue().count("\r\x1b[2K") <= 100


@pytest.mark.parametrize("width", [6, 10, 20, 40, 60, 80, 200])
def test_the_line_fits_the_terminal(width: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would leave a trail of lines otherwise; what matters least goes first."""
    monkeypatch.setattr(progress, "_width_of", lambda _: width)
    stream = Terminal()
    bar = Bar("a rather long name of a run", "processes", stream, clock)
    clock.now += 5
    bar.update(500, 2000, 3)
    line = shown(stream)
    assert len(line) < width
    assert line == "" or "500" in line


def test_closing_leaves_an_empty_line(clock: Clock) -> None:
    """What is printed next starts at the left."""
    stream = Terminal()
    bar = Bar("work", "", stream, clock)
    clock.now += 1
    bar.update(1, 2)
    bar.close()
    assert shown(stream) == ""


def test_in_a_log_a_bar_is_shown_only_when_asked_for(clock: Clock) -> None:
    """Then as a plain line every ten seconds."""
    log = io.StringIO()
    assert open_progress("work", wanted=None, stream=log) is None
    assert open_progress("work", wanted=True, stream=log) is not None
    bar = Bar("work", "serial", log, clock)
    for done in range(1, 21):
        clock.now += 1
        bar.update(done, 20)
    bar.close()
    assert len(log.getvalue().splitlines()) == 2
    assert "\x1b" not in log.getvalue()


def test_in_a_terminal_a_bar_can_be_refused() -> None:
    """`progress=False` and `--no-progress` mean it."""
    assert open_progress("work", wanted=None, stream=Terminal()) is not None
    assert open_progress("work", wanted=False, stream=Terminal()) is None


def test_no_colour_is_used_where_none_is_wanted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR says so."""
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    bar = Bar("work", "", stream, clock)
    clock.now += 1
    bar.update(1, 2, 1)
    assert stream.getvalue().count("\x1b") == 1


def test_a_name_cannot_command_the_terminal(clock: Clock) -> None:
    """Escape sequences in it are shown, not obeyed."""
    stream = Terminal()
    bar = Bar("\x1b[31mred", "", stream, clock)
    clock.now += 1
    bar.update(1, 2)
    assert "\x1b[31mred" not in stream.getvalue()


@pytest.mark.parametrize("rate,text", [(99.9, "99.9/s"), (1e6, "1.00 M/s"), (1.0, "1/s"), (0.5, "30/min")])
def test_a_rate_has_three_digits_that_count(rate: float, text: str) -> None:
    """A minute is the longest unit."""
    assert rate_text(rate) == text


@pytest.mark.parametrize("seconds,text", [(0, "0:00"), (59.1, "1:00"), (3600, "1:00:00"), (1e12, "99:59:59")])
def test_time_left_reads_like_a_clock(seconds: float, text: str) -> None:
    """Rounded up, and never longer than a line can hold."""
    assert clock_text(seconds) == text


class Output(io.StringIO):
    """A stream such as a notebook's kernel has: no terminal, but a carriage return starts the line anew."""

    __module__ = "ipykernel.iostream"
    encoding = "utf-8"


def test_a_notebook_shows_one_line_that_is_written_anew(clock: Clock) -> None:
    """Twice a second at most, without colours, and blanked at the end."""
    cell = Output()
    bar = Bar("work", "processes", cell, clock, total=100)
    for done in range(100):
        clock.now += 0.1
        bar.update(done)
    bar.close()
    first, *others, last = cell.getvalue().split("\r" + " " * 100 + "\r")
    assert first == last == ""
    assert 15 <= len(others) <= 20
    assert all("/100 items" in line and len(line) <= 100 for line in others)
    assert not any(set(line) & set("\r\n\x1b") for line in others)


def test_the_rate_counts_what_was_before_the_bar(clock: Clock) -> None:
    """A bar is made only once a run has lasted a while."""
    stream = Terminal()
    bar = Bar("work", "", stream, clock, lasted_seconds=0.5)
    bar.update(20, 100)
    assert "40/s" in shown(stream)
