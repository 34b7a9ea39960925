"""The algebra engine: the whole structure of a register from its elementary divisors, without walking a step.

Lives here: factors, orders, blocks, and the cycle set and trees that follow. Never here: enumeration, which proves it.

The state space splits into V_0, on which the map is nilpotent (the factor x), and V_1, on which it is a bijection
(Fitting). V_1 is a direct sum of blocks f^e; each has a cycle set (`cyclesets`), and that of the sum is their product.
"""

from __future__ import annotations

from functools import lru_cache

from breakeven.workloads.lfsr import cyclesets, matrices, polynomials
from breakeven.workloads.lfsr.factoring import primes_of_power_minus_one
from breakeven.workloads.lfsr.faults import LfsrError
from breakeven.workloads.lfsr.library import flint
from breakeven.workloads.lfsr.structure import Factor, Findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breakeven.workloads.lfsr.field import Field
    from breakeven.workloads.lfsr.register import Register

    Blocks = list[tuple[Factor, list[int]]]
    """Each irreducible factor with the exponents of its blocks."""


def order_of(coefficients: Sequence[int], field: Field) -> int:
    """Order of any polynomial with a constant term that is not 0: the least m with f | x^m - 1.

    >>> from breakeven.workloads.lfsr.field import field_of
    >>> order_of([1, 1, 0, 1, 1], field_of(2))
    6
    """
    from math import lcm

    found = polynomials.factor(polynomials.to_flint(coefficients, field))
    return lcm(*(
        _order_of_irreducible(tuple(polynomials.from_flint(f, field)), field) * _repetition(e, field.p)
        for f, e in found
    ))  # fmt: skip


@lru_cache(maxsize=4096)
def _order_of_irreducible(coefficients: tuple[int, ...], field: Field) -> int:
    """Order of an irreducible polynomial other than x: q^d - 1, divided by primes while x^(o/l) = 1 modulo f."""
    degree = len(coefficients) - 1
    order = int(field.q**degree) - 1
    primes = primes_of_power_minus_one(field.p, field.k * degree)
    f, x = _modulus_and_x(coefficients, field)
    for prime in primes:
        while order % prime == 0 and x.pow_mod(order // prime, f).is_one():
            order //= prime
    return order


def _modulus_and_x(coefficients: tuple[int, ...], field: Field) -> tuple[Any, Any]:
    """F and x for `pow_mod`; over prime fields as `nmod_poly`, five times as fast as the general type."""
    library = flint()
    if field.k == 1 and field.p < 1 << 63:
        f, x = library.nmod_poly(list(coefficients), field.p), library.nmod_poly([0, 1], field.p)
    else:
        f, x = polynomials.to_flint(coefficients, field), polynomials.ring(field)[1].gen()
    return f, x % f


def _repetition(exponent: int, p: int) -> int:
    """ord(f^j) / ord(f): the least power of p that is not below j."""
    factor = 1
    while factor < exponent:
        factor *= p
    return factor


def factors_of(coefficients: Sequence[int], field: Field) -> tuple[Factor, ...]:
    """The irreducible factors of a polynomial, with multiplicities and orders."""
    factors = []
    for f, e in polynomials.factor(polynomials.to_flint(coefficients, field)):
        monic = tuple(polynomials.from_flint(f, field))
        factors.append(Factor(monic, e, None if monic == (0, 1) else _order_of_irreducible(monic, field)))
    return tuple(factors)


def blocks_of(register: Register, factors: Sequence[Factor]) -> Blocks:
    """Exponents of the elementary divisors, factor by factor.

    A companion matrix has one block a factor. Of any other matrix the number of blocks with exponent ≥ j is
    (rank f(M)^(j-1) - rank f(M)^j) / deg f.
    """
    if register.form != "matrix":
        return [(factor, [factor.multiplicity]) for factor in factors]
    return [(factor, _exponents(register.rows, factor, register.field)) for factor in factors]


def _exponents(rows: Sequence[Sequence[int]], factor: Factor, field: Field) -> list[int]:
    if factor.multiplicity == 1:
        return [1]
    at_matrix = matrices.evaluate(factor.coefficients, rows, field)
    powered, before = at_matrix, len(rows)
    at_least: list[int] = []
    while sum(at_least) < factor.multiplicity:
        after = matrices.rank_of(powered, field)
        at_least.append((before - after) // factor.degree)
        before = after
        if sum(at_least) < factor.multiplicity:
            powered = matrices.product_of(powered, at_matrix, field)
    counts = [many - more for many, more in zip(at_least, [*at_least[1:], 0], strict=True)]
    return [exponent for exponent, count in enumerate(counts, 1) for _ in range(count)]


def cycles_of(blocks: Blocks, field: Field) -> dict[int, int]:
    """The cycle set of all blocks but those of x."""
    parts = []
    for factor, exponents in blocks:
        order = factor.order
        if order is not None:
            parts += [
                cyclesets.of_block(
                    factor.degree, [(j, order * _repetition(j, field.p)) for j in range(1, e + 1)], field.q
                )
                for e in exponents
            ]
    return cyclesets.product_of_all(parts)


def find(register: Register) -> tuple[Findings, tuple[int, ...], tuple[Factor, ...]]:
    """Everything about a register, with its characteristic polynomial and that polynomial's factors.

    >>> from breakeven.workloads.lfsr.register import register
    >>> find(register([1, 1, 0, 1]))[0].cycles
    {1: 2, 2: 1, 3: 2, 6: 1}
    """
    field, degree = register.field, register.degree
    polynomial = tuple(register.characteristic())
    factors = factors_of(polynomial, field)
    blocks = blocks_of(register, factors)
    nilpotent = [e for factor, exponents in blocks if factor.order is None for e in exponents]
    cycles = cycles_of(blocks, field)
    if any(register.offset):
        cycles = _affine_cycles(register, blocks, cycles)
    periodic = field.q ** (degree - sum(nilpotent))
    preperiods = {0: periodic}
    reached = periodic
    for height in range(1, max(nilpotent, default=0) + 1):
        within = periodic * field.q ** sum(min(height, e) for e in nilpotent)
        preperiods[height] = within - reached
        reached = within
    leaves = register.states - field.q ** (degree - len(nilpotent))
    primitive = len(factors) == 1 and factors[0].multiplicity == 1 and factors[0].order == field.q**degree - 1
    return Findings(cycles, preperiods, leaves, primitive), polynomial, factors


def _affine_cycles(register: Register, blocks: Blocks, linear: dict[int, int]) -> dict[int, int]:
    """Cycles of s → s M + b: those of the map on (s, t) → (s M + t b, t) with t ≠ 0, of which q - 1 look alike.

    The wider map has the same blocks but for those of x - 1. A shift register with its feedback complemented obeys the
    recurrence (x - 1) f, so there the block of x - 1 grows by one; of any matrix the ranks tell.
    """
    field = register.field
    minus_one = (field.negate(1), 1)
    others = [(factor, exponents) for factor, exponents in blocks if factor.coefficients != minus_one]
    multiplicity = 1 + sum(factor.multiplicity for factor, _ in blocks if factor.coefficients == minus_one)
    unit = Factor(minus_one, multiplicity, 1)
    if register.form == "matrix":
        wide = [[*row, 0] for row in register.rows] + [[*register.offset, 1]]
        exponents = _exponents(wide, unit, field)
    else:
        exponents = [multiplicity]
    wider = cycles_of([*others, (unit, exponents)], field)
    return cyclesets.difference(wider, linear, field.q - 1)


def order_of_matrix(rows: Sequence[Sequence[int]], field: Field) -> int:
    """Multiplicative order of an invertible matrix: that of its minimal polynomial.

    Raises `LfsrError` for a singular one.

    >>> from breakeven.workloads.lfsr.field import field_of
    >>> order_of_matrix([[0, 1], [1, 1]], field_of(2))
    3
    """
    polynomial = matrices.minimal(rows, field)
    if polynomial[0] == 0:
        raise LfsrError("the matrix is singular, so no power of it is the identity; analyse it as a register instead")
    return order_of(polynomial, field)
