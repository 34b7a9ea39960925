"""The primes of q^d - 1, which orders of polynomials are made of.

Lives here: splitting q^d - 1 into cyclotomic parts before any of them is factored. Never here: what an order is.
"""

from __future__ import annotations

from functools import lru_cache

from breakeven.workloads.lfsr.faults import TooLarge
from breakeven.workloads.lfsr.library import flint

_HARD_BITS = 225
"""A composite part without small factors is factored up to this size: FLINT's sieve takes about ten seconds for it."""
_SMALL_FACTOR_BITS = 64


def divisors(n: int) -> list[int]:
    """Every divisor of n, ascending.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    found = [1]
    for prime, exponent in flint().fmpz(n).factor():
        found = [d * int(prime) ** e for d in found for e in range(exponent + 1)]
    return sorted(found)


@lru_cache(maxsize=4096)
def cyclotomic(m: int, p: int) -> int:
    """The m-th cyclotomic polynomial at p, by Moebius inversion of x^m - 1.

    >>> cyclotomic(6, 2)
    3
    """
    above, below = 1, 1
    for d in divisors(m):
        moebius = int(flint().fmpz(m // d).moebius_mu())
        if moebius == 1:
            above *= p**d - 1
        elif moebius == -1:
            below *= p**d - 1
    return above // below


@lru_cache(maxsize=4096)
def primes_of_power_minus_one(p: int, exponent: int) -> tuple[int, ...]:
    """The different primes that divide p^exponent - 1, ascending.

    Raises `TooLarge` where a part of it cannot be factored in reasonable time.

    >>> primes_of_power_minus_one(2, 12)
    (3, 5, 7, 13)
    """
    primes: set[int] = set()
    for m in divisors(exponent):
        for part in _aurifeuillian(m, p):
            primes.update(_primes_of(part, p, exponent))
    return tuple(sorted(primes))


def _aurifeuillian(m: int, p: int) -> tuple[int, ...]:
    """Two factors of the m-th part for p = 2 and m = 4j, j odd: 2^(2j)+1 = (2^j - 2^((j+1)/2) + 1)(2^j + … + 1)."""
    value = cyclotomic(m, p)
    if p != 2 or m % 8 != 4:
        return (value,)
    j = m // 4
    from math import gcd

    low = gcd(value, 2**j - 2 ** ((j + 1) // 2) + 1)
    return low, value // low


def _primes_of(n: int, p: int, exponent: int) -> list[int]:
    library = flint()
    number = library.fmpz(n)
    if n == 1:
        return []
    if number.is_prime():
        return [n]
    if n.bit_length() <= _HARD_BITS:
        return [int(prime) for prime, _ in number.factor()]
    found = []
    for prime, _ in number.factor_smooth(_SMALL_FACTOR_BITS):
        if not prime.is_prime():
            if int(prime).bit_length() > _HARD_BITS:
                raise TooLarge(
                    f"{p}^{exponent}-1 has a part of {len(str(int(prime)))} digits that is too hard to factor here, so "
                    "orders of that degree are out of reach; a register of smaller or other degree is not"
                )
            found += [int(factor) for factor, _ in prime.factor()]
        else:
            found.append(int(prime))
    return found
