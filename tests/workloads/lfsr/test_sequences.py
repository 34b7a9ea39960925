"""Sequences, periods, the shortest recurrence and matrices: each against another way to the same."""

from __future__ import annotations

import random

import pytest

from breakeven.workloads import lfsr
from breakeven.workloads.lfsr import algebra, matrices
from breakeven.workloads.lfsr.berlekamp import shortest_recurrence
from breakeven.workloads.lfsr.faults import LfsrError
from breakeven.workloads.lfsr.periods import period
from breakeven.workloads.lfsr.polynomials import from_flint, to_flint
from breakeven.workloads.lfsr.reference import next_state
from breakeven.workloads.lfsr.sequences import sequence, sequence_in_pieces, state_after
from tests.workloads.lfsr.test_properties import FIELDS, random_register


@pytest.mark.parametrize("q", FIELDS)
def test_jumping_ahead_is_stepping_often(q: int) -> None:
    """For every form of register, an offset or not."""
    draw = random.Random(q)
    for _ in range(8):
        register = random_register(q, draw)
        state = start = tuple(draw.randrange(q) for _ in range(register.degree))
        for steps in range(20):
            assert state_after(register, start, steps) == state
            state = next_state(register, state)


@pytest.mark.parametrize("q", FIELDS)
def test_the_shortest_recurrence_of_a_sequence_is_found_again(q: int) -> None:
    """It makes the same sequence, is no longer than the register, and divides its polynomial."""
    draw = random.Random(q + 50)
    for _ in range(12):
        coefficients = [draw.randrange(q) for _ in range(draw.randint(1, 8))]
        register = lfsr.register(coefficients, q)
        state = [draw.randrange(q) for _ in coefficients]
        stretch = sequence(register, state, 40)
        found = shortest_recurrence(stretch, q)
        assert found.unique
        assert found.complexity <= register.degree
        if found.complexity:
            assert sequence(found.register(), stretch[: found.complexity], 40) == stretch


def test_a_short_sequence_is_said_not_to_determine_its_register() -> None:
    """Below 2 L elements others of the same length make it too."""
    assert not shortest_recurrence([0, 0, 0, 1]).unique
    assert shortest_recurrence([0, 0, 0]).complexity == 0


@pytest.mark.parametrize("q", FIELDS)
def test_periods_are_the_same_by_algebra_brent_and_floyd(q: int) -> None:
    """Tails before the cycle included."""
    draw = random.Random(q + 100)
    for _ in range(6):
        register = random_register(q, draw)
        state = [draw.randrange(q) for _ in range(register.degree)]
        found = [period(register, state, method) for method in ("algebra", "brent", "floyd")]
        assert len({(one.period, one.preperiod) for one in found}) == 1, register


def test_a_period_is_found_by_the_primes_of_its_parts() -> None:
    """They come from the factors of the polynomial: the order itself may be too hard to factor."""
    field = lfsr.field_of(2)
    parts = [to_flint(lfsr.from_taps(taps).characteristic(), field) for taps in ([64, 63, 61, 60], [31, 28])]
    register = lfsr.from_polynomial(from_flint(parts[0] * parts[1], field))
    assert period(register).period == (2**64 - 1) * (2**31 - 1)


@pytest.mark.parametrize("backend", ["serial", "threads", "fork"])
def test_a_stretch_in_pieces_is_the_stretch(backend: str) -> None:
    """Each piece jumps to where it begins."""
    register = lfsr.from_taps([31, 28])
    state = [1] + [0] * 30
    whole = sequence(register, state, 5000)
    assert sequence_in_pieces(register, state, 5000, pieces=7, backend=backend, workers=2) == whole


def test_reading_direction_changes_states_though_no_count() -> None:
    """The reciprocal polynomial makes the sequence backwards."""
    forwards = lfsr.from_taps([7, 6])
    backwards = lfsr.from_polynomial(forwards.characteristic()[::-1])
    once = sequence(forwards, [0, 0, 0, 0, 0, 0, 1], 127)
    reverse = once[::-1]
    assert sequence(backwards, reverse[:7], 127) == reverse
    assert sequence(forwards, reverse[:7], 127) != reverse


@pytest.mark.parametrize("q", FIELDS)
def test_minimal_and_characteristic_polynomial_send_the_matrix_to_zero(q: int) -> None:
    """Cayley and Hamilton; the minimal one divides, and its order is the matrix's."""
    draw = random.Random(q + 200)
    field = lfsr.field_of(q)
    for _ in range(4):
        size = draw.randint(1, 5)
        rows = [[draw.randrange(q) for _ in range(size)] for _ in range(size)]
        for polynomial in (matrices.characteristic(rows, field), matrices.minimal(rows, field)):
            assert matrices.rank_of(matrices.evaluate(polynomial, rows, field), field) == 0
        if matrices.rank(rows, field) == size:
            order = algebra.order_of_matrix(rows, field)
            assert matrices.power(rows, order, field) == matrices.identity(size)
            assert algebra.order_of(matrices.characteristic(rows, field), field) % order == 0
        else:
            with pytest.raises(LfsrError, match="singular"):
                algebra.order_of_matrix(rows, field)
