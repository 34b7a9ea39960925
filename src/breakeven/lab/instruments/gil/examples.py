"""Functions whose hold on the GIL is known or well known, for those who have none of their own at hand.

Lives here: what is called. Never here: how it is watched. A mixture says itself which share of its time it held the
lock for: it alternates a loop that never lets go with a checksum that lets go at once, and times both.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = bytes(1 << 20)
_PIECE = bytes(1 << 18)  # whole: to slice it off something longer is to copy it, with the GIL held
_MATRIX = np.random.default_rng(0).random((400, 400))
_LARGE = np.random.default_rng(0).random(2_000_000)
_RECORDS = [{"name": str(number), "values": list(range(20))} for number in range(200)]


class Mixture:
    """Holds the GIL for about `share` of its time; `held_seconds` and `free_seconds` are what it really did."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.held_seconds = self.free_seconds = 0.0

    def __call__(self) -> None:
        """About three milliseconds."""
        began = time.perf_counter()
        while time.perf_counter() - began < 3e-3 * self.share:
            pass
        held = time.perf_counter()
        self.held_seconds += held - began
        while self.share < 1 and time.perf_counter() - held < 3e-3 * (1 - self.share):
            hashlib.sha256(_PIECE).digest()
        self.free_seconds += time.perf_counter() - held

    def known(self) -> float:
        """The share of its time so far in which it held the GIL."""
        return self.held_seconds / (self.held_seconds + self.free_seconds)


def python_loop() -> int:
    """Plain Python."""
    total = 0
    for number in range(20_000):
        total += number * number
    return total


EXAMPLES: dict[str, Callable[[], object]] = {
    "a Python loop": python_loop,
    "sum(range(…))": lambda: sum(range(200_000)),
    "json.dumps": lambda: json.dumps(_RECORDS),
    "sorted(array)": lambda: sorted(_LARGE[:20_000]),
    "numpy: sqrt of 2 M": lambda: np.sqrt(_LARGE),
    "numpy: 400 × 400 @": lambda: _MATRIX @ _MATRIX,
    "zlib.compress 1 MiB": lambda: zlib.compress(_BLOCK),
    "hashlib.sha256 1 MiB": lambda: hashlib.sha256(_BLOCK).digest(),
    "time.sleep 1 ms": lambda: time.sleep(0.001),
}
"""Name → what is called. What numpy and the standard library do with the lock is theirs to change."""

SHARES = (0.25, 0.5, 0.75)
