"""CPython's own tests of executors, held against ours."""

from __future__ import annotations

import pytest

from breakeven.errors import RemoteTraceback
from tests.cpython import choices, fetch, suite

if fetch.found():
    globals().update(suite.classes())


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoteTraceback, "tb", property(lambda error: error.traceback_text), raising=False)
