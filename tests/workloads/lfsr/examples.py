"""Worked examples: registers whose whole structure is known. Lives here: data. Never here: a test.

Each was computed by hand or by brute force before this code was written, and agrees with Elspas' formula.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from breakeven.workloads import lfsr


class Example(NamedTuple):
    """A register and what must be found of it; None where it was not worked out."""

    register: lfsr.Register
    cycles: dict[int, int]
    preperiods: dict[int, int] | None = None
    leaves: int | None = None
    order: int | None = None


def _row(name: str, q: int, coefficients: list[int], cycles: dict[int, int], *more: Any, **named: Any) -> Example:
    return Example(lfsr.register(coefficients, q, name=name), cycles, *more, **named)


def _poly(name: str, text: str, cycles: dict[int, int], *more: Any, q: int = 2, **named: Any) -> Example:
    return Example(lfsr.from_polynomial(text, q, name=name), cycles, *more, **named)


def product(*factors: tuple[str, int]) -> str:
    """The text of a product of powers of polynomials over GF(2)."""
    from breakeven.workloads.lfsr.polynomials import from_flint, from_text, to_flint, to_text

    field = lfsr.field_of(2)
    total = to_flint([1], field)
    for text, exponent in factors:
        total *= to_flint(from_text(text, field), field) ** exponent
    return to_text(from_flint(total, field))


def block_sum(*blocks: list[list[int]]) -> list[list[int]]:
    """The direct sum of square matrices."""
    size = sum(len(block) for block in blocks)
    rows, at = [], 0
    for block in blocks:
        rows += [[0] * at + row + [0] * (size - at - len(block)) for row in block]
        at += len(block)
    return rows


def companion(text: str) -> list[list[int]]:
    """The matrix of the shift register with this characteristic polynomial over GF(2)."""
    return lfsr.from_polynomial(text).matrix()


def ring(size: int) -> list[list[int]]:
    """Rule 90 on a ring: each cell becomes the sum of its neighbours."""
    return [[int((i - j) % size in (1, size - 1)) for j in range(size)] for i in range(size)]


STRANGE = (
    [1, 1, 1, 0, 0, 0, 0, 0, 1, 1],
    [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0],
    [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1],
)
X_PLUS_1 = ("x+1", 1)
B1 = {1: 2, 2: 1, 3: 2, 4: 3, 6: 1, 8: 30, 12: 3, 24: 30}
B3 = {
    1: 2, 3: 2, 5: 6, 7: 2, 15: 6, 21: 2, 31: 2, 35: 6, 93: 2, 105: 6, 155: 6, 217: 2, 465: 6, 651: 2, 1085: 6,
    3255: 6,
}  # fmt: skip

SMALL = [
    _row("A", 2, [1, 1, 0, 1], {1: 2, 2: 1, 3: 2, 6: 1}, order=6),
    _row("B", 2, STRANGE[0], B1, order=24),
    _row("B2", 2, STRANGE[1], {1: 1, 1057: 31}, order=1057),
    _row("B3", 2, STRANGE[2], B3, order=3255),
    _row("O-16-v1", 2, [1, 0, 0, 1] + [0] * 12, {1: 1, 7: 1, 8191: 1, 57337: 1}),
    _row("O-16-v2", 2, [1, 1] + [0] * 14, {1: 1, 85: 3, 255: 256}),
    _row("S1", 2, [0, 0, 0, 1, 1, 0], {1: 1, 7: 1}, {0: 8, 1: 8, 2: 16, 3: 32}, 32),
    _row("S3", 3, [0, 0, 1, 2, 0, 1, 1], {1: 1, 2: 1, 80: 3}, {0: 243, 1: 486, 2: 1458}, 1458),
    _row("E", 3, [2, 0, 2, 0, 0, 0, 2, 0], {1: 1, 4: 2, 12: 60, 36: 162}),
    _row("E-3", 3, [1, 2, 1], {1: 3, 4: 6}),
    _row("F", 4, [2, 1, 1], {1: 1, 63: 1}),
    _row("F-5", 4, [3, 0, 2, 1, 1], {1: 4, 2: 6, 3: 4, 5: 12, 6: 6, 10: 18, 15: 12, 30: 18}),
    _poly("F-6", "x^6+1", {1: 4, 2: 6, 3: 20, 6: 670}, q=4),
    _row("G", 5, [1, 3, 2, 1], {1: 1, 3: 8, 12: 50}),
    _row("H", 7, [3, 0, 1, 2], {1: 1, 3: 2, 171: 14}),
    _row("H-5", 7, [4, 6, 0, 0, 0], {1: 1, 8403: 2}),
    _row("I-8", 8, [3, 1, 6], {1: 1, 7: 1, 63: 8}),
    _row("I-9", 9, [5, 0, 7], {1: 1, 728: 1}),
    Example(
        lfsr.from_matrix(
            block_sum(companion("x^3+x+1"), companion("x^3+x+1"), companion("x^2"), companion("x")), name="J"
        ),
        {1: 1, 7: 9}, {0: 64, 1: 192, 2: 256}, 384,
    ),
    Example(
        lfsr.from_matrix(
            block_sum(companion("x^3+x^2+x+1"), companion("x^2+1"), companion("x^4+x+1")), name="K"
        ),
        {1: 4, 2: 6, 4: 4, 15: 4, 30: 6, 60: 4},
    ),
    Example(
        lfsr.from_matrix(ring(16), name="L-16"), {1: 1},
        {0: 1, 1: 3, 2: 12, 3: 48, 4: 192, 5: 768, 6: 3072, 7: 12288, 8: 49152},
    ),
    Example(lfsr.from_matrix(ring(15), name="L-15"), {1: 4, 3: 20, 15: 1088}, {0: 16384, 1: 16384}),
    Example(lfsr.from_taps([8, 6, 5, 4], feedback="xnor", name="X-8"), {1: 1, 255: 1}),
    Example(lfsr.from_polynomial(product(X_PLUS_1, ("x^3+x+1", 1)), feedback="xnor", name="X-4"), {2: 1, 14: 1}),
    Example(lfsr.register([1, 1, 0, 1], feedback="xnor", name="X-A"), {4: 1, 12: 1}),
    Example(lfsr.register(STRANGE[0], feedback="xnor", name="X-B"), {16: 16, 48: 16}),
]  # fmt: skip
"""Up to 2^16 states: the reference enumeration takes these too."""

LARGE = [
    _poly("C", "x^20+x^3+1", {1: 1, 1048575: 1}, order=1048575),
    _poly("C-75", "x^20+x^5+1", {1: 1, 75: 13981}, order=75),
    _poly("C2-31", product(("x^5+x^2+1", 4)), {1: 1, 31: 1, 62: 16, 124: 8448}),
    _poly("C2-3", product(("x^2+x+1", 10)), {1: 1, 3: 1, 6: 2, 12: 20, 24: 2720, 48: 20480}),
    _poly("C2-1023", product(("x^10+x^3+1", 2)), {1: 1, 1023: 1, 2046: 512}),
    _poly("C3", product(("x^9+x^4+1", 1), ("x^11+x^2+1", 1)), {1: 1, 511: 1, 2047: 1, 1046017: 1}),
    _poly(
        "C3-21", "+".join([f"x^{i}" for i in range(20, 0, -1)]) + "+1", {1: 1, 3: 1, 7: 9, 21: 49929}
    ),
    _poly("C4-1", product(("x+1", 24)), {1: 2, 2: 1, 4: 3, 8: 30, 16: 4080, 32: 522240}),
    _poly("C4-24", "x^24+1", {1: 2, 2: 1, 3: 2, 4: 3, 6: 9, 8: 30, 12: 335, 24: 698870}),
    _poly("C4-3", product(("x^2+x+1", 12)), {1: 1, 3: 1, 6: 2, 12: 20, 24: 2720, 48: 348160}),
    _poly("C4-7", "x^24+x+1", {1: 1, 7: 1, 2097151: 8}),
    _poly(
        "S2", product(("x", 10), ("x^5+x^2+1", 2)), {1: 1, 31: 1, 62: 16},
        {0: 1024} | {h: 1024 * 2 ** (h - 1) for h in range(1, 11)}, 524288,
    ),
    _row("E2", 3, [2] + [0] * 11 + [1, 0], {1: 1, 16: 5, 121: 2, 242: 243, 1936: 2440}),
    _row("F-11", 4, [3, 0, 2, 1, 1, 0, 0, 1, 0, 0, 2], {1: 1, 4194303: 1}),
    _row("F-51", 4, [2, 1] + [0] * 8 + [1], {1: 1, 3: 1, 51: 20, 63: 260, 1071: 3900}),
    _row("G-9", 5, [2, 0, 0, 1, 0, 0, 0, 0, 3], {1: 5, 2: 10, 10: 10, 15624: 25, 78120: 20}),
    _row("H-8", 7, [4, 6, 0, 0, 0, 0, 0, 1], {1: 1, 3: 2, 6: 7, 171: 4816, 342: 14448}),
    _row("I-9-7", 9, [5, 0, 7, 0, 0, 0, 1], {1: 9, 8: 9, 29524: 18, 59048: 72}),
]  # fmt: skip
"""2^20 to 2^24 states."""
