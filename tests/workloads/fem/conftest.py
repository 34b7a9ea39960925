"""What every test of the finite elements leaves as it found it. Lives here: tidying. Never here: cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from breakeven.workloads.fem.assembly import processes_shared


@pytest.fixture(autouse=True)
def _no_shared_memory_outlives_a_test() -> Iterator[None]:
    """One piece of it is kept for the next call."""
    yield
    processes_shared.forget()
