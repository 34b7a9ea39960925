"""The period of one state, without the rest of the structure.

Lives here: three ways to it, all of which allow for a tail before the cycle. Never here: all states (`enumeration`).
"""

from __future__ import annotations

from dataclasses import dataclass

from breakeven.workloads.lfsr import algebra, matrices
from breakeven.workloads.lfsr.factoring import primes_of_power_minus_one
from breakeven.workloads.lfsr.faults import LfsrError, TooLarge
from breakeven.workloads.lfsr.reference import next_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from breakeven.workloads.lfsr.field import Field
    from breakeven.workloads.lfsr.register import Register
    from breakeven.workloads.lfsr.structure import Factor

    State = tuple[int, ...]

METHODS = ("algebra", "brent", "floyd")
MAX_STEPS = 50_000_000
"""Steps that a walk may take before it is given up: some minutes."""


@dataclass(frozen=True, slots=True)
class Period:
    """Where a state's orbit closes: after `preperiod` steps it is on a cycle of length `period`."""

    period: int
    preperiod: int
    steps: int


def period(register: Register, state: Sequence[int] | None = None, method: str = "algebra") -> Period:
    """Period and preperiod of one state; without a state, of (0, …, 0, 1).

    `"algebra"` needs no steps: it divides the order of the map by primes while the state stays fixed. `"brent"` and
    `"floyd"` walk, with two states in memory.

    >>> from breakeven.workloads import lfsr
    >>> period(lfsr.register([0, 0, 0, 1, 1, 0])), period(lfsr.register([1, 1, 0, 1]), method="brent").period
    (Period(period=7, preperiod=3, steps=0), 6)
    """
    start = tuple(state) if state is not None else (0,) * (register.degree - 1) + (1,)
    if len(start) != register.degree or any(not 0 <= s < register.field.q for s in start):
        raise LfsrError(f"state {list(start)} must be {register.degree} elements of {register.field}")
    if method not in METHODS:
        raise LfsrError(f"method {method!r} is not known; known are {', '.join(METHODS)}")
    return {"algebra": _by_algebra, "brent": _by_brent, "floyd": _by_floyd}[method](register, start)


def _by_algebra(register: Register, start: State) -> Period:
    field, d = register.field, register.degree
    wide = [[*row, 0] for row in register.matrix()] + [[*(register.offset or (0,) * d), 1]]
    findings, _, factors = algebra.find(register)
    height, order = max(findings.preperiods), findings.order
    orbit = [[*start, 1]]
    for _ in range(height):
        orbit.append(matrices.apply(orbit[-1], wide, field))

    def returns(vector: list[int], steps: int) -> bool:
        return matrices.jumped(vector, wide, steps, field) == vector

    tail = 0
    while not returns(orbit[tail], order):
        tail += 1
    least = order
    for prime in _primes_of_order(factors, field):
        while least % prime == 0 and returns(orbit[tail], least // prime):
            least //= prime
    return Period(least, tail, 0)


def _primes_of_order(factors: Sequence[Factor], field: Field) -> list[int]:
    """Every prime that may divide a period, from the factors: the order itself may be too hard to factor as it is."""
    primes = {field.p}
    for factor in factors:
        if factor.order is not None:
            primes.update(primes_of_power_minus_one(field.p, field.k * factor.degree))
    return sorted(primes)


def _by_brent(register: Register, start: State) -> Period:
    """Brent 1980: the hare runs on, the tortoise jumps to it at powers of two."""
    steps, limit, length = 1, 1, 1
    tortoise, hare = start, next_state(register, start)
    while tortoise != hare:
        if limit == length:
            tortoise, limit, length = hare, limit * 2, 0
        hare = next_state(register, hare)
        length += 1
        steps += 1
        _check_steps(steps)
    ahead = start
    for _ in range(length):
        ahead = next_state(register, ahead)
    tail, behind = 0, start
    while behind != ahead:
        behind, ahead = next_state(register, behind), next_state(register, ahead)
        tail += 1
    return Period(length, tail, steps + length + 2 * tail)


def _by_floyd(register: Register, start: State) -> Period:
    """Floyd: one goes at twice the speed of the other."""
    slow, fast = next_state(register, start), next_state(register, next_state(register, start))
    steps = 3
    while slow != fast:
        slow, fast = next_state(register, slow), next_state(register, next_state(register, fast))
        steps += 3
        _check_steps(steps)
    tail, slow = 0, start
    while slow != fast:
        slow, fast = next_state(register, slow), next_state(register, fast)
        tail += 1
    length, fast = 1, next_state(register, slow)
    while slow != fast:
        fast = next_state(register, fast)
        length += 1
    return Period(length, tail, steps + 2 * tail + length)


def _check_steps(steps: int) -> None:
    if steps > MAX_STEPS:
        raise TooLarge(f"no period within {MAX_STEPS} steps; method='algebra' needs none")
