"""The cells: each measures one thing once. Lives here: what is run. Never here: how often, or what is thought of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from breakeven.workloads import lfsr

PRIMITIVE = {
    4: (4, 3), 6: (6, 5), 8: (8, 6, 5, 4), 10: (10, 7), 12: (12, 6, 4, 1), 14: (14, 5, 3, 1), 16: (16, 15, 13, 4),
    18: (18, 11), 20: (20, 17), 22: (22, 21), 24: (24, 23, 22, 17), 25: (25, 22), 26: (26, 6, 2, 1), 27: (27, 5, 2, 1),
    28: (28, 25),
}  # fmt: skip
STRANGE = "1,1,1,0,0,0,0,0,1,1\n1,1,1,0,0,0,0,0,1,1,0,1,1,1,0\n1,1,1,0,0,0,0,0,1,1,0,1,1,1,1\n"
CRC_32 = """
import json, resource
from breakeven.workloads import lfsr
from breakeven.workloads.lfsr.catalogue import named
lfsr.ready()
found = lfsr.analyse(named("CRC-32"), engine="enumerate", backend="threads", workers=2)
assert found.cycles == {1: 1, 2**32 - 1: 1}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([found.seconds, peak, found.steps / found.states]))
"""


class Cell(NamedTuple):
    """One figure a call; `most` is the target, None where the figure is only shown beside others."""

    name: str
    unit: str
    most: float | None
    take: Callable[[], float]


def enumerated(degree: int, backend: str) -> float:
    """Seconds to walk all states of a primitive register, workers warm."""
    register = lfsr.from_taps(PRIMITIVE[degree])
    found = lfsr.analyse(register, engine="enumerate", backend=backend, workers=2)
    assert found.cycles == {1: 1, register.states - 1: 1}
    assert found.steps <= 1.05 * found.states
    return found.seconds


def computed(taps: tuple[int, ...]) -> float:
    """Seconds of the algebra engine, with nothing remembered from before."""
    from breakeven.workloads.lfsr import algebra, factoring

    algebra._order_of_irreducible.cache_clear()  # noqa: SLF001 - a cold engine is what is measured
    factoring.primes_of_power_minus_one.cache_clear()
    factoring.cyclotomic.cache_clear()
    return lfsr.analyse(lfsr.from_taps(taps)).seconds


def cold_command(path: Path) -> float:
    """Seconds of the whole command, from the shell's point of view."""
    began = perf_counter()
    command = [sys.executable, "-m", "breakeven", "lfsr", "analyse", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - began


def crc_32(which: int) -> float:
    """Seconds, MiB at the peak, or steps a state of all 2^32 states of CRC-32, in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", CRC_32], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)[which])


def many_registers() -> float:
    """Share of two warm workers' time that 1000 registers of degree 12 to 16 do not spend on being analysed."""
    registers = []
    for number in range(1000):
        degree = 12 + number % 5
        registers.append(lfsr.register([1, *[(number * 2654435761 >> bit) & 1 for bit in range(degree - 1)]]))
    from breakeven.workloads.lfsr import batches

    lfsr.ready()
    with lfsr.Way("persistent", 2) as way:
        list(batches.run(registers[:100], way, {"engine": "enumerate"}))  # the workers are there, and have the kernels
        worked, began = way.work_seconds, perf_counter()
        list(batches.run(registers, way, {"engine": "enumerate"}))
        seconds = perf_counter() - began
    return 1 - (way.work_seconds - worked) / (2 * seconds)


def cells(strange: Path) -> list[Cell]:
    """Every cell, with its target."""
    made = [
        Cell("2^26 states, serial", "s", 0.250, partial(enumerated, 26, "serial")),
        Cell("2^26 states, two threads", "s", 0.040, partial(enumerated, 26, "threads")),
        Cell("2^32 states of CRC-32, two threads", "s", 3.0, partial(crc_32, 0)),
        Cell("2^32 states of CRC-32, peak memory", "MiB", 300 / 1.048576, partial(crc_32, 1)),
        Cell("2^32 states of CRC-32, steps a state", "", 1.05, partial(crc_32, 2)),
        Cell("algebra, degree 39", "s", 0.005, partial(computed, (39, 36, 28, 4))),
        Cell("algebra, degree 64", "s", 0.005, partial(computed, (64, 63, 61, 60))),
        Cell("algebra, degree 168", "s", 0.5, partial(computed, (168, 166, 153, 151))),
        Cell("strange.csv, cold command", "s", 0.6, partial(cold_command, strange)),
        Cell("1000 registers, share of start-up and IPC", "", 0.05, many_registers),
    ]
    for degree in PRIMITIVE:
        made += [
            Cell(f"degree {degree}, {name}", "s", None, partial(enumerated, degree, name))
            for name in ("serial", "auto")
        ]
    return made
