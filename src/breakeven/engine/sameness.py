"""Whether a function that travels by value would still give the same pickle, seen without pickling it.

Lives here: what the pickle of a plain function is made of, by identity. Never here: pickling. A function of `__main__`
takes 100 µs to pickle, and a program that submits it a thousand times has it pickled a thousand times for nothing. What
may change without becoming another object (a list, a closure, a class of `__main__`) has no stamp, and is pickled.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FunctionType: Any = type(lambda: None)
CodeType = type((lambda: None).__code__)
ModuleType = type(sys)
BuiltinType = type(len)
CONSTANTS = (type(None), bool, int, float, complex, str, bytes, CodeType)
DEEPEST = 4
MOST_NAMES = 512

_names: dict[Any, tuple[str, ...]] = {}


def stamp_of(fn: Any, depth: int = 0) -> tuple[Any, ...] | None:
    """All that the pickle of `fn` is made of; None where that may change unseen.

    >>> def double(number): return 2 * number
    >>> same(stamp_of(double), stamp_of(double))
    True
    """
    if type(fn) is not FunctionType or fn.__closure__ or fn.__dict__ or fn.__kwdefaults__ or depth > DEEPEST:
        return None
    parts: list[Any] = [fn.__code__, fn.__qualname__, fn.__globals__]
    for value in fn.__defaults__ or ():
        if type(value) not in CONSTANTS:
            return None
        parts.append(value)
    scope = fn.__globals__
    for name in _names_in(fn.__code__):
        if name not in scope:
            continue  # a built-in, an attribute
        value = scope[name]
        kind = type(value)
        if kind in CONSTANTS or _importable(value):
            parts.append(value)
        elif kind is FunctionType:
            inner = None if value is fn else stamp_of(value, depth + 1)
            if inner is None and value is not fn:
                return None
            parts += (value, *(inner or ()))
        else:
            return None
    return tuple(parts)


def same(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> bool:
    """Whether two stamps are of one function that has not changed."""
    if one is None or other is None or len(one) != len(other):
        return False
    return all(mine is yours for mine, yours in zip(one, other, strict=True))


def frozen(fn: Any) -> Any:
    """A copy of a function that has a stamp, made of what it is made of now, whatever becomes of the names.

    >>> scope = {"rate": 2}
    >>> exec("def scaled(number): return rate * number", scope)
    >>> kept, scope["rate"] = frozen(scope["scaled"]), 3
    >>> kept(10), scope["scaled"](10)
    (20, 30)
    """
    scopes: dict[int, dict[str, Any]] = {}
    copies: dict[int, Any] = {}

    def copy(one: Any) -> Any:
        if id(one) in copies:
            return copies[id(one)]
        scope = one.__globals__
        kept = scopes.setdefault(id(scope), {"__name__": scope.get("__name__")})
        copied = copies[id(one)] = FunctionType(one.__code__, kept, one.__name__, one.__defaults__)
        copied.__qualname__, copied.__module__, copied.__doc__ = one.__qualname__, one.__module__, one.__doc__
        for name in _names_in(one.__code__):
            if name in scope:
                value = scope[name]
                kept[name] = copy(value) if type(value) is FunctionType and not _importable(value) else value
        return copied

    return copy(fn)


def _importable(value: Any) -> bool:
    """A module, or a class or function that travels by name."""
    kind = type(value)
    if kind is ModuleType:
        return sys.modules.get(value.__name__) is value
    if kind is BuiltinType:
        return type(value.__self__) is ModuleType  # else bound to an object, which may change
    if not isinstance(value, type | FunctionType):
        return False
    module = value.__module__
    return module != "__main__" and getattr(sys.modules.get(module), value.__qualname__, None) is value


def _names_in(code: Any) -> tuple[str, ...]:
    """Names that a function's code, and code inside it, may look up."""
    found = _names.get(code)
    if found is None:
        names = dict.fromkeys(code.co_names)
        for constant in code.co_consts:
            if type(constant) is CodeType:
                names |= dict.fromkeys(_names_in(constant))
        found = tuple(names)
        if len(_names) > MOST_NAMES:
            _names.clear()
        _names[code] = found
    return found
