"""What the instruments of workers are held against: the kernel's charge, and mixtures that know their own share.

Lives here: two questions, each a function of `quick` that returns {series: [a figure a round]}. Never here: bounds.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

from breakeven.lab.instruments.gil.examples import SHARES, Mixture
from breakeven.lab.instruments.gil.instrument import SAMPLE_SECONDS, watch
from breakeven.lab.instruments.memory import instrument as memory
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    Series = dict[str, list[float]]

TREES = (
    (memory.PROCESS, "fork", memory.NOTHING),
    (memory.PROCESS, "fork", memory.COPIED),
    (memory.PROCESS, "fork", memory.INHERITED_LIST),
    (memory.PROCESS, "spawn", memory.COPIED),
    (memory.ENGINE, "fork", memory.COPIED),
)


def trees(*, quick: bool) -> Series:
    """Peaks of a tree's memory: how far the processes' own pages are off the group's charge [%]."""
    found: Series = {}
    for _ in range(2 if quick else 11):
        for who, method, sharing in TREES:
            run = memory.run(who, method, sharing, workers=2, size_bytes=40_000_000 if quick else 256_000_000)
            if "agreement" in run:
                found.setdefault(f"{who}, {method}: {sharing}", []).append(abs(run["agreement"] - 100))
    return found


def shares(*, quick: bool) -> Series:
    """GIL shares of single samples of 100 ms: how far off what mixtures say of themselves [points]."""
    found: Series = {}
    hogs = [multiprocessing.get_context("spawn").Process(target=hog, daemon=True) for _ in range(usable_cpus())]
    try:
        for when in ("idle", "a hog a CPU"):
            if when != "idle":
                for one in hogs:
                    one.start()
            for _ in range(4 if quick else 40):
                for share in (*SHARES, 0.0, 1.0):
                    seen = watch(Mixture(share), SAMPLE_SECONDS)
                    found.setdefault(when, []).append(abs(seen["held"] - seen["known"]))
    finally:
        for one in hogs:
            if one.pid is not None:
                one.kill()
                one.join()
    return found


def hog() -> None:
    """Compute until killed."""
    while True:
        pass
