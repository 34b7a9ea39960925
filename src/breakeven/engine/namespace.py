"""One `__main__` a worker: functions of the main script that travel by value share their globals there.

Lives here: what stands in a pickle for the namespace of `__main__`, and which of two values of a name stays. Never
here: which functions travel by value (`codec`). Without it each function would bring globals of its own, and what an
initializer sets with `global` would be seen by nobody else (decision 0024).
"""

from __future__ import annotations

import io
import sys
from _blake2 import blake2b
from _collections_abc import Sized
from _pickle import PickleBuffer, Pickler

from breakeven import work
from breakeven.engine.sameness import CONSTANTS, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_COMPARED = 10_000  # parts of a container,
MOST_BYTES = 1 << 20  # and bytes of arrays: what is larger counts as changed

_told: dict[str, Any] = {}  # by name: the mark of the value that this worker was told last
_before: dict[str, Any] | None = None  # the namespace as it was when a pickle began to be read


class Main(dict):  # type: ignore[type-arg]
    """In a pickle, in place of the globals of `__main__`."""

    def __reduce__(self) -> tuple[Callable[[], dict[str, Any]], tuple[()]]:
        return of_main, ()


def pickled_by_value(value: tuple[Any, ...], buffer_callback: Callable[[Any], object]) -> bytes:
    """As `cloudpickle.dumps`; functions of `__main__` refer to the namespace that they will share.

    `value` begins with the function that is to be called, which may be a copy with a `__main__` of its own.
    """
    import cloudpickle

    with io.BytesIO() as file:
        pickler = cloudpickle.Pickler(file, 5, buffer_callback)
        for scope in (vars(sys.modules["__main__"]), getattr(value[0], "__globals__", {})):
            if scope.get("__name__") == "__main__":
                pickler.globals_ref[id(scope)] = Main(__name__="__main__")  # an empty one would be filled from `scope`
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


def remember(inherited: dict[str, Any]) -> None:
    """Take what a forked worker was born with as told, before an initializer changes any of it in place."""
    _told.update({name: _mark(value) for name, value in inherited.items()})


def _mark(value: Any) -> Any:
    """What two values have in common that are the same to the parent; only itself for what is not compared."""
    kind = type(value)
    if kind in CONSTANTS:
        return kind, repr(value) if kind in (float, complex) else value
    if isinstance(value, type | FunctionType):
        return object()
    outside: list[PickleBuffer] = []
    try:
        if isinstance(value, Sized) and len(value) > MOST_COMPARED:  # raises for arrays without an axis, or sparse ones
            return object()
        with io.BytesIO() as file:
            _ByName(file, 5, buffer_callback=outside.append).dump(value)
            found = blake2b(file.getvalue(), digest_size=16)
        if sum(buffer.raw().nbytes for buffer in outside) > MOST_BYTES:
            return object()
        for buffer in outside:
            found.update(buffer.raw())
    except Exception:  # noqa: BLE001 - whatever it is, it is taken for changed
        return object()
    return found.digest()


class _ByName(Pickler):
    """Puts a class of `__main__` by its name, since each side has its own, and a function by its code."""

    def persistent_id(self, found: Any) -> Any:
        if not isinstance(found, type | FunctionType) or found.__module__ != "__main__":
            return None
        code = getattr(found, "__code__", None)
        return found.__qualname__, None if code is None else (code.co_code, repr(code.co_consts))
