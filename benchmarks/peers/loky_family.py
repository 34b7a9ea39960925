"""loky and joblib, which share their worker processes' code but neither interface nor habits."""

from benchmarks.peers.base import WORKERS, Peer, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any


class Loky(Peer):
    """``loky.get_reusable_executor``."""

    def start(self) -> None:
        self.pool: Any = library("loky").get_reusable_executor(max_workers=WORKERS)

    def stop(self) -> None:
        self.pool.shutdown(wait=True)

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.pool
        return block

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.pool.submit(fn, item)

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return list(self.pool.map(fn, items))

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        return list(self.pool.map(fn, items, chunksize=size))

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.pool.map(fn, items)
        return results


class Joblib(Peer):
    """``joblib.Parallel`` used as a context manager, the documented way to keep its workers."""

    has_futures = False

    def start(self) -> None:
        self.joblib = library("joblib")
        self.parallel: Any = self.joblib.Parallel(n_jobs=WORKERS)
        self.parallel.__enter__()

    def stop(self) -> None:
        self.parallel.__exit__(None, None, None)
        self.joblib.externals.loky.get_reusable_executor().shutdown(wait=True)

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.parallel
        return block

    def call(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.parallel([self.joblib.delayed(fn)(item)])[0]

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return self._run(self.parallel, fn, items)

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return self._run(self.joblib.Parallel(n_jobs=WORKERS, batch_size=1), fn, items)

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        return self._run(self.joblib.Parallel(n_jobs=WORKERS, batch_size=size), fn, items)

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        delayed = self.joblib.delayed(fn)
        parallel = self.joblib.Parallel(n_jobs=WORKERS, return_as="generator")
        results: Iterator[Any] = parallel(delayed(item) for item in items)
        return results

    def _run(self, parallel: "Any", fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        delayed = self.joblib.delayed(fn)
        results: list[Any] = parallel(delayed(item) for item in items)
        return results
