"""What an executor does when the system refuses it a worker, and what it holds when nobody asks for results."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest

import breakeven as be
from tests.engine.harness import run_program
from tests.executor import calls

SECONDS = 20  # to wait for what must happen

SHORT_OF_DESCRIPTORS = """
import errno, os, resource, sys
import breakeven as be
from tests.executor import calls

taken = []

def take_all():
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass

def outcome(future):
    try:
        return future.result(20)
    except be.BreakevenError as error:
        return error

executor = be.Executor(int(sys.argv[2]), backend="processes", start_method=sys.argv[1])
assert executor.submit(calls.triple, 1).result() == 3
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
take_all()
"""

GO_ON = """
futures = [executor.submit(calls.triple, number) for number in range(50)]
assert [future.result(20) for future in futures] == [3 * number for number in range(50)]
while taken:
    os.close(taken.pop())
(note,) = executor.report.ledger.notes
assert "only 1 of 3 workers could be started" in note and "Too many open files" in note, note
executor.shutdown()
"""

GO_DOWN_AND_RECOVER = """
assert isinstance(outcome(executor.submit(calls.die)), be.WorkerDied)
take_all()
for _ in range(3):
    failed = outcome(executor.submit(calls.triple, 2))
    assert isinstance(failed, be.StartFailed), repr(failed)
    assert "Too many open files" in str(failed), str(failed)
    assert failed.__cause__.errno == errno.EMFILE, failed.__cause__
while taken:
    os.close(taken.pop())
assert executor.submit(calls.triple, 3).result(20) == 9
assert list(executor.map(calls.triple, range(5))) == [0, 3, 6, 9, 12]
executor.shutdown()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_executor_goes_on_with_the_workers_that_could_be_started(method: str) -> None:
    """And says in its report how many and why."""
    run_program(SHORT_OF_DESCRIPTORS + GO_ON, method, "3")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_executor_that_can_start_no_worker_says_why_and_tries_again_later(method: str) -> None:
    """What was submitted meanwhile fails; what is submitted when there is room again does not."""
    run_program(SHORT_OF_DESCRIPTORS + GO_DOWN_AND_RECOVER, method, "1")


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_arguments_of_a_call_that_nobody_asks_for_are_let_go(backend: str) -> None:
    """Once it is done, though the executor is not used again."""
    with be.Executor(2, backend=backend) as executor:
        executor.submit(calls.triple, 1).result()
        for _ in range(3):
            gone = threading.Event()
            array = np.ones(50_000)
            weakref.finalize(array, gone.set)
            executor.submit(calls.total, array)
            del array
            assert gone.wait(SECONDS)
