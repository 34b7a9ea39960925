"""Exceptions on their way from a worker to the parent: facts as text first, the object second.

Lives here: taking an exception apart so that it always arrives, and building it again. Never here:
what is done about it. Loaded only when something went wrong.
"""

from __future__ import annotations

import traceback
from _pickle import dumps, loads
from typing import TYPE_CHECKING, Any

from breakeven.engine.codec import Encoded, encode, pickled, unpicklable

if TYPE_CHECKING:
    from breakeven.engine.arena import Arena

HIDDEN_FILES = tuple(f"breakeven/engine/{name}.py" for name in ("worker", "loops", "part"))


def describe(error: BaseException) -> tuple[str, str, str, bytes | None]:
    """(type, message, traceback text, the exception itself as bytes if it can travel)."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    skipped = error.__traceback__
    while skipped is not None and skipped.tb_frame.f_code.co_filename.endswith(HIDDEN_FILES):
        skipped = skipped.tb_next
    try:
        text = "".join(traceback.format_exception(kind, error, skipped))
        message = str(error)
    except BaseException:  # noqa: BLE001 - an exception whose text raises must arrive all the same
        text = message = f"<{name} whose text cannot be made>"
    return name, message, text, _travelling(error)


def _travelling(error: BaseException) -> bytes | None:
    """Bytes from which `rebuild` makes the exception: its own pickle when that works, else its parts."""
    try:
        own = pickled(error, 1 << 62)[0]
        back = loads(own)
        if type(back).__qualname__ == type(error).__qualname__ and back.args == error.args:
            return dumps((True, own), 5)
    except BaseException:  # noqa: BLE001,S110 - the constructor wants other arguments or leaves, or it cannot be pickled
        pass
    facts = {}
    for name, fact in vars(error).items():
        try:
            facts[name] = pickled(fact, 1 << 62)[0]
        except Exception:  # noqa: BLE001,S112 - this one fact stays behind
            continue
    try:
        return dumps((False, pickled((type(error), error.args), 1 << 62)[0], facts), 5)
    except Exception:  # noqa: BLE001 - not even its type or arguments
        return None


def rebuild(name: str, message: str, text: str, body: bytes | None) -> BaseException:
    """Build the exception again, as itself where possible, else a faithful stand-in."""
    from breakeven.errors import RemoteError, RemoteTraceback

    error: BaseException | None = None
    if body is not None:
        try:
            error = _assemble(loads(body))
        except (Exception, SystemExit):  # noqa: BLE001 - its module is not here, or it refuses: the stand-in has the facts
            error = None
    if error is None:
        error = RemoteError(name, message, text)
    error.__cause__ = RemoteTraceback(text)
    return error


def _assemble(travelled: Any) -> BaseException:
    if travelled[0]:
        whole: BaseException = loads(travelled[1])
        return whole
    kind, args = loads(travelled[1])
    error: BaseException = kind.__new__(kind, *args)
    error.args = args
    for name, fact in travelled[2].items():
        error.__dict__[name] = loads(fact)
    return error


def keep_picklable(values: list[Any], failures: list[tuple[Any, ...]], first: int, arena: Arena | None) -> Encoded:
    """Turn each result that cannot be pickled into a failure of its item (counted from `first`), encode the others."""
    for at, value in enumerate(values):
        try:
            pickled(value, 1 << 62)
        except BaseException as error:  # noqa: BLE001 - any refusal
            values[at] = None
            failures.append((first + at, *describe(unpicklable(value, "result", None, error))))
    return encode(values, arena)
