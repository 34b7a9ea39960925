"""Whether two threads compute faster than one: who holds the interpreter's lock, answered by measurement.

Lives here: the same work twice in a row and twice at once. Never here: a guess.
"""

from __future__ import annotations

from functools import partial
from threading import Thread

from breakeven.workloads.lfsr.overhead.nouns import Cell, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LOOPS = 300_000
_FACTORED = 24
_DEGREE = 25


def cells() -> list[Cell]:
    """Speed-up of two threads over two runs in a row: near 1 the lock is held, near 2 it is released."""
    from importlib.util import find_spec

    works: dict[str, Callable[[], object]] = {
        "pure Python": _python,
        "python-flint, factoring": _flint,
        "numba kernel": _kernel(),
    }
    if find_spec("sage") is not None:
        works["sage, vector times matrix"] = _sage()
    return [Cell("lock", f"two threads, {name}", "x", partial(_speedup, work)) for name, work in works.items()]


def _speedup(work: Callable[[], object]) -> float:
    threads = [Thread(target=work) for _ in range(2)]

    def at_once() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    together = timed(at_once)
    return timed(lambda: (work(), work())) / together


def _python() -> int:
    total = 0
    for number in range(_LOOPS):
        total ^= number
    return total


def _flint() -> None:
    from breakeven.workloads.lfsr.library import flint

    library = flint()
    for seed in range(_FACTORED):
        library.nmod_poly([1, *((seed >> bit & 1) for bit in range(8)), *[0] * 150, 1], 2).factor()


def _kernel() -> Callable[[], object]:
    from breakeven.workloads.lfsr.pieces import walk_segments
    from breakeven.workloads.lfsr.register import from_taps
    from breakeven.workloads.lfsr.stepping import step_map

    m = step_map(from_taps([_DEGREE, 3]))
    return partial(walk_segments, m, 1 << 13, False, (0, 1 << 13))


def _sage() -> Callable[[], object]:
    """The step that the slow tool took: a row vector times a matrix."""
    from importlib import import_module

    sage = import_module("sage.all__sagemath_modules")
    matrix = sage.random_matrix(sage.GF(2), 10)
    vector = sage.random_vector(sage.GF(2), 10)

    def steps() -> None:
        for _ in range(5000):
            vector * matrix

    return steps
