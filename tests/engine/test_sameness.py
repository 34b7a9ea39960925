"""A function that travels by value is pickled again when, and only when, its pickle may have changed."""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any

import pytest

from breakeven.engine.sameness import same, stamp_of
from tests.engine.harness import run_program


def function(text: str, **scope: Any) -> FunctionType:
    """A function as one of `__main__` would be: with globals of its own."""
    scope["__name__"] = "__main__"
    exec(text, scope)  # noqa: S102 - the tests' own text
    made = scope["f"]
    assert isinstance(made, FunctionType)
    return made


@pytest.mark.parametrize(
    "made",
    [
        function("def f(x): return 2 * x"),
        function("def f(x, by=3, name='n'): return x * by"),
        function("def f(x): return len(str(x))"),
        function("def f(x): return math.sqrt(x) * K", math=math, K=7),
        function("def g(x): return x + 1\ndef f(x): return g(x)"),
        function("def f(x): return f(x - 1) if x else 0"),
        function("def f(x): return [h * x for h in range(3)]"),
    ],
)
def test_a_plain_function_has_a_stamp_that_stays(made: FunctionType) -> None:
    """Constants, modules, built-ins and other plain functions do not change unseen."""
    assert stamp_of(made) is not None
    assert same(stamp_of(made), stamp_of(made))


@pytest.mark.parametrize(
    "made",
    [
        function("def f(x): return table[x]", table=[1, 2]),
        function("def f(x, into=[]): return into"),
        function("def outer():\n    n = 3\n    def f(x): return n\n    return f\nf = outer()"),
        function("class C: pass\ndef f(x): return C()"),
        function("def g(x): return table\ndef f(x): return g(x)", table={}),
        function("def f(x, *, key=[]): return key"),
    ],
)
def test_what_may_change_unseen_has_no_stamp(made: FunctionType) -> None:
    """A list, a closure, a class of `__main__`, directly or through another function."""
    assert stamp_of(made) is None


def test_a_global_that_is_another_object_makes_another_stamp() -> None:
    """As does another body of a function that it calls."""
    made = function("def g(x): return x + K\ndef f(x): return g(x) + K", K=1)
    before = stamp_of(made)
    made.__globals__["K"] = 2
    assert not same(before, stamp_of(made))
    after = stamp_of(made)
    made.__globals__["g"] = function("def f(x): return x")
    assert not same(after, stamp_of(made))


def test_a_new_body_makes_another_stamp() -> None:
    """Functions can be given other code."""
    made = function("def f(x): return 1")
    before = stamp_of(made)
    made.__code__ = function("def f(x): return 2").__code__
    assert not same(before, stamp_of(made))


def test_workers_see_every_change_of_a_function_of_main() -> None:
    """A global, a helper, a list: each call is made with what they are at that moment."""
    program = """
import breakeven as be
K = 1
table = [1]
def helper(x): return x + K
def f(x): return helper(x) + K
def g(x): return table[0] + x
out = []
with be.Executor(max_workers=1, backend="processes") as executor:
    for turn in range(3):
        K = turn * 10
        table[0] = turn * 100
        out += [executor.submit(f, 1).result(), executor.submit(g, 1).result(), executor.submit(f, 1).result()]
    def helper(x): return -x
    out.append(executor.submit(f, 1).result())
print(out)
"""
    assert run_program(program).strip() == str([1, 1, 1, 21, 101, 21, 41, 201, 41, 19])
