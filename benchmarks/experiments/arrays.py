"""Big arrays: to the workers by value, in place, and back again.

Eight float64 arrays a call; GB are 10^9 bytes; every result is checked, and every page of a result is read.
"""

from benchmarks import tasks
from benchmarks.clock import median, now, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from benchmarks.experiments import Cell

ARRAYS = 8
PAGE_STEP = 512
"""float64 elements in a page of 4 KiB: a stride that touches every page once."""


def _made(megabytes: int) -> "tuple[list[Any], list[float]]":
    import numpy as np

    length = megabytes * 1_000_000 // 8
    arrays = [np.arange(first, first + length, dtype=np.float64) for first in range(ARRAYS)]
    return arrays, [float(array.sum()) for array in arrays]


def _check(results: object, wanted: object) -> None:
    if results != wanted:
        message = f"wrong sums: {results} instead of {wanted}"
        raise AssertionError(message)


def _rates(run: "Callable[[], object]", wanted: object, gigabytes: float, repeats: int) -> list[float]:
    """Checked GB/s of the first and of each later call."""
    rates = []
    for _ in range(repeats + 1):
        seconds, results = timed(run)
        _check(results, wanted)
        rates.append(gigabytes / seconds)
    return rates


def arrays_in(cell: "Cell") -> "dict[str, float | None]":
    """Different arrays by value, each summed by a task; then one array to every task."""
    megabytes, repeats = cell.options["megabytes"], cell.options["repeats"]
    gigabytes = ARRAYS * megabytes / 1e3
    arrays, sums = _made(megabytes)
    alone = _rates(lambda: [tasks.total(array) for array in arrays], sums, gigabytes, 2)
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    rates = _rates(lambda: peer.spread(tasks.total, arrays), sums, gigabytes, repeats)
    measures: dict[str, float | None] = {
        "steady_gb_s": median(rates[1:]),
        "first_gb_s": rates[0],
        "serial_gb_s": median(alone),
    }
    if cell.options.get("same"):
        same = [sums[0]] * ARRAYS
        plain = _rates(lambda: peer.spread(tasks.total, [arrays[0]] * ARRAYS), same, gigabytes, repeats - 1)
        measures["same_gb_s"] = median(plain)
        if peer.broadcasts:
            best = _rates(lambda: peer.broadcast(tasks.total, arrays[0], ARRAYS), same, gigabytes, repeats - 1)
            measures["broadcast_gb_s"] = median(best)
    peer.stop()
    return measures


def arrays_shared(cell: "Cell") -> "dict[str, float | None]":
    """Arrays that workers can already read in place; how long it took to get them there stands apart."""
    megabytes = cell.options["megabytes"]
    gigabytes = ARRAYS * megabytes / 1e3
    arrays, sums = _made(megabytes)
    alone = _rates(lambda: [tasks.total(array) for array in arrays], sums, gigabytes, 2)
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    share_seconds, shared = timed(peer.share, arrays)
    if shared is None:
        message = f"{cell.variant} has no way to share an array"
        raise NotImplementedError(message)
    fn, items = shared
    rates = _rates(lambda: peer.spread(fn, items), sums, gigabytes, cell.options["repeats"])
    peer.stop()
    return {
        "steady_gb_s": median(rates[1:]),
        "first_gb_s": rates[0],
        "share_ms": share_seconds * 1e3,
        "serial_gb_s": median(alone),
    }


def arrays_out(cell: "Cell") -> "dict[str, float | None]":
    """Eight tasks return an array each; the clock stops when the parent has read from every page."""
    if cell.options.get("numpy_first"):
        __import__("numpy")
    length = cell.options["megabytes"] * 1_000_000 // 8
    orders = [(length, value) for value in range(ARRAYS)]
    wanted = [float(value * len(range(0, length, PAGE_STEP))) for value in range(ARRAYS)]
    gigabytes = ARRAYS * cell.options["megabytes"] / 1e3
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    rates = []
    for _ in range(cell.options["repeats"] + 1):
        began = now()
        arrays = peer.spread(tasks.filled, orders)
        sums = [float(array[::PAGE_STEP].sum()) for array in arrays]
        rates.append(gigabytes / (now() - began))
        _check(sums, wanted)
        del arrays
    peer.stop()
    return {"steady_gb_s": median(rates[1:]) if rates[1:] else None, "first_gb_s": rates[0]}
