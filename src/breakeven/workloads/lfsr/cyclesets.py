"""Cycle sets: how many cycles of each length, and how those of a direct sum follow from those of its parts.

Lives here: arithmetic on {length: count}. Never here: where the parts come from (`algebra`).
"""

from __future__ import annotations

from math import gcd

from breakeven.workloads.lfsr.faults import TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    CycleSet = dict[int, int]


MOST_PAIRS = 1 << 24
"""Lengths of one part beside lengths of another that are combined: some ten seconds, and a gigabyte at worst."""


def of_block(degree: int, exponents_orders: Iterable[tuple[int, int]], q: int) -> CycleSet:
    """Cycles of one block f^e from (j, order of f^j) for j = 1..e: (q^dj - q^d(j-1)) / ord(f^j) of length ord(f^j).

    Source: Elspas, IRE Transactions on Circuit Theory 6 (1959). The zero state is the cycle of length 1 that is
    always there.

    >>> of_block(1, [(1, 1), (2, 2), (3, 4)], 2)
    {1: 2, 2: 1, 4: 1}
    """
    cycles = {1: 1}
    for exponent, order in exponents_orders:
        states = q ** (degree * exponent) - q ** (degree * (exponent - 1))
        cycles[order] = cycles.get(order, 0) + states // order
    return cycles


def product(a: CycleSet, b: CycleSet) -> CycleSet:
    """Cycles of a direct sum: one of length r beside one of length s makes gcd(r, s) of length lcm(r, s).

    >>> product({1: 1, 3: 1}, {1: 2, 2: 1})
    {1: 2, 2: 1, 3: 2, 6: 1}
    """
    cycles: CycleSet = {}
    for length_a, count_a in a.items():
        for length_b, count_b in b.items():
            shared = gcd(length_a, length_b)
            length = length_a // shared * length_b
            cycles[length] = cycles.get(length, 0) + count_a * count_b * shared
    return dict(sorted(cycles.items()))


def product_of_all(parts: Iterable[CycleSet]) -> CycleSet:
    """Cycles of the direct sum of any number of parts; of none, the one zero state."""
    total: CycleSet = {1: 1}
    for part in sorted(parts, key=len):
        if len(total) * len(part) > MOST_PAIRS:
            raise TooLarge(
                f"cycles of more than {MOST_PAIRS // len(part)} lengths beside cycles of {len(part)}: "
                "that many combinations are out of reach; a register with fewer factors is not"
            )
        total = product(total, part)
    return total


def difference(a: CycleSet, b: CycleSet, divisor: int) -> CycleSet:
    """(a - b) / divisor, length by length; lengths of which none is left are dropped."""
    left = {length: (a.get(length, 0) - b.get(length, 0)) // divisor for length in sorted({*a, *b})}
    return {length: count for length, count in left.items() if count}


def states(cycles: CycleSet) -> int:
    """How many states lie on all these cycles."""
    return sum(length * count for length, count in cycles.items())
