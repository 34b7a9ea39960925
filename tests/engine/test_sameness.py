"""A function that travels by value is pickled again when, and only when, its pickle may have changed."""

from __future__ import annotations

import math
from types import FunctionType, ModuleType
from typing import Any

import pytest

from breakeven.engine.functions import Functions
from breakeven.engine.sameness import frozen, same, stamp_of
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
        function("def f(x): return append(x)", append=[].append),
        function("def f(x): return made.value", made=ModuleType("made")),
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


@pytest.mark.parametrize("backend", ["processes", "auto"])
def test_a_forked_worker_has_a_plain_function_from_its_birth(backend: str) -> None:
    """Neither side loads what would pickle it, which takes twice as long as the fork."""
    program = f"""
import sys, time
import breakeven as be
K = 3
def scaled(x):
    end = time.process_time() + 0.02
    while time.process_time() < end: pass
    return K * x, "cloudpickle" in sys.modules
made = be.map(scaled, range(12), backend={backend!r}, start_method="fork", max_workers=2)
assert [value for value, _ in made] == [3 * x for x in range(12)]
print(any(loaded for _, loaded in made), "cloudpickle" in sys.modules)
"""
    assert run_program(program).split() == ["False", "False"]


def test_an_executor_pickles_nothing_that_its_workers_have_inherited() -> None:
    """Submitted or mapped, to the end of the executor."""
    program = """
import sys
import breakeven as be
def f(x): return 2 * x
with be.Executor(2, backend="processes", start_method="fork") as executor:
    print([executor.submit(f, x).result() for x in range(3)], list(executor.map(f, range(3))))
print("cloudpickle" in sys.modules)
"""
    assert run_program(program).split("\n")[:2] == ["[0, 2, 4] [0, 2, 4]", "False"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_call_goes_by_the_globals_of_its_begin(method: str) -> None:
    """Whoever does the items, and however late it was started."""
    program = f"""
import threading
import breakeven as be
K = 1
def plus(x): return K + x
def f(x): return plus(x)
options = dict(backend="processes", start_method={method!r}, max_workers=1, chunksize=1, max_tasks_per_worker=1)
out = []
for value in be.imap(f, range(5), **options):
    out.append(value)
    K += 100
print(out)
K = 1
del options["chunksize"]
with be.Executor(**options) as executor:
    calls = [executor.submit(f, x) for x in range(4)]
    K = threading.Lock()
    print([call.result() for call in calls])
"""
    assert run_program(program).split("\n")[:2] == ["[1, 2, 3, 4, 5]", "[1, 2, 3, 4]"]


def test_a_copy_of_a_function_stays_what_it_was() -> None:
    """Itself, what it calls, and what both look up."""
    made = function("def g(x): return x + K\ndef f(x): return g(x) * K if x < 9 else f(x - 9)", K=2)
    kept = frozen(made)
    made.__globals__["K"] = 100
    made.__globals__["g"] = None
    assert [kept(1), kept(10)] == [6, 6]


def test_what_was_inherited_is_sent_once_it_has_changed() -> None:
    """A rebound global, and a function defined again under its name, reach workers that were forked before."""
    program = """
import breakeven as be
K = 1
def f(x): return x + K
def mapped(): return be.map(f, range(4), backend="processes", start_method="fork", max_workers=2, chunksize=1)
out = [list(mapped()), list(mapped())]
K = 10
out.append(list(mapped()))
def f(x): return -x
out.append(list(mapped()))
print(out)
"""
    assert run_program(program).strip() == str([[1, 2, 3, 4], [1, 2, 3, 4], [10, 11, 12, 13], [0, -1, -2, -3]])


def test_a_worker_that_takes_the_place_of_a_dead_one_inherits_too() -> None:
    """The item that it died of is charged; all others have their results."""
    program = """
import os
import breakeven as be
def f(x):
    if x == 5: os.kill(os.getpid(), 9)
    return 2 * x
made = be.map(f, range(12), backend="processes", start_method="fork", max_workers=2, chunksize=1, on_error="return")
print([value if isinstance(value, int) else value.cause for value in made])
"""
    wanted: list[object] = [2 * x for x in range(12)]
    wanted[5] = "killed by SIGKILL"
    assert run_program(program).strip() == str(wanted)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_worker_of_another_kind_is_sent_what_a_forked_one_inherited(method: str) -> None:
    """The same function, once by each way of starting."""
    program = f"""
import breakeven as be
def f(x): return 2 * x
for way in ("fork", {method!r}, "fork"):
    print(be.map(f, range(3), backend="processes", start_method=way, max_workers=2))
"""
    assert run_program(program).split("\n")[:3] == ["[0, 2, 4]"] * 3


def test_the_same_lambda_in_a_loop_is_one_function() -> None:
    """Each turn makes a new object of the same code: its pickle would be the same."""
    functions = Functions()
    made = [functions.of(lambda x: x + 1, None, None) for _ in range(3)]
    assert made[0] is made[1] is made[2]
    assert len(functions) == 1
