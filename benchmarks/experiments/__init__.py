"""How each figure is taken, one function an experiment: ``experiment(cell) -> {measure: number or None}``.

A measure's name ends in its unit. Only the module of the experiment asked for is imported.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.base import Peer

    Measures = dict[str, float | None]

MODULES = {
    "cold_start": "starting",
    "round_trip": "messages",
    "one_a_message": "messages",
    "tiny_map": "messages",
    "auto_against_serial": "messages",
    "arrays_in": "arrays",
    "arrays_shared": "arrays",
    "arrays_out": "arrays",
    "speed_up": "computing",
    "uneven": "computing",
    "stream": "streaming",
    "death": "faults",
    "hung": "faults",
    "ledger_cost": "bookkeeping",
}


class Cell:
    """What an experiment is given: its variant, its options, and a way to tell things early."""

    def __init__(self, variant: str, options: dict[str, int], descriptor: int) -> None:
        self.variant = variant
        self.options = options
        self._descriptor = descriptor

    def peer(self) -> "Peer":
        """The variant under measurement, not yet started."""
        from benchmarks.peers import make

        return make(self.variant)

    def tell(self, **message: object) -> None:
        """Send a message now: ``mark=name`` for the moment, ``measures={…}`` for figures that must not be lost."""
        import json

        os.write(self._descriptor, json.dumps(message).encode() + b"\n")


def find(name: str) -> "Callable[[Cell], Measures]":
    """The experiment of that name."""
    module = __import__(f"benchmarks.experiments.{MODULES[name]}", fromlist=[name])
    experiment: Callable[[Cell], Measures] = getattr(module, name)
    return experiment
