"""What these tests start from: each start method in turn, and a gate that holds calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executor.calls import Gate


@pytest.fixture(params=["fork", "forkserver", "spawn"])
def method(request: pytest.FixtureRequest) -> str:
    """Each way to start a worker, in turn."""
    return str(request.param)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Holds calls until the test lets them through."""
    with Gate(tmp_path / "gate") as gate:
        yield gate
