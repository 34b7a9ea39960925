"""What every test gets: a temporary folder of the session's own, and a check that it left nothing behind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import leaks

# A busy machine makes nothing wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("patient"), max_examples=1000)
settings.load_profile("patient")

# A worker whose parent is gone may take two seconds to notice.
PATIENCE_SECONDS = 3.0


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Send every temporary file, also of programs that tests start, to a folder that only this session uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv(leaks.SESSION_VARIABLE, "")
        leaks.mark_session()
        yield


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(_own_temporary_folder: None) -> Iterator[None]:
    """Fail a test that leaves a process, descriptor, shared segment, temporary file or thread behind."""
    before = leaks.holdings()
    yield
    end_warm_workers()
    found = leaks.left_behind(before, PATIENCE_SECONDS)
    if found:
        pytest.fail("the test left behind:\n  " + "\n  ".join(found), pytrace=False)


def end_warm_workers() -> None:
    """End the workers that are kept between calls on purpose, where there can be any."""
    if "breakeven.executor" in sys.modules and os.getpid() == _SESSION_PID:
        sys.modules["breakeven"].shutdown()


_SESSION_PID = os.getpid()
