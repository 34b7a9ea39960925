"""What workers are asked to do in these tests, and gates that hold them until a test says so.

Lives here: functions that any process can import. Never here: pytest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from queue import Queue
    from typing import Self

    import breakeven as be


class Gate:
    """Holds calls: each says that it has begun, and goes on when it is let through."""

    def __init__(self, place: Path) -> None:
        self.place = str(place)
        self._begun, self._go = (_open_pipe(place.with_suffix(end)) for end in (".begun", ".go"))

    def begun(self) -> int:
        """Wait for a call to begin; returns the number of its process."""
        return int(os.read(self._begun, 8))

    def has_begun(self) -> bool:
        """Whether a call has begun that nobody has asked for."""
        os.set_blocking(self._begun, False)
        try:
            return bool(os.read(self._begun, 8))
        except BlockingIOError:
            return False
        finally:
            os.set_blocking(self._begun, True)

    def let_through(self, calls: int = 1) -> None:
        """Let so many calls go on."""
        os.write(self._go, bytes(calls))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._begun)
        os.close(self._go)


def _open_pipe(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


def held(place: str, result: Any = None) -> Any:
    """Say that it has begun, wait until it is let through, and return the result."""
    begun, go = Path(f"{place}.begun"), Path(f"{place}.go")
    with begun.open("wb", buffering=0) as told, go.open("rb", buffering=0) as heard:
        told.write(b"%8d" % os.getpid())
        heard.read(1)
    return result


def touched(path: str) -> str:
    """Leave a file behind."""
    Path(path).touch()
    return path


def triple(number: int) -> int:
    """Return three times the item."""
    return 3 * number


def echo(value: Any) -> Any:
    """Return what it got."""
    return value


def total(array: np.ndarray[Any, Any]) -> float:
    """Sum an array."""
    return float(array.sum())


def die(_: object = None) -> None:
    """End this process at once."""
    os._exit(3)


def put(queue: Queue[Any], value: Any) -> None:
    """Put into a queue that a manager holds."""
    queue.put(value)


def refuse() -> None:
    """Fail, as an initializer."""
    raise LookupError("not here")


class SubmitsWhilePickled:
    """Submits another call in the midst of being pickled for one."""

    def __init__(self, executor: be.Executor, inner: list[Any]) -> None:
        self._parts = executor, inner

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        executor, inner = self._parts
        inner.append(executor.submit(triple, 7))
        return int, (5,)


class ExitsWhilePickled:
    """Calls sys.exit when it is pickled."""

    def __reduce__(self) -> str:
        raise SystemExit(4)
