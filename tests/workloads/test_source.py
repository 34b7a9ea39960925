"""Measures of Python source, checked against files small enough to count by hand."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from breakeven.workloads.source import FileMeasures, import_graph, measure, measure_file, python_files, standard_library

SOURCE = b'''"""A file."""
import os, sys as system
from . import near
from .. import far
from ..other.place import thing
from json import *


class Outer:
    class Inner(Outer):
        async def method(self):
            async for item in self:
                if item:
                    yield item
                elif other:
                    pass


def longest(x):
    import lazily.found
    try:
        while x:
            x -= 1
    except ValueError:
        pass
    except OSError:
        pass
    match x:
        case 1:
            return 1
        case _:
            return [y for y in x if y]
    with x:
        return lambda: x
'''


def test_a_file_is_counted_as_a_reader_would_count_it() -> None:
    """At any depth; elif is a branch, what stands in an expression is not."""
    found = measure(SOURCE, "pack/sub/mod.py", "pack.sub.mod")
    assert (found.lines, found.functions, found.classes) == (34, 2, 2)
    assert found.branches == len(["async for", "if", "elif", "while", "except", "except", "case", "case"])
    assert (found.longest_function, found.longest_function_lines) == ("longest", 16)
    assert found.error is None


def test_imports_are_absolute_names() -> None:
    """Relative ones are told from the package that the file is in."""
    found = measure(SOURCE, "pack/sub/mod.py", "pack.sub.mod")
    assert found.imports == (
        *("json", "lazily.found", "os", "pack.far", "pack.other.place.thing", "pack.sub.near", "sys"),
    )
    init = measure(b"from . import near\nfrom .near import x\n", "pack/__init__.py", "pack")
    assert init.imports == ("pack.near", "pack.near.x")


@pytest.mark.parametrize(
    "source,says",
    [
        (b"def f(:", "SyntaxError: invalid syntax, line 1"),
        (b"x = '\xff'", "SyntaxError"),
        (b"# coding: nonsense\n", "SyntaxError: unknown encoding: nonsense"),
        (b"a\0b", "null bytes"),
        (b"(" * 5000 + b")" * 5000, "SyntaxError"),
    ],
)
def test_a_file_that_does_not_parse_is_counted_not_fatal(source: bytes, says: str) -> None:
    """Its error is its result, and its size is known."""
    found = measure(source, "bad.py")
    assert found.error is not None
    assert says in found.error
    assert (found.size_bytes, found.functions) == (len(source), 0)


def test_an_empty_file_has_no_lines() -> None:
    """And a last line without an end counts."""
    assert measure(b"", "a.py").lines == 0
    assert measure(b"x = 1", "a.py").lines == 1
    assert measure(b"x = 1\n", "a.py").lines == 1


def test_warnings_of_measured_files_stay_in_them() -> None:
    """An odd escape is neither an error here nor a line on stderr, and other code's warnings are untouched."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert measure(b"x = '\\d'\n", "odd.py").error is None
        assert caught == []
        warnings.warn("still heard", DeprecationWarning, stacklevel=1)
        assert len(caught) == 1


def test_measures_say_where_they_are_from(tmp_path: Path) -> None:
    """Told from the root that is given, or from the file alone."""
    path = tmp_path / "pack" / "mod.py"
    path.parent.mkdir()
    path.write_text("x = 1\n")
    (tmp_path / "pack" / "__init__.py").touch()
    assert measure_file(str(path), str(tmp_path))[:2] == ("pack/mod.py", "pack.mod")
    assert measure_file(str(path.with_name("__init__.py")), str(tmp_path)).module == "pack"
    assert measure_file(str(path)).module == "mod"
    with pytest.raises(FileNotFoundError):
        measure_file(str(tmp_path / "nowhere.py"))


def test_files_are_found_below_a_folder_without_installed_packages(tmp_path: Path) -> None:
    """Sorted, Python only."""
    for name in ("b.py", "a/c.py", "a/d.txt", "site-packages/e.py", "a/dist-packages/f.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert python_files(tmp_path) == [str(tmp_path / "a/c.py"), str(tmp_path / "b.py")]


def test_the_standard_library_is_that_of_the_running_python() -> None:
    """It holds what everyone knows, and no package that was installed."""
    root = standard_library()
    paths = set(python_files(root))
    assert str(root / "json" / "decoder.py") in paths
    assert not any("-packages" in path for path in paths)
    assert len(paths) > 400


def file(module: str, *imports: str, error: str | None = None) -> FileMeasures:
    """Make measures of a module that imports others."""
    return FileMeasures(f"{module}.py", module, 1, imports=imports, error=error)


def test_the_graph_has_an_edge_for_every_import_among_the_modules() -> None:
    """Of `a.b.name` the module is `a.b`; what is not there, the module itself and broken files are left out."""
    graph = import_graph(
        [
            file("a", "b.x", "c"),
            file("b", "c", "elsewhere"),
            file("c", "c"),
            file("b.x", "b"),
            file("d", "a", error="bad"),
        ]
    )
    assert (graph.modules, graph.edges) == (4, 4)
    assert graph.most_imported == (("c", 2), ("b", 1), ("b.x", 1))


def test_the_largest_knot_is_found_however_long_it_is() -> None:
    """Without recursion, so that a chain of thousands is no matter."""
    length = 5000
    ring = [file(f"m{number}", f"m{(number + 1) % length}") for number in range(length)]
    pair = [file("x", "y"), file("y", "x", "m0")]
    assert len(import_graph([*pair, *ring]).largest_knot) == length
    assert import_graph(pair).largest_knot == ("x", "y")
    assert import_graph([file("x", "y"), file("y")]).largest_knot == ()


def test_measuring_leaves_the_collector_as_it_was() -> None:
    """Also where a file does not parse."""
    import gc

    measure(b"x = 1\n", "a.py")
    measure(b"def f(:", "a.py")
    assert gc.isenabled()


def test_every_file_of_a_real_package_agrees_with_the_compiler() -> None:
    """As many functions and classes as Python's own walk over the whole tree finds."""
    import ast

    root = standard_library()
    for path in sorted((root / "json").glob("*.py")) + sorted((root / "asyncio").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
        found = measure_file(str(path), str(root))
        assert found.functions == sum(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in nodes)
        assert found.classes == sum(isinstance(node, ast.ClassDef) for node in nodes)
        assert found.module in sys.modules or found.module.startswith(("json", "asyncio"))
