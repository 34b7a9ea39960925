"""Many small registers through workers that are kept.

Lives here: registers and structures as plain tuples, a batch at a time. Never here: what is done to one (`analyse`). A
register of degree 14 is enumerated in a quarter of a millisecond: pickled one by one as records, registers and
structures took two fifths of two workers' time.
"""

from __future__ import annotations

import marshal
from functools import partial
from time import perf_counter

from breakeven.workloads.lfsr.register import Register
from breakeven.workloads.lfsr.structure import Factor, Findings, Structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from breakeven.workloads.lfsr.field import Field
    from breakeven.workloads.lfsr.ways import Way

BATCH = 25
"""Registers a message: some milliseconds of work."""


def run(registers: Sequence[Register], way: Way, how: dict[str, Any]) -> Iterator[Structure]:
    """The structures of all registers, in order."""
    batches = [_sent(registers[at : at + BATCH]) for at in range(0, len(registers), BATCH)]
    waiting = iter(registers)
    for seconds, batch in way.stream(partial(analysed, how), batches):
        way.work_seconds += seconds
        for row in marshal.loads(batch):  # noqa: S302 - from our own workers
            yield _received(next(waiting), row)


def analysed(how: dict[str, Any], batch: tuple[list[Field], list[tuple[Any, ...]]]) -> tuple[float, bytes]:
    """What a worker does with one batch: the seconds that took, and what was found, marshalled.

    `marshal` knows numbers, texts, tuples and dictionaries, which is all there is, and is faster than pickle at them.
    """
    began = perf_counter()
    from breakeven.workloads.lfsr.analyse import analyse

    fields, rows = batch
    structures = (
        analyse(Register("", fields[field], coefficients, form, matrix, offset), backend="serial", **how)
        for field, coefficients, form, matrix, offset in rows
    )
    rows_back = [_returned(structure) for structure in structures]
    return perf_counter() - began, marshal.dumps(rows_back)


def _sent(registers: Sequence[Register]) -> tuple[list[Field], list[tuple[Any, ...]]]:
    fields = list({register.field: None for register in registers})
    place = {field: at for at, field in enumerate(fields)}
    return fields, [(place[r.field], r.coefficients, r.form, r.rows, r.offset) for r in registers]


def _returned(found: Structure) -> tuple[Any, ...]:
    findings = found.findings
    return (
        (findings.cycles, findings.preperiods, findings.leaves, findings.primitive),
        found.polynomial,
        [(factor.coefficients, factor.multiplicity, factor.order) for factor in found.factors],
        (found.engine, found.reason, found.steps, found.seconds, found.representatives, found.differences),
    )


def _received(register: Register, row: tuple[Any, ...]) -> Structure:
    findings, polynomial, factors, (engine, reason, steps, seconds, representatives, differences) = row
    return Structure(
        register, Findings(*findings), polynomial, tuple(Factor(*factor) for factor in factors), engine, "persistent",
        "persistent", reason, steps, seconds, representatives, differences,
    )  # fmt: skip
