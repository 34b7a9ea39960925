"""A second, independent formula for the cycles, to check the first by.

Lives here: counting the states that m steps lead back to themselves, and Moebius inversion. Never here: cycle sets of
blocks and their products, which are what is checked.

The states s with T^m s = s are the kernel of T^m - I. On a cyclic module F[x]/f it has q^(deg gcd(f, x^m - 1))
elements; states of exact period m follow by inversion over the divisors of the order, and each cycle has m of them.
"""

from __future__ import annotations

from breakeven.workloads.lfsr import algebra, polynomials
from breakeven.workloads.lfsr.factoring import divisors
from breakeven.workloads.lfsr.library import flint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.workloads.lfsr.register import Register


def cycles(register: Register) -> dict[int, int]:
    """Cycles of a linear shift register or matrix by the kernels of T^m - I; an offset is not allowed for.

    >>> from breakeven.workloads.lfsr.register import register
    >>> cycles(register([1, 1, 0, 1]))
    {1: 2, 2: 1, 3: 2, 6: 1}
    """
    field = register.field
    blocks = _block_polynomials(register)
    order = _common_order(register)
    fixed = {m: field.q ** sum(_shared_degree(f, m) for f in blocks) for m in divisors(order)}
    counted = {}
    for m in fixed:
        exact = sum(int(flint().fmpz(m // d).moebius_mu()) * fixed[d] for d in fixed if m % d == 0)
        if exact:
            counted[m] = exact // m
    return counted


def _block_polynomials(register: Register) -> list[Any]:
    """f^e of every block but those of x, in FLINT."""
    field = register.field
    factors = algebra.factors_of(register.characteristic(), field)
    return [
        polynomials.to_flint(factor.coefficients, field) ** exponent
        for factor, exponents in algebra.blocks_of(register, factors)
        if factor.order is not None
        for exponent in exponents
    ]


def _common_order(register: Register) -> int:
    """A multiple of every cycle length: the order of the characteristic polynomial without its factor x."""
    coefficients = register.characteristic()
    while coefficients[0] == 0:
        coefficients = coefficients[1:]
    return algebra.order_of(coefficients, register.field) if len(coefficients) > 1 else 1


def _shared_degree(f: Any, m: int) -> int:
    """Degree of gcd(f, x^m - 1), by x^m modulo f."""
    x = f.context().gen() % f if hasattr(f, "context") else f
    return int(f.gcd(x.pow_mod(m, f) - 1).degree())
