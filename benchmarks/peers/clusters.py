"""Ray and Dask on one machine: measured only when asked for, since a start takes seconds."""

import os

from benchmarks.peers.base import WORKERS, Peer, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

IN_FLIGHT = 64
"""Tasks kept under way by the window that both libraries' documentation tells users to write."""


class Windowed(Peer):
    """Neither library streams an iterator by itself: the window is by hand."""

    broadcasts = True
    by_hand = f"a window of {IN_FLIGHT} tasks for streams; chunks cut by hand"

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Generator[Any]":
        from collections import deque

        waiting: deque[Any] = deque()
        for item in items:
            waiting.append(self.submit(fn, item))
            if len(waiting) == IN_FLIGHT:
                yield self.wait(waiting.popleft())
        while waiting:
            yield self.wait(waiting.popleft())

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any] | None":
        from benchmarks import tasks

        if fn is not tasks.double:
            return None
        numbers = list(items)
        cuts = [numbers[begin : begin + size] for begin in range(0, len(numbers), size)]
        return [number for part in self.single(tasks.double_all, cuts) for number in part]


class Ray(Windowed):
    """Ray tasks on a private local instance."""

    def start(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self.ray = library("ray")
        self.remote: dict[Any, Any] = {}
        self.ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    def stop(self) -> None:
        self.ray.shutdown()

    def block(self) -> "AbstractContextManager[Any]":
        from contextlib import ExitStack

        stack = ExitStack()
        stack.callback(self.ray.shutdown)
        return stack

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        if fn not in self.remote:
            self.remote[fn] = self.ray.remote(fn)
        return self.remote[fn].remote(item)

    def wait(self, handle: "Any", seconds: float | None = None) -> "Any":
        return self.ray.get(handle, timeout=seconds)

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.ray.get([self.submit(fn, item) for item in items])
        return results

    def broadcast(self, fn: "Callable[..., Any]", item: "Any", times: int) -> "list[Any]":
        return self.single(fn, [self.ray.put(item)] * times)

    def share(self, arrays: "list[Any]") -> "tuple[Callable[..., Any], Sequence[Any]]":
        from benchmarks import tasks

        return tasks.total, [self.ray.put(array) for array in arrays]


class Dask(Windowed):
    """A Dask ``LocalCluster`` of processes with one thread each."""

    def start(self) -> None:
        import logging
        import warnings

        warnings.filterwarnings("ignore")
        distributed = library("distributed")
        self.cluster: Any = distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
        self.client: Any = distributed.Client(self.cluster)

    def stop(self) -> None:
        self.client.close()
        self.cluster.close()

    def block(self) -> "AbstractContextManager[Any]":
        from contextlib import ExitStack

        stack = ExitStack()
        stack.enter_context(self.cluster)
        stack.enter_context(self.client)
        return stack

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.client.submit(fn, item, pure=False)

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.client.gather(self.client.map(fn, list(items), pure=False))
        return results

    def broadcast(self, fn: "Callable[..., Any]", item: "Any", times: int) -> "list[Any]":
        everywhere = self.client.scatter(item, broadcast=True, hash=False)
        futures = [self.client.submit(fn, everywhere, pure=False) for _ in range(times)]
        results: list[Any] = self.client.gather(futures)
        return results
