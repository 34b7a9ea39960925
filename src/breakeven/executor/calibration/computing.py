"""What the CPUs and the memory do: spinning, copying and pickling, by one and by all at once.

Lives here: the instruments and the tasks that they time. Never here: what is concluded.
"""

from __future__ import annotations

from pickle import dumps, loads
from time import perf_counter as clock

from breakeven.backends.crews import Crews, drive
from breakeven.ledger.recorder import Recorder
from breakeven.probes.kernel import queued_seconds
from breakeven.work import ONE, Options, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SPINS = 200_000  # about 10 ms
COPY_BYTES = 32 << 20
COPIES = 4
TIMES = 3


def spin(count: int) -> int:
    """Keep a CPU busy for so many rounds."""
    total = 0
    for number in range(count):
        total += number & 7
    return total


def spin_seconds(count: int) -> float:
    """Seconds that so many rounds took, less those in which somebody else had the CPU that this wanted.

    What a neighbour takes at this moment is not the machine's; a profile is kept for other moments.
    """
    queued, began = queued_seconds(), clock()
    spin(count)
    took, after = clock() - began, queued_seconds()
    return took if queued is None or after is None else took - min(after - queued, took / 2)


def copy(times: int) -> float:
    """Copy a block larger than any cache so many times; return the seconds that took."""
    block = bytearray(COPY_BYTES)
    other = bytearray(COPY_BYTES)
    view = memoryview(other)
    view[:] = block
    began = clock()
    for _ in range(times):
        view[:] = block
    return clock() - began


def canary_seconds() -> float:
    """A fixed piece of work, the best of three: 30 ms in all."""
    return min(_timed(spin, SPINS) for _ in range(TIMES))


def _timed(fn: Callable[..., Any], argument: Any) -> float:
    began = clock()
    fn(argument)
    return clock() - began


def capacity(cpus: int) -> tuple[float, ...]:
    """How many CPUs' worth of work 1, 2, … workers get done at once."""
    counts = _counts(cpus)
    alone = _together(SPINS * 2, 1)
    found = {count: count * alone / _together(SPINS * 2, count) for count in counts if count > 1}
    return _filled({1: 1.0} | {count: min(max(share, 0.5), float(count)) for count, share in found.items()}, cpus)


def bandwidth(cpus: int) -> tuple[float, ...]:
    """Bytes a second that 1, 2, … workers copy in all, each byte read and written once."""
    found = {}
    for count in _counts(cpus):
        seconds = _results(copy, COPIES, count)
        found[count] = count * COPIES * COPY_BYTES / (sum(seconds) / len(seconds))
    return _filled(found, cpus)


def _counts(cpus: int) -> list[int]:
    """1, 2, 4, … and all."""
    counts = [1]
    while counts[-1] * 2 < cpus:
        counts.append(counts[-1] * 2)
    return counts if cpus == 1 else [*counts, cpus]


def _filled(found: dict[int, float], cpus: int) -> tuple[float, ...]:
    """Every count from 1, those between on a line."""
    known = sorted(found)
    filled = []
    for count in range(1, cpus + 1):
        below = max(one for one in known if one <= count)
        above = min(one for one in known if one >= count)
        share = 0.0 if above == below else (count - below) / (above - below)
        filled.append(found[below] + share * (found[above] - found[below]))
    return tuple(filled)


def _together(count: int, workers: int) -> float:
    """Seconds of the slowest of so many workers that spin at once, the best of three times."""
    options = Options(backend="processes", max_workers=workers, chunksize=1)
    crew = Crews(options).hire(Recorder())
    try:
        taken = []
        for _ in range(TIMES + 1):
            crew.attach(Recorder())
            work = _work(spin_seconds, count, workers, options)
            taken.append(max(max(block) for block in drive(crew, work, ordered=True, window=None)))
        return float(min(taken[1:]))
    finally:
        crew.close()


def _results(fn: Callable[..., Any], argument: Any, workers: int) -> list[Any]:
    options = Options(backend="processes", max_workers=workers, chunksize=1)
    crew = Crews(options).hire(Recorder())
    try:
        results: list[Any] = []
        for block in drive(crew, _work(fn, argument, workers, options), ordered=True, window=None):
            results += block
        return results
    finally:
        crew.close()


def _work(fn: Callable[..., Any], argument: Any, workers: int, options: Options) -> Work:
    return Work(fn, [argument] * workers, mode=ONE, length=workers, options=options)


def pickling() -> tuple[tuple[str, float, float], ...]:
    """(shape, seconds a byte to pickle, seconds a byte to unpickle) of common shapes."""
    shapes: dict[str, Any] = {
        "bytes": bytes(1 << 18),
        "text": "naïve text " * 20_000,
        "integers": list(range(20_000)),
        "floats": [number * 0.5 for number in range(20_000)],
        "dict of texts": {f"key {number}": f"value {number}" for number in range(5_000)},
        "small tuples": [(number, str(number)) for number in range(5_000)],
    }
    return tuple((shape, *_pickled(value)) for shape, value in shapes.items())


def _pickled(value: Any) -> tuple[float, float]:
    stream = dumps(value, 5)
    dumping = min(_timed(dumps, value) for _ in range(TIMES))
    loading = min(_timed(loads, stream) for _ in range(TIMES))
    return dumping / len(stream), loading / len(stream)
