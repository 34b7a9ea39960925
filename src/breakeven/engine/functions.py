"""Functions as workers know them: each travels once a worker, with whatever is bound to it, or is inherited by a fork.

Lives here: when two calls mean the same function. Never here: the sending (`dispatch`).
"""

from __future__ import annotations

import sys
from _blake2 import blake2b

from breakeven.engine.codec import Encoded, encode, unpicklable
from breakeven.engine.sameness import frozen, same, stamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from breakeven.engine.arena import Arena

MOST = 64  # functions a crew remembers
SHARES = b"breakeven.engine.sharing"  # in the pickle of whatever refers to a `SharedArray`


class Function:
    """A function that workers were, or will be, given."""

    __slots__ = (
        "argument_bytes",
        "fn",
        "frozen",
        "key",
        "mark",
        "module",
        "pickled",
        "result_bytes",
        "seconds",
        "seed",
        "size",
        "stamp",
        "users",
    )

    def __init__(
        self,
        key: int,
        fn: Callable[..., Any] | None,
        encoded: Encoded | None,
        module: str | None,
        seed: int | None = None,
    ) -> None:
        self.key = key
        self.fn = fn  # kept alive, since its identity, or that of its code, is how it is found again
        self.seed = seed
        self.stamp: tuple[Any, ...] | None = None  # of one that travels by value: what its pickle is made of
        self.frozen: Any = None  # the same as a function: what is pickled later is what it was at the call
        self.pickled = encoded  # None until some worker has to be sent it
        self.module = module
        self.mark: Any = None  # how `Functions` finds it
        self.seconds: float | None = None  # an item, as measured last
        self.argument_bytes = self.result_bytes = 0.0  # an item
        self.size = 1  # of the last chunk
        self.users = 0  # calls under way

    @property
    def encoded(self) -> Encoded:
        """As it travels; what forked workers have inherited is pickled for the first that has not."""
        if self.pickled is None:
            self.pickled = _encoded(self.frozen, self.seed, None)
        return self.pickled

    @property
    def blocks(self) -> list[int]:
        """Blocks of shared memory that it takes as it travels."""
        return [] if self.pickled is None else self.pickled.blocks

    @property
    def heavy(self) -> bool:
        """Whether it keeps much memory from being freed: constants in the arena, a `SharedArray` by reference."""
        return self.pickled is not None and bool(self.pickled.blocks or SHARES in self.pickled.stream)

    @property
    def inheritable(self) -> bool:
        """Whether a worker that is forked now has it, as it was when the call began."""
        return self.fn is not None and (self.module is not None or same(self.stamp, stamp_of(self.fn)))


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
        self._by_value: dict[Any, Function] = {}  # those with a stamp, by their code
        self._next = 1

    def __len__(self) -> int:
        return len(self._by_mark)

    def of(self, fn: Callable[..., Any], seed: int | None, arena: Arena | None, *, inherited: bool = False) -> Function:
        """The entry of `fn`; raises `Unpicklable`, or `StaleModuleError` when its module was reloaded.

        `inherited` says that all workers are still to be forked: they have what it is made of, and it is not pickled.
        """
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
        stamp = stamp_of(fn) if module is None else None
        unchanged = self._unchanged(fn, seed, stamp)
        if unchanged is not None:
            return self._recent(unchanged.mark, unchanged)
        encoded = None
        if stamp is None or not inherited:
            encoded = _encoded(fn, seed, arena)
            if module is None and not encoded.buffers:  # hashing those would cost more than copying again: 1 to 12 GB/s
                mark = blake2b(encoded.stream, digest_size=16).digest()
                known = self._by_mark.get(mark)
                if known is not None:
                    self._stamp(fn, stamp, known)
                    return self._recent(mark, known)
        function = Function(self._next, None if module is None else fn, encoded, module, seed)
        function.frozen = frozen(fn) if encoded is None else None
        function.mark = self._next if mark is None else mark
        self._next += 1
        self._by_mark[function.mark] = function
        self._stamp(fn, stamp, function)
        return function

    def _unchanged(self, fn: Any, seed: int | None, stamp: tuple[Any, ...] | None) -> Function | None:
        """The entry of a function that travels by value, if it would give the same pickle as before."""
        if stamp is None:
            return None
        function = self._by_value.get((id(fn.__code__), seed))
        if function is None or not same(function.stamp, stamp) or self._by_mark.get(function.mark) is not function:
            return None
        return function

    def _stamp(self, fn: Any, stamp: tuple[Any, ...] | None, function: Function) -> None:
        if stamp is not None:
            if len(self._by_value) >= MOST:
                self._by_value.clear()
            function.fn, function.stamp = fn, stamp  # kept, so that the identity of its code is nobody else's
            self._by_value[id(fn.__code__), function.seed] = function

    def _recent(self, mark: Any, known: Function) -> Function:
        self._by_mark[mark] = self._by_mark.pop(mark)
        return known

    def modules(self) -> list[str]:
        """Modules that a template should have loaded."""
        return [function.module for function in self._by_mark.values() if function.module]

    def surplus(self) -> list[Function]:
        """Functions to forget: heavy ones that are not in use, and the oldest above `MOST`."""
        idle = [function for function in self._by_mark.values() if not function.users]
        heavy = [function for function in idle if function.heavy]
        light = [function for function in idle if not function.heavy]
        gone = heavy + light[: max(len(self._by_mark) - len(heavy) - MOST, 0)]
        for function in gone:
            self._by_mark.pop(function.mark, None)
        return gone

    def inheritable(self) -> dict[int, tuple[Any, int | None]]:
        """By their keys, those that a worker has which is forked now."""
        return {one.key: (one.fn, one.seed) for one in self._by_mark.values() if one.inheritable}


def _encoded(fn: Callable[..., Any] | None, seed: int | None, arena: Arena | None) -> Encoded:
    try:
        return encode((fn, seed), arena, calls=True)
    except (MemoryError, OSError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise unpicklable(fn, "function", None, error) from error
