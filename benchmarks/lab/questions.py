"""How each figure is taken. Lives here: runs of the lab and of what it is held against, in turns. Never here: bounds.

Every question is a function of `quick` that returns {series: [a figure a round, or a size]}.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.clock import median
from benchmarks.lab import workers
from benchmarks.lab.reference import Reference
from benchmarks.lab.verdicts import SUM
from breakeven.lab.instruments import copies, latency
from breakeven.lab.processes import placing
from breakeven.lab.processes.heap import nothing_kept
from breakeven.lab.processes.watching import Watcher
from breakeven.lab.showing.tables import UNSTABLE
from breakeven.lab.transports.exchange import ONE_WAY, ROUND_TRIP, STAGES, STREAM, Order
from breakeven.lab.transports.links import LocalLink, MpiLink, has_mpi, launcher
from breakeven.lab.transports.payloads import make
from breakeven.lab.transports.ranks import BUFFERS, UNWRITTEN

if TYPE_CHECKING:
    from breakeven.lab.measuring.finding import Finding, Row

    Series = dict[str, list[float]]

SIZES = (64, 4096, 65536, 1 << 20)
MPI_SIZES = (1024, 16384, 262144)
WINDOW = 16
LEAST_BYTES = 4096
"""From here on M1 wants 5 %, below 10 %."""
TRUTH_BYTES, QUICK_TRUTH_BYTES = 256 << 20, 64 << 20
PEAKS_WITHOUT_RISE, MOST_PEAKS, RISE = 3, 12, 0.05


def reference(*, quick: bool) -> Series:
    """Half round trips [µs] and streams of 16 [MB/s] through pipe and socket, lab beside reference, in turns."""
    found: Series = {}
    for kind in ("os.pipe", "socketpair"):
        with placing.awake():
            link, other = LocalLink(kind, 4 << 20), Reference(kind)
            try:
                for turn in range(5 if quick else 31):
                    for size in SIZES:
                        for placement in (placing.ONE, placing.TWO):
                            _one_turn(found, (link, other), (kind, size, placement), turn)
            finally:
                other.close()
                link.close()
    return found


def _one_turn(found: Series, sides: tuple[LocalLink, Reference], what: tuple[str, int, str], turn: int) -> None:
    (link, other), (kind, size, placement) = sides, what
    name = f"{kind}, {placement}, {size} B"
    count = 60 if size <= 65536 else 10
    windows = 20 if size <= 4096 else 4
    cpus = placing.cpus_of(placement)

    def ours() -> None:
        trips = link.run(Order(ROUND_TRIP, size_bytes=size, count=count, seed=turn, cpus=cpus))["round trip"]
        _add(found, f"{name} latency, lab", median(trips[1:]) / 2 * 1e6)
        order = Order(STREAM, size_bytes=size, window=WINDOW, count=windows, seed=turn, cpus=cpus)
        _add(found, f"{name} rate, lab", _rate(size, link.run(order)["window"]))

    def theirs() -> None:
        placing.keep(other.pid, cpus[1])
        with placing.kept_on(cpus[0]):
            _add(found, f"{name} latency, reference", median(other.half_round_trips(size, count)[1:]) * 1e6)
            _add(found, f"{name} rate, reference", _rate(size, other.windows(size, WINDOW, windows)))

    for one in (ours, theirs) if turn % 2 else (theirs, ours):
        one()


def _rate(size: int, seconds: list[float]) -> float:
    """MB/s over all windows but the first: on one CPU a window takes one of two times, and a median would pick one."""
    return WINDOW * size * (len(seconds) - 1) / sum(seconds[1:]) / 1e6


def mpi(*, quick: bool) -> Series:
    """Mean half round trips [µs] by the lab's ranks and by `mpi4py.bench pingpong`, same buffers, in turns."""
    found: Series = {}
    if not has_mpi():
        return found
    for turn in range(3 if quick else 15):
        for size in MPI_SIZES:
            count = 200 if quick else 2000

            def ours(size: int = size, count: int = count) -> None:
                for kind, name in ((UNWRITTEN, "lab"), (BUFFERS, "lab, from a buffer that was written")):
                    link = MpiLink()
                    try:
                        trips = link.run(Order(kind, size_bytes=size, count=count + 100))["round trip"][100:]
                    finally:
                        link.close()
                    _add(found, f"{size} B, {name}", sum(trips) / len(trips) / 2 * 1e6)

            def theirs(size: int = size, count: int = count) -> None:
                words = [*launcher(), "-n", "2", sys.executable, "-m", "mpi4py.bench", "pingpong"]
                words += ["-m", str(size), "-n", str(size), "-s", "100", "-l", str(count), "--skip-large", "100"]
                words += ["--loop-large", str(count), "--no-header"]
                line = subprocess.run(words, capture_output=True, text=True, check=True).stdout
                _add(found, f"{size} B, mpi4py.bench", float(line.split("|")[1].split()[0]) * 1e6)

            for one in (ours, theirs) if turn % 2 else (theirs, ours):
                one()
    return found


def repeats(*, quick: bool) -> Series:
    """M1 and M2: the latency instrument twice, its stages against its one-way times, its lines against odd sizes."""
    seconds, sizes = (3.0, "0,4KiB,64KiB,1MiB") if quick else (100.0, None)
    transports = "os.pipe,socketpair,mp.Pipe,shared_memory,our arena"
    first, second = (latency.measure(transports=transports, sizes=sizes, seconds=seconds) for _ in range(2))
    found: Series = {}
    pace = second.conditions["canary_arithmetic_us"] / first.conditions["canary_arithmetic_us"]
    _add(found, "the canary's arithmetic, second run over first [%]", 100 * pace)
    for row in first.rows:
        again = second.select(**row.labels)  # sizes between others are those that this run asked for
        if again:
            share = 100 * abs(again[0][ONE_WAY].median / row[ONE_WAY].median - 1)
            where = "from 4 KiB" if _size(row) >= LEAST_BYTES else "below"
            _add(found, f"apart, {where} [%]", share)
            _add(found, f"apart, {where}, {row.labels['placement']} [%]", share)
            scaled = again[0][ONE_WAY].median / pace / row[ONE_WAY].median
            _add(found, f"apart, {where}, {row.labels['placement']}, in canaries [%]", 100 * abs(scaled - 1))
            if max(one[ONE_WAY].interval.half_width_share for one in (row, again[0])) <= UNSTABLE:
                _add(found, f"apart, {where}, where both are stable [%]", share)
    for one in (first, second):
        _collect(found, one)
    return found


def _collect(found: Series, finding: Finding) -> None:
    for row in finding.rows:
        _add(found, "half width of the interval [%]", 100 * row[ONE_WAY].interval.half_width_share)
        if STAGES[0] in row and _size(row) >= LEAST_BYTES:
            sums = [sum(parts) for parts in zip(*(row[name].samples for name in STAGES), strict=True)]
            off = [100 * abs(one / whole - 1) for one, whole in zip(sums, row[ONE_WAY].samples, strict=True)]
            _add(found, f"{SUM}, messages [%]", max(off))
            medians = sum(row[name].median for name in STAGES)
            _add(found, f"{SUM}, medians [%]", 100 * abs(medians / row[ONE_WAY].median - 1))
        if "prediction error" in row:
            error = abs(row["prediction error"].median)
            _add(found, "prediction error, odd sizes [%]", error)
            _add(found, f"prediction error, {row.labels['placement']} [%]", error)
            if row[ONE_WAY].interval.half_width_share <= UNSTABLE:
                _add(found, "prediction error, where the time is stable [%]", error)


def _size(row: Row) -> float:
    return float(row.labels["size_bytes"])


def kappa(*, quick: bool) -> Series:
    """M3: copies by the instrument (64 MiB), and peaks of PSS of both processes at 256 MiB, where none hides."""
    found: Series = {}
    names = ("os.pipe", "mp.Pipe", "shared_memory", "our arena")
    shapes = ("bytes", "array")
    finding = copies.measure(
        quick=quick, transports=",".join(names), shapes=",".join(shapes), seconds=2 if quick else 20
    )
    with nothing_kept(), closing(Watcher()) as watcher:
        for name in names:
            for shape in shapes:
                row = finding.select(transport=name, shape=shape)[0]
                truth = _truth(name, shape, watcher, QUICK_TRUTH_BYTES if quick else TRUTH_BYTES)
                for side, peak in zip(("sender", "receiver"), truth, strict=True):
                    found[f"{name}, {shape}, {side}: instrument"] = [row[side].median]
                    found[f"{name}, {shape}, {side}: PSS"] = [peak]
    return found


def _truth(name: str, shape: str, watcher: Watcher, size: int) -> list[float]:
    """The largest peak of PSS of each side in messages of a size, each on a link of its own.

    A look can miss a peak and, as a sample is bounded, not exceed it: so there are messages until several in a row have
    shown nothing larger.
    """
    make(shape, size, np.random.default_rng(0))
    peaks, since = [0.0, 0.0], 0
    for _ in range(MOST_PEAKS):
        link = LocalLink(name, size + (1 << 20))
        try:
            link.run(Order(ONE_WAY, shape, 1 << 12, 2))
            idle = watcher.begin([os.getpid(), link.pid])
            link.run(Order(ONE_WAY, shape, size, 1))
            most, _, _ = watcher.finish()
        finally:
            link.close()
        seen = [(peak - before) / size for peak, before in zip(most, idle, strict=True)]
        larger = any(one > peak + RISE for one, peak in zip(seen, peaks, strict=True))
        since = 0 if larger else since + 1
        peaks = [max(pair) for pair in zip(seen, peaks, strict=True)]
        if since == PEAKS_WITHOUT_RISE:
            break
    return peaks


def _add(found: Series, name: str, figure: float) -> None:
    found.setdefault(name, []).append(figure)


QUESTIONS = {
    "reference": reference,
    "mpi": mpi,
    "repeats": repeats,
    "copies": kappa,
    "trees": workers.trees,
    "shares": workers.shares,
}
