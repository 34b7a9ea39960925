"""The standard library: ``multiprocessing.Pool`` and ``ProcessPoolExecutor``."""

from benchmarks.peers.base import WORKERS, Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any


class Pool(Peer):
    """``multiprocessing.Pool``; its ``with`` block ends in ``terminate``."""

    def start(self) -> None:
        import multiprocessing

        context: Any = multiprocessing.get_context(self.start_method)
        self.pool: Any = context.Pool(WORKERS)

    def stop(self) -> None:
        self.pool.close()
        self.pool.join()

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.pool
        return block

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.pool.apply_async(fn, (item,))

    def wait(self, handle: "Any", seconds: float | None = None) -> "Any":
        return handle.get(seconds)

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.pool.map(fn, items, chunksize=1)
        return results

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.pool.map(fn, items)
        return results

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        results: list[Any] = self.pool.map(fn, items, chunksize=size)
        return results

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.pool.imap(fn, items)
        return results


class InheritingPool(Pool):
    """A pool forked after the arrays were put into a global: nothing travels but indices."""

    by_hand = "a global filled before the pool is forked, one pool for each set of arrays"

    def start(self) -> None:
        self.pool = None

    def warm(self, fn: "Callable[..., Any]") -> "list[Any]":
        del fn  # there is nothing to warm before the arrays are known
        return []

    def share(self, arrays: "list[Any]") -> "tuple[Callable[..., Any], Sequence[Any]]":
        from benchmarks import tasks

        tasks.INHERITED[:] = arrays
        super().start()
        return tasks.inherited_total, range(len(arrays))


class ProcessExecutor(Peer):
    """``concurrent.futures.ProcessPoolExecutor``."""

    def start(self) -> None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        context = multiprocessing.get_context(self.start_method)
        self.pool = ProcessPoolExecutor(WORKERS, mp_context=context)

    def stop(self) -> None:
        self.pool.shutdown()

    def block(self) -> "AbstractContextManager[Any]":
        return self.pool

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.pool.submit(fn, item)

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return list(self.pool.map(fn, items))

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any]":
        return list(self.pool.map(fn, items, chunksize=size))

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        return self.pool.map(fn, items)
