"""What the printed table promises: a dozen lines within 100 columns, whose figures are those found by hand."""

from __future__ import annotations

import pytest
from hypothesis import given

from breakeven.report import Report
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, recordings, serial

BY_HAND = """\
simulate: paid off: 1.10x as fast as serial (estimate) on 2 processes; 2 items FAILED
largest loss: start-up, 13 %; try one Executor for many calls, or serial for so little work
run         10.0 s from entry to return; 1,200 items in 48 chunks; fork; 2026-11-21 08:00:00 UTC
chosen      backend="processes" was given
path        worker: compute                         7.00 s   70.0 %  ####################
            parent: serialise                       600 ms    6.0 %  ##
            parent: plan                            500 ms    5.0 %  #
            parent: start                           500 ms    5.0 %  #
            transit (in flight, wake-up)            400 ms    4.0 %  #
            5 others                                900 ms    9.0 %  ###
            unexplained                             100 ms    1.0 %
workers     compute 67 %, pickling 5 %, transport 2 %, start-up 6 %, waiting 20 %, unexplained 1 %
compute     on a CPU 87 %, queueing for a CPU 8 %, queueing for the GIL 1 %, blocked 5 %
messages    50 out with 1.20 MB, 52 in with 3.40 MB; shared memory 100 MB out, 0 B in
memory      peak 154 MB PSS, all processes together (12 samples)
efficiency  55 % = load balance 86 % · serialisation 75 % · transfer 85 % (from sums)
failures    item 7 killed by SIGSEGV in pid 4001 after 2 attempts, and 1 more; 2 deaths, 1 retry
note        forkserver was asked for, fork was used"""

SERIAL = """\
simulate: ran serially: 90 % of the time in the function itself
largest loss: dispatch and merging, 6 %; try larger chunks, or more work an item
run         2.00 s from entry to return; 1,200 items in 48 chunks; 2026-11-21 08:00:00 UTC
chosen      rule "small"
path        parent: compute                         1.80 s   90.0 %  ##########################
            parent: merge                           120 ms    6.0 %  ##
            parent: pull the input                 80.0 ms    4.0 %  #
            unexplained                                0 s    0.0 %
messages    none
memory      peak not measured
efficiency  90 % = load balance 100 % · serialisation 90 % · transfer 100 % (from sums)
failures    none"""


def test_the_table_of_the_small_ledger_is_this_one() -> None:
    """Verdict first, the critical path from its longest part down, the unexplained on a line of its own."""
    assert Report.from_recording(by_hand()).table() == BY_HAND


def test_the_table_of_a_serial_run_is_this_one() -> None:
    """Without workers, and without a failure."""
    nothing = dict.fromkeys(
        ("messages_out", "messages_in", "bytes_out", "bytes_in", "shared_out_bytes", "shared_in_bytes"), 0
    )
    recording = serial() | nothing | {"deaths": 0, "retries": 0, "notes": [], "choice": 'rule "small"'}
    recording["memory"] = {"peak_pss_bytes": None, "samples": 0}
    assert Report.from_recording(recording).table() == SERIAL


@dear(4)
@given(recordings())
def test_no_line_is_longer_than_100_columns(recording: Recording) -> None:
    """Nor holds anything that a terminal would act on, whatever names and texts the run had."""
    lines = Report.from_recording(recording).table().split("\n")
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)


@dear(4)
@given(recordings())
def test_unexplained_time_always_has_its_line(recording: Recording) -> None:
    """Also where it is nothing."""
    assert "\n            unexplained  " in f"\n{Report.from_recording(recording)}".replace("\npath ", "\n     ")


@pytest.mark.parametrize("seconds, shown", [(10.5, "-400 ms   -4.0 %"), (10.1 + 1e-17, "0 s    0.0 %")])
def test_time_counted_twice_is_shown_as_negative_and_rounding_as_nothing(seconds: float, shown: str) -> None:
    """The path sums to `seconds` here, in a call of 10.1 s."""
    recording = by_hand()
    recording["path"] = {"worker.compute": seconds}
    recording["seconds"] = 10.1
    line = next(line for line in Report.from_recording(recording).table().split("\n") if "unexplained   " in line)
    assert shown in line


def test_a_terminal_escape_in_a_name_is_taken_out() -> None:
    """A ledger may come from elsewhere."""
    table = Report.from_recording(by_hand() | {"name": "evil\x1b[2J", "choice": "a\nb"}).table()
    assert "evil�[2J" in table
    assert "chosen      a b\n" in table
