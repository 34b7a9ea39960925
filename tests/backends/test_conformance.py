"""Our own backends pass the suite that we ask of others."""

from __future__ import annotations

from typing import Any

from breakeven.testing import BackendConformance
from tests.backends.wandering import Wandering


class TestSerial(BackendConformance):
    """The calling thread."""

    concurrent = False
    by_value = False
    replaces_workers = False

    def options(self, **asked: Any) -> dict[str, Any]:
        """Run in the calling thread."""
        return {"backend": "serial", **asked}


class TestThreads(BackendConformance):
    """Threads of this process."""

    by_value = False
    replaces_workers = False

    def options(self, **asked: Any) -> dict[str, Any]:
        """Run in threads."""
        return {"backend": "threads", **asked}


class _Processes(BackendConformance):
    method = ""

    def options(self, **asked: Any) -> dict[str, Any]:
        """Run in processes that are started by `method`."""
        return {"backend": "processes", "start_method": self.method, **asked}


class TestFork(_Processes):
    """Worker processes that are forked."""

    method = "fork"


class TestForkserver(_Processes):
    """Worker processes that a template forks."""

    method = "forkserver"


class TestSpawn(_Processes):
    """Worker processes that are started from nothing."""

    method = "spawn"


class TestAuto(BackendConformance):
    """Wherever the forecast says: short calls stay in the calling thread."""

    concurrent = False
    by_value = False
    replaces_workers = False

    def options(self, **asked: Any) -> dict[str, Any]:
        """Let breakeven decide."""
        return {"backend": "auto", **asked}


class TestWandering(BackendConformance):
    """A map that is moved from place to place at random, which `auto` may do at any moment."""

    concurrent = False
    by_value = False
    replaces_workers = False

    def options(self, **asked: Any) -> dict[str, Any]:
        """Move all the time."""
        return {"backend": Wandering(), **asked}
