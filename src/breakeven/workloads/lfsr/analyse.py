"""`analyse`: from a register to its structure, by algebra, by enumeration, or by both.

Lives here: which engine answers, and the comparison where both do. Never here: an engine.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from time import perf_counter

from breakeven.workloads.lfsr import algebra, library
from breakeven.workloads.lfsr.faults import LfsrError
from breakeven.workloads.lfsr.structure import Structure
from breakeven.workloads.lfsr.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

ENGINES = ("algebra", "enumerate", "both")


def analyse(
    register: Register,
    *,
    engine: str = "algebra",
    backend: str | Way = "auto",
    workers: int | None = None,
    kernel: str = "auto",
    representatives: int = 0,
) -> Structure:
    """Find the whole structure of one register: cycles, preperiods, leaves, order, primitivity.

    `engine="algebra"` computes it from the factors of the characteristic polynomial, `"enumerate"` walks every state,
    `"both"` does both and names in `differences` whatever they do not agree on. `backend` says where an enumeration
    runs (see `ways`), `kernel` how (see `enumeration`), `representatives` how many (length, least state) to keep.

    Raises `TooLarge` where the engine cannot reach the register, `EnumerationFault` where a walk does not add up.

    >>> from breakeven.workloads import lfsr
    >>> lfsr.analyse(lfsr.register([1, 1, 0, 1])).cycles
    {1: 2, 2: 1, 3: 2, 6: 1}
    >>> lfsr.analyse(lfsr.register([2, 1, 1], 4), engine="both", backend="serial").differences
    ()
    """
    _check_choices(engine, kernel, representatives)
    with ExitStack() as kept:
        way = backend if isinstance(backend, Way) else kept.enter_context(Way(backend, workers))
        library.flint()
        if engine != "algebra" and kernel != "reference":
            ready()
            way.take_up(register.states)
        began = perf_counter()
        findings, polynomial, factors = algebra.find(register)
        found = Structure(
            register, findings, polynomial, factors, "algebra", way.name, "none", "algebra walks no states"
        )
        if engine != "algebra":
            found = _enumerated(register, way, found, kernel, representatives)
            if engine == "both":
                found = replace(found, engine="both", differences=tuple(findings.differences(found.findings)))
        return replace(found, seconds=perf_counter() - began)


def _check_choices(engine: str, kernel: str, representatives: int) -> None:
    """Refuse what is not known whichever engine would need it."""
    from breakeven.workloads.lfsr.enumeration import KERNELS

    if engine not in ENGINES:
        raise LfsrError(f"engine {engine!r} is not known; known are {', '.join(ENGINES)}")
    if kernel not in KERNELS:
        raise LfsrError(f"kernel {kernel!r} is not known; known are {', '.join(KERNELS)}")
    if representatives < 0:
        raise LfsrError(f"{representatives} representatives cannot be kept; give a number from 0 up")


def _enumerated(register: Register, way: Way, expected: Structure, kernel: str, representatives: int) -> Structure:
    from breakeven.workloads.lfsr.enumeration import enumerate_states

    way.states, way.used, way.reason = register.states, "serial", ""
    way.ran = False
    done = enumerate_states(register, way, kernel=kernel, predicted=expected.cycles, representatives=representatives)
    return replace(
        expected,
        findings=done.findings,
        engine="enumerate",
        backend_used=way.used,
        reason="; ".join(text for text in (done.reason, way.reason, _not_cut(way, done.kernel)) if text),
        steps=done.steps,
        representatives=done.representatives,
    )


def _not_cut(way: Way, kernel: str) -> str:
    """Why workers that were asked for had nothing to do."""
    if way.ran or way.name in ("auto", "serial"):
        return ""
    return f"{kernel} is one piece, so {way.name} had nothing to share out and it was walked here"


def ready() -> tuple[float, int]:
    """Load the kernels, or compile those that are not kept on disk: (seconds it took, how many were compiled).

    Called before the clock of an analysis starts, so that no analysis is charged with compiling.
    """
    import sys

    if "breakeven.workloads.lfsr.kernels" in sys.modules:
        return 0.0, 0
    from breakeven.workloads.lfsr.readiness import take_up

    return take_up()
