"""The investigation of why a parallel run was slower than a serial one, as a table that is measured here and now.

Lives here: which figures there are, and the order in which they are taken. Never here: a figure. Every repetition takes
all of them once, in a new random order, so that a neighbour's load falls on all alike; told are median and quartiles.

The groups are those of the investigation (process creation, initialisation, messages, partitioning, lock, merging), and
the one that was not asked for then and explains the rest: how many steps were walked for each state.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import median, quantiles

from breakeven.workloads.lfsr.overhead import computing, moving, redundancy, starting, whole
from breakeven.workloads.lfsr.overhead.nouns import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Cell", "Figure", "cells", "measure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """All values of one cell, in the order in which they were taken."""

    group: str
    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile."""
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """As plain data, raw values included."""
        low, high = self.quartiles
        return {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "quartiles": [low, high],
            "n": len(self.values),
            "values": list(self.values),
        }


def cells(workers: int = 2, degree: int = 24, *, quick: bool = False) -> list[Cell]:
    """Every cell of the table; `degree` is that of the register which all ways enumerate."""
    return [
        *starting.cells(workers, quick=quick),
        *moving.cells(workers),
        *computing.cells(),
        *redundancy.cells(workers, 10 if quick else 12),
        *whole.cells(workers, 20 if quick else degree, quick=quick),
    ]


def measure(
    chosen: list[Cell], repetitions: int, seed: int = 0, tell: Callable[[str], None] | None = None
) -> list[Figure]:
    """Take every cell `repetitions` times, after once for nothing, and return the figures in the cells' order."""
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    values: dict[int, list[float]] = {at: [] for at in range(len(chosen))}
    for repetition in range(-1, repetitions):
        order = list(values)
        draw.shuffle(order)
        for at in order:
            value = chosen[at].take()
            if repetition >= 0:
                values[at].append(value)
        if tell is not None:
            tell("warmed up" if repetition < 0 else f"repetition {repetition + 1} of {repetitions}")
    return [Figure(cell.group, cell.name, cell.unit, tuple(values[at])) for at, cell in enumerate(chosen)]
