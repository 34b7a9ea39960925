"""The words of the benchmark: section, case, column, target; plan of a cell and what came of it.

Nothing here measures, and no cell imports it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Measures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One experiment with one set of options, over the variants it makes sense for."""

    name: str
    experiment: str
    variants: tuple[str, ...]
    options: dict[str, int] = field(default_factory=dict)
    quick: dict[str, int] = field(default_factory=dict)
    limit_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Column:
    """One measure as a table shows it."""

    measure: str
    heading: str
    more_is_better: bool = False
    missing: str = "–"


@dataclass(frozen=True, slots=True)
class Section:
    """One question, asked of every variant."""

    name: str
    title: str
    how: str
    cases: tuple[Case, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What one measure of one of breakeven's variants has to reach."""

    section: str
    case: str
    measure: str
    what: str
    bound: float
    unit: str
    at_least: bool = False
    variant: str = "breakeven"
    rivals: tuple[str, float, float] | None = None
    """A measure, and between what a peer has to have it to be compared with: cheap and useless does not count."""

    def met_by(self, value: float) -> bool:
        """Whether a measured value reaches the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell to be run: which case of which section, with which variant and options."""

    section: str
    case: str
    experiment: str
    variant: str
    options: dict[str, int]
    limit_seconds: float

    @property
    def label(self) -> str:
        """Section, case and variant, for people."""
        return "/".join(part for part in (self.section, self.case, self.variant) if part)


@dataclass(slots=True)
class CellRecord:
    """What came of one cell, as it is kept in the results file."""

    section: str
    case: str
    variant: str
    options: dict[str, int]
    run: str = ""
    block: int = 0
    attempt: int = 0
    status: str = "ok"
    measures: Measures = field(default_factory=dict)
    wall_seconds: float = 0.0
    gone_seconds: float | None = None
    foreign_cores: float = 0.0
    stolen_cores: float = 0.0
    foreign_before: float = 0.0
    flagged: bool = False
    superseded: bool = False
    left_processes: int = 0
    stderr_tail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__}
