"""The FLINT library, and what a field needs of it before there is one.

Lives here: the only import of python-flint, and facts about polynomials over prime fields. Never here: polynomials over
GF(q) (`polynomials`).
"""

from __future__ import annotations

from functools import cache

from breakeven.workloads.lfsr.faults import RegisterFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_TWO = 2
_SMALL_INDEX = 1000
"""Divisors of q - 1 up to here are tried in telling whether a root is primitive."""


def flint() -> Any:
    """The FLINT library; raises `BackendUnavailable` where it is missing, saying how to install it."""
    try:
        import flint as library
    except ImportError as error:
        from breakeven import BackendUnavailable

        raise BackendUnavailable("algebra", "pip install 'breakeven[lfsr]'", str(error)) from error
    return library


@cache
def conway(p: int, k: int) -> tuple[int, ...]:
    """Coefficients of the Conway polynomial that defines GF(p^k), constant first.

    FLINT answers with any irreducible polynomial where its tables end. Such a one is taken for what it is by its root
    not being primitive, or by its constant term, which a Conway polynomial has from the least primitive root modulo p.

    >>> conway(3, 2)
    (2, 2, 1)
    """
    library = flint()
    context = library.fq_default_ctx(p, k)
    coefficients = tuple(int(c) for c in context.modulus().coeffs())
    primes = [int(prime) for prime, _ in library.fmpz(p - 1).factor()] if p > _TWO else []
    root = next(g for g in range(1, p) if all(pow(g, (p - 1) // prime, p) != 1 for prime in primes))
    units = p**k - 1
    short = any(units % n == 0 and context.gen() ** (units // n) == 1 for n in range(2, _SMALL_INDEX))
    if short or coefficients[0] != (-1) ** k * root % p:
        raise RegisterFault(f"no Conway polynomial is known here for GF({p}^{k}); give a modulus of degree {k}")
    return coefficients


def is_prime(n: int) -> bool:
    """Whether a whole number is prime."""
    return bool(flint().fmpz(n).is_prime())


def is_irreducible(coefficients: Sequence[int], p: int) -> bool:
    """Whether a polynomial over GF(p), constant first, has no proper factor."""
    library = flint()
    over = library.fmpz_mod_poly_ctx(library.fmpz_mod_ctx(p))
    return bool(over(list(coefficients)).is_irreducible())
