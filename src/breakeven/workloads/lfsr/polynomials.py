"""Polynomials over GF(q), as lists of coefficients with the constant first, and their way to FLINT and back.

Lives here: text to coefficients and back, factoring, powers modulo a polynomial. Never here: what a polynomial says
about a register (`algebra`). What FLINT is, stands in `library`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from breakeven.workloads.lfsr.faults import RegisterFault
from breakeven.workloads.lfsr.library import flint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breakeven.workloads.lfsr.field import Field

MAX_DEGREE = 1 << 20
"""A polynomial given as text may not be of higher degree: x^999999999 is a slip, and would fill the memory."""

_TERM = re.compile(r"(?:([0-9]{1,4000})\*?)?(?:([A-Za-z])(?:(?:\^|\*\*)([0-9]{1,4000}))?)?")


@lru_cache(maxsize=256)
def ring(field: Field) -> tuple[Any, Any]:
    """FLINT's contexts of the field and of polynomials over it."""
    library = flint()
    if field.k == 1:
        context = library.fq_default_ctx(field.p, 1)
    else:
        over = library.fmpz_mod_poly_ctx(library.fmpz_mod_ctx(field.p))
        context = library.fq_default_ctx(modulus=over(list(field.modulus)))
    return context, library.fq_default_poly_ctx(context)


def to_flint(coefficients: Sequence[int], field: Field) -> Any:
    """Coefficients, constant first → FLINT's polynomial."""
    context, polynomials = ring(field)
    if field.k == 1:
        return polynomials(list(coefficients))
    return polynomials([context(field.digits(c)) for c in coefficients])


def from_flint(polynomial: Any, field: Field) -> list[int]:
    """FLINT's polynomial → coefficients, constant first."""
    return [field.number([int(digit) for digit in c.to_list()]) for c in polynomial.coeffs()]


def factor(polynomial: Any) -> list[tuple[Any, int]]:
    """Monic irreducible factors with their multiplicities, by degree, then by their text."""
    _, found = polynomial.factor()
    return sorted(found, key=lambda pair: (pair[0].degree(), str(pair[0])))


def to_text(coefficients: Sequence[int], letter: str = "x") -> str:
    """Write a polynomial, highest power first.

    >>> to_text([1, 0, 3, 1])
    'x^3+3*x^2+1'
    """
    terms = []
    for power in range(len(coefficients) - 1, -1, -1):
        coefficient = coefficients[power]
        if coefficient:
            factor_text = "" if coefficient == 1 and power else str(coefficient) + ("*" if power else "")
            terms.append(factor_text + ("" if not power else letter if power == 1 else f"{letter}^{power}"))
    return "+".join(terms) or "0"


def from_text(text: str, field: Field) -> list[int]:
    """Read a polynomial, such as `x^4 + 3*x + 1`; a minus sign means the additive inverse.

    >>> from breakeven.workloads.lfsr.field import field_of
    >>> from_text("x^3 - x + 2", field_of(3))
    [2, 2, 0, 1]
    """
    compact = re.sub(r"\s+", "", text)
    powers: dict[int, int] = {}
    letters = set(re.findall("[A-Za-z]", compact))
    if len(letters) > 1:
        raise RegisterFault(f"{text!r} is no polynomial in one letter: it has {', '.join(sorted(letters))}")
    for sign, term in re.findall(r"([+-]?)([^+-]*)", compact):
        if not sign and not term:
            continue
        found = _TERM.fullmatch(term)
        if found is None or not term:
            raise RegisterFault(f"{text!r} is no polynomial: {sign}{term!r} is no term; write x^4+3*x+1")
        coefficient = int(found[1] or 1)
        if coefficient >= field.q:
            raise RegisterFault(f"coefficient {coefficient} of {text!r} is not below q = {field.q}")
        power = int(found[3] or 1) if found[2] else 0
        if power > MAX_DEGREE:
            raise RegisterFault(f"power {power} of {text!r} is beyond {MAX_DEGREE}; the degree may not be higher")
        powers[power] = field.add(powers.get(power, 0), field.negate(coefficient) if sign == "-" else coefficient)
    if not powers:
        raise RegisterFault("a polynomial is empty; write x^4+3*x+1")
    coefficients = [powers.get(power, 0) for power in range(max(powers) + 1)]
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    return coefficients
