"""The price of a message: one no-op there and back, one tiny task a message, and a map of very many."""

import time

from benchmarks import tasks
from benchmarks.clock import median, now, quantile, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from benchmarks.experiments import Cell

IDLE_SECONDS = 0.02
MOST_ROUND_TRIPS = 5_000
PROBE = 1_000
"""Items of the short call that tells how many items the time allows."""


def round_trip(cell: "Cell") -> "dict[str, float | None]":
    """One no-op after another through warm workers, then one after each pause of 20 ms."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    for number in range(20):
        peer.call(tasks.echo, number)
    busy: list[float] = []
    until = now() + cell.options["milliseconds"] / 1e3
    while now() < until and len(busy) < MOST_ROUND_TRIPS:
        busy.append(timed(peer.call, tasks.echo, 1)[0])
    rested: list[float] = []
    for _ in range(cell.options["pauses"]):
        time.sleep(IDLE_SECONDS)
        rested.append(timed(peer.call, tasks.echo, 1)[0])
    peer.stop()
    return {
        "median_us": median(busy) * 1e6,
        "p99_us": quantile(busy, 0.99) * 1e6,
        "fastest_us": min(busy) * 1e6,
        "rested_median_us": median(rested) * 1e6,
        "round_trips": len(busy),
    }


def _repeated(
    run: "Callable[[Callable[..., Any], Any], Any]", most_items: int, seconds: float, repeats: int
) -> tuple[float, int]:
    """Median seconds an item of checked calls, with as many items and repeats as the time allows."""
    run(tasks.double, range(PROBE))
    probe_seconds, _ = timed(run, tasks.double, range(PROBE))
    count = int(min(most_items, max(PROBE, seconds / (probe_seconds / PROBE))))
    wanted = [number * 2 for number in range(count)]
    taken: list[float] = []
    until = now() + seconds
    while not taken or (len(taken) < repeats and now() < until):
        elapsed, results = timed(run, tasks.double, range(count))
        if list(results) != wanted:
            message = "a map returned wrong results"
            raise AssertionError(message)
        taken.append(elapsed)
    return median(taken) / count, count


def one_a_message(cell: "Cell") -> "dict[str, float | None]":
    """``x * 2`` with one task a message, as many as go into the time given."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    seconds, count = _repeated(peer.single, 20_000, cell.options["milliseconds"] / 1e3, 5)
    peer.stop()
    return {"task_us": seconds * 1e6, "items": count}


def tiny_map(cell: "Cell") -> "dict[str, float | None]":
    """``x * 2`` over 100 000 integers: the plain map, and chunks of 5 000 where there is such a setting."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    allowed = cell.options["milliseconds"] / 1e3
    seconds, count = _repeated(peer.plain, cell.options["items"], allowed, 7)
    measures: dict[str, float | None] = {"plain_us": seconds * 1e6, "items": count}
    if peer.chunked(tasks.double, range(PROBE), PROBE) is not None:
        tuned, _ = _repeated(lambda fn, items: peer.chunked(fn, items, 5_000), cell.options["items"], allowed, 7)
        measures["chunks_of_5000_us"] = tuned * 1e6
    peer.stop()
    return measures


def auto_against_serial(cell: "Cell") -> "dict[str, float | None]":
    """The library's own choice against a list comprehension, alternating in one interpreter."""
    peer = cell.peer()
    peer.start()
    numbers = range(cell.options["items"])
    peer.plain(tasks.double, numbers[:PROBE])
    double = tasks.double
    serial: list[float] = []
    chosen: list[float] = []
    for _ in range(cell.options["repeats"]):
        began = now()
        wanted = [double(number) for number in numbers]
        serial.append(now() - began)
        elapsed, results = timed(peer.plain, double, numbers)
        chosen.append(elapsed)
        if list(results) != wanted:
            message = "a map returned wrong results"
            raise AssertionError(message)
    peer.stop()
    return {
        "serial_us": median(serial) / len(numbers) * 1e6,
        "auto_us": median(chosen) / len(numbers) * 1e6,
        "auto_over_serial": median([auto / alone for auto, alone in zip(chosen, serial, strict=True)]),
    }
