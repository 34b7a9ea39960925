"""What the floors in pyproject.toml cannot see: import budgets, the front door, and the drawing of the house."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import breakeven

ROOT = Path(__file__).parents[1]

# What neither the front door nor a worker may load: each costs milliseconds, and a cold start has twelve in all.
# `functools` is not among them, since the C module `_pickle` loads it.
HEAVY = {
    "concurrent.futures",
    "contextlib",
    "dataclasses",
    "enum",
    "inspect",
    "logging",
    "numpy",
    "pickle",
    "rich",
    "socket",
    "threading",
    "traceback",
    "typing",
}

OUR_MODULES_IN_A_WORKER = 15


def loaded_by(statement: str) -> set[str]:
    """Names of the modules that a statement adds to a fresh interpreter."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def ours(modules: set[str]) -> set[str]:
    """The package and its modules among `modules`."""
    return {name for name in modules if name.partition(".")[0] == "breakeven"}


def test_importing_the_package_loads_next_to_nothing() -> None:
    """The front door is lazy: a handful of modules of ours, and nothing that costs time."""
    modules = loaded_by("import breakeven")
    assert "breakeven" in modules
    assert not modules & HEAVY
    assert len(modules) <= 5, sorted(modules)


def test_a_worker_imports_few_modules_and_none_that_costs_time() -> None:
    """What a child process runs has the smallest closure of all, and its entry stays within the same budget."""
    for module in ("breakeven.engine.worker", "breakeven.engine.child"):
        modules = loaded_by(f"import {module}")
        assert not modules & HEAVY
        assert len(ours(modules)) <= OUR_MODULES_IN_A_WORKER, sorted(ours(modules))


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_a_running_worker_has_loaded_few_modules_of_ours(start_method: str) -> None:
    """Counted from inside a task that came in by name, so that nothing else had to be loaded for it."""
    program = (
        "import breakeven\n"
        "names = breakeven.map(eval, ['list(__import__(\"sys\").modules)'] * 2, backend='processes', max_workers=1,\n"
        f"    start_method={start_method!r}, chunksize=1)[0]\n"
        "print(*names)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(run.stdout.split())
    assert "breakeven.engine.worker" in modules
    assert len(ours(modules)) <= OUR_MODULES_IN_A_WORKER, sorted(ours(modules))
    assert "numpy" not in modules


def test_mapping_on_forked_workers_loads_nothing_that_costs_time() -> None:
    """The whole way from `import breakeven` to results on the hot path keeps out of the heavy modules."""
    modules = loaded_by(
        "import breakeven; breakeven.map(abs, range(4), backend='processes', max_workers=2, start_method='fork')"
    )
    assert not modules & HEAVY


def test_public_names_are_sorted_and_all_there() -> None:
    """Every name in `__all__` can be had, is listed by dir(), and stands in its place."""
    assert breakeven.__all__ == sorted(breakeven.__all__)
    assert len(set(breakeven.__all__)) == len(breakeven.__all__)
    for name in breakeven.__all__:
        assert getattr(breakeven, name) is not None
    assert set(breakeven.__all__) <= set(dir(breakeven))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A lazy front door must not answer to everything."""
    assert not hasattr(breakeven, "no_such_name")


def test_every_public_name_is_in_the_reference_once_and_no_other() -> None:
    """Functions and classes have a heading each, exceptions a row in their table."""
    headings = re.findall(r"^### `(\w+)", (ROOT / "docs/reference/python.md").read_text(), re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/errors.md").read_text(), re.MULTILINE)
    assert sorted(headings + rows) == sorted(breakeven.__all__)


def test_every_option_is_in_the_reference() -> None:
    """The table of options has one row an option, in the order in which they are declared."""
    from breakeven.records import values
    from breakeven.work import Options

    declared = Options.__record_fields__  # type: ignore[attr-defined]
    assert len(values(Options())) == len(declared)
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/options.md").read_text(), re.MULTILINE)
    assert [name for name in declared if name not in rows] == []
    assert [name for name in rows if name not in {*declared, "ordered", "map"}] == []


def test_the_house_is_drawn_as_the_contract_has_it() -> None:
    """ARCHITECTURE.md shows the floors that import-linter keeps."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    kept = [sorted(re.findall(r"\w+", layer)) for layer in layers]
    drawing = re.search(r"^```floors\n(.*?)^```", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE | re.DOTALL)
    assert drawing is not None
    assert [sorted(re.findall(r"\w+", line)) for line in drawing[1].splitlines()] == kept
