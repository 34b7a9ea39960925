"""A backend that keeps moving its maps from place to place: whatever `auto` may decide, this does at random.

Lives here: the mover. Never here: a test.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from breakeven.backends.mixed import Mixed
from breakeven.backends.processes import Processes
from breakeven.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Work

RESTLESSNESS = 0.4  # the chance of a move between two turns


class Wandering:
    """Moves every map at random between the calling thread, two threads and two processes."""

    name = "wandering"

    def __init__(self, seed: int = 0, start_method: str | None = None) -> None:
        self._random = Random(seed)  # noqa: S311 - moves, not secrets
        self._method = start_method
        self.moves: list[str] = []

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """Yield results in blocks, from wherever; where only workers will do, `auto` does not move either."""
        if work.options.timeout is not None or work.options.initializer is not None:
            return Processes(replace(work.options, backend="processes")).stream(
                work, recorder, ordered=ordered, bounded=bounded
            )
        return Mixed(work, recorder, work.options, ordered=ordered, bounded=bounded).blocks(self._steer)

    def _steer(self, mixed: Mixed) -> None:
        if self._random.random() > RESTLESSNESS:
            return
        place = self._random.choice(["serial", "threads", "processes"])
        if place == mixed.place:
            return
        self.moves.append(place)
        if place == "serial":
            mixed.to_serial()
        elif place == "threads":
            mixed.to_threads(2)
        else:
            mixed.to_processes(2, self._method)

    def submit(self, fn: Any, args: Any, kwargs: Any) -> Any:
        """Futures stay in the calling thread: they are not what is tested here."""
        from breakeven.backends.serial import Serial
        from breakeven.work import Options

        return Serial(Options()).submit(fn, args, kwargs)

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Nothing is kept but warm crews."""

    def describe(self) -> dict[str, Any]:
        """Facts for the report."""
        return {"backend": "wandering", "start_method": self._method, "workers": 2}
