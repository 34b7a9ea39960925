"""How each figure is taken, one function an experiment: ``experiment(cell) -> {measure: number or None}``.

A measure's name ends in its unit. Only the module of the experiment asked for is imported.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.cell import Cell

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


def find(name: str) -> "Callable[[Cell], Measures]":
    """The experiment of that name."""
    module = __import__(f"benchmarks.experiments.{MODULES[name]}", fromlist=[name])
    experiment: Callable[[Cell], Measures] = getattr(module, name)
    return experiment
