"""The enumeration that explains all others: tuples, the field's own arithmetic, and a dictionary.

Lives here: one step by definition, and the walk over all states by it. Never here: anything fast. A thousandfold slower
than the kernels, it shares none of their tricks, so that what they agree on is not agreed by accident.
"""

from __future__ import annotations

from collections import Counter

from breakeven.workloads.lfsr.faults import TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

    State = tuple[int, ...]

MAX_STATES = 1 << 20
"""More take longer than half a minute; the kernels take them in milliseconds."""


def next_state(register: Register, state: State) -> State:
    """The state after `state`, by definition.

    >>> from breakeven.workloads.lfsr.register import register
    >>> next_state(register([1, 1, 0]), (1, 0, 0))
    (0, 0, 1)
    """
    field, c = register.field, register.coefficients
    if register.form == "fibonacci":
        feedback = register.offset[-1] if register.offset else 0
        for coefficient, element in zip(c, state, strict=True):
            feedback = field.add(feedback, field.multiply(coefficient, element))
        return (*state[1:], feedback)
    if register.form == "galois":
        top = state[-1]
        following = [field.add(s, field.multiply(top, x)) for s, x in zip((0, *state[:-1]), c, strict=True)]
    else:
        following = [0] * len(state)
        for element, row in zip(state, register.rows, strict=True):
            following = [field.add(s, field.multiply(element, x)) for s, x in zip(following, row, strict=True)]
    return tuple(field.add(s, b) for s, b in zip(following, register.offset or (0,) * len(state), strict=True))


def state_of(register: Register, number: int) -> State:
    """The state that a whole number writes: its digits to the base q, least significant first."""
    q = register.field.q
    return tuple(number // q**i % q for i in range(register.degree))


def number_of(register: Register, state: State) -> int:
    """The whole number that writes a state."""
    return sum(element * register.field.q**i for i, element in enumerate(state))


def walk(register: Register) -> tuple[list[tuple[int, int]], Counter[int], int, int]:
    """Walk every state once: (length, least state) of each cycle, states by preperiod, leaves, steps.

    >>> from breakeven.workloads.lfsr.register import register
    >>> walk(register([0, 1]))
    ([(1, 0), (1, 3)], Counter({0: 2, 1: 2}), 2, 4)
    """
    if register.states > MAX_STATES:
        raise TooLarge(f"{register} has {register.states} states; kernel='reference' takes {MAX_STATES}")
    heights: dict[int, int] = {}
    reached: set[int] = set()
    cycles = []
    for start in range(register.states):
        path: list[int] = []
        place: dict[int, int] = {}
        at = start
        while at not in heights and at not in place:
            place[at] = len(path)
            path.append(at)
            at = number_of(register, next_state(register, state_of(register, at)))
            reached.add(at)
        entry = place.get(at, len(path))
        if entry < len(path):
            cycles.append((len(path) - entry, min(path[entry:])))
            heights.update(dict.fromkeys(path[entry:], 0))
        for state in reversed(path[:entry]):
            heights[state] = heights[at] + 1
            at = state
    return cycles, Counter(heights.values()), register.states - len(reached), len(heights)
