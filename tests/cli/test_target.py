"""MODULE:FUNC and path/to/file.py:FUNC find the function."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from breakeven.cli.exits import UsageError
from breakeven.cli.target import resolve, resolve_exception
from tests.cli.program import breakeven


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Work in a folder of its own, and forget what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_in_the_working_directory_is_found(tmp_path: Path) -> None:
    """As for `python -m`."""
    (tmp_path / "mine_a.py").write_text("def double(x):\n    return 2 * x\n")
    assert resolve("mine_a:double")(4) == 8


def test_a_name_may_go_through_classes() -> None:
    """A method of a class, a function in a namespace."""
    assert resolve("builtins:str.upper")("x") == "X"


def test_a_file_is_imported_under_a_name_that_workers_can_use(tmp_path: Path) -> None:
    """Its function pickles by reference."""
    folder = tmp_path / "some where"
    folder.mkdir()
    (folder / "mine_b.py").write_text("def double(x):\n    return 2 * x\n")
    found = resolve("some where/mine_b.py:double")
    assert pickle.loads(pickle.dumps(found)) is found
    assert found.__module__ == "mine_b"


def test_a_file_in_a_package_is_imported_as_part_of_it(tmp_path: Path) -> None:
    """So that its relative imports work."""
    (tmp_path / "pack_c" / "sub").mkdir(parents=True)
    for name in ("pack_c/__init__.py", "pack_c/sub/__init__.py"):
        (tmp_path / name).touch()
    (tmp_path / "pack_c" / "base.py").write_text("FACTOR = 3\n")
    (tmp_path / "pack_c" / "sub" / "work.py").write_text(
        "from ..base import FACTOR\ndef f(x):\n    return FACTOR * x\n"
    )
    found = resolve("pack_c/sub/work.py:f")
    assert (found(2), found.__module__) == (6, "pack_c.sub.work")


@pytest.mark.parametrize(
    "text,says",
    [
        ("math", "names no function"),
        (":f", "names no function"),
        ("math:", "names no function"),
        ("math:sqrtt", "did you mean sqrt"),
        ("math:pi", "float, not a function"),
        ("nowhere_d:f", "no module 'nowhere_d'"),
        ("math.nowhere:f", "no module 'math.nowhere'"),
        ("nowhere.py:f", "no file nowhere.py"),
    ],
)
def test_what_cannot_be_found_says_what_to_change(text: str, says: str) -> None:
    """Each in its own words."""
    with pytest.raises(UsageError) as caught:
        resolve(text)
    assert says in str(caught.value)


def test_a_file_whose_name_is_no_module_name_says_so(tmp_path: Path) -> None:
    """A worker could never import it."""
    (tmp_path / "my-tool.py").write_text("def f(x): ...\n")
    with pytest.raises(UsageError, match="rename the file"):
        resolve("my-tool.py:f")


def test_a_file_hidden_by_a_loaded_module_says_so(tmp_path: Path) -> None:
    """Running the other one in its place would be worse."""
    (tmp_path / "json.py").write_text("def f(x): ...\n")
    with pytest.raises(UsageError, match="hidden by another module"):
        resolve("json.py:f")


def test_an_exception_is_named_alone_or_with_its_module() -> None:
    """And nothing else is taken for one."""
    assert resolve_exception("OSError") is OSError
    assert resolve_exception("json:JSONDecodeError").__name__ == "JSONDecodeError"
    with pytest.raises(UsageError, match="no exception class"):
        resolve_exception("builtins:len")


@pytest.mark.parametrize(
    "text, last",
    [
        ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("def work(:", "SyntaxError"),
        ("import sys; sys.exit(9)", "SystemExit: 9"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_says_so_itself(text: str, last: str, tmp_path: Path) -> None:
    """Its own traceback says more than any message; none of our frames are in it."""
    (tmp_path / "broken.py").write_text(text)
    done = breakeven("run", "broken.py:work", "--range", "0:3", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("breakeven run: broken.py could not be imported:")
    assert last in done.stderr
    assert "cli" not in done.stderr
