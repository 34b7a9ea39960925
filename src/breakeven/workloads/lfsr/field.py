"""The field GF(q): which it is, and arithmetic on its elements.

Lives here: prime powers, the modulus, sums and products of elements written as whole numbers. Never here: polynomials
over the field (`polynomials`), which need python-flint.

An element of GF(p^k) is a polynomial of degree below k over GF(p), taken modulo an irreducible polynomial of degree k,
and is written as the whole number whose digits to the base p are its coefficients, the constant one least significant.
So in GF(4) with modulus x^2+x+1 the number 2 is the root x, and 3 is x+1. Without a modulus it is Conway's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from breakeven.workloads.lfsr import library
from breakeven.workloads.lfsr.faults import RegisterFault

_TABLE_LIMIT = 4096
"""Fields up to this size multiply by tables of logarithms, which take 5 µs an element to make."""


@dataclass(frozen=True, slots=True)
class Field:
    """GF(p^k); `modulus` holds the k+1 coefficients of the defining polynomial, constant first, and () where k = 1.

    >>> field = field_of(4)
    >>> field.modulus, field.multiply(2, 3), field.add(2, 3)
    ((1, 1, 1), 1, 1)
    """

    p: int
    k: int
    modulus: tuple[int, ...] = ()

    @property
    def q(self) -> int:
        """How many elements the field has."""
        return int(self.p**self.k)

    def digits(self, element: int) -> list[int]:
        """Coefficients of an element over GF(p), constant first, always k of them."""
        digits = []
        for _ in range(self.k):
            element, digit = divmod(element, self.p)
            digits.append(digit)
        return digits

    def number(self, digits: list[int]) -> int:
        """Turn coefficients over GF(p), constant first, into the element that they write."""
        element = 0
        for digit in reversed(digits):
            element = element * self.p + digit % self.p
        return element

    def add(self, a: int, b: int) -> int:
        """Sum of two elements."""
        if self.p == 2:
            return a ^ b
        if self.k == 1:
            return (a + b) % self.p
        return self.number([x + y for x, y in zip(self.digits(a), self.digits(b), strict=True)])

    def negate(self, a: int) -> int:
        """Additive inverse."""
        if self.p == 2:
            return a
        if self.k == 1:
            return -a % self.p
        return self.number([-x for x in self.digits(a)])

    def subtract(self, a: int, b: int) -> int:
        """Difference of two elements."""
        return self.add(a, self.negate(b))

    def multiply(self, a: int, b: int) -> int:
        """Product of two elements."""
        if a == 0 or b == 0:
            return 0
        if self.k == 1:
            return a * b % self.p
        if self.q > _TABLE_LIMIT:
            return _product(self, a, b)
        logarithms, powers = _logarithms(self)
        return powers[logarithms[a] + logarithms[b]]

    def invert(self, a: int) -> int:
        """Multiplicative inverse; raises `ZeroDivisionError` for 0."""
        if a == 0:
            raise ZeroDivisionError("0 has no inverse in a field")
        if self.k == 1:
            return pow(a, -1, self.p)
        if self.q > _TABLE_LIMIT:
            return self.power(a, self.q - 2)
        logarithms, powers = _logarithms(self)
        return powers[self.q - 1 - logarithms[a]]

    def power(self, a: int, exponent: int) -> int:
        """`a` raised to a whole number from 0 up."""
        result = 1
        while exponent:
            if exponent & 1:
                result = self.multiply(result, a)
            a = self.multiply(a, a)
            exponent >>= 1
        return result

    def __str__(self) -> str:
        return f"GF({self.q})" if self.k == 1 else f"GF({self.p}^{self.k})"


def _product(field: Field, a: int, b: int) -> int:
    """Multiply by the definition: the product of the polynomials, reduced by the modulus."""
    p, k = field.p, field.k
    product = [0] * (2 * k - 1)
    for i, x in enumerate(field.digits(a)):
        for j, y in enumerate(field.digits(b)):
            product[i + j] += x * y
    for top in range(2 * k - 2, k - 1, -1):
        factor = product[top] % p
        for j, c in enumerate(field.modulus):
            product[top - k + j] -= factor * c
    return field.number(product[:k])


@lru_cache(maxsize=64)
def _logarithms(field: Field) -> tuple[list[int], list[int]]:
    """Logarithm of each element to the base of some generator, and the powers of that, twice around."""
    q = field.q
    for generator in range(2, q):
        powers = [1]
        while (following := _product(field, powers[-1], generator)) != 1:
            powers.append(following)
        if len(powers) == q - 1:
            logarithms = [0] * q
            for exponent, element in enumerate(powers):
                logarithms[element] = exponent
            return logarithms, powers * 2
    raise RegisterFault(f"modulus {list(field.modulus)} of {field} is reducible; give an irreducible one")


@cache
def prime_power(q: int) -> tuple[int, int]:
    """Write q as (p, k) with q = p^k, p a prime.

    >>> prime_power(27)
    (3, 3)
    >>> prime_power(6)
    Traceback (most recent call last):
    breakeven.workloads.lfsr.faults.RegisterFault: q = 6 is no power of a prime; fields have 2, 3, 4, 5, 7, … elements
    """
    if q >= 2:
        for k in range(q.bit_length(), 0, -1):
            root = _root(q, k)
            if root**k == q and _is_prime(root):
                return root, k
    raise RegisterFault(f"q = {q} is no power of a prime; fields have 2, 3, 4, 5, 7, … elements")


def _root(n: int, k: int) -> int:
    """The largest r with r^k <= n."""
    low, high = 1, 1 << (n.bit_length() // k + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**k <= n else (low, middle)
    return low


def _is_prime(n: int) -> bool:
    if n < 1 << 16:
        return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))
    return library.is_prime(n)


@cache
def field_of(q: int, modulus: tuple[int, ...] | None = None) -> Field:
    """The field with q elements and this modulus (k+1 coefficients over GF(p), constant first); Conway's if None.

    Raises `RegisterFault` where q is no prime power, where the modulus is not of degree k, monic and irreducible over
    GF(p), and where there is no modulus and no Conway polynomial in FLINT's tables.
    """
    p, k = prime_power(q)
    if k == 1:
        if modulus is not None and len(modulus) != 2:
            raise RegisterFault(f"GF({q}) is a prime field and has no modulus; leave it out")
        return Field(p, 1)
    if modulus is None:
        return Field(p, k, library.conway(p, k))
    if len(modulus) != k + 1 or any(not 0 <= c < p for c in modulus) or modulus[-1] != 1:
        raise RegisterFault(
            f"modulus {list(modulus)} of GF({q}) must be {k + 1} coefficients from 0 to {p - 1}, constant first, "
            "the last of them 1"
        )
    if not library.is_irreducible(modulus, p):
        raise RegisterFault(
            f"modulus {list(modulus)} (constant first) is reducible over GF({p}); give an irreducible one of "
            f"degree {k}, or none for Conway's"
        )
    return Field(p, k, tuple(modulus))
