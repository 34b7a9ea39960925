"""Not a peer but a bound: forked processes and bare pipes, with no library in between."""

import os

from benchmarks.peers.base import WORKERS, Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any


class BareForks(Peer):
    """Each worker owns a pipe each way and gets its fixed share of the items as one pickled message."""

    by_hand = "everything"

    def start(self) -> None:
        import pickle

        self.pickle = pickle
        self.turn = 0
        self.ends: list[tuple[Any, Any]] = []
        self.pids: list[int] = []
        for _ in range(WORKERS):
            orders_out, orders_in = os.pipe()
            results_out, results_in = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(orders_in)
                self._serve(open(orders_out, "rb"), open(results_in, "wb", 0))
            os.close(orders_out)
            os.close(results_in)
            self.pids.append(pid)
            self.ends.append((open(orders_in, "wb", 0), open(results_out, "rb")))

    def _serve(self, orders: "Any", results: "Any") -> None:
        for _, other in self.ends:
            other.close()
        for other, _ in self.ends:
            other.close()
        try:
            while True:
                fn, items = self.pickle.load(orders)
                results.write(self.pickle.dumps([fn(item) for item in items], 5))
        except EOFError:
            os._exit(0)
        finally:
            os._exit(1)

    def stop(self) -> None:
        for orders, results in self.ends:
            orders.close()
            results.close()
        for pid in self.pids:
            os.waitpid(pid, 0)

    def block(self) -> "AbstractContextManager[Any]":
        from contextlib import ExitStack

        stack = ExitStack()
        stack.callback(self.stop)
        return stack

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> int:
        worker = self.turn = (self.turn + 1) % WORKERS
        self.ends[worker][0].write(self.pickle.dumps((fn, [item]), 5))
        return worker

    def wait(self, handle: "Any", seconds: float | None = None) -> "Any":
        del seconds
        return self.pickle.load(self.ends[handle][1])[0]

    def spread(self, fn: "Callable[..., Any]", items: "Sequence[Any]") -> "list[Any]":
        for worker in range(WORKERS):
            self.ends[worker][0].write(self.pickle.dumps((fn, list(items[worker::WORKERS])), 5))
        gathered: list[Any] = [None] * len(items)
        for worker in range(WORKERS):
            gathered[worker::WORKERS] = self.pickle.load(self.ends[worker][1])
        return gathered

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        return self.spread(fn, list(items))
