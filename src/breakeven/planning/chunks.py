"""How many tasks go into a message, how many messages wait at a worker, and how far ahead the input is read.

Lives here: pure arithmetic on measured seconds. Never here: a clock or a queue.
"""

from __future__ import annotations

TARGET_SECONDS = 8e-3  # a chunk: 2 % of it is 160 µs, what a message costs both sides while workers have all CPUs
LEAST_SECONDS = 200e-6  # a chunk towards the end: ten times a message, and what it may make the others wait
GROWTH = 8  # at most, from one chunk to the next: fast first items must not make a giant (joblib#1220)
LARGEST = 1 << 16
AHEAD_SECONDS = 4e-3  # of work waits at a worker: so long may the parent wait for a CPU while workers have them all
LONG_SECONDS = 20e-3
MANY, FEW, ONE = 32, 2, 1
WINDOW = 2  # chunks a worker that may be ahead of the consumer, beyond what waits at the workers
WINDOW_ITEMS = 4096  # in a chunk of a stream, so that it does not read far ahead
FIRST_SIZE = 1


def chunk_size(seconds_an_item: float | None, previous: int, remaining: int | None, workers: int) -> int:
    """Tasks in the next chunk.

    Aims at `TARGET_SECONDS` a chunk, grows by at most `GROWTH`, and with a known end never takes more than a share
    of what remains, so that chunks get smaller and no single one holds the finish (factoring, Hummel 1992); but
    not so small that a message costs more than its work.

    >>> chunk_size(None, 1, 1000, 2), chunk_size(1e-6, 64, 100_000, 2)
    (1, 512)
    >>> chunk_size(1e-6, 4000, 100, 2), chunk_size(0.1, 8, 50, 2)
    (100, 1)
    """
    if seconds_an_item is None:
        return FIRST_SIZE
    quick = seconds_an_item * LARGEST <= TARGET_SECONDS
    size = min(LARGEST if quick else int(TARGET_SECONDS / seconds_an_item), previous * GROWTH)
    if remaining is not None:
        worth = int(LEAST_SECONDS / seconds_an_item) if seconds_an_item > 0 else LARGEST
        size = min(size, max(-(-remaining // (2 * workers)), min(worth, remaining)))
    return max(size, 1)


def fits_beside_a_start(item_seconds: float, start_left_seconds: float, items: int | None, workers: int) -> bool:
    """Whether the caller does one more of the `items` that are left, while workers start.

    One that is over before they are ready is for nothing. A longer one takes CPU time from them, which pays where
    it spares them a round: of an odd number of items two workers do the last one alone.

    >>> fits_beside_a_start(5e-3, 12e-3, 100, 2), fits_beside_a_start(14e-3, 12e-3, 7, 2)
    (True, True)
    >>> fits_beside_a_start(14e-3, 12e-3, 6, 2), fits_beside_a_start(14e-3, 12e-3, None, 2)
    (False, False)
    """
    beyond = max(item_seconds - start_left_seconds, 0.0) / workers  # what each worker loses by it
    if not beyond or items is None:
        return not beyond
    rounds, rounds_without_it = -(-items // workers), -(-(items - 1) // workers)
    return max(rounds_without_it * item_seconds, beyond * workers) + beyond < rounds * item_seconds


def depth(chunk_seconds: float | None) -> int:
    """Chunks that may be at a worker at once, the running one included.

    >>> depth(None), depth(20e-6), depth(2e-3), depth(10e-3), depth(0.5)
    (2, 32, 3, 2, 1)
    """
    if chunk_seconds is None:
        return FEW
    if chunk_seconds >= LONG_SECONDS:
        return ONE
    return MANY if MANY * chunk_seconds <= AHEAD_SECONDS else min(1 - int(-AHEAD_SECONDS // chunk_seconds), MANY)
