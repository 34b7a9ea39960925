"""Distinguished states: how many, and the few cycles that meet none of them.

Lives here: choosing how many states to mark, and finding what is left by solving T^m s = s. Never here: walking
segments (`kernels`). The prediction only tells where to look: each cycle is walked, and the sum over all must be q^d.

The distinguished states are the first ones by number, so the least state of a cycle that meets any is one of them.
"""

from __future__ import annotations

from itertools import product
from math import exp

from breakeven.workloads.lfsr import matrices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from breakeven.workloads.lfsr.pieces import Tally
    from breakeven.workloads.lfsr.register import Register
    from breakeven.workloads.lfsr.stepping import StepMap

MOST_DISTINGUISHED = 1 << 24
"""Nine bytes each up to 2^32 states: 151 MB."""

MOST_CANDIDATES = 1 << 9
"""States that may be looked at one by one for what is left, 60 µs each."""

_SPACING = 1 << 12
_UNLIKELY = 1e-3
"""Cycles of a length are all expected to meet a distinguished state if fewer than this are expected to miss."""


def distinguished_states(states: int, predicted: Mapping[int, int] | None) -> tuple[int, bool]:
    """(how many states to mark, whether walks between them can be expected to cover all but a few cycles).

    >>> distinguished_states(1 << 26, {1: 1, (1 << 26) - 1: 1})
    (16384, True)
    >>> distinguished_states(1 << 20, {1: 1, 75: 13981})[1]
    False
    """
    # Never all of them: the first state that is not marked has to fit a packed word.
    marked = max(min(states - 1, 256), min(states // _SPACING, 1 << 20))
    if predicted is None:
        return marked, True
    while True:
        # Runs of neighbours are met together (0…01 follows 0…010): half of the marks tell something new.
        rate = marked / states / 2
        missed = {length: count for length, count in predicted.items() if count * exp(-length * rate) > _UNLIKELY}
        if _reachable(missed, states, rate):
            return marked, True
        if marked * 4 > min(MOST_DISTINGUISHED, states // 16):
            return marked, False
        marked *= 4


def _reachable(missed: Mapping[int, int], states: int, rate: float) -> bool:
    """Whether cycles that may be missed are few enough to be found one by one."""
    left = sum(length * count * exp(-length * rate) for length, count in missed.items())
    candidates = sum(sum(n * c for n, c in missed.items() if length % n == 0) for length in missed)
    return left <= states / 100 and candidates <= MOST_CANDIDATES


def collect(
    register: Register, m: StepMap, distinguished: int, left: int, predicted: Mapping[int, int] | None, tally: Tally
) -> int:
    """Find cycles that have no distinguished state, `left` states in all, and add them; return the steps taken.

    Looks among the solutions of T^m s = s for each m that a cycle may be long, and stops when nothing is left or the
    solutions become too many; the caller sees by the tally which.
    """
    import numpy as np

    from breakeven.workloads.lfsr import kernels

    lengths = sorted(predicted) if predicted is not None else range(1, min(left, 64) + 1)
    length_out, least_out = np.empty(1, np.int64), np.empty(1, np.int64)
    found: set[int] = set()
    steps = 0
    for m_steps in lengths:
        if left <= 0 or m_steps > left:
            break
        for candidate in _fixed_by(register, m_steps):
            if candidate < distinguished or candidate in found:
                continue
            # A walk that meets a smaller state, a distinguished one above all, ends there.
            _, count, walked = kernels.leaders(m, candidate, candidate + 1, left, length_out, least_out)
            steps += walked
            if count:
                found.add(candidate)
                tally.add_one(int(length_out[0]), candidate)
                left -= int(length_out[0])
    return steps


def _fixed_by(register: Register, steps: int) -> Iterator[int]:
    """Numbers of the states that so many steps lead back to themselves; none where they are too many."""
    field, d = register.field, register.degree
    wide = [[*row, 0] for row in register.matrix()] + [[*(register.offset or (0,) * d), 1]]
    powered = matrices.power(wide, steps, field)
    for i in range(d + 1):
        powered[i][i] = field.subtract(powered[i][i], 1)
    basis = matrices.null_space(powered, field)
    if field.q ** len(basis) > MOST_CANDIDATES * field.q:
        return
    for choice in product(range(field.q), repeat=len(basis)):
        state = [0] * (d + 1)
        for factor, vector in zip(choice, basis, strict=True):
            state = [field.add(s, field.multiply(factor, v)) for s, v in zip(state, vector, strict=True)]
        if state[d] == 1:
            yield sum(s * field.q**i for i, s in enumerate(state[:d]))
