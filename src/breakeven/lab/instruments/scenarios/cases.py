"""The course's four cases: little or much computing, on little or much data; and the smallest task there is, beside.

Lives here: the tasks and their items, exactly as large as the course has them. Never here: a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from breakeven.lab.tasks import nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

TASKS = 8
FULL = (200_000, 50_000)
"""Square roots a heavy task adds, and numbers in a large list: as the course has them."""
QUICK = (30_000, 12_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One case: its name, the function, its items, and what the course says of it."""

    name: str
    task: Callable[[Any], Any]
    items: Sequence[Any]
    said: str
    """"parallel", "serial", or "" where the course says nothing."""


def double(task: tuple[int, int]) -> int:
    """Little computing, little data.

    >>> double((0, 21))
    42
    """
    return task[1] * 2


def add_roots(task: tuple[int, int]) -> tuple[int, float]:
    """Much computing, little data.

    >>> add_roots((7, 2))
    (7, 1.0)
    """
    number, count = task
    return number, sum(sqrt(one) for one in range(count))


def add_list(task: tuple[int, list[int]]) -> int:
    """Little computing, much data.

    >>> add_list((0, [1, 2, 3]))
    6
    """
    return sum(task[1])


def add_roots_of_list(task: tuple[int, list[int]]) -> tuple[int, float]:
    """Much computing, much data.

    >>> add_roots_of_list((0, [4, 9]))
    (0, 5.0)
    """
    number, values = task
    total = 0.0
    for value in values:
        total += sqrt(value)
    return number, total


def scenarios(tasks: int = TASKS, square_roots: int = FULL[0], length: int = FULL[1]) -> tuple[Scenario, ...]:
    """Return the four cases with so many tasks each, and a fifth whose task does nothing.

    >>> [scenario.name for scenario in scenarios()][:2]
    ['heavy, small', 'light, small']
    """
    small = [(number, square_roots) for number in range(tasks)]
    large = [(number, list(range(length))) for number in range(tasks)]
    return (
        Scenario(name="heavy, small", task=add_roots, items=small, said="parallel"),
        Scenario(name="light, small", task=double, items=small, said="serial"),
        Scenario(name="heavy, large", task=add_roots_of_list, items=large, said=""),
        Scenario(name="light, large", task=add_list, items=large, said="serial"),
        Scenario(name="empty task", task=nothing, items=list(range(tasks)), said=""),
    )
