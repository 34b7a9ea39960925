"""Dense matrices over GF(q), as lists of rows.

Lives here: rank, product, characteristic and minimal polynomial, null space. Never here: what they say of a register.
Over prime fields below 2^63 FLINT does the work; it has no matrices over GF(p^k), so those are done here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breakeven.workloads.lfsr.field import Field

    Rows = Sequence[Sequence[int]]

_WORD = 1 << 63


def identity(n: int) -> list[list[int]]:
    """The n × n identity."""
    return [[int(i == j) for j in range(n)] for i in range(n)]


def times(a: Rows, b: Rows, field: Field) -> list[list[int]]:
    """Matrix product."""
    if field.k == 1:
        columns = list(zip(*b, strict=True))
        return [[sum(x * y for x, y in zip(row, column, strict=True)) % field.p for column in columns] for row in a]
    return [apply(row, b, field) for row in a]


def apply(vector: Sequence[int], rows: Rows, field: Field) -> list[int]:
    """Row vector times matrix."""
    result = [0] * len(rows[0])
    add, multiply = field.add, field.multiply
    for x, row in zip(vector, rows, strict=True):
        if x:
            result = [add(r, multiply(x, y)) if y else r for r, y in zip(result, row, strict=True)]
    return result


def power(rows: Rows, exponent: int, field: Field) -> list[list[int]]:
    """A square matrix raised to a whole number from 0 up."""
    if field.k == 1 and field.p < _WORD:
        return _flint_power(rows, exponent, field)
    result = identity(len(rows))
    base = [list(row) for row in rows]
    while exponent:
        if exponent & 1:
            result = times(result, base, field)
        base = times(base, base, field)
        exponent >>= 1
    return result


def rank(rows: Rows, field: Field) -> int:
    """Rank."""
    if field.k == 1 and field.p < _WORD:
        return int(_flint_matrix(rows, field).rank())
    return len(_echelon([list(row) for row in rows], field))


def null_space(rows: Rows, field: Field) -> list[list[int]]:
    """A basis of the row vectors v with v M = 0."""
    n = len(rows)
    wide = [[*row, *(int(i == j) for j in range(n))] for i, row in enumerate(rows)]
    width = len(rows[0])
    return [row[width:] for row in _echelon(wide, field) if not any(row[:width])]


def evaluate(coefficients: Sequence[int], rows: Rows, field: Field) -> Any:
    """A polynomial (constant first) at a matrix, by Horner; FLINT's matrix over a prime field, rows over GF(p^k)."""
    n = len(rows)
    if field.k == 1 and field.p < _WORD:
        matrix = _flint_matrix(rows, field)
        unit = _flint_matrix(identity(n), field)
        total = unit * coefficients[-1]
        for c in reversed(coefficients[:-1]):
            total = total * matrix + unit * c
        return total
    result = [[coefficients[-1] if i == j else 0 for j in range(n)] for i in range(n)]
    for c in reversed(coefficients[:-1]):
        result = times(result, rows, field)
        for i in range(n):
            result[i][i] = field.add(result[i][i], c)
    return result


def rank_of(matrix: Any, field: Field) -> int:
    """Rank of what `evaluate` returned."""
    return rank(matrix, field) if isinstance(matrix, list) else int(matrix.rank())


def product_of(a: Any, b: Any, field: Field) -> Any:
    """Product of two that `evaluate` returned."""
    return times(a, b, field) if isinstance(a, list) else a * b


def characteristic(rows: Rows, field: Field) -> list[int]:
    """Characteristic polynomial, constant first, monic; over GF(p^k) through Hessenberg form."""
    if field.k == 1 and field.p < _WORD:
        return [int(c) for c in _flint_matrix(rows, field).charpoly().coeffs()]
    return _hessenberg_polynomial(_hessenberg([list(row) for row in rows], field), field)


def _flint_matrix(rows: Rows, field: Field) -> Any:
    from breakeven.workloads.lfsr.library import flint

    return flint().nmod_mat(len(rows), len(rows[0]), [x for row in rows for x in row], field.p)


def _flint_power(rows: Rows, exponent: int, field: Field) -> list[list[int]]:
    """FLINT takes exponents of one word; this takes any."""
    result, base = _flint_matrix(identity(len(rows)), field), _flint_matrix(rows, field)
    while exponent:
        if exponent & 1:
            result = result * base
        base = base * base
        exponent >>= 1
    return [[int(x) for x in row] for row in result.tolist()]


def _echelon(rows: list[list[int]], field: Field) -> list[list[int]]:
    """Rows of an echelon form, zero rows dropped, each with a leading 1."""
    add, multiply = field.add, field.multiply
    done: list[list[int]] = []
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i, row in enumerate(rows) if row[column]), None)
        if pivot is None:
            continue
        top = rows.pop(pivot)
        scale = field.invert(top[column])
        top = [multiply(scale, x) for x in top]
        done.append(top)
        for i, row in enumerate(rows):
            if row[column]:
                factor = field.negate(row[column])
                rows[i] = [add(x, multiply(factor, t)) if t else x for x, t in zip(row, top, strict=True)]
    return done


def _hessenberg(a: list[list[int]], field: Field) -> list[list[int]]:
    """A similar matrix with nothing below its first subdiagonal."""
    add, multiply, n = field.add, field.multiply, len(a)
    for k in range(1, n - 1):
        pivot = next((i for i in range(k, n) if a[i][k - 1]), None)
        if pivot is None:
            continue
        a[k], a[pivot] = a[pivot], a[k]
        for row in a:
            row[k], row[pivot] = row[pivot], row[k]
        inverse = field.invert(a[k][k - 1])
        for i in range(k + 1, n):
            factor = multiply(a[i][k - 1], inverse)
            if factor:
                less = field.negate(factor)
                a[i] = [add(x, multiply(less, y)) for x, y in zip(a[i], a[k], strict=True)]
                for row in a:
                    row[k] = add(row[k], multiply(factor, row[i]))
    return a


def _hessenberg_polynomial(h: list[list[int]], field: Field) -> list[int]:
    """Characteristic polynomial of a matrix in Hessenberg form, by its leading minors (Cohen 1993, algorithm 2.2.9)."""
    add, multiply, negate = field.add, field.multiply, field.negate
    minors = [[1]]
    for m in range(len(h)):
        current = [0, *minors[m]]
        current = [add(c, multiply(negate(h[m][m]), d)) for c, d in zip(current, [*minors[m], 0], strict=True)]
        below = 1
        for i in range(m - 1, -1, -1):
            below = multiply(below, h[i + 1][i])
            factor = negate(multiply(below, h[i][m]))
            for at, c in enumerate(minors[i]):
                current[at] = add(current[at], multiply(factor, c))
        minors.append(current)
    return minors[-1]


def jumped(vector: Sequence[int], rows: Rows, steps: int, field: Field) -> list[int]:
    """A row vector after so many steps of a matrix, by squaring."""
    if field.k == 1:
        return apply(vector, power(rows, steps, field), field)
    result, base = list(vector), rows
    while steps:
        if steps & 1:
            result = apply(result, base, field)
        steps >>= 1
        if steps:
            base = times(base, base, field)
    return result


def minimal(rows: Rows, field: Field) -> list[int]:
    """Minimal polynomial, constant first, monic: over GF(p) FLINT's, else the least relation of I, M, M², …."""
    if field.k == 1 and field.p < _WORD:
        return [int(c) for c in _flint_matrix(rows, field).minpoly().coeffs()]
    powers: list[list[int]] = []
    power_rows = identity(len(rows))
    while True:
        powers.append([x for row in power_rows for x in row])
        relations = null_space(powers, field)
        if relations:
            relation = relations[0]
            scale = field.invert(relation[-1])
            return [field.multiply(scale, c) for c in relation]
        power_rows = times(power_rows, rows, field)
