"""Finds which part of an object cannot be pickled, as a path that a user can follow.

Lives here: the search. Never here: pickling that is meant to be sent. Runs only after a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CellType, FunctionType, ModuleType
from typing import Any

DEEPEST = 8


def refuses(value: Any) -> str | None:
    """Why `value` cannot be pickled, or None when it can."""
    import cloudpickle

    try:
        cloudpickle.dumps(value, 5, buffer_callback=lambda _: False)
    except Exception as error:  # noqa: BLE001 - any exception is the answer
        return f"{type(error).__name__}: {error}"
    return None


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object is made of, each with the text that leads to it."""
    if isinstance(value, Mapping):
        return ((f"[{key!r}]", part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ((f"[{at}]", part) for at, part in enumerate(value))
    if isinstance(value, FunctionType):
        return _parts_of_function(value)
    if hasattr(value, "func") and hasattr(value, "keywords"):
        return _parts_of_partial(value)
    return _parts_of_instance(value)


def _parts_of_function(fn: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        yield f" (variable {name!r} it closes over)", _content(cell)
    for name in fn.__code__.co_names:
        if name in fn.__globals__:
            yield f" (global {name!r} it uses)", fn.__globals__[name]


def _parts_of_partial(partial: Any) -> Iterator[tuple[str, Any]]:
    yield ".func", partial.func
    yield from ((f".args[{at}]", part) for at, part in enumerate(partial.args))
    yield from ((f".keywords[{name!r}]", part) for name, part in partial.keywords.items())


def _parts_of_instance(value: Any) -> Iterator[tuple[str, Any]]:
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        yield ".__self__", owner
    yield from ((f".{name}", part) for name, part in getattr(value, "__dict__", {}).items())
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def path_to_culprit(value: Any, name: str) -> tuple[str, str | None]:
    """(path, reason) of the innermost part that pickle refuses; the reason is None when nothing does by itself."""
    reason = refuses(value)
    if reason is None:
        return name, None
    path = name
    seen: set[int] = set()
    for _ in range(DEEPEST):
        seen.add(id(value))
        for step, part in parts(value):
            if id(part) in seen:
                continue
            refused = refuses(part)
            if refused is not None:
                path, value, reason = path + step, part, refused
                break
        else:
            break
    return path, reason
