"""What a register puts out, from any place of its sequence on.

Lives here: jumping ahead, and the stretch that follows. Never here: recovering a register (`berlekamp`).
"""

from __future__ import annotations

from breakeven.workloads.lfsr import matrices
from breakeven.workloads.lfsr.faults import LfsrError
from breakeven.workloads.lfsr.reference import next_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from breakeven.workloads.lfsr.register import Register


def state_after(register: Register, state: Sequence[int], steps: int) -> tuple[int, ...]:
    """The state after so many steps, in O(d³ log steps) operations of the field.

    >>> from breakeven.workloads import lfsr
    >>> state_after(lfsr.register([1, 1, 0]), (1, 0, 0), 7 * 10**30)
    (1, 0, 0)
    """
    if steps < 0:
        raise LfsrError(f"{steps} steps lead nowhere; give a number from 0 up")
    _check(register, state)
    d = register.degree
    wide = [[*row, 0] for row in register.matrix()] + [[*(register.offset or (0,) * d), 1]]
    return tuple(matrices.jumped([*state, 1], wide, steps, register.field)[:d])


def sequence(register: Register, state: Sequence[int], count: int, skip: int = 0) -> list[int]:
    """`count` elements of output: s_skip, s_skip+1, …, where a state's first element s_n is what it puts out.

    >>> from breakeven.workloads import lfsr
    >>> sequence(lfsr.register([1, 1, 0]), (1, 0, 0), 7)
    [1, 0, 0, 1, 0, 1, 1]
    """
    if count < 0:
        raise LfsrError(f"{count} elements cannot be put out; give a number from 0 up")
    return list(_stretch(register, state_after(register, state, skip), count))


def sequence_in_pieces(
    register: Register,
    state: Sequence[int],
    count: int,
    *,
    pieces: int,
    backend: str = "auto",
    workers: int | None = None,
) -> list[int]:
    """The same stretch, cut into pieces that each jump to where they begin: any number of workers, one result."""
    from functools import partial
    from itertools import chain

    from breakeven.workloads.lfsr.pieces import spans
    from breakeven.workloads.lfsr.ways import Way

    with Way(backend, workers) as way:
        parts = way.run(partial(_piece, register, tuple(state)), spans(count, pieces))
    return list(chain.from_iterable(parts))


def _piece(register: Register, state: tuple[int, ...], span: tuple[int, int]) -> list[int]:
    return sequence(register, state, span[1] - span[0], skip=span[0])


def _stretch(register: Register, state: tuple[int, ...], count: int) -> Iterator[int]:
    for _ in range(count):
        yield state[0]
        state = next_state(register, state)


def _check(register: Register, state: Sequence[int]) -> None:
    if len(state) != register.degree or any(not 0 <= s < register.field.q for s in state):
        raise LfsrError(f"state {list(state)} must be {register.degree} elements of {register.field}")
