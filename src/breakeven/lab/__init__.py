"""The lab: instruments that say what parallelism costs on this machine.

    breakeven lab                     the instruments
    breakeven lab latency --quick     one of them

Lives here: the table of instruments. Never here: what they do; each is a module with `measure(*, quick, …) -> Finding`
and `draw(finding, axes)`. It may have `arguments(parser)` for options of its own, whose names are `measure`'s keywords,
`PANELS` (how many axes `draw` is given as a list, side by side) and `INCHES` (width and height of the figure).
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["INSTRUMENTS", "instrument"]

INSTRUMENTS: dict[str, tuple[str, str]] = {
    # Moving bytes.
    "latency": ("latency", "time of one message between two processes, against its size"),
    "bandwidth": ("bandwidth", "bytes a second between two processes, one message or many in flight, both directions"),
    "channels": ("channels", "every transport side by side, for several shapes of payload"),
    "copies": ("copies", "how many copies of a payload each transport keeps in memory, at each end"),
    # Starting, sharing, ranks, memory.
    # When parallel pays.
}
"""Instrument → its module in this package, and what it measures."""


def instrument(name: str) -> Any:
    """Import an instrument's module."""
    return import_module(f"{__name__}.{INSTRUMENTS[name][0]}")
