"""CPython's own tests of executors, held against ours."""

from __future__ import annotations

import functools
import sys
import unittest
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from breakeven.errors import RemoteTraceback
from tests.cpython import choices, fetch, suite

CLASSES = suite.classes() if fetch.found() else {}


def _chosen(name: str, kind: type[unittest.TestCase]) -> type[unittest.TestCase]:
    """The class without the tests that cannot apply, and with marks on those that `make soak` runs."""
    left_out = dict.fromkeys(choices.left_out(name))
    later = {test: _marked(getattr(kind, test)) for test in dir(kind) if choices.waits_for_soak(name, test)}
    return type(name, (kind,), {"__module__": __name__, **later, **left_out})


def _marked(test: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(test)
    def same(self: object) -> None:
        test(self)

    marked: Callable[..., Any] = pytest.mark.soak(same)
    return marked


globals().update({name: _chosen(name, kind) for name, kind in CLASSES.items()})


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the tests expect around them, and what they tell beside failing."""
    monkeypatch.setattr(RemoteTraceback, "tb", property(lambda error: error.traceback_text), raising=False)
    yield
    if "multiprocessing.forkserver" in sys.modules:  # a manager that a test starts is forked from it
        sys.modules["multiprocessing.forkserver"]._forkserver._stop()
    support: Any = sys.modules.get("test.support")
    if support is not None and support.environment_altered:
        support.environment_altered = False
        pytest.fail("the test left threads or processes behind; what it printed names them", pytrace=False)


def test_the_standard_suite_is_here() -> None:
    """All its classes are there; where it cannot be had, this one test says so."""
    if not CLASSES:
        pytest.skip(f"{fetch.NAME} is not here: `python tests/cpython/fetch.py` tells where it looks")
    kinds = {name.removesuffix("Test").removesuffix("Tests") for name in CLASSES}
    for method in ("ThreadPool", "ProcessPoolFork", "ProcessPoolForkserver", "ProcessPoolSpawn"):
        assert {f"{method}{part}" for part in ("Initializer", "FailingInitializer", "Wait", "AsCompleted")} <= kinds


def test_every_test_that_is_left_out_exists() -> None:
    """A table that names what is gone would hide nothing, but tell of tests that nobody has."""
    there = {test for kind in CLASSES.values() for test in dir(kind)}
    named = {test for tests in choices.NOT_APPLICABLE.values() for test in tests}
    assert not CLASSES or named | set(choices.RAISED_INSTEAD) <= there
