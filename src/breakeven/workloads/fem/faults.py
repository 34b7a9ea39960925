"""What can be wrong with a mesh, with conditions, or with an answer.

Lives here: the workload's exceptions, and how a missing library is told. Never here: the checks themselves.
"""

from __future__ import annotations

import importlib
import math
from numbers import Integral, Real
from typing import Any

import breakeven as be

__all__ = ["ConditionError", "MeshError", "SolveError", "is_count", "is_number", "needed"]


class MeshError(be.UsageError):
    """A mesh that cannot be computed on; the text says which element or point, and where."""


class ConditionError(be.UsageError):
    """Boundary conditions that cannot be met or do not fit the mesh."""


class SolveError(be.BreakevenError):
    """An answer that failed a check of the run itself, or did not come about."""


def is_number(given: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(given, Real) and math.isfinite(given)


def is_count(given: object) -> bool:
    """Whether it is a whole number from 1 up.

    >>> is_count(2), is_count(True), is_count(2.0), is_count("2")
    (True, False, False, False)
    """
    return not isinstance(given, bool) and isinstance(given, Integral) and int(given) >= 1


def needed(module: str, purpose: str, install: str = "breakeven[fem]") -> Any:
    """Import an optional library, or say what it is for and how to get it.

    >>> needed("no_such_library", "reading runes")
    Traceback (most recent call last):
    breakeven.errors.BackendUnavailable: ...pip install breakeven[fem]...
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:  # gmsh without its system libraries is an OSError
        reason = f"{purpose} needs {module.partition('.')[0]} ({error})"
        raise be.BackendUnavailable(f"fem: {purpose}", f"pip install {install}", reason) from error
