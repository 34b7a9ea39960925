"""Fourteen kinds of work, their sizes drawn from a seed, so that no rule can be tuned to them.

Lives here: which function on which items. Never here: ways to run them (`arms`).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.auto import work

ROUND_SECONDS = 30e-9  # of `work.spin`, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of work: its function, and what makes its items anew in each process."""

    key: str
    title: str
    fn: Callable[[Any], Any]
    items: Callable[[], Sequence[Any]]
    payload_heavy: bool = False


def draw(seed: int) -> list[Workload]:
    """All workloads, with the sizes of this seed."""
    dice = random.Random(seed)  # noqa: S311 - sizes, not secrets

    def about(number: float) -> int:
        return max(int(number * dice.uniform(0.7, 1.4)), 1)

    spins = {label: about(seconds / ROUND_SECONDS) for label, seconds in _GRAINS.items()}
    counts = {label: max(int(0.6 / (rounds * ROUND_SECONDS)), 4) for label, rounds in spins.items()}
    blocks = about(40)
    pause = dice.uniform(5e-3, 30e-3)
    share = dice.choice([0.25, 0.5, 0.75])
    return [
        _of("P1a", "sqrt sums, 8 items", work.root_sum, _same(about(200_000), 8)),
        _of("P1b", "sqrt sums, many items", work.root_sum, _same(about(200_000), about(80))),
        _of("P2a", "x*2, 8 items", work.double, _numbers(8)),
        _of("P2b", "x*2, 10 000 items", work.double, _numbers(about(10_000))),
        _of("P2c", "x*2, a million items", work.double, _numbers(about(1_000_000))),
        _of("P3a", "sum of lists, 8 items", sum, _lists(about(50_000), 8), heavy=True),
        _of("P3b", "sum of lists, many items", sum, _lists(about(50_000), about(64)), heavy=True),
        _of("P4", "sqrt sums of lists", work.root_sum_of, _lists(about(50_000), about(40)), heavy=True),
        *(_of(f"P5 {label}", f"tasks of {label}", work.spin, _same(spins[label], counts[label])) for label in _GRAINS),
        _of("P6", "primes in ever higher ranges", work.primes_in, _ranges(about(3_000), about(60))),
        _of("P7a", "sha256 of 1 MiB", work.digest, _blocks(1 << 20, about(150)), heavy=True),
        _of("P7b", "zlib of 1 MiB", work.packed, _blocks(1 << 20, blocks // 2), heavy=True),
        _of("P8", "waiting", work.wait, lambda: [pause] * 60),
        _of("P9", f"GIL held {share:.0%}", work.mixed, lambda: [(share, bytes(1 << 18))] * 120),
        _of("P10", "slices of one array of 100 MB", work.slice_sum, _slices(about(60)), heavy=True),
        _of("P11", "0.3 s to begin, then 50 items", work.dear_first, _same(about(8_000), 50)),
        _of("P12a", "element batches of 100", work.element_triplets, _batches(100, about(300)), heavy=True),
        _of("P12b", "element batches of 10 000", work.element_triplets, _batches(10_000, about(30)), heavy=True),
        _of("P13", "files of JSON", work.parsed, _files(about(3_000), about(60)), heavy=True),
        _of("P14", "20 items of 1 ms", work.spin, _same(about(1e-3 / ROUND_SECONDS), 20)),
    ]


_GRAINS = {"10 µs": 10e-6, "100 µs": 100e-6, "1 ms": 1e-3, "10 ms": 10e-3, "100 ms": 100e-3}


def _of(
    key: str, title: str, fn: Callable[[Any], Any], items: Callable[[], Sequence[Any]], *, heavy: bool = False
) -> Workload:
    return Workload(key=key, title=title, fn=fn, items=items, payload_heavy=heavy)


def _same(value: Any, count: int) -> Callable[[], Sequence[Any]]:
    return lambda: [value] * count


def _numbers(count: int) -> Callable[[], Sequence[Any]]:
    return lambda: list(range(count))


def _lists(length: int, count: int) -> Callable[[], Sequence[Any]]:
    return lambda: [list(range(start, start + length)) for start in range(count)]


def _ranges(width: int, count: int) -> Callable[[], Sequence[Any]]:
    return lambda: [(2 + at * width, 2 + (at + 1) * width) for at in range(count)]


def _blocks(size: int, count: int) -> Callable[[], Sequence[Any]]:
    def make() -> Sequence[Any]:
        dice = random.Random(1)  # noqa: S311
        piece = dice.randbytes(size // 4) * 4
        return [bytes([at % 256]) + piece[1:] for at in range(count)]

    return make


def _slices(count: int) -> Callable[[], Sequence[Any]]:
    def make() -> Sequence[Any]:
        import numpy as np

        array = np.ones(12_500_000)
        width = len(array) // count
        return [(array, at * width, (at + 1) * width) for at in range(count)]

    return make


def _batches(size: int, count: int) -> Callable[[], Sequence[Any]]:
    return lambda: [(at * size, (at + 1) * size) for at in range(count)]


def _files(keys: int, count: int) -> Callable[[], Sequence[Any]]:
    def make() -> Sequence[Any]:
        folder = Path(tempfile.mkdtemp(prefix="breakeven-bench-"))
        for at in range(count):
            (folder / f"{at}.json").write_text(work.document(keys), encoding="utf-8")
        return [str(folder / f"{at}.json") for at in range(count)]

    return make
