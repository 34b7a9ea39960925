"""What every test of the finite elements leaves as it found it. Lives here: tidying. Never here: cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from breakeven.workloads.fem.assembly import processes_shared


@pytest.fixture(autouse=True)
def _no_shared_memory_outlives_a_test() -> Iterator[None]:
    """It is kept as long as its mesh, and some meshes here are made once for many tests."""
    yield
    processes_shared._rooms.clear()
