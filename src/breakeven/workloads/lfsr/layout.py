"""Where the states of a small register stand in a picture of its graph.

Lives here: the components of the graph, rings for cycles, wedges for the trees on them, rows of rings. Never here:
marks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, sin

from breakeven.workloads.lfsr.reference import next_state, number_of, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

_SPACING = 34.0
"""Between neighbours on a ring, and between one ring and the next."""
_ROW_WIDTH = 1100.0
_GAP = 26.0


@dataclass(frozen=True, slots=True)
class Place:
    """A state's place; `height` is its distance from the cycle, `leaf` whether nothing leads to it."""

    x: float
    y: float
    height: int
    leaf: bool
    successor: int


@dataclass(frozen=True, slots=True)
class Component:
    """One cycle with all that leads to it: its states in order, and for every state its sources outside the cycle."""

    cycle: list[int]
    sources: dict[int, list[int]]

    def leaves_above(self, state: int) -> int:
        """How many leaves the tree over a state has; a state without a tree counts as one."""
        return sum(self.leaves_above(source) for source in self.sources[state]) or 1

    def height_above(self, state: int) -> int:
        """How high the tree over a state is."""
        return max((1 + self.height_above(source) for source in self.sources[state]), default=0)


def components(register: Register) -> list[Component]:
    """Every component of the graph, those with the longest cycles first.

    >>> from breakeven.workloads.lfsr.register import register
    >>> [component.cycle for component in components(register([1, 1, 0]))]
    [[1, 4, 2, 5, 6, 7, 3], [0]]
    """
    follow = [number_of(register, next_state(register, state_of(register, s))) for s in range(register.states)]
    on_cycle: set[int] = set()
    cycles = []
    for start in range(register.states):
        state = start
        for _ in range(register.states):
            state = follow[state]
        if state not in on_cycle:
            cycle = [state]
            while (following := follow[cycle[-1]]) != state:
                cycle.append(following)
            least = cycle.index(min(cycle))
            cycles.append(cycle[least:] + cycle[:least])
            on_cycle.update(cycle)
    sources: dict[int, list[int]] = {state: [] for state in range(register.states)}
    for state, following in enumerate(follow):
        if state not in on_cycle:
            sources[following].append(state)
    return [Component(cycle, sources) for cycle in sorted(cycles, key=lambda cycle: (-len(cycle), cycle[0]))]


def placed(parts: list[Component]) -> tuple[dict[int, Place], float, float]:
    """Places of all states, in rows of rings from left to right, and the width and height they take."""
    places: dict[int, Place] = {}
    x, y, row_height, width = _GAP, _GAP, 0.0, 0.0
    for part in parts:
        radius, local = _ring(part)
        size = 2 * radius + 2 * _GAP
        if x > _GAP and x + size > _ROW_WIDTH:
            x, y, row_height = _GAP, y + row_height, 0.0
        for state, place in local.items():
            places[state] = replace(place, x=place.x + x + radius + _GAP / 2, y=place.y + y + radius + _GAP)
        x += size
        width, row_height = max(width, x), max(row_height, size)
    return places, width + _GAP, y + row_height + _GAP


def _ring(part: Component) -> tuple[float, dict[int, Place]]:
    """Radius of a component, and its places about (0, 0): each tree in a wedge as wide as its share of the leaves."""
    cycle = part.cycle
    leaves = [part.leaves_above(state) for state in cycle]
    height = max(part.height_above(state) for state in cycle)
    inner = 0.0 if len(cycle) == 1 else _SPACING * len(cycle) / (2 * pi)
    inner = max(
        inner, _SPACING * 0.6 if len(cycle) > 1 else 0.0, 0.75 * _SPACING * sum(leaves) / (2 * pi) - height * _SPACING
    )
    if len(cycle) == 1:
        inner = 0.0
    step = max(_SPACING, (0.75 * _SPACING * sum(leaves) / (2 * pi) - inner) / height) if height else _SPACING
    local: dict[int, Place] = {}
    angle = -pi / 2
    for at, state in enumerate(cycle):
        wedge = 2 * pi * leaves[at] / sum(leaves)
        _place(part, state, cycle[(at + 1) % len(cycle)], (angle, wedge), (inner, step, 0), local)
        angle += wedge
    return inner + height * step + _SPACING / 2, local


def _place(
    part: Component,
    state: int,
    successor: int,
    wedge: tuple[float, float],
    ring: tuple[float, float, int],
    local: dict[int, Place],
) -> None:
    """Place a state in the middle of its wedge, and what leads to it further out."""
    angle, width = wedge
    inner, step, height = ring
    middle, radius = angle + width / 2, inner + step * height
    sources = part.sources[state]
    local[state] = Place(radius * cos(middle), radius * sin(middle), height, height > 0 and not sources, successor)
    total = part.leaves_above(state)
    for source in sources:
        share = width * part.leaves_above(source) / total
        _place(part, source, state, (angle, share), (inner, step, height + 1), local)
        angle += share
