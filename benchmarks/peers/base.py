"""What an experiment may ask of a library, and the plain answers most of them share.

A subclass imports its library inside methods only, so that the import falls into the time of ``start``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

WORKERS = 2


def library(name: str) -> "Any":
    """Import a third-party package; whether it has annotations is nobody's business here."""
    return __import__(name)


class Peer:
    """One library with ``WORKERS`` workers: started once, then used warm, then stopped.

    ``plain`` is what a newcomer writes, ``single`` sends one task a message, ``spread`` is the library's best way with
    few tasks that are long, uneven or big. The others say what they do. A method that a library has no answer for
    returns None.
    """

    has_futures = True
    """False where only whole batches can be asked for."""
    broadcasts = False
    """True where there is a better way than the plain one to give one item to every task."""
    by_hand = ""
    """What users have to write themselves to get this variant's figures."""

    def __init__(self, start_method: str) -> None:
        self.start_method = start_method

    def start(self) -> None:
        """Import the library and ask for its workers; they need not be up yet."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the workers in the library's orderly way."""
        raise NotImplementedError

    def block(self) -> "AbstractContextManager[Any]":
        """The ``with`` block the library's documentation tells users to work in."""
        raise NotImplementedError

    def submit(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        """Hand over one task; the answer is what ``wait`` takes."""
        raise NotImplementedError

    def wait(self, handle: "Any", seconds: float | None = None) -> "Any":
        """The result of a submitted task; raises what the library raises."""
        return handle.result(seconds)

    def call(self, fn: "Callable[..., Any]", item: "Any") -> "Any":
        """One task there and back."""
        return self.wait(self.submit(fn, item))

    def warm(self, fn: "Callable[..., Any]") -> "list[Any]":
        """Four tasks, results in hand: enough for two workers to have answered."""
        return self.single(fn, range(2 * WORKERS))

    def single(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        """All items, one task a message."""
        handles = [self.submit(fn, item) for item in items]
        return [self.wait(handle) for handle in handles]

    def plain(self, fn: "Callable[..., Any]", items: "Iterable[Any]") -> "list[Any]":
        """All items, nothing tuned."""
        return self.single(fn, items)

    def spread(self, fn: "Callable[..., Any]", items: "Sequence[Any]") -> "list[Any]":
        """All of a few big or uneven items."""
        return self.single(fn, items)

    def chunked(self, fn: "Callable[..., Any]", items: "Sequence[Any]", size: int) -> "list[Any] | None":  # noqa: ARG002
        """All items in chunks of a size chosen by hand."""
        return None

    def stream(self, fn: "Callable[..., Any]", items: "Iterator[Any]") -> "Iterator[Any] | None":  # noqa: ARG002
        """Results of an iterator one after the other, nothing tuned."""
        return None

    def broadcast(self, fn: "Callable[..., Any]", item: "Any", times: int) -> "list[Any]":
        """The same big item to every task, where there is a better way than the plain one."""
        raise NotImplementedError

    def share(self, arrays: "list[Any]") -> "tuple[Callable[..., Any], Sequence[Any]] | None":  # noqa: ARG002
        """Put arrays where workers read them in place: what to ``spread`` over which items."""
        return None
