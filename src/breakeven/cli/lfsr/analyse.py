"""Cycles, preperiods, order and primitivity of every register of a file.

By algebra unless --engine says otherwise; --engine both also walks every state, and exits with 1
where the two differ, as it does where a catalogue expects something else. A bad row is told with
file, row and column; --keep-going analyses the rest.
"""

from __future__ import annotations

import sys

from breakeven.cli.exits import DONE, FAILED, PARTIAL
from breakeven.cli.lfsr.inputs import add_field, from_zero, sound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from breakeven.workloads.lfsr import Register, Structure


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr analyse`."""
    from breakeven.workloads.lfsr import ENGINES, KERNELS, WAYS
    from breakeven.workloads.lfsr.output import FORMATS

    parser.add_argument("file", metavar="FILE", help="rows of coefficients, or - for stdin; or a .toml catalogue")
    add_field(parser)
    parser.add_argument("--engine", choices=ENGINES, default="algebra", help="algebra (default), enumerate, or both")
    parser.add_argument("--backend", choices=WAYS, default="auto", help="where an enumeration runs")
    parser.add_argument("--kernel", choices=KERNELS, default="auto", help="how an enumeration walks")
    parser.add_argument("--workers", metavar="N", type=int, help="no more workers than this")
    parser.add_argument(
        "--representatives", metavar="N", type=from_zero, default=0, help="show the least states of N cycles walked"
    )
    parser.add_argument("--keep-going", action="store_true", help="analyse the other rows where some are bad")
    parser.add_argument("--format", choices=FORMATS, default="text", help="of what is printed")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")


def execute(options: argparse.Namespace) -> int:
    """Analyse, and print."""
    from breakeven.workloads.lfsr.output import written

    registers, faults = sound(options)
    if faults and not options.keep_going:
        print(f"{faults} bad row{'s' * (faults > 1)}: nothing was analysed; --keep-going would", file=sys.stderr)
        return FAILED
    _tell_compiling(options)
    found, failed = _analysed(registers, options)
    if failed and not options.keep_going:
        return FAILED
    print(written(found, options.format))
    if _told_contradictions(found):
        return FAILED
    return (PARTIAL if options.keep_going else FAILED) if faults or failed else DONE


def _told_contradictions(found: list[Structure]) -> int:
    """How often two engines did not agree, or a catalogue expects something else; each is told."""
    from breakeven.workloads.lfsr.checking import mismatches

    texts = []
    for structure in found:
        texts += [f"{structure.register.name}: algebra and enumeration differ in {it}" for it in structure.differences]
        texts += [f"{structure.register.name}: {text}" for text in mismatches(structure)]
    print(*texts, sep="\n", end="\n" if texts else "", file=sys.stderr)
    return len(texts)


def _tell_compiling(options: argparse.Namespace) -> None:
    """Make the kernels ready before anything is timed, and say so where that meant compiling."""
    if options.engine == "algebra" or options.kernel == "reference":
        return
    from breakeven.workloads.lfsr import ready

    seconds, compiled = ready()
    if compiled:
        print(f"compiled {compiled} kernels in {seconds:.1f} s; they are kept for the next time", file=sys.stderr)


def _analysed(registers: list[Register], options: argparse.Namespace) -> tuple[list[Structure], int]:
    """Structures, and how many registers could not be analysed."""
    from breakeven.workloads.lfsr import LfsrError, analyse_all

    how = {"engine": options.engine, "kernel": options.kernel, "representatives": options.representatives}
    found, failed = [], 0
    results = analyse_all(registers, backend=options.backend, workers=options.workers, on_error="return", **how)
    for register, result in zip(registers, results, strict=True):
        if isinstance(result, LfsrError):
            failed += 1
            print(f"{options.file}, {register.name}: {result}", file=sys.stderr)
            if not options.keep_going:
                break
        else:
            found.append(result)
    return found, failed
