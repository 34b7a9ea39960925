"""breakeven as its users call it: the module's functions, the executor, and all left to it."""

from benchmarks.peers.base import WORKERS, Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any


class Functions(Peer):
    """``be.map`` and ``be.imap`` with processes asked for; workers stay warm between calls."""

    has_futures = False

    def start(self) -> None:
        import breakeven

        self.be: Any = breakeven
        self.options: dict[str, Any] = {
            "backend": "processes",
            "max_workers": WORKERS,
            "start_method": self.start_method,
        }

    def stop(self) -> None:
        self.be.shutdown()

    def block(self) -> "AbstractContextManager[Any]":
        from contextlib import nullcontext

        return nullcontext()

    def call(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.be.map(fn, [item], **self.options)[0]

    def warm(self, fn: "Callable[..., Any]") -> "list[Any]":
        return self.plain(fn, range(2 * WORKERS))

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.be.map(fn, items, **self.options)
        return results

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        results: list[Any] = self.be.map(fn, items, chunksize=1, **self.options)
        return results

    def spread(self, fn: "Callable[..., Any]", items: "Sequence[Any]") -> "list[Any]":
        return self.plain(fn, items)

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.be.imap(fn, items, **self.options)
        return results

    def share(self, arrays: "list[Any]") -> "tuple[Callable[..., Any], Sequence[Any]]":
        from benchmarks import tasks

        return tasks.total, [self.be.SharedArray.from_array(array) for array in arrays]


class Auto(Functions):
    """``be.map`` with every choice left to it."""

    def start(self) -> None:
        super().start()
        self.options = {}


class Futures(Peer):
    """``be.Executor`` with processes asked for."""

    def start(self) -> None:
        import breakeven

        self.executor: Any = breakeven.Executor(
            max_workers=WORKERS, backend="processes", start_method=self.start_method
        )

    def stop(self) -> None:
        self.executor.shutdown()

    def block(self) -> "AbstractContextManager[Any]":
        block: AbstractContextManager[Any] = self.executor
        return block

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        return self.executor.submit(fn, item)

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return list(self.executor.map(fn, items))

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any]":
        results: Iterator[Any] = self.executor.imap(fn, items)
        return results
