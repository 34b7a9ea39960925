"""Random registers: the algebra, its second formula and every enumeration agree."""

from __future__ import annotations

import random

import pytest

from breakeven.workloads import lfsr
from breakeven.workloads.lfsr import algebra, matrices, recount
from breakeven.workloads.lfsr.enumeration import Enumeration, enumerate_states, is_bijective

FIELDS = (2, 3, 4, 5, 7, 8, 9, 16, 25, 27)
CASES = 110  # a field: 1100 in all
MOST_STATES = 1 << 13
MOST_REFERENCE_STATES = 300


def random_register(q: int, draw: random.Random) -> lfsr.Register:
    """A shift register of either form, a complemented one, or a matrix with or without an offset."""
    field = lfsr.field_of(q)
    highest = 1
    while q ** (highest + 1) <= MOST_STATES:
        highest += 1
    degree = draw.randint(1, highest)
    kind = draw.choice(["fibonacci", "fibonacci", "galois", "matrix", "affine", "blocks"])
    if kind in ("fibonacci", "galois"):
        coefficients = [draw.choice([0, draw.randrange(q)]) for _ in range(degree)]
        if draw.random() < 0.7:
            coefficients[0] = draw.randrange(1, q)
        feedback = "xnor" if q == 2 and draw.random() < 0.4 else "xor"
        return lfsr.register(coefficients, field, form=kind, feedback=feedback)
    if kind == "blocks":  # repeated blocks, which random matrices hardly ever have
        half = max(1, degree // 2)
        block = [[draw.randrange(q) if draw.random() < 0.6 else 0 for _ in range(half)] for _ in range(half)]
        rows = [[*row, *[0] * half] for row in block] + [[*[0] * half, *row] for row in block]
        if q ** (2 * half) > MOST_STATES:
            rows = block
    else:
        rows = [[draw.randrange(q) if draw.random() < 0.6 else 0 for _ in range(degree)] for _ in range(degree)]
    offset = [draw.randrange(q) for _ in rows] if kind == "affine" else []
    return lfsr.from_matrix(rows, field, offset=offset)


def _found(register: lfsr.Register, kernel: str) -> Enumeration:
    return enumerate_states(register, lfsr.Way("serial"), kernel=kernel, representatives=5)


@pytest.mark.parametrize("q", FIELDS)
def test_random_registers_have_one_structure_however_it_is_found(q: int) -> None:
    """Cycles, preperiods, leaves, order and primitivity; and the least states of cycles, whichever kernel walks."""
    draw = random.Random(q)
    for _ in range(CASES):
        register = random_register(q, draw)
        expected = algebra.find(register)[0]
        kernels = ["auto", "bytemap"]
        if is_bijective(register):
            kernels += ["segments", "leader", "bitmap"]
        if register.states <= MOST_REFERENCE_STATES:
            kernels.append("reference")
        found = [_found(register, kernel) for kernel in kernels]
        for one, kernel in zip(found, kernels, strict=True):
            assert one.findings.differences(expected) == [], (register, kernel)
            assert one.representatives == found[0].representatives, (register, kernel)
        if not any(register.offset):
            assert recount.cycles(register) == expected.cycles, register


@pytest.mark.parametrize("q", FIELDS)
def test_the_identities_of_orbits_hold(q: int) -> None:
    """Lengths sum to the periodic states, heights to all states, and Burnside's lemma counts the cycles."""
    draw = random.Random(1000 + q)
    for _ in range(12):
        register = random_register(q, draw)
        found = algebra.find(register)[0]
        field = register.field
        assert sum(length * count for length, count in found.cycles.items()) == found.preperiods[0]
        assert sum(found.preperiods.values()) == register.states
        if any(register.offset) or found.order > 200 or not is_bijective(register):
            continue
        fixed, power = 0, matrices.identity(register.degree)
        for _ in range(found.order):
            less = [[field.subtract(x, int(i == j)) for j, x in enumerate(row)] for i, row in enumerate(power)]
            fixed += q ** (register.degree - matrices.rank(less, field))
            power = matrices.times(power, register.matrix(), field)
        assert fixed == found.order * sum(found.cycles.values())


@pytest.mark.parametrize("q", FIELDS)
def test_reversing_a_register_changes_no_count(q: int) -> None:
    """The reciprocal polynomial has the same cycles: which end the taps are counted from does not matter."""
    draw = random.Random(2000 + q)
    for _ in range(10):
        coefficients = [draw.randrange(1, q)] + [draw.randrange(q) for _ in range(draw.randint(1, 6))]
        register = lfsr.register(coefficients, q)
        reversed_register = lfsr.from_polynomial(register.characteristic()[::-1], q)
        assert lfsr.analyse(register).cycles == lfsr.analyse(reversed_register).cycles


@pytest.mark.parametrize("q", [4, 8, 9, 16, 25, 27])
def test_arithmetic_of_extension_fields_is_that_of_polynomials(q: int) -> None:
    """Tables of logarithms against FLINT's field, over every pair of elements."""
    from breakeven.workloads.lfsr.polynomials import ring

    field = lfsr.field_of(q)
    context, _ = ring(field)
    flint = [context(field.digits(a)) for a in range(q)]
    for a in range(q):
        for b in range(q):
            product = [int(digit) for digit in (flint[a] * flint[b]).to_list()]
            total = [int(digit) for digit in (flint[a] + flint[b]).to_list()]
            assert field.multiply(a, b) == field.number(product)
            assert field.add(a, b) == field.number(total)
        assert a == 0 or field.multiply(a, field.invert(a)) == 1
        assert field.add(a, field.negate(a)) == 0
