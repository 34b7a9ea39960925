"""What is found out about a register, whichever engine found it.

Lives here: the records, and their form as plain data. Never here: finding anything out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import lcm

from breakeven.workloads.lfsr.polynomials import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from breakeven.workloads.lfsr.register import Register


@dataclass(frozen=True, slots=True)
class Factor:
    """An irreducible factor of the characteristic polynomial; `order` is None for x, which has none."""

    coefficients: tuple[int, ...]
    multiplicity: int
    order: int | None

    @property
    def degree(self) -> int:
        """Its degree."""
        return len(self.coefficients) - 1

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "polynomial": to_text(self.coefficients),
            "degree": self.degree,
            "multiplicity": self.multiplicity,
            "order": self.order,
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What both engines must agree on.

    `cycles` is {length: how many}, `preperiods` {steps before the cycle: how many states}, `leaves` the number of
    states that nothing leads to. `order` is the least m ≥ 1 with T^m the identity on the periodic states.
    """

    cycles: dict[int, int]
    preperiods: dict[int, int]
    leaves: int
    primitive: bool

    @property
    def order(self) -> int:
        """Least common multiple of all cycle lengths."""
        return lcm(*self.cycles)

    def differences(self, other: Findings) -> list[str]:
        """In what two findings differ, one text each."""
        return [
            f"{name}: {getattr(self, name)} against {getattr(other, name)}"
            for name in ("cycles", "preperiods", "leaves", "order", "primitive")
            if getattr(self, name) != getattr(other, name)
        ]


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of one register, and how it was found.

    `steps` counts the states that were walked through (0 for algebra); `representatives` has (length, least state) of
    cycles that were walked, by their least state, as many as were asked for.
    `differences` is empty but where two engines were compared and did not agree.
    """

    register: Register
    findings: Findings
    polynomial: tuple[int, ...]
    factors: tuple[Factor, ...]
    engine: str
    backend_requested: str = "auto"
    backend_used: str = "none"
    reason: str = ""
    steps: int = 0
    seconds: float = 0.0
    representatives: tuple[tuple[int, int], ...] = ()
    differences: tuple[str, ...] = field(default=())

    @property
    def cycles(self) -> Mapping[int, int]:
        """{length: how many cycles}."""
        return self.findings.cycles

    @property
    def preperiods(self) -> Mapping[int, int]:
        """{steps before the cycle: how many states}."""
        return self.findings.preperiods

    @property
    def leaves(self) -> int:
        """States that nothing leads to."""
        return self.findings.leaves

    @property
    def order(self) -> int:
        """Least common multiple of all cycle lengths."""
        return self.findings.order

    @property
    def primitive(self) -> bool:
        """Whether the characteristic polynomial is primitive."""
        return self.findings.primitive

    @property
    def states(self) -> int:
        """q^degree."""
        return self.register.states

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `breakeven lfsr analyse --json` prints it; lengths are text there, as JSON wants of keys."""
        return {
            "name": self.register.name,
            "q": self.register.field.q,
            "degree": self.register.degree,
            "polynomial": to_text(self.polynomial),
            "factors": [factor.to_dict() for factor in self.factors],
            "order": self.order,
            "primitive": self.primitive,
            "cycles": {str(length): count for length, count in sorted(self.cycles.items())},
            "preperiods": {str(height): count for height, count in sorted(self.preperiods.items())},
            "leaves": self.leaves,
            "engine": self.engine,
            "backend_requested": self.backend_requested,
            "backend_used": self.backend_used,
            "reason": self.reason,
            "states": self.states,
            "steps": self.steps,
            "seconds": self.seconds,
        }
