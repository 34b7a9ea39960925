"""What is measured. Lives here: the record of one cell. Never here: measuring."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: `take` measures it once, in `unit`."""

    group: str
    name: str
    unit: str
    take: Callable[[], float]


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = perf_counter()
    call()
    return perf_counter() - began
