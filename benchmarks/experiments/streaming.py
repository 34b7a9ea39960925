"""An endless-looking generator through a stream: its price an item, and how far it is read ahead."""

import time

from benchmarks import tasks
from benchmarks.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.experiments import Cell

PAUSE_AFTER = 1_000
"""Results after which the consumer stops to think."""


class Source:
    """Counts what was pulled out of it, and runs dry early when the time is up."""

    def __init__(self, items: int, seconds: float) -> None:
        self.items = items
        self.pulled = 0
        self.until = now() + seconds

    def __iter__(self) -> "Iterator[int]":
        for number in range(self.items):
            if number % 256 == 0 and now() > self.until:
                return
            self.pulled = number + 1
            yield number


def stream(cell: "Cell") -> "dict[str, float | None]":
    """Consume a stream, pausing once; the pause does not count, what is read ahead during it does."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    pause_seconds = cell.options["pause_ms"] / 1e3
    began = now()
    source = Source(cell.options["items"], cell.options["milliseconds"] / 1e3)
    results = peer.stream(tasks.double, iter(source))
    if results is None:
        message = f"{cell.variant} has no stream"
        raise NotImplementedError(message)
    received, first_seconds, paused, early_lead, late_lead = 0, 0.0, 0.0, 0, 0
    for result in results:
        if result != received * 2:
            message = f"result {received} of the stream is {result}"
            raise AssertionError(message)
        received += 1
        if received == 1:
            first_seconds = now() - began
        elif received == PAUSE_AFTER:
            paused = now()
            time.sleep(pause_seconds / 3)
            early_lead = source.pulled - received
            time.sleep(pause_seconds * 2 / 3)
            late_lead = source.pulled - received
            paused = now() - paused
    elapsed = now() - began - paused
    measures: dict[str, float | None] = {
        "item_us": elapsed / received * 1e6,
        "first_result_ms": first_seconds * 1e3,
        "lead_items": late_lead,
        "lead_growth_items": late_lead - early_lead,
        "received_items": received,
    }
    cell.tell(measures=measures)  # some libraries need long to stop after this
    peer.stop()
    return measures
