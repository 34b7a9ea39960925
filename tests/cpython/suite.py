"""CPython's test classes, with our executors in place of its own.

Lives here: loading the modules that `fetch` has put aside, and the replacements made in them. Never here: which tests
are run (`choices`). The modules are loaded under a name of their own, so nothing else sees the replacements.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import unittest
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any

from tests.cpython import choices, fetch, stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

EXECUTORS = {
    "ThreadPoolMixin": stand_in.ThreadPoolExecutor,
    "ProcessPoolForkMixin": stand_in.ProcessPoolExecutor,
    "ProcessPoolForkserverMixin": stand_in.ProcessPoolExecutor,
    "ProcessPoolSpawnMixin": stand_in.ProcessPoolExecutor,
}


def classes() -> dict[str, type[unittest.TestCase]]:
    """Every test class of the suite that has an executor to test, by its name."""
    found: dict[str, type[unittest.TestCase]] = {}
    for module in _modules():
        _replace(module)
        found |= {name: value for name, value in vars(module).items() if _tests_executors(value)}
    return found


def _tests_executors(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, unittest.TestCase) and hasattr(value, "executor_type")


def _modules() -> list[ModuleType]:
    """The suite is one module up to Python 3.11, and a package since."""
    place = str(fetch.place())
    if place not in sys.path:
        sys.path.append(place)
    whole = importlib.import_module(fetch.NAME)
    parts = getattr(whole, "__path__", ())
    names = sorted(part.name for part in pkgutil.iter_modules(parts))
    return [whole, *(importlib.import_module(f"{fetch.NAME}.{name}") for name in names)]


def _replace(module: ModuleType) -> None:
    """Have a module's tests use our executors, and name our exceptions and tracebacks."""
    here: dict[str, Any] = vars(module)
    for name, executor in EXECUTORS.items():
        if name in here:
            here[name].executor_type = executor
    if "futures" in here:
        here["futures"] = stand_in.futures
    if "BrokenProcessPool" in here:
        here["BrokenProcessPool"] = BrokenExecutor
    if "assert_python_ok" in here:
        here["assert_python_ok"] = _in_a_program(here["assert_python_ok"])
    if "FailingInitializerMixin" in here:
        _tell_by_exception(here["FailingInitializerMixin"], here["init_fail"])
    if "ExecutorDeadlockTest" in here:
        _expect_ours(here["ExecutorDeadlockTest"])


def _in_a_program(run: Callable[..., Any]) -> Callable[..., Any]:
    """A program that a test starts imports our executor, too."""
    path = f"import sys; sys.path[:0] = [{str(fetch.ROOT)!r}, {str(fetch.place())!r}]\n"

    def run_ours(flag: str, program: str) -> Any:
        program = program.replace("from concurrent.futures import", "from tests.cpython.stand_in import")
        return run(flag, path + program.replace(f"test.{fetch.NAME}", fetch.NAME))

    return run_ours


def _tell_by_exception(mixin: Any, initializer: Callable[..., object]) -> None:
    """The standard executor logs what an initializer raised; ours raises it."""

    def set_up(self: Any) -> None:
        self.executor_kwargs = {"initializer": initializer}
        self.log_queue = None
        super(mixin, self).setUp()

    logged = mixin._assert_logged

    @contextlib.contextmanager
    def assert_told(self: Any, message: str) -> Iterator[None]:
        if not hasattr(self, "ctx"):
            with logged(self, message):
                yield
        else:
            yield
            assert message in str(self.executor._broken)

    mixin.setUp = set_up
    mixin._assert_logged = assert_told


def _expect_ours(mixin: Any) -> None:
    """Where the standard executor breaks down for all, ours fails one call, with what was really raised."""
    check = mixin._check_crash

    def check_ours(self: Any, error: type[BaseException], *args: Any, **kwargs: Any) -> None:
        check(self, choices.RAISED_INSTEAD.get(self._testMethodName, error), *args, **kwargs)

    mixin._check_crash = check_ours
