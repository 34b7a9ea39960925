"""Functions of the main script share its globals in a worker, whichever way that was started."""

from __future__ import annotations

import pytest

from tests.engine.harness import run_program

START = """
import sys
import breakeven as be
options = dict(backend="processes", start_method=sys.argv[1], max_workers=1, chunksize=1)
"""

INITIALIZED = """
from functools import partial
class Settings:
    def __init__(self, number): self.number = number
MODEL = None
CACHE = {}
CONFIG = Settings(0)
table = [1]
def fill(number): CACHE["number"] = number
def load(number):
    global MODEL, LATER, CONFIG
    MODEL, LATER, CONFIG = number, [number], Settings(number)
    fill(number)
def plain(x): return MODEL + x
def undefined_here(x): return LATER[0] + x
def filled_in_place(x): return CACHE["number"] + x
def beside_a_list(x): return MODEL + table[0] + x
def instead_of_a_default(x): return CONFIG.number + x
TASKS = (plain, undefined_here, filled_in_place, beside_a_list, instead_of_a_default)
for task in TASKS:
    print(be.map(task, range(2), initializer=partial(load, 10), **options))
with be.Executor(1, backend="processes", start_method=sys.argv[1], initializer=load, initargs=(10,)) as executor:
    print([executor.submit(task, 0).result() for task in TASKS])
"""

CHANGED = """
K, table = 1, [1]
def read(x): return K + table[0]
def write(x):
    global K
    K += 100
    return K
with be.Executor(1, backend="processes", start_method=sys.argv[1]) as executor:
    def done(task): return executor.submit(task, 0).result()
    out = [done(read), done(write), done(read), done(write)]
    table[0] = 5
    out += [done(read)]
    K = 7
    out += [done(read), done(write)]
print(out)
"""

UNSIZED = """
import numpy
SCALAR = numpy.array(3.0)
def load(number):
    global BASE
    BASE = number
def add(x): return BASE + x + float(SCALAR)
print(be.map(add, [1], initializer=load, initargs=(2,), **options))
"""

ITEMS = """
SEEN = None
class Item:
    def __init__(self, number): self.number = number
    def told(self): return (SEEN, self.number)
def load():
    global SEEN
    SEEN = "set"
def ask(item): return (SEEN, isinstance(item, Item), item.number)
print(be.map(ask, [Item(1), Item(2)], initializer=load, **options))
"""


def test_what_an_initializer_sets_is_there_for_the_tasks(method: str) -> None:
    """Rebound, new, filled in place, in place of a default; beside a list, which has the function pickled."""
    lines = run_program(START + INITIALIZED, method).split("\n")
    assert lines[:3] == ["[10, 11]"] * 3
    assert lines[3:6] == ["[11, 12]", "[10, 11]", "[10, 10, 10, 11, 10]"]


def test_what_a_worker_sets_stays_until_the_script_changes_it(method: str) -> None:
    """A list of the script's that has changed brings the function again, and leaves the worker's number alone."""
    assert run_program(START + CHANGED, method).strip() == str([2, 101, 102, 201, 206, 12, 107])


def test_items_with_classes_of_the_script_leave_the_globals_alone(method: str) -> None:
    """They bring the globals that their methods use along with every chunk."""
    assert run_program(START + ITEMS, method).strip() == str([("set", True, 1), ("set", True, 2)])


def test_globals_that_do_not_tell_their_length_are_no_failure(method: str) -> None:
    """Arrays without an axis have one and raise; so do scipy's sparse ones."""
    assert run_program(START + UNSIZED, method).strip() == "[6.0]"


@pytest.fixture(params=["fork", "forkserver", "spawn"])
def method(request: pytest.FixtureRequest) -> str:
    """Every way to start a worker."""
    return str(request.param)
