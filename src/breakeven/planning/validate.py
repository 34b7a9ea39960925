"""Whether a call makes sense, before anything is started for it.

Lives here: the checks of every option, each with what is wrong and what to give instead. Never here: the machine.
"""

from __future__ import annotations

from _operator import index

from breakeven.work import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BACKENDS = ("auto", "serial", "threads", "processes", "dask", "ray", "mpi")
START_METHODS = ("fork", "forkserver", "spawn")
ON_ERROR = ("raise", "return")
SAMPLE = ("here", "worker", "none")
_DEFAULTS = Options()


def options_from(given: dict[str, Any]) -> Options:
    """Make the options of a call, refusing what cannot be meant."""
    return Options(**checked(given)) if given else _DEFAULTS


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """The same options with plain numbers for whatever stands for one (numpy's, say); refuses what cannot be meant."""
    plain = {}
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is None:
            raise _usage(f"unknown option {name!r}{_nearest(name)}", name)
        found = check(name, value)
        plain[name] = value if found is None else found
    return plain


def callable_or_refuse(fn: object) -> None:
    """Refuse what cannot be called."""
    if not callable(fn):
        from breakeven.errors import UsageTypeError

        raise UsageTypeError(
            f"the first argument is {fn!r}, which cannot be called; give the function first, then the items"
        )


def _usage(message: str, option: str) -> BaseException:
    from breakeven.errors import UsageError

    return UsageError(message, option)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(_CHECKS), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; the options are {', '.join(sorted(_CHECKS))}"


def _one_of(known: tuple[str, ...]) -> Any:
    def check(name: str, value: object) -> None:
        if value not in known:
            raise _usage(f"{name} is {value!r}; it is one of {', '.join(known)}", name)

    return check


def _backend(name: str, value: object) -> None:
    if isinstance(value, str):
        _one_of(BACKENDS)(name, value)
    elif not (hasattr(value, "stream") and hasattr(value, "submit") and hasattr(value, "close")):
        raise _usage(
            f"backend is {value!r}; give one of {', '.join(BACKENDS)}, or an object with stream, submit and close", name
        )


def _count(lowest: int, *, none: bool = True, most: int | None = None) -> Any:
    def check(name: str, value: Any) -> int | None:
        if value is None and none:
            return None
        try:
            whole = None if isinstance(value, bool) else index(value)
        except TypeError:
            whole = None
        if whole is None or whole < lowest or (most is not None and whole > most):
            bound = "greater than 0" if lowest == 1 else f"{lowest} or more"  # as the standard executors say it
            raise _usage(f"{name} must be {bound}, not {value!r}; give a whole number", name)
        return whole

    return check


def _chunksize(name: str, value: object) -> Any:
    if isinstance(value, str) and value == "auto":
        return None
    if isinstance(value, str) or value is None:
        raise _usage(f"chunksize is {value!r}; give 'auto', or a whole number from 1 up", name)
    return _count(1, none=False)(name, value)


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        seconds = 0.0 if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise _usage(f"{name} is {value!r}; give seconds above 0, or None for no limit", name)
    return seconds


def _initializer(name: str, value: object) -> None:
    if value is not None and not callable(value):
        from breakeven.errors import UsageTypeError

        raise UsageTypeError(f"initializer is {value!r}, which cannot be called; give a function", name)


def _arguments(name: str, value: object) -> None:
    if not isinstance(value, tuple | list):
        raise _usage(f"{name} is {value!r}; give the initializer's arguments as a tuple", name)


def _exceptions(name: str, value: object) -> None:
    kinds = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        raise _usage(f"{name} is {value!r}; give an exception type, or a tuple of them", name)


def _text(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise _usage(f"{name} is {value!r}; give a text", name)


def _flag(name: str, value: object) -> None:
    if value is not None and value is not True and value is not False:
        raise _usage(f"{name} is {value!r}; give True, False, or None for a terminal only", name)


_CHECKS: dict[str, Any] = {
    "backend": _backend,
    "max_workers": _count(1),
    "start_method": lambda name, value: None if value is None else _one_of(START_METHODS)(name, value),
    "chunksize": _chunksize,
    "on_error": _one_of(ON_ERROR),
    "timeout": _seconds,
    "retries": _count(0, none=False),
    "retry_on": _exceptions,
    "initializer": _initializer,
    "initargs": _arguments,
    "max_tasks_per_worker": _count(1),
    "max_worker_memory": _count(1),
    "memory_limit": _count(1),
    "sample": _one_of(SAMPLE),
    "seed": _count(0),
    "progress": _flag,
    "threads_per_worker": _count(1),
    "name": _text,
}


def only_processes(options: Options) -> str:
    """Why a call can run in worker processes alone; "" where it may run anywhere."""
    if options.timeout is not None:
        return "a timeout can only be kept by ending a process"
    if options.initializer is not None:
        return "an initializer is for workers"
    if options.sample == "worker":
        return "the function is not to be called in this process (sample='worker')"
    if options.sample == "none":
        return "nothing was to be sampled (sample='none')"
    return ""
