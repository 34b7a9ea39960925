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
    "startup": ("startup.instrument", "what a thread, process, pool, executor or engine adds to a program"),
    "sharing": (
        "sharing.instrument",
        "an update of a shared number: its cost with and without a lock, and what races lose",
    ),
    "collectives": ("collectives.instrument", "gather and reduce over processes, by algorithm, ranks and size"),
    "memory": ("memory.instrument", "what workers add to the memory of a program, by start method and sharing"),
    "gil": ("gil.instrument", "how much of the time a function holds the GIL, so whether threads can help"),
    "frames": ("frames.instrument", "a video pipeline: the rate held, the latency and the CPU left, by transport"),
    # When parallel pays.
    "scenarios": ("scenarios", "a course's four cases, little and much compute and data, on every way to run them"),
    "crossover": ("crossover", "the task time from which on each way pays, measured and forecast"),
    "metg": ("metg", "the shortest task that keeps workers half busy, or 95 % busy, on each way"),
    "guidelines": ("guidelines", "ten things that must hold of any parallel library, each a statistical test"),
}
"""Instrument → its module in `lab.instruments`, and what it measures."""


def instrument(name: str) -> Any:
    """Import an instrument's module.

    >>> instrument("latency").__name__
    'breakeven.lab.instruments.latency'
    """
    return import_module(f"{__name__}.instruments.{INSTRUMENTS[name][0]}")
