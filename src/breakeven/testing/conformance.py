"""All groups of the suite in one class. Never here: a test."""

from __future__ import annotations

from breakeven.testing.calls import Calls
from breakeven.testing.exchange import Exchange
from breakeven.testing.failing import Failing
from breakeven.testing.numerics import Numerics


class BackendConformance(Calls, Failing, Exchange, Numerics):
    """What any backend must do, whoever wrote it; `breakeven.testing` shows how to use it."""
