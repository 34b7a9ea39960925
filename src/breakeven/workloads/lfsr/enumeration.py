"""The enumeration engines: walk every state, and account for each exactly once.

Lives here: which kernel suits a register, running it, and adding up what it found. Never here: the loops themselves
(`kernels`), or where the pieces of work run (`ways`).

| kernel | walks | memory | in pieces |
| --- | --- | --- | --- |
| `reference` | any map, by definition, in Python | a dictionary | no |
| `bitmap` | bijections, p = 2 | a bit a state | no |
| `segments` | bijections, from each distinguished state to the next | 16 bytes a distinguished state | yes |
| `leader` | bijections, each state until a smaller one is met | none | yes |
| `bytemap` | any map | a byte a state | no |
"""

from __future__ import annotations

from dataclasses import dataclass

from breakeven.workloads.lfsr import leftover, matrices, pieces, reference
from breakeven.workloads.lfsr.faults import EnumerationFault, LfsrError, TooLarge
from breakeven.workloads.lfsr.stepping import step_map
from breakeven.workloads.lfsr.structure import Findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from breakeven.workloads.lfsr.register import Register
    from breakeven.workloads.lfsr.ways import Way

KERNELS = ("auto", "reference", "bitmap", "segments", "leader", "bytemap")
MAX_BITMAP_STATES = 1 << 31
MAX_BYTEMAP_STATES = 1 << 28
MAX_LEADER_STATES = 1 << 32
MAX_SEGMENT_STATES = 1 << 40
"""The first two hold 268 MB then; the others would take a minute and more."""

SMALL_STATES = 1 << 16
"""Up to here one pass with a map takes a fraction of a millisecond, and looking for what segments miss takes longer."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """What was found by walking, how, and how many steps that took."""

    findings: Findings
    steps: int
    kernel: str
    reason: str
    representatives: tuple[tuple[int, int], ...]


def enumerate_states(
    register: Register,
    way: Way,
    *,
    kernel: str = "auto",
    predicted: Mapping[int, int] | None = None,
    representatives: int = 0,
) -> Enumeration:
    """Walk all states of a register.

    `predicted` is the cycle set that algebra expects: it decides where to cut, never what is found. Raises `TooLarge`
    where no kernel, or not the one asked for, reaches so many states.
    """
    if kernel not in KERNELS:
        raise LfsrError(f"kernel {kernel!r} is not known; known are {', '.join(KERNELS)}")
    chosen, distinguished, reason = choose(register, kernel, predicted)
    tally = pieces.Tally(representatives)
    if chosen == "reference":
        return _by_reference(register, tally, reason)
    m = step_map(register)
    if chosen == "bytemap":
        heights, leaves = pieces.run_bytemap(m, register.states, tally)
        return _finished(register, tally, register.states, chosen, reason, heights, leaves)
    if chosen == "segments":
        covered = pieces.run_segments(m, register.states, distinguished, way, tally)
        steps = covered
        if covered < register.states:
            steps += leftover.collect(register, m, distinguished, register.states - covered, predicted, tally)
        if tally.states == register.states:
            return _finished(register, tally, steps, chosen, reason)
        reason = f"{reason}; cycles without a distinguished state were left, so all was walked again by bitmap"
        chosen = "bitmap" if m.prime == 2 else "bytemap"
        _check_reach(register, chosen)
        again = enumerate_states(register, way, kernel=chosen, representatives=representatives)
        return Enumeration(again.findings, steps + again.steps, chosen, reason, again.representatives)
    if chosen == "leader":
        steps = pieces.run_leaders(m, register.states, way, tally)
    else:
        steps = pieces.run_bitmap(m, register.states, tally)
    return _finished(register, tally, steps, chosen, reason)


def choose(register: Register, kernel: str, predicted: Mapping[int, int] | None) -> tuple[str, int, str]:
    """(kernel, distinguished states, reason) for a register."""
    bijective = is_bijective(register)
    if kernel != "auto":
        if not bijective and kernel not in ("reference", "bytemap"):
            return _checked(register, "bytemap", f"{kernel} was asked for, and the map is no bijection: bytemap")
        if kernel == "bitmap" and register.field.p != 2:
            return _checked(
                register, "bytemap", f"bitmap was asked for, and is for p = 2: bytemap over {register.field}"
            )
        distinguished = leftover.distinguished_states(register.states, predicted)[0] if kernel == "segments" else 0
        _check_reach(register, kernel)
        return kernel, distinguished, f"{kernel}, as asked for"
    if not bijective:
        return _checked(register, "bytemap", "bytemap: the map is no bijection")
    whole = "bitmap" if register.field.p == 2 else "bytemap"
    if register.states <= SMALL_STATES:
        return whole, 0, f"{whole}: {register.states} states are one short pass"
    distinguished, enough = leftover.distinguished_states(register.states, predicted)
    if enough:
        _check_reach(register, "segments")
        return "segments", distinguished, f"segments between {distinguished} distinguished states"
    return _checked(register, whole, f"{whole}: too many cycles are short for segments to meet them all")


def is_bijective(register: Register) -> bool:
    """Whether the map is one to one."""
    if register.form != "matrix":
        return register.coefficients[0] != 0
    return matrices.rank(register.rows, register.field) == register.degree


def _checked(register: Register, kernel: str, reason: str) -> tuple[str, int, str]:
    _check_reach(register, kernel)
    return kernel, 0, reason


def _check_reach(register: Register, kernel: str) -> None:
    reach = {
        "reference": reference.MAX_STATES,
        "bitmap": MAX_BITMAP_STATES,
        "bytemap": MAX_BYTEMAP_STATES,
        "leader": MAX_LEADER_STATES,
        "segments": MAX_SEGMENT_STATES,
    }[kernel]
    if register.states > reach:
        raise TooLarge(
            f"{register} has {register.states} states, and {kernel} enumerates {reach} at most; "
            "use engine='algebra', which walks none"
        )


def _by_reference(register: Register, tally: pieces.Tally, reason: str) -> Enumeration:
    cycles, heights, leaves, steps = reference.walk(register)
    for length, least in cycles:
        tally.add_one(length, least)
    return _finished(register, tally, steps, "reference", reason, dict(heights), leaves)


def _finished(
    register: Register,
    tally: pieces.Tally,
    steps: int,
    kernel: str,
    reason: str,
    heights: dict[int, int] | None = None,
    leaves: int = 0,
) -> Enumeration:
    """Check that every state is accounted for, and put the findings together."""
    heights = heights or {0: register.states}
    if tally.states != heights.get(0, 0) or sum(heights.values()) != register.states:
        raise EnumerationFault(
            f"{register}: {kernel} accounts for {tally.states} periodic states of {heights.get(0, 0)}, and "
            f"{sum(heights.values())} of {register.states} in all; this is a defect: please report the register"
        )
    cycles = dict(sorted(tally.cycles.items()))
    findings = Findings(cycles, dict(sorted(heights.items())), leaves, _is_primitive(register, cycles))
    return Enumeration(findings, steps, kernel, reason, tuple(tally.representatives()))


def _is_primitive(register: Register, cycles: dict[int, int]) -> bool:
    """All states but zero lie on one cycle. Complementing x + 1 leaves no fixed point: one cycle of 2."""
    others = register.states - 1
    expected: dict[Any, int] = {1: 2} if others == 1 else {1: 1, others: 1}
    complemented = register.states == 2 and bool(register.offset) and register.matrix() == [[1]]
    return cycles == expected or (complemented and cycles == {2: 1})
