"""The instruments that move bytes, run small for real: units, n, senses of latency and bandwidth, copies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from breakeven.cli import main
from breakeven.lab import INSTRUMENTS, instrument
from breakeven.lab.instruments import bandwidth, channels, copies, latency
from breakeven.lab.measuring.finding import Finding
from breakeven.lab.processes import placing
from breakeven.lab.transports.exchange import STAGES
from breakeven.lab.transports.links import has_mpi


def test_every_instrument_has_what_the_command_line_asks_of_it() -> None:
    """A function that measures, one that draws, and a text for its help."""
    for name in INSTRUMENTS:
        module = instrument(name)
        assert callable(module.measure)
        assert module.__doc__


def test_latency_tells_both_senses_and_its_stages_in_microseconds() -> None:
    """One-way, half round trip and stages are in µs, alpha in µs, beta in ns a byte; a large message takes longer."""
    found = latency.measure(
        quick=True, transports="os.pipe,mp.Pipe", sizes="0,4KiB,64KiB,1MiB", placement="one", seconds=0.5
    )
    small, large = (found.select(transport="os.pipe", size_bytes=size)[0] for size in (0, 1 << 20))
    assert {one.name: one.unit for one in small.quantities} == {
        "one-way": "µs",
        "half round trip": "µs",
        "dumps": "µs",
        "send": "µs",
        "receive": "µs",
        "loads": "µs",
    }
    for at, whole in enumerate(small["one-way"].samples):
        assert sum(small[name].samples[at] for name in STAGES) == pytest.approx(whole)
    assert small["one-way"].n >= 1
    assert large["of send, waiting"].unit == "µs"
    assert large["one-way"].median > small["one-way"].median
    assert {part.from_bytes for part in found.fits["mp.Pipe, one CPU"].segments[:1]} == {0.0}
    assert "µs one way" in found.headline


def test_rates_are_in_megabytes_of_a_million_bytes() -> None:
    """A golden figure: 3 000 000 bytes in 2 ms are 1500 MB/s, not 1431 MiB/s."""
    assert bandwidth.rate_of(3_000_000, 2e-3) == pytest.approx(1500)


def test_bandwidth_follows_from_the_times_that_it_rests_on() -> None:
    """Without start-up is faster than with it; a rate of messages times their size is the rate of their window."""
    found = bandwidth.measure(quick=True, transports="os.pipe", sizes="1KiB,16KiB,64KiB", seconds=0.5)
    assert {row.labels["placement"] for row in found.select(transport="os.pipe")} == set(placing.chosen(None))
    for row in found.select(transport="os.pipe"):
        size = float(row.labels["size_bytes"])
        assert row["message rate"].unit == "msg/s"
        assert row["window 16"].unit == row["both directions"].unit == "MB/s"
        assert row["message rate"].median * size / 1e6 == pytest.approx(row["window 16"].median)
        if "without start-up" in row:
            assert row["without start-up"].median >= row["one message"].median
    assert found.select(transport="copy to new pages")


def test_channels_tell_time_a_byte_and_a_python_object() -> None:
    """A list has so many objects; bytes are one, and have no such column."""
    found = channels.measure(quick=True, transports="os.pipe", sizes="16KiB", shapes="bytes,list of int", seconds=0.2)
    assert {row.labels["placement"] for row in found.rows} == set(placing.chosen(None)[-1:])
    whole, many = found.select(shape="bytes")[0], found.select(shape="list of int")[0]
    assert "per object" not in whole
    assert many["per object"].unit == "ns/object"
    assert many["per byte"].median > whole["per byte"].median


def test_copies_are_counted_as_they_are_known_to_be() -> None:
    """os.pipe: the original and what arrives; mp.Pipe: a pickle more at each end; half a segment is the receiver's."""
    found = copies.measure(quick=True, transports="os.pipe,mp.Pipe,shared_memory", shapes="bytes", seconds=0.1)
    known = {"os.pipe": (1, 1), "mp.Pipe": (2, 2), "shared_memory": (2, 1.5)}
    for name, (sender, receiver) in known.items():
        row = found.select(transport=name)[0]
        assert row["sender"].median == pytest.approx(sender, abs=0.15)
        assert row["receiver"].median == pytest.approx(receiver, abs=0.15)
        assert row["sender"].n >= 3
        assert row["together"].median <= sender + receiver + 1  # PSS also moves when a neighbour lets go of pages


@pytest.mark.skipif(not has_mpi(), reason="no MPI launcher here")
def test_copies_of_mpi_are_counted_in_its_ranks() -> None:
    """The sender's original, and what arrives, once each: the launcher's own memory does not count."""
    found = copies.measure(quick=True, transports="mpi4py", shapes="bytes", seconds=0.1)
    (row,) = found.rows
    assert 0.8 < row["sender"].median < 2.2  # some MPIs keep one more at either end
    assert 0.8 < row["receiver"].median < 2.2
    assert "server" not in row


@pytest.mark.parametrize("name", ["latency", "bandwidth", "channels", "copies"])
def test_the_command_measures_draws_and_prints_what_can_be_read_back(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json raw samples come out, and the page holds the figure."""
    page = tmp_path / "figure.html"
    words = ["lab", name, "--quick", "--json", "--plot", str(page), "--transports", "os.pipe,mp.Pipe"]
    sizes = ["--size", "16MiB", "--shapes", "bytes"] if name == "copies" else ["--sizes", "1KiB,8KiB,64KiB"]
    assert main([*words, *sizes]) == 0
    found = Finding.from_dict(json.loads(capsys.readouterr().out))
    assert found.instrument == name
    assert all(quantity.samples and quantity.unit for row in found.rows for quantity in row.quantities)
    assert "<svg" in page.read_text()


def test_the_command_lists_instruments_and_refuses_what_it_cannot_draw(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured."""
    assert main(["lab"]) == 0
    assert "bandwidth" in capsys.readouterr().out
    assert main(["lab", "latency", "--plot", "figure.gif"]) == 2
    assert "a figure can be .svg, .png, .html" in capsys.readouterr().err
    for wrong in ("--transports telepathy", "--sizes 4Mb", "--shape round"):
        assert main(["lab", "latency", *wrong.split()]) == 2
        assert wrong.split()[1] in capsys.readouterr().err


def test_ctrl_c_shows_what_was_measured_and_leaves_nothing_within_two_seconds() -> None:
    """The signal goes to the whole group, as a terminal sends it; the exit code is 130, and no partner complains."""
    program = (
        "import sys\n"
        "from breakeven.cli import main\n"
        "from breakeven.lab.transports.links import LocalLink\n"
        "run = LocalLink.run\n"
        "def told(self, order):\n"
        "    print('running', file=sys.stderr, flush=True)\n"
        "    return run(self, order)\n"
        "LocalLink.run = told\n"
        "options = '--json --transports os.pipe,mp.Queue,Manager.list --sizes 4MiB'\n"
        "sys.exit(main(['lab', 'latency', *options.split()]))\n"
    )
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as run:
        assert run.stderr is not None
        assert run.stderr.readline() == b"running\n"
        os.killpg(run.pid, signal.SIGINT)
        began = time.monotonic()
        out, complaints = run.communicate(timeout=30)
        ended = time.monotonic() - began
    assert run.returncode == 130, complaints
    assert Finding.from_dict(json.loads(out)).interrupted
    assert set(complaints.split()) <= {b"running"}
    assert ended < 2
