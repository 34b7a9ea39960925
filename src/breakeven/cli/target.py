"""`MODULE:FUNC` and `path/to/file.py:FUNC` → the function.

Lives here: importing what the user named, so that a worker can import it by the same name. Never here: calling it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any


def resolve(text: str) -> Callable[..., Any]:
    """Import a function; the working directory comes first on the path, as for `python -m`.

    A file is imported under the name it has in its package, or by its stem beside it when it is in none.
    Raises `UsageError` where there is no such module, no such name in it, or the name is no function.
    What the module itself raises while it is imported passes through.

    >>> resolve("math:hypot")(3, 4)
    5.0
    """
    where, colon, name = text.rpartition(":")
    if not colon or not where or not name:
        raise UsageError(f"{text!r} names no function; write MODULE:FUNC or path/to/file.py:FUNC")
    _first_on_path(Path.cwd())
    try:
        found = _from_file(Path(where)) if where.endswith(".py") else _from_name(where)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        from breakeven.cli.blame import told
        from breakeven.errors import BreakevenError

        raise BreakevenError(f"{where} could not be imported:\n{told(error)}") from error
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UsageError(_no_such_name(where, found, part)) from None
    if not callable(found):
        raise UsageError(f"{text} is a value of type {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def called(text: str, options: argparse.Namespace) -> Callable[..., Any]:
    """The function that `text` names, called as `--star` or `--kwargs` say."""
    from breakeven.cli.calls import Keywords, Star

    fn = resolve(text)
    if options.star:
        return Star(fn)
    return Keywords(fn) if options.kwargs else fn


def resolve_exception(text: str) -> type[BaseException]:
    """Find an exception class: a built-in by its name, any other as MODULE:CLASS.

    >>> resolve_exception("OSError")
    <class 'OSError'>
    """
    found = resolve(text if ":" in text else f"builtins:{text}")
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    raise UsageError(f"{text} is no exception class")


def _from_name(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there; what it imports is not
        raise UsageError(
            f"there is no module {error.name!r} in {Path.cwd()} or on the path; "
            "a file is given with its ending, as path/to/file.py:FUNC"
        ) from None


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    path = path.resolve()
    root, name = path.parent, path.stem
    while (root / "__init__.py").exists() and root != root.parent:
        root, name = root.parent, f"{root.name}.{name}"
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{path.name} cannot be imported: {name!r} is no Python name; rename the file")
    _first_on_path(root)
    module = import_module(name.removesuffix(".__init__"))
    found = getattr(module, "__file__", None)
    if found is None or not path.samefile(found):
        raise UsageError(f"{path} is hidden by another module of the name {name!r} ({found or 'built in'}); rename it")
    return module


def _first_on_path(folder: Path) -> None:
    """Put a folder first, so that what the user named wins; workers get the same path."""
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    sys.path.insert(0, str(folder))


def _no_such_name(where: str, owner: object, part: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(part, [name for name in dir(owner) if not name.startswith("__")], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{where} has no {part!r}{hint}"
