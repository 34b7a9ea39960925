"""The light third-party pools: MPIRE and Pebble."""

from benchmarks.peers.base import WORKERS, Peer, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any


class Mpire(Peer):
    """``mpire.WorkerPool``. It unpacks tuples and joins arrays unless told not to, so big items go wrapped."""

    def start(self) -> None:
        pool = library("mpire").WorkerPool
        self.pool: Any = pool(n_jobs=WORKERS, start_method=self.start_method, keep_alive=True)

    def stop(self) -> None:
        self.pool.stop_and_join()

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.pool
        return block

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.pool.apply_async(fn, (item,))

    def wait(self, handle: "Any", seconds: float | None = None) -> "Any":
        return handle.get(seconds)

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        wrapped = [(item,) for item in items]
        results: list[Any] = self.pool.map(fn, wrapped, chunk_size=1, concatenate_numpy_output=False)
        return results

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.pool.map(fn, items)
        return results

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        results: list[Any] = self.pool.map(fn, items, chunk_size=size)
        return results

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.pool.imap(fn, items)
        return results


class Pebble(Peer):
    """``pebble.ProcessPool``; ``submit`` takes the task's time limit before its arguments."""

    def start(self) -> None:
        import multiprocessing

        context = multiprocessing.get_context(self.start_method)
        self.pool: Any = library("pebble").ProcessPool(max_workers=WORKERS, context=context)

    def stop(self) -> None:
        self.pool.close()
        self.pool.join()

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.pool
        return block

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.pool.submit(fn, None, item)

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return list(self.pool.map(fn, items).result())

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        return list(self.pool.map(fn, items, chunksize=size).result())

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.pool.map(fn, items).result()
        return results
