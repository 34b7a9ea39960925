"""Many small registers through workers that are kept.

Lives here: `analyse_all`, and registers and structures as plain tuples. Never here: what is done to one (`analyse`). A
register of degree 14 is enumerated in a quarter of a millisecond: pickled one by one as records, registers and
structures took two fifths of two workers' time.
"""

from __future__ import annotations

import marshal
from functools import partial
from time import perf_counter

from breakeven.workloads.lfsr import faults
from breakeven.workloads.lfsr.analyse import analyse, ready
from breakeven.workloads.lfsr.faults import LfsrError
from breakeven.workloads.lfsr.register import Register
from breakeven.workloads.lfsr.structure import Factor, Findings, Structure
from breakeven.workloads.lfsr.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from breakeven.workloads.lfsr.field import Field

FIXED_STATES = 1 << 17
"""What a register costs beside its states, in states: a fifth of a millisecond."""
MOST_COST, LEAST_COST = 40 * FIXED_STATES, 4 * FIXED_STATES
"""Of a batch: ten milliseconds, so that there are few messages, and one near the end, so that all end together. Beyond
twenty milliseconds the next batch would not be sent before the last one is done."""

_ERROR_PARTS = 2


def analyse_all(
    registers: Iterable[Register],
    *,
    backend: str = "auto",
    workers: int | None = None,
    on_error: str = "raise",
    **how: object,
) -> Iterator[Structure | LfsrError]:
    """Analyse one register after the other, the workers being kept in between.

    With `backend="persistent"` whole registers are the pieces of work: each is enumerated by one of the warm workers.
    With `on_error="return"` an `LfsrError` stands in the place of a structure that could not be had.
    """
    with Way(backend, workers) as way:
        if backend == "persistent" and how.get("engine", "algebra") != "algebra":
            ready()  # compiled or loaded once here, so that forked workers have it already
            for found in run(list(registers), way, how):
                if isinstance(found, LfsrError) and on_error == "raise":
                    raise found
                yield found
            return
        for register in registers:
            try:
                yield analyse(register, backend=way, **how)  # type: ignore[arg-type]
            except LfsrError as error:
                if on_error == "raise":
                    raise
                yield error


def run(registers: Sequence[Register], way: Way, how: dict[str, Any]) -> Iterator[Structure | LfsrError]:
    """The structures of all registers, in order, or in the place of one why it could not be had."""
    batches = (_sent(registers[first:last]) for first, last in cuts([_cost(one) for one in registers], way.count))
    waiting = iter(registers)
    for seconds, batch in way.stream(partial(analysed, how), batches):
        way.work_seconds += seconds
        for row in marshal.loads(batch):  # noqa: S302 - from our own workers
            yield _received(next(waiting), row)


def cuts(costs: Sequence[int], workers: int) -> Iterator[tuple[int, int]]:
    """Ranges of registers for a batch each: of like cost, but less and less towards the end (Hummel 1992).

    >>> [last - first for first, last in cuts([FIXED_STATES] * 100, 2)]
    [25, 18, 14, 10, 8, 6, 4, 4, 4, 4, 3]
    """
    left = sum(costs)
    first = 0
    while first < len(costs):
        share = min(max(left // (2 * workers), LEAST_COST), MOST_COST)
        taken, last = costs[first], first + 1
        while last < len(costs) and taken + costs[last] <= share:
            taken += costs[last]
            last += 1
        yield first, last
        left -= taken
        first = last


def _cost(register: Register) -> int:
    return FIXED_STATES + register.states


def analysed(how: dict[str, Any], batch: tuple[list[Field], list[tuple[Any, ...]]]) -> tuple[float, bytes]:
    """What a worker does with one batch: the seconds that took, and what was found, marshalled.

    `marshal` knows numbers, texts, tuples and dictionaries, which is all there is, and is faster than pickle at them.
    """
    began = perf_counter()
    fields, rows = batch
    rows_back = [_tried(Register(row[0], fields[row[1]], *row[2:]), how) for row in rows]
    return perf_counter() - began, marshal.dumps(rows_back)


def _tried(register: Register, how: dict[str, Any]) -> tuple[Any, ...]:
    try:
        return _returned(analyse(register, backend="serial", **how))
    except LfsrError as error:
        return type(error).__name__, str(error)


def _sent(registers: Sequence[Register]) -> tuple[list[Field], list[tuple[Any, ...]]]:
    fields = list({register.field: None for register in registers})
    place = {field: at for at, field in enumerate(fields)}
    return fields, [(r.name, place[r.field], r.coefficients, r.form, r.rows, r.offset) for r in registers]


def _returned(found: Structure) -> tuple[Any, ...]:
    findings = found.findings
    return (
        (findings.cycles, findings.preperiods, findings.leaves, findings.primitive),
        found.polynomial,
        [(factor.coefficients, factor.multiplicity, factor.order) for factor in found.factors],
        (found.engine, found.reason, found.steps, found.seconds, found.representatives, found.differences),
    )


def _received(register: Register, row: tuple[Any, ...]) -> Structure | LfsrError:
    if len(row) == _ERROR_PARTS:
        return getattr(faults, row[0], LfsrError)(row[1])
    findings, polynomial, factors, (engine, reason, steps, seconds, representatives, differences) = row
    return Structure(
        register, Findings(*findings), polynomial, tuple(Factor(*factor) for factor in factors), engine, "persistent",
        "persistent", reason, steps, seconds, representatives, differences,
    )  # fmt: skip
