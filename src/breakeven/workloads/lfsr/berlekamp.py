"""Berlekamp-Massey over GF(q): the shortest register that makes a sequence.

Lives here: the algorithm and its result. Never here: making sequences (`sequences`).
"""

from __future__ import annotations

from dataclasses import dataclass

from breakeven.workloads.lfsr.faults import RegisterFault
from breakeven.workloads.lfsr.field import Field, field_of
from breakeven.workloads.lfsr.register import Register, register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The shortest recurrence of a sequence: s_{n+L} = c_0 s_n + … + c_{L-1} s_{n+L-1}, L its linear complexity.

    It is `unique` where the sequence has at least 2 L elements.
    """

    field: Field
    coefficients: tuple[int, ...]
    unique: bool

    @property
    def complexity(self) -> int:
        """Length of the recurrence."""
        return len(self.coefficients)

    def register(self, name: str = "recurrence") -> Register:
        """The register of the recurrence; raises `RegisterFault` for a sequence of zeros, which needs none."""
        return register(self.coefficients, self.field, name=name)


def shortest_recurrence(sequence: Sequence[int], field: int | Field = 2) -> Recurrence:
    """Find the shortest recurrence that a sequence obeys (Massey 1969), in O(n²) operations of the field.

    >>> shortest_recurrence([0, 0, 0, 1, 0, 0, 1, 1, 0, 1]).coefficients
    (1, 1, 0, 0)
    """
    over = field if isinstance(field, Field) else field_of(field)
    for column, element in enumerate(sequence, 1):
        if not 0 <= element < over.q:
            raise RegisterFault(f"{element} is not an element of GF({over.q})", column)
    add, multiply = over.add, over.multiply
    current, previous = [1], [1]  # connection polynomials, constant first
    length, shift, last = 0, 1, 1
    for n, element in enumerate(sequence):
        discrepancy = element
        for i in range(1, min(length, len(current) - 1) + 1):
            discrepancy = add(discrepancy, multiply(current[i], sequence[n - i]))
        if not discrepancy:
            shift += 1
            continue
        factor = over.negate(multiply(discrepancy, over.invert(last)))
        kept = current
        current = current + [0] * (len(previous) + shift - len(current))
        for i, c in enumerate(previous):
            current[i + shift] = add(current[i + shift], multiply(factor, c))
        if 2 * length <= n:
            length, previous, last, shift = n + 1 - length, kept, discrepancy, 1
        else:
            shift += 1
    padded = current[: length + 1] + [0] * (length + 1 - len(current))
    coefficients = tuple(over.negate(c) for c in reversed(padded[1:]))
    return Recurrence(over, coefficients, len(sequence) >= 2 * length)
