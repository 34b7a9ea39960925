"""For those who write a backend of their own: the suite that each of ours passes.

Lives here: `BackendConformance`, a class of tests for pytest. Never here: a test of one backend alone.

    from breakeven.testing import BackendConformance

    class TestMyBackend(BackendConformance):
        def options(self, **asked):
            return {"backend": MyBackend(**asked), **asked}

Needs pytest and numpy. Class attributes of the suite say what a backend need not do; see `Suite`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.testing.conformance import BackendConformance

__all__ = ["BackendConformance"]

if "pytest" in sys.modules:  # before the modules with the assertions are imported, so that a failure shows its figures
    sys.modules["pytest"].register_assert_rewrite(
        *(f"breakeven.testing.{room}" for room in ("suite", "calls", "exchange", "failing", "numerics", "conformance"))
    )


def __getattr__(name: str) -> object:
    if name != "BackendConformance":  # workers import the tasks beside it, and need no pytest for that
        raise AttributeError(f"module 'breakeven.testing' has no attribute {name!r}")
    from breakeven.testing.conformance import BackendConformance

    return BackendConformance
