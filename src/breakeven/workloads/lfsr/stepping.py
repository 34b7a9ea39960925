"""One step of a register, as machines do it: states packed into words, the map into masks or tables.

Lives here: packing, and the choice of how to step. Never here: a loop over states (`reference`, `kernels`).

Every map here is linear or affine over GF(q), so over GF(p) too: an element of GF(p^k) is k digits to the base p. For
p = 2 the packed word is the state's number itself. For an odd p each digit has a field of its own with a spare bit at
the top, so that a word's digits are added modulo p all at once; packed words are ordered as the numbers are.
"""

from __future__ import annotations

from typing import NamedTuple

from breakeven.workloads.lfsr.faults import TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from breakeven.workloads.lfsr.register import Register

FIBONACCI, GALOIS, TABLES_2, TABLES_P = range(4)
_WORD_BITS = 62
_CHUNK_BITS = 12
"""Bits of a state that one table is looked up by: 4096 words of 8 bytes fill a first-level cache."""
_MOST_CHUNK_BITS = 21
"""A digit is looked up whole, so this bounds p: two tables of 17 MB for each digit then."""


class StepMap(NamedTuple):
    """A map ready for the kernels; those of `GF(2)` registers need the first fields only.

    `carry`, `top` and `primes` have, in every digit's field, what addition modulo p takes: 2^(w-1) - p, the top bit, p.
    """

    kind: int
    bits: int
    mask: int
    constant: int
    prime: int
    digits: int
    width: int
    chunk: int
    carry: int
    top: int
    primes: int
    tables: NDArray[np.int64]
    numbers: NDArray[np.int64]


def bits_of(register: Register) -> int:
    """How many bits a packed state takes."""
    return register.degree * register.field.k * _width(register.field.p)


def _width(p: int) -> int:
    return 1 if p == 2 else (p - 1).bit_length() + 1


def step_map(register: Register, *, general: bool = False) -> StepMap:
    """Prepare a register's map; `general` takes tables also where masks would do.

    Raises `TooLarge` where a packed state does not fit a word.
    """
    import numpy as np

    field = register.field
    bits = bits_of(register)
    if bits > _WORD_BITS:
        raise TooLarge(
            f"{register} takes {bits} bits a state, and enumeration has words of {_WORD_BITS}; use engine='algebra'"
        )
    if _width(field.p) > _MOST_CHUNK_BITS:
        raise TooLarge(
            f"{register}: enumeration looks up digits to the base p, up to p = {1 << _MOST_CHUNK_BITS - 1}; "
            "use engine='algebra'"
        )
    empty = np.zeros((1, 1), np.int64)
    if field.q == 2 and register.form != "matrix" and not general:
        mask = sum(c << i for i, c in enumerate(register.coefficients))
        if register.form == "fibonacci":
            return StepMap(FIBONACCI, bits, mask, int(any(register.offset)), 2, bits, 1, 0, 0, 0, 0, empty, empty)
        constant = mask if any(register.offset) else 0
        full = mask | 1 << bits
        return StepMap(GALOIS, bits, full, constant, 2, bits, 1, 0, 0, 0, 0, empty, empty)
    return _with_tables(register, bits)


def _with_tables(register: Register, bits: int) -> StepMap:
    import numpy as np

    p, width = register.field.p, _width(register.field.p)
    digits = register.degree * register.field.k
    per_chunk = max(1, _CHUNK_BITS // width)
    chunk = per_chunk * width
    chunks = -(-digits // per_chunk)
    images = _images(register)
    ones = sum(1 << i * width for i in range(digits))
    tables = np.zeros((chunks, 1 << chunk), np.int64)
    numbers = np.zeros((chunks, 1 << chunk), np.int64)
    words = np.arange(1 << chunk, dtype=np.int64)
    shifts = np.arange(digits, dtype=np.int64) * width
    offset = np.array(_expanded(register.offset, register) if register.offset else [0] * digits, np.int64)
    for at in range(chunks):
        first, last = at * per_chunk, min(digits, (at + 1) * per_chunk)
        values = words[:, None] >> (np.arange(last - first) * width) & ((1 << width) - 1)
        image = (values @ images[first:last] + (offset if at == 0 else 0)) % p
        tables[at] = (image << shifts).sum(axis=1)
        numbers[at] = values @ np.array([p**i for i in range(first, last)], np.int64)
    half = 1 << (width - 1)
    kind = TABLES_2 if p == 2 else TABLES_P
    return StepMap(
        kind, bits, 0, 0, p, digits, width, chunk, ones * (half - p if p > 2 else 0), ones * half, ones * p, tables,
        numbers,
    )  # fmt: skip


def _images(register: Register) -> Any:
    """Row i·k + j: where the element p^j in place i goes, as digits to the base p."""
    import numpy as np

    field = register.field
    rows = []
    for row in register.matrix():
        rows += [_expanded([field.multiply(field.p**j, x) for x in row], register) for j in range(field.k)]
    return np.array(rows, np.int64)


def _expanded(vector: Any, register: Register) -> list[int]:
    return [digit for element in vector for digit in register.field.digits(element)]
