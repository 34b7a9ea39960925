"""Our executor under the names and signatures that CPython's tests use.

Lives here: the translation, both of arguments and of the private attributes that tests look at, each answered with
what is true of our executor. Never here: behaviour; what a test finds out is what `breakeven.Executor` does.
The tests start programs that import this module, so it imports nothing of pytest.
"""

from __future__ import annotations

import concurrent.futures.process
import multiprocessing
import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import breakeven as be
from breakeven.errors import RemoteTraceback
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext
    from threading import Thread

    from breakeven.backends.driver import Driver
    from breakeven.engine.member import Member


class ThreadPoolExecutor(be.Executor):
    """`concurrent.futures.ThreadPoolExecutor` as our backend of threads."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",  # noqa: ARG002 - how our threads are called is ours to say
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, backend="threads", initializer=initializer, initargs=initargs)

    @property
    def _max_workers(self) -> int:
        return self._options.max_workers or usable_cpus()

    @property
    def _threads(self) -> set[Thread]:
        return self._backend._pool._threads  # type: ignore[attr-defined, no-any-return]

    @property
    def _broken(self) -> object:
        return self._backend._pool._broken  # type: ignore[attr-defined]


class ProcessPoolExecutor(be.Executor):
    """`concurrent.futures.ProcessPoolExecutor` as our backend of processes."""

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        self._method = None if mp_context is None else mp_context.get_start_method()
        super().__init__(
            max_workers,
            backend="processes",
            start_method=self._method,
            initializer=initializer,
            initargs=initargs,
            max_tasks_per_worker=max_tasks_per_child,
        )

    @property
    def _driver(self) -> Driver:
        return self._backend._driver  # type: ignore[attr-defined, no-any-return]

    @property
    def _max_workers(self) -> int:
        return self._options.max_workers or usable_cpus()

    @property
    def _mp_context(self) -> BaseContext:
        return multiprocessing.get_context(self._method)

    @property
    def _broken(self) -> object:
        crew = self._driver._crew
        return crew is not None and crew.broken

    @property
    def _processes(self) -> dict[int, Process]:
        crew = self._driver._crew
        return {} if crew is None else {member.pid: Process(member) for member in crew.members}

    @property
    def _executor_manager_thread(self) -> object:
        """The thread that looks after what nobody waits for."""
        return self._driver._attendant or SimpleNamespace(join=lambda: None)

    @property
    def _call_queue(self) -> object:
        """There is none, so no thread feeds it."""
        return SimpleNamespace(join_thread=lambda: None)


class Process:
    """A worker, as tests know processes."""

    def __init__(self, member: Member) -> None:
        self._started = member.started
        self.pid = member.pid

    def terminate(self) -> None:
        """Send SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def join(self) -> None:
        """Wait until it has ended."""
        while not self._started.ended():
            pass


class _Instead:
    """A module some of whose names mean something else."""

    def __init__(self, module: object, **instead: object) -> None:
        self.__dict__.update(instead)
        self._module = module

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


futures = _Instead(
    concurrent.futures,
    ThreadPoolExecutor=ThreadPoolExecutor,
    ProcessPoolExecutor=ProcessPoolExecutor,
    process=_Instead(concurrent.futures.process, _RemoteTraceback=RemoteTraceback),
)
"""What the tests take for the module `concurrent.futures`."""
