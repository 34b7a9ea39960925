"""The GIL instrument: extremes are told apart, mixtures agree with what they know of themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from breakeven.errors import UsageError
from breakeven.lab.instruments.gil.examples import Mixture, python_loop
from breakeven.lab.instruments.gil.instrument import draw, found, gil_enabled, measure, verdict, watch
from breakeven.lab.showing.drawing import figure_of, svg_of

holds_a_gil = pytest.mark.skipif(not gil_enabled(), reason="this interpreter has no GIL")


SAMPLES = 9
"""Beside other programs a single sample may show nothing of what it is about; not all of so many do."""


@holds_a_gil
def test_a_python_loop_holds_the_gil_and_a_checksum_does_not() -> None:
    """The two ends: what neighbours do to a sample draws the one down and the other up, and never past each other."""
    block = bytes(1 << 20)
    loop = sorted(watch(python_loop, 0.1)["held"] for _ in range(SAMPLES))
    checksum = sorted(watch(lambda: hashlib.sha256(block).digest(), 0.1)["held"] for _ in range(SAMPLES))
    assert verdict(loop[-1] / 100) == "processes"
    assert verdict(checksum[0] / 100) == "threads"
    assert loop[SAMPLES // 2] > checksum[SAMPLES // 2]


@holds_a_gil
def test_a_mixture_is_neither_free_nor_bound_and_tells_its_share() -> None:
    """Samples lie between the two ends; what it says of itself is near what it was asked for."""
    mixture = Mixture(0.35)
    samples = [watch(mixture, 0.1) for _ in range(SAMPLES)]
    assert "threads, some" in {verdict(one["held"] / 100) for one in samples}
    assert 15 < sorted(one["known"] for one in samples)[SAMPLES // 2] < 55


def test_a_function_of_the_users_is_watched_with_its_arguments() -> None:
    """One row, its name, per cent and milliseconds."""
    one = measure(quick=True, func="math:factorial", args="[500]")
    assert [row.labels["function"] for row in one.rows] == ["math:factorial"]
    assert {quantity.name: quantity.unit for quantity in one.rows[0].quantities} == {
        "GIL held": "%",
        "CPU": "%",
        "queued": "%",
        "a call": "ms",
    }
    assert "math:factorial" in one.headline or not gil_enabled()
    assert "GIL is held [%]" in svg_of(figure_of(one, draw))


def test_a_function_of_a_file_is_found_too(tmp_path: Path) -> None:
    """By the path of the file, wherever it lies."""
    (tmp_path / "of_a_file.py").write_text("def twice(number):\n    return 2 * number\n")
    assert found(f"{tmp_path}/of_a_file.py:twice", "[4]")() == 8


@pytest.mark.parametrize(
    "func, args, told",
    [
        ("math:nope", "[]", "names no function"),
        ("no_such_module:fn", "[]", "names no function"),
        ("math:pi", "[]", "needs MODULE:FUNC"),
        ("math:sqrt", "{", "write a list in JSON"),
    ],
)
def test_what_is_no_function_or_no_list_is_said_so(func: str, args: str, told: str) -> None:
    """Before anything is measured."""
    with pytest.raises(UsageError, match=told):
        found(func, args)


def test_a_function_that_raises_ends_the_probe_too() -> None:
    """The exception passes through, and the watching thread has ended."""

    def failing() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        watch(failing, 0.05)
