"""The work: functions that any process can import, of every kind that makes another way the best.

Lives here: what is done with an item. Never here: how many items, or where (`workloads`, `arms`).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

GRAIN_ROUNDS = 64


def root_sum(count: int) -> float:
    """Heavy on a CPU, light to move."""
    return sum(math.sqrt(number) for number in range(count))


def double(value: int) -> int:
    """Next to nothing."""
    return value * 2


def root_sum_of(numbers: list[int]) -> float:
    """Heavy on a CPU, and heavy to move."""
    return sum(math.sqrt(number) for number in numbers)


def spin(rounds: int) -> int:
    """As long as asked for: some 30 ns a round."""
    total = 0
    for number in range(rounds):
        total += number & 7
    return total


def primes_in(bounds: tuple[int, int]) -> int:
    """How many primes lie in a range, by trial division: the further up, the dearer."""
    return sum(all(number % factor for factor in range(2, math.isqrt(number) + 1)) for number in range(*bounds))


def digest(block: bytes) -> bytes:
    """C code that lets go of the GIL."""
    return hashlib.sha256(block).digest()


def packed(block: bytes) -> int:
    """C code that lets go of the GIL, and takes longer."""
    return len(zlib.compress(block, 6))


def wait(seconds: float) -> float:
    """No CPU at all."""
    time.sleep(seconds)
    return seconds


def mixed(job: tuple[float, bytes]) -> int:
    """Some milliseconds with the GIL held for a share of them, and let go of for the rest."""
    share, block = job
    end = time.thread_time() + 4e-3 * share
    total = 0
    while time.thread_time() < end:
        total += sum(range(GRAIN_ROUNDS))
    hashed = 0.0
    began = time.thread_time()
    while hashed < 4e-3 * (1 - share):
        hashlib.sha256(block).digest()
        hashed = time.thread_time() - began
    return len(block)


def slice_sum(job: tuple[Any, int, int]) -> float:
    """A part of one large array that every item carries."""
    array, start, stop = job
    return float(array[start:stop].sum())


_ready: list[bool] = []


def dear_first(count: int) -> float:
    """A third of a second to begin with in every process, then half a millisecond an item."""
    if not _ready:
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            pass
        _ready.append(True)
    return root_sum(count)


def element_triplets(job: tuple[int, int]) -> np.ndarray:
    """A batch of elements to their sparse triplets: little in, some 1 kB an element out."""
    import numpy as np

    start, stop = job
    local = np.arange(64, dtype=np.float64)
    scale = np.sqrt(np.arange(start, stop, dtype=np.float64) + 1.0)
    values = scale[:, None] * local[None, :]
    rows = np.repeat(np.arange(start, stop), 64).astype(np.float64)
    return np.concatenate([values.ravel(), rows])


@lru_cache(maxsize=4)
def document(size: int) -> str:
    """A text of JSON."""
    return json.dumps({f"key {number}": [number, str(number), number / 3] for number in range(size)})


def parsed(path: str) -> dict[str, Any]:
    """A file to a large dictionary of small objects."""
    with open(path, encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded
