"""What every way for a payload to travel offers, and nothing else.

Lives here: the port. Never here: a way.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class End(Protocol):
        """One side of a connection of two processes. One thread may send while another receives.

        A payload goes `pack`, `write`, then on the other side `read`, `unpack`. Where a library does this
        behind one call of its own (`whole`), `pack` and `unpack` return what they are given, and `read` waits. What
        arrives may be memory that the other side wants back (`lends`): then `settle` is called for every message.
        Reading from a side whose partner has gone raises `EOFError` or `OSError`.
        """

        whole: bool
        lends: bool

        def pack(self, payload: Any) -> Any:
            """Turn a payload into what can be written: pickle it, or leave a buffer as it is."""

        def write(self, packed: Any) -> None:
            """Hand it over; returns when it may be forgotten here."""

        def read(self) -> Any:
            """Take a message in, waiting for it."""

        def unpack(self, packed: Any) -> Any:
            """Make the payload of it."""

        def settle(self) -> None:
            """Give back what was lent, once the payload is forgotten; never blocks."""

        def close(self) -> None:
            """Let go of this side."""

    class Pair(Protocol):
        """Both sides, made before the partner is forked; each process closes the one that it does not use."""

        ours: End
        theirs: End

        def close(self) -> None:
            """Let go of what belongs to both, such as a server process; called once, in the process that made it."""
