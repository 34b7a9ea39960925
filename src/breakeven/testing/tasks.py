"""The functions that the suite runs: importable by name in any process, and quick.

Lives here: tasks and what they raise. Never here: a test, or an import of pytest.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import breakeven as be
from breakeven import work

kept: list[Any] = []
prepared: list[Any] = []


def push(one: Any, _: object = None) -> int:
    """Write into what was given, where that can be done; return how long it is then."""
    if isinstance(one, list):
        one.append(0)
        return len(one)
    return 1


def double(number: Any) -> Any:
    """Return twice the item."""
    return number * 2


def add(left: Any, right: Any) -> Any:
    """Return the sum of two items."""
    return left + right


def same(item: Any) -> Any:
    """Return the item itself."""
    return item


def pid(_: object) -> int:
    """Return the number of the process that runs the task."""
    return os.getpid()


def draw(_: object) -> float:
    """Return a number from the item's own random generator."""
    return float(be.rng().random())


def draw_after_a_nested_map(_: object) -> float:
    """Return the same number, although a nested map with generators of its own ran in between."""
    be.map(draw, range(3), seed=1)
    return float(be.rng().random())


def nested(count: int) -> tuple[str, int, bool, list[int]]:
    """Run a map inside a task; returns its backend, its workers, whether it ran in this process, and its results."""
    results = be.map(pid, range(count), backend="processes", max_workers=2)
    doubled = be.map(double, range(count))
    facts = results.report.to_dict()
    return str(facts["backend"]), int(facts["workers"]), set(results) == {os.getpid()}, list(doubled)


def divide(number: int) -> float:
    """Return 12 divided by the item, which fails for 0."""
    return 12 / number


def tally(path: str) -> int:
    """Count one more event in a file, whichever process it is in; returns how many there are."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)  # behind what was written here, not behind what others wrote since
    finally:
        os.close(descriptor)


def count(path: str) -> int:
    """Return how many events a file has counted."""
    return os.stat(path).st_size if os.path.exists(path) else 0  # noqa: PTH110, PTH116 - called in workers, too


class Busy(Exception):
    """What a task raises that will do better next time."""


def fail_at_first(path: str, failures: int) -> int:
    """Raise `Busy` that many times, then return how often it was tried."""
    tried = tally(path)
    if tried <= failures:
        raise Busy(tried)
    return tried


def fail_in_turn(index: int, gate: str) -> int:
    """Item 2 fails, but only once item 5 has; all others return."""
    if index == 5:
        os.close(os.open(gate, os.O_WRONLY))
        raise LookupError(index)
    if index == 2:
        descriptor = os.open(gate, os.O_RDONLY)
        os.read(descriptor, 1)
        os.close(descriptor)
        raise ArithmeticError(index)
    return index


def linger(seconds: float) -> float:
    """Take that long."""
    time.sleep(seconds)
    return seconds


def prepare(path: str, value: object) -> None:
    """Initialise a worker: remember a value, count the call."""
    tally(path)
    prepared[:] = [value]


def recall(number: int) -> tuple[int, list[Any]]:
    """Return the item and what the initializer left."""
    return number, list(prepared)


def refuse(*_: object) -> None:
    """Initialise a worker, or try to: it cannot be done."""
    raise Busy("nothing to work with")


class Counter:
    """Something with state and methods."""

    def __init__(self, step: int) -> None:
        self.step = step

    def advance(self, number: int) -> int:
        """Return the item and a step more."""
        return number + self.step

    @classmethod
    def make(cls, step: int) -> Counter:
        """Return a new one."""
        return cls(step)

    @staticmethod
    def negate(number: int) -> int:
        """Return the negative of the item."""
        return -number

    def __call__(self, number: int) -> int:
        """Return that many steps."""
        return number * self.step

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counter) and self.step == other.step

    def __hash__(self) -> int:
        return hash(self.step)


# --- exceptions of odd kinds ---


class Picky(Exception):
    """Its constructor wants other arguments than those that it keeps."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.reason = reason


class Holding(Exception):
    """Holds what cannot be pickled, beside what can."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()
        self.figure = 7


class Speechless(Exception):
    """Has no text: asking for it raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text to be had")


class Unwilling(Exception):
    """Refuses to be pickled at all."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not to be pickled")


class Exploding(Exception):
    """Can be pickled, but building it again raises."""

    def __reduce__(self) -> Any:
        return _explode, ()


class Leaving(Exception):
    """Can be pickled, but building it again ends the program."""

    def __reduce__(self) -> Any:
        return sys.exit, (5,)


def _explode() -> None:
    raise RuntimeError("not to be unpickled")


class Halt(BaseException):
    """Not even an Exception."""


def _local() -> BaseException:
    class Local(Exception):
        """No other process can import it."""

    return Local("from a function")


def odd_exception(kind: str) -> BaseException:
    """Make the exception of that kind."""
    makers: dict[str, Any] = {
        "constructor of other arguments": lambda: Picky(3, reason="odd"),
        "unpicklable attribute": lambda: Holding("held"),
        "text that raises": Speechless,
        "refuses pickling": lambda: Unwilling("no"),
        "raises on unpickling": lambda: Exploding("no"),
        "leaves on unpickling": lambda: Leaving("no"),
        "local class": _local,
        "SystemExit": lambda: SystemExit(3),
        "StopIteration": lambda: StopIteration(5),
        "StopAsyncIteration": lambda: StopAsyncIteration(5),
        "GeneratorExit": lambda: GeneratorExit("over"),
        "BaseException subclass": lambda: Halt("all of it"),
        "group": lambda: ExceptionGroup("several", [ValueError(1), KeyError("two")]),
        "OSError": lambda: FileNotFoundError(2, "No such file or directory", "missing.txt"),
        "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        "no arguments": ValueError,
    }
    made: BaseException = makers[kind]()
    return made


def raise_odd(index: int, kind: str) -> int:
    """Item 2 raises an exception of that kind; all others return."""
    if index == 2:
        raise odd_exception(kind)
    return index


# --- arrays ---


def fill_with_minus_one(array: Any) -> float:
    """Write into the argument; returns what stood in it."""
    before = float(array.sum())
    array[...] = -1
    return before


def keep(array: Any) -> bool:
    """Keep the argument for ever; returns whether all that were kept still hold what they held."""
    kept.append((array, array.copy()))
    return all(bool((now == then).all()) for now, then in kept)


def keep_and_overwrite(array: Any) -> list[float]:
    """Keep the argument and write into it; returns the sums of what earlier tasks kept and wrote."""
    array += 1000
    kept.append(array)
    return [float(one.sum()) for one in kept]


def forget_kept(_: object) -> int:
    """Let go of all that was kept; returns how many there were."""
    held = len(kept)
    kept.clear()
    return held


def inner(array: Any) -> Any:
    """Return a contiguous part of the argument itself."""
    return array[1:]


def every_other(array: Any) -> Any:
    """Return a part of the argument that is not contiguous."""
    return array[::2]


def described(array: Any) -> tuple[str, tuple[int, ...], Any]:
    """Return dtype, shape and contents of the argument as plain facts."""
    return array.dtype.str, array.shape, array.tolist()


def total(array: Any) -> float:
    """Return the sum of the argument."""
    return float(array.sum())


def square_into(at: int, shared: Any) -> int:
    """Write the square of an index into a shared array; returns where in this process it lies."""
    shared[at] = at * at
    return at


def make_array(value: float) -> Any:
    """Return a large array that holds one value."""
    import numpy as np

    return np.full(40_000, float(value))


def length_and_ends(text: Any) -> tuple[int, Any, Any]:
    """Return length, first and last part of a long text or run of bytes."""
    return len(text), text[:3], text[-3:]


def nest(depth: int) -> list[Any]:
    """Return a list in a list in a list, and so on."""
    whole: list[Any] = []
    for _ in range(depth):
        whole = [whole]
    return whole


def depth_of(whole: list[Any]) -> int:
    """Return how deep a nested list is."""
    deep = 0
    while whole:
        whole = whole[0]
        deep += 1
    return deep


def index(_: object) -> int | None:
    """Return the place of the item in the input, as the task sees it."""
    return work.index()
