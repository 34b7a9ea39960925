"""One `__main__` a worker: functions of the main script that travel by value share their globals there.

Lives here: what stands in a pickle for the namespace of `__main__`, and which of two values of a name stays. Never
here: which functions travel by value (`codec`). Without it each function would bring globals of its own, and what an
initializer sets with `global` would be seen by nobody else (decision 0024).
"""

from __future__ import annotations

import io
import sys
from _blake2 import blake2b
from _pickle import dumps

from breakeven import work
from breakeven.engine.sameness import CONSTANTS, names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_told: dict[str, Any] = {}  # by name: the mark of the value that this worker was told last
_before: dict[str, Any] | None = None  # the namespace as it was when a pickle began to be read


class Main(dict):  # type: ignore[type-arg]
    """In a pickle, in place of the globals of `__main__`."""

    def __reduce__(self) -> tuple[Callable[[], dict[str, Any]], tuple[()]]:
        return of_main, ()


def pickled_by_value(value: Any, buffer_callback: Callable[[Any], object]) -> bytes:
    """As `cloudpickle.dumps`; functions of `__main__` refer to the namespace that they will share."""
    import cloudpickle

    with io.BytesIO() as file:
        pickler = cloudpickle.Pickler(file, 5, buffer_callback)
        pickler.globals_ref[id(vars(sys.modules["__main__"]))] = Main(__name__="__main__")
        pickler.dump(value)
        return file.getvalue()


def of_main() -> dict[str, Any]:
    """The namespace, as it is read from a pickle: a worker's own `__main__`."""
    global _before  # noqa: PLW0603 - one namespace a process, and one pickle of a function at a time
    if not work.in_worker:
        return {"__name__": "__main__"}
    shared = vars(sys.modules["__main__"])
    _before = dict(shared)
    return shared


def settle(inherited: dict[str, Any]) -> None:
    """A function was read: what the worker has set itself stays, unless the parent's value has changed since.

    `inherited` is the namespace that a forked worker was born with: all in it counts as told.
    """
    global _before
    if _before is None:
        return
    before, _before = _before, None
    shared = vars(sys.modules["__main__"])
    for name, value in list(shared.items()):
        if name in before and value is before[name]:
            continue
        mark = _mark(value)
        if name in inherited and name not in _told:
            _told[name] = _mark(inherited[name])
        if name in before and _told.get(name) == mark:
            shared[name] = before[name]
        _told[name] = mark


def heard_of(fn: Any) -> None:
    """A forked worker has these globals of a function's from the parent, as if it had been told them."""
    shared = vars(sys.modules["__main__"])
    if getattr(fn, "__globals__", None) is shared:
        _told.update({name: _mark(shared[name]) for name in names_in(fn.__code__) if name in shared})


def _mark(value: Any) -> Any:
    """What two values have in common that are the same to the parent; only itself for what cannot be compared."""
    if type(value) in CONSTANTS:
        return type(value), value
    outside: list[Any] = []
    try:
        stream = dumps(value, 5, buffer_callback=outside.append)
    except Exception:  # noqa: BLE001 - whatever it is, it is taken for changed
        return object()
    if outside or b"__main__" in stream:  # an array; something that goes by a name here, whatever it is now
        return object()
    return blake2b(stream, digest_size=16).digest()
