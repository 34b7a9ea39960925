"""Frozen records for the rooms that cannot afford `dataclasses`.

Lives here: `record`, `replace`, and nothing that an interpreter without a single import does not have.
Never here: code made at run time. Compiling an `__init__` for a class takes about 60 µs, for every class at every
start; reading the fields in a loop costs 0.5 µs more for a record of five. Few records are made often enough
to earn that back. Rooms off the hot path use ordinary frozen, slotted dataclasses (see docs/decisions/0002).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_):  # noqa: ANN003, ANN201, D103 - what the type checker sees is above
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class of annotated names into a frozen, slotted record with keyword-only fields.

    A name with an annotation is a field, and what it is set to is its default; a name without one is an ordinary class
    attribute. Records are equal when class and fields are, hash when all fields do, print as the call that makes
    them, and can be copied and pickled. A record may extend a record. Defaults must be immutable (`TypeError`).

    Since slots need a new class, `super()` without arguments does not work in a record's methods.

    >>> @record
    ... class Span:
    ...     start_seconds: float
    ...     end_seconds: float
    ...     lane: int = 0
    >>> Span(start_seconds=1.0, end_seconds=2.5)
    Span(start_seconds=1.0, end_seconds=2.5, lane=0)
    >>> Span(start_seconds=1.0)
    Traceback (most recent call last):
    TypeError: Span is missing 'end_seconds'; its fields are: start_seconds, end_seconds, lane
    """
    namespace = dict(vars(cls))
    inherited: tuple[str, ...] = getattr(cls, "__record_fields__", ())
    defaults: dict[str, Any] = dict(getattr(cls, "__record_defaults__", {}))
    own = tuple(name for name in cls.__annotations__ if name not in inherited)
    for name in cls.__annotations__:
        if name in namespace:
            defaults[name] = _immutable(cls, name, namespace.pop(name))
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    fields = inherited + own
    namespace |= {
        "__slots__": own,
        "__qualname__": cls.__qualname__,
        "__record_fields__": fields,
        "__record_defaults__": defaults,
    }
    if not hasattr(cls, "__record_fields__"):  # a record that extends another has the methods already
        namespace = _METHODS | namespace
    metaclass: Any = type(cls)
    new = metaclass(cls.__name__, cls.__bases__, namespace)
    new.__record_setters__ = tuple((name, getattr(new, name).__set__) for name in fields)
    return new  # type: ignore[no-any-return]


def replace(original: T, /, **changes: object) -> T:
    """Return a copy of a record in which some fields are changed.

    >>> @record
    ... class Point:
    ...     x: int
    ...     y: int
    >>> replace(Point(x=1, y=2), y=5)
    Point(x=1, y=5)
    """
    kind: Any = type(original)
    return kind(**(dict(zip(kind.__record_fields__, values(original), strict=True)) | changes))  # type: ignore[no-any-return]


def values(one: Any, /) -> tuple[Any, ...]:
    """Return what a record's fields hold, in their order."""
    return tuple([getattr(one, name) for name in one.__record_fields__])


def _immutable(cls: type, name: str, default: Any) -> Any:
    if type(default).__hash__ is None:
        raise TypeError(f"{cls.__name__}.{name} has a mutable default, {default!r}, which all records would share")
    return default


def _init(self: Any, /, **given: Any) -> None:
    if len(given) != len(self.__record_fields__):
        given = {**self.__record_defaults__, **given}
    try:
        for name, put in self.__record_setters__:
            put(self, given[name])
    except KeyError:
        raise _wrong_fields(self, given) from None
    if len(given) != len(self.__record_fields__):
        raise _wrong_fields(self, given)


def _wrong_fields(self: Any, given: dict[str, Any]) -> TypeError:
    fields = self.__record_fields__
    unknown = [repr(name) for name in given if name not in fields]
    missing = [repr(name) for name in fields if name not in given and name not in self.__record_defaults__]
    faults = [f"has no field {', '.join(unknown)}"] if unknown else []
    faults += [f"is missing {', '.join(missing)}"] if missing else []
    return TypeError(f"{type(self).__name__} {' and '.join(faults)}; its fields are: {', '.join(fields)}")


def _setattr(self: object, name: str, _value: object) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen, so {name!r} stays as it is; replace() makes a changed copy")


def _delattr(self: object, name: str) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen, so {name!r} cannot be deleted")


def _eq(self: object, other: object) -> bool:
    return values(self) == values(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash((type(self), values(self)))


def _repr(self: object) -> str:
    kind: Any = type(self)
    shown = [f"{name}={value!r}" for name, value in zip(kind.__record_fields__, values(self), strict=True)]
    return f"{kind.__qualname__}({', '.join(shown)})"


def _reduce(self: object) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return _rebuild, (type(self), values(self))


def _rebuild(kind: Any, held: tuple[Any, ...]) -> Any:
    return kind(**dict(zip(kind.__record_fields__, held, strict=True)))


_METHODS: dict[str, Callable[..., Any]] = {
    "__init__": _init,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__reduce__": _reduce,
    "__replace__": replace,
}
