"""Thread pools of numerical libraries (BLAS, OpenMP), held down in workers: else each would have one for every CPU.

Lives here: finding those that are loaded, and setting their size. Never here: whether a fork is safe with them
(`probes`).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
"""Set in each worker as `threads_per_worker` says, whatever they are in the parent."""
LOADERS = ("numpy", "scipy", "torch")  # without one of these there is nothing to look for

_found: Any = None  # what threadpoolctl found in this process, or in the one that it was forked from
_among = 0  # modules that were loaded then


def find() -> None:
    """Look for the pools that are loaded; before a fork, so that no worker has to: it takes 5 to 15 ms at first."""
    global _found, _among  # noqa: PLW0603 - the same for the whole process
    if len(sys.modules) != _among and any(name in sys.modules for name in LOADERS):
        from threadpoolctl import ThreadpoolController

        _found = ThreadpoolController()
        _among = len(sys.modules)


def hold_down(threads: int) -> None:
    """Give each pool so many threads: by environment those of what loads later, directly those of what is loaded."""
    for name in VARIABLES:
        os.environ[name] = str(threads)
    if _found is None:
        find()
    if _found is not None:
        _found.limit(limits=threads)
