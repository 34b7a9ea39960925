"""How these tests start workers: each by all three methods, where it says nothing else."""

from __future__ import annotations

import pytest

METHODS = ("fork", "forkserver", "spawn")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each way to start a worker, in turn."""
    return str(request.param)
