"""A map on a crew that several threads use at once.

Lives here: what its consumer holds, and what it adds to a stream. Never here: who drives (`shared`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from breakeven.engine.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    class Driving(Protocol):
        """What drives the crew that a map runs on."""

        def take(self, stream: MappedStream, deadline: float | None) -> list[Any] | None:
            """The next block, None at the end."""

        def leave(self, stream: MappedStream, *, run_on: bool) -> None:
            """The consumer has gone."""


class MappedStream(Stream):
    """A stream that may go on when its consumer has gone."""

    __slots__ = ("unwanted",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unwanted = False  # results are dropped as they come

    def accept(self, first: int, values: list[Any]) -> None:
        """Results of items `first` and following."""
        if not self.unwanted:
            super().accept(first, values)


class Mapped:
    """What a map's consumer iterates over: blocks of results.

    As with the standard library: whoever drops it before taking anything lets the map run on to its end, whoever
    leaves it half way through stops the map.
    """

    __slots__ = ("_deadline", "_driving", "_gone", "_run_on", "_stream")

    def __init__(self, driving: Driving, stream: MappedStream, deadline: float | None) -> None:
        self._gone = False
        self._run_on = True
        self._driving = driving
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        if self._gone:
            raise StopIteration
        self._run_on = False
        try:
            block = self._driving.take(self._stream, self._deadline)
        except BaseException:
            self.close()
            raise
        if block is None:
            self.close()
            raise StopIteration
        return block

    def close(self) -> None:
        """Take no more."""
        if not self._gone:
            self._gone = True
            self._driving.leave(self._stream, run_on=self._run_on)

    __del__ = close
