"""Random number generators that are linear over GF(2), as matrices.

Lives here: xorshift and xoroshiro, from their shifts to the rows of M. Never here: their output functions, which add or
multiply and are not linear.
"""

from __future__ import annotations

from breakeven.workloads.lfsr.faults import RegisterFault
from breakeven.workloads.lfsr.register import from_matrix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breakeven.workloads.lfsr.register import Register

_SHIFTS = 3
_MAX_WIDTH = 1 << 12
"""Bits of state; the matrix has as many rows and columns."""


def from_shifts(kind: str, shifts: Sequence[Any], width: Any, *, name: str = "generator") -> Register:
    """The matrix of a generator with `width` bits of state.

    "xorshift" (a, b, c): x ^= x << a; x ^= x >> b; x ^= x << c. "xoroshiro" (a, b, c) has two words: s1 ^= s0;
    s0 = rotl(s0, a) ^ s1 ^ (s1 << b); s1 = rotl(s1, c), and s0 are the lower bits.

    >>> from_shifts("xorshift", [1, 1, 2], 4).states
    16
    """
    if not isinstance(width, int) or not 2 <= width <= _MAX_WIDTH or (kind == "xoroshiro" and width % 2):
        raise RegisterFault(
            f"{kind} needs a width in bits up to {_MAX_WIDTH}, an even one of two words for xoroshiro; it is {width!r}"
        )
    if len(shifts) != _SHIFTS or not all(isinstance(shift, int) and 0 < shift < width for shift in shifts):
        raise RegisterFault(f"{kind} takes three shifts from 1 to {width - 1}; they are {list(shifts)}")
    step = _xorshift if kind == "xorshift" else _xoroshiro
    images = [step(1 << bit, shifts, width) for bit in range(width)]
    return from_matrix([[image >> bit & 1 for bit in range(width)] for image in images], 2, name=name)


def _xorshift(x: int, shifts: Sequence[int], width: int) -> int:
    a, b, c = shifts
    mask = (1 << width) - 1
    x ^= x << a & mask
    x ^= x >> b
    return x ^ (x << c & mask)


def _xoroshiro(state: int, shifts: Sequence[int], width: int) -> int:
    a, b, c = shifts
    word = width // 2
    mask = (1 << word) - 1
    s0, s1 = state & mask, state >> word
    s1 ^= s0
    s0 = _rotated(s0, a, word) ^ s1 ^ (s1 << b & mask)
    return s0 | _rotated(s1, c, word) << word


def _rotated(x: int, by: int, word: int) -> int:
    return (x << by | x >> (word - by)) & ((1 << word) - 1)
