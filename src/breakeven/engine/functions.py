"""Functions as workers know them: each travels once a worker, with whatever is bound to it.

Lives here: when two calls mean the same function. Never here: the sending (`dispatch`).
"""

from __future__ import annotations

import sys
from _blake2 import blake2b

from breakeven.engine.codec import Encoded, encode, unpicklable
from breakeven.engine.sameness import same, stamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from breakeven.engine.arena import Arena

MOST = 64  # functions a crew remembers


class Function:
    """A function that workers were, or will be, given."""

    __slots__ = ("argument_bytes", "encoded", "fn", "key", "mark", "module", "result_bytes", "seconds", "size", "users")

    def __init__(self, key: int, fn: Callable[..., Any] | None, encoded: Encoded, module: str | None) -> None:
        self.key = key
        self.fn = fn  # of a module: kept alive, since its identity is how it is found again
        self.encoded = encoded
        self.module = module
        self.mark: Any = None  # how `Functions` finds it
        self.seconds: float | None = None  # an item, as measured last
        self.argument_bytes = self.result_bytes = 0.0  # an item
        self.size = 1  # of the last chunk
        self.users = 0  # calls under way


def module_of(fn: object) -> str | None:
    """The module that a worker can import `fn` from by name, or None."""
    module = getattr(fn, "__module__", None)
    name = getattr(fn, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    found: Any = sys.modules.get(module)
    for step in name.split("."):
        found = getattr(found, step, None)
    return module if found is fn else None


class StaleModuleError(Exception):
    """A module was loaded again: workers have the old one and must be started anew."""


class Functions:
    """The functions of a crew."""

    __slots__ = ("_by_mark", "_by_value", "_next")

    def __init__(self) -> None:
        self._by_mark: dict[Any, Function] = {}
        self._by_value: dict[Any, tuple[Any, Any, Function]] = {}  # those that travel by value, and their stamps
        self._next = 1

    def __len__(self) -> int:
        return len(self._by_mark)

    def of(self, fn: Callable[..., Any], seed: int | None, arena: Arena | None) -> Function:
        """The entry of `fn`; raises `Unpicklable`, or `StaleModuleError` when its module was reloaded."""
        module = module_of(fn)
        mark: Any = None
        if module is not None:
            mark = (module, fn.__qualname__, seed)
            known = self._by_mark.get(mark)
            if known is not None:
                if known.fn is not fn:
                    del self._by_mark[mark]
                    raise StaleModuleError
                return self._recent(mark, known)
        stamp = None
        if module is None:
            unchanged = self._unchanged(fn, seed, stamp := stamp_of(fn))
            if unchanged is not None:
                return self._recent(unchanged.mark, unchanged)
        try:
            encoded = encode((fn, seed), arena)
        except (MemoryError, OSError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise unpicklable(fn, "function", None, error) from error
        if module is None:
            if encoded.buffers:  # hashing would cost more than copying again: 1 against 12 GB/s
                mark = self._next
            else:
                mark = blake2b(encoded.stream, digest_size=16).digest()
                known = self._by_mark.get(mark)
                if known is not None:
                    self._stamp(fn, seed, stamp, known)
                    return self._recent(mark, known)
        function = Function(self._next, None if module is None else fn, encoded, module)
        function.mark = mark
        self._next += 1
        self._by_mark[mark] = function
        self._stamp(fn, seed, stamp, function)
        return function

    def _unchanged(self, fn: Any, seed: int | None, stamp: tuple[Any, ...] | None) -> Function | None:
        """The entry of a function that travels by value, if it would give the same pickle as before."""
        if stamp is None:
            return None
        _, before, function = self._by_value.get((id(fn), seed), (None, None, None))
        if function is None or not same(before, stamp) or self._by_mark.get(function.mark) is not function:
            return None
        return function

    def _stamp(self, fn: Any, seed: int | None, stamp: tuple[Any, ...] | None, function: Function) -> None:
        if stamp is not None:
            if len(self._by_value) >= MOST:
                self._by_value.clear()
            self._by_value[id(fn), seed] = fn, stamp, function  # with `fn`, so that its identity is nobody else's

    def _recent(self, mark: Any, known: Function) -> Function:
        self._by_mark[mark] = self._by_mark.pop(mark)
        return known

    def modules(self) -> list[str]:
        """Modules that a template should have loaded."""
        return [function.module for function in self._by_mark.values() if function.module]

    def surplus(self) -> list[Function]:
        """Functions to forget: unused ones with shared blocks, and the oldest above `MOST`."""
        idle = [function for function in self._by_mark.values() if not function.users]
        heavy = [function for function in idle if function.encoded.blocks]
        light = [function for function in idle if not function.encoded.blocks]
        gone = heavy + light[: max(len(self._by_mark) - len(heavy) - MOST, 0)]
        for function in gone:
            self._by_mark.pop(function.mark, None)
        return gone
