"""What workers cost before they do anything: process creation by method, and the libraries they load.

Lives here: fresh executors and fresh interpreters. Never here: work.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.util import find_spec

from breakeven.workloads.lfsr.overhead.nouns import Cell, timed

METHODS = ("fork", "forkserver", "spawn")
LIBRARIES = {
    "nothing": "pass",
    "python-flint": "import flint",
    "numba": "import numba",
    "kernels": "import breakeven.workloads.lfsr.kernels",
    "sage": "import sage.all__sagemath_modules",
}
_NEEDS = {"python-flint": "flint", "numba": "numba", "kernels": "numba", "sage": "sage"}


def cells(workers: int, *, quick: bool) -> list[Cell]:
    """A cell a start method, and one a library that is installed."""
    started = [
        Cell("process creation", f"{workers} workers, {method}", "s", partial(timed, partial(_start, workers, method)))
        for method in METHODS
    ]
    threads = Cell("process creation", f"{workers} threads", "s", partial(timed, partial(_threads, workers)))
    there = [name for name in LIBRARIES if name not in _NEEDS or find_spec(_NEEDS[name]) is not None]
    loaded = [
        Cell("initialisation", f"interpreter with {name}", "s", partial(timed, partial(_load, LIBRARIES[name])))
        for name in (there[:2] if quick else there)
    ]
    return [*started, threads, *loaded]


def _start(workers: int, method: str) -> None:
    """Start workers of one kind, have an answer of each, and end them."""
    import breakeven as be

    with be.Executor(max_workers=workers, backend="processes", start_method=method, progress=False) as executor:
        list(executor.map(abs, range(workers * 2), chunksize=1))


def _threads(workers: int) -> None:
    import breakeven as be

    with be.Executor(max_workers=workers, backend="threads", progress=False) as executor:
        list(executor.map(abs, range(workers * 2)))


def _load(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - one of LIBRARIES
