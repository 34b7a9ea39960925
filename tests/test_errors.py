"""What every exception of breakeven promises: facts as attributes and in args, texts that survive pickle."""

from __future__ import annotations

import concurrent.futures
import copy
import inspect
import pickle
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from breakeven import errors
from breakeven.errors import BreakevenError, RemoteError, RemoteTraceback, TaskTimeout, WorkerDied

# One example of what each fact may be, by its name: a new fact needs a line here.
EXAMPLES: dict[str, list[Any]] = {
    "message": ["something is wrong; try something else"],
    "option": ["chunksize", ""],
    "start_method": ["spawn"],
    "reason": ["cannot allocate memory"],
    "advice": ["close something", ""],
    "index": [17, None],
    "pid": [4242, None],
    "cause": ["killed by SIGSEGV", "killed by SIGRTMIN+3", "out of memory", "exit 3", "garbage on its channel"],
    "stack_text": ["  File 'a.py', line 3 in f", ""],
    "seconds": [0.5],
    "held_bytes": [2_100_000_000],
    "limit_bytes": [2_000_000_000],
    "path": ["argument.mesh._lock"],
    "what": ["argument", "result"],
    "backend": ["ray"],
    "install": ["pip install ray"],
    "expected": ["solve"],
    "found": ["assemble"],
    "source": ["run.json"],
    "readable": [1],
    "type_name": ["solver.Diverged"],
    "traceback_text": ["Traceback (most recent call last):\n  File 'a.py', line 3, in f\n", ""],
}

# What callers already catch.
BASES = {
    "UsageError": ValueError,
    "UsageTypeError": TypeError,
    "StartFailed": concurrent.futures.BrokenExecutor,
    "InitializerFailed": concurrent.futures.BrokenExecutor,
    "WorkerDied": concurrent.futures.BrokenExecutor,
    "TaskTimeout": TimeoutError,
    "MemoryExceeded": MemoryError,
    "Unpicklable": pickle.PicklingError,
    "BackendUnavailable": ImportError,
    "CheckpointMismatch": ValueError,
    "LedgerUnreadable": ValueError,
    "LedgerVersionError": ValueError,
    "RemoteError": Exception,
    "RemoteTraceback": Exception,
}


def tree(root: type[BreakevenError]) -> Iterator[type[BreakevenError]]:
    """Every class below `root`."""
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:  # a workload's own are the workload's to promise
            yield kind
            yield from tree(kind)


KINDS = list(tree(BreakevenError))


def facts_of(kind: type[BreakevenError]) -> list[str]:
    """Names of the constructor's arguments."""
    return list(inspect.signature(kind).parameters)


def examples(kind: type[BreakevenError]) -> list[BreakevenError]:
    """One exception a value of every fact, the other facts at their first example."""
    names = facts_of(kind)
    usual = {name: EXAMPLES[name][0] for name in names}
    return [kind(**(usual | {name: value})) for name in names for value in EXAMPLES[name]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_exception_survives_pickle_and_copy_with_its_facts_and_text(kind: type[BreakevenError]) -> None:
    """Facts are attributes and args, and come back equal; so do notes and the text."""
    for error in examples(kind):
        error.add_note("item 17 on worker 4242")
        facts = {name: getattr(error, name) for name in facts_of(kind)}
        assert error.args == tuple(facts.values())
        assert str(error)
        for twin in (
            *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
            copy.copy(error),
        ):
            assert type(twin) is kind
            assert {name: getattr(twin, name) for name in facts} == facts
            assert (twin.args, str(twin), repr(twin)) == (error.args, str(error), repr(error))
            assert twin.__notes__ == error.__notes__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_exception_is_also_what_callers_already_catch(kind: type[BreakevenError]) -> None:
    """Code written for the standard library's exceptions goes on working."""
    assert issubclass(kind, BASES[kind.__name__])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_text_ends_with_what_to_try(kind: type[BreakevenError]) -> None:
    """All but the two that carry a task's own words say what happened, then a next step."""
    if kind in {RemoteError, RemoteTraceback}:
        return
    assert re.fullmatch(r"[^;]+; [^;]+[^.]", str(examples(kind)[0]).splitlines()[0])


def test_the_tree_is_drawn_in_the_docstring() -> None:
    """Every class stands in the drawing once, under its parent, and the drawing names no other."""
    drawn: list[tuple[int, str]] = [
        (len(line) - len(line.lstrip(" │├└─")), match[1])
        for line in str(errors.__doc__).splitlines()
        if (match := re.match(r"    [ │├└─]*([A-Z]\w+)", line))
    ]
    parents = {}
    above: list[tuple[int, str]] = []
    for depth, name in drawn:
        above = [(at, one) for at, one in above if at < depth]
        parents[name] = above[-1][1] if above else None
        above.append((depth, name))
    assert parents == {"BreakevenError": None} | {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS}
    assert sorted(parents) == errors.__all__


def test_the_death_of_a_submitted_call_names_no_item() -> None:
    """It has none: only what is mapped is counted."""
    assert str(WorkerDied(None, 7, "killed by SIGKILL")).startswith(
        "worker 7 was killed by SIGKILL while it ran a task; "
    )


def test_a_thread_that_is_late_is_not_said_to_have_been_ended() -> None:
    """Only a process can be."""
    assert "worker 7 was ended" in str(TaskTimeout(3, 0.5, 7))
    assert "which cannot be ended" in str(TaskTimeout(3, 0.5))


def test_the_last_stack_of_a_dead_worker_is_part_of_its_text() -> None:
    """Whoever reads only the message sees where it crashed."""
    assert str(WorkerDied(1, 7, "killed by SIGSEGV", "File 'a.py', line 3")).endswith("\nFile 'a.py', line 3")


def test_a_remote_traceback_is_printed_above_the_exception_that_it_caused() -> None:
    """The standard printer shows the worker's frames first."""
    error = ValueError("odd")
    error.__cause__ = RemoteTraceback("Traceback (most recent call last):\n  File 'worker side'\nValueError: odd\n")
    shown = "".join(traceback.format_exception(error))
    assert shown.index("worker side") < shown.index("direct cause") < shown.rindex("ValueError: odd")
