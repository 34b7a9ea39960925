"""Whether a process may fork, asked in processes of their own with real threads of every kind."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys

import pytest

PREAMBLE = """
import os, sys, time
from breakeven.probes.hazards import fork_hazard

def settled():
    # threads of OpenBLAS spin for 0.1 s after use; look when all of them sleep
    while True:
        tasks = [task for task in os.listdir("/proc/self/task") if int(task) != os.getpid()]
        if not any(open(f"/proc/self/task/{task}/syscall").read().startswith("running") for task in tasks):
            return
        time.sleep(0.001)

def use_blas():
    import numpy
    square = numpy.ones((300, 300))
    assert (square @ square)[0, 0] == 300

def use_openmp():
    import ctypes
    # GOMP_parallel runs a C function, here abs(), on two threads; the second stays in its pool
    ctypes.CDLL("libgomp.so.1").GOMP_parallel(ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p), None, 2, 0)

def in_child(question):
    # ask in a forked child, and pass on what it says
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, repr(question()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(readable, 1000).decode()
"""

NATIVE = "1 other native thread runs, started by a library: neither Python's nor OpenBLAS's"

needs_openmp = pytest.mark.skipif(ctypes.util.find_library("gomp") is None, reason="no GNU OpenMP on this machine")


def answer(script: str) -> list[str]:
    """Run a script in a fresh interpreter and return the lines it prints."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PREAMBLE + script]
    # Two threads in the pool, however many CPUs there are, so that a script knows what to expect.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=50)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_process_with_one_thread_may_fork_and_learns_it_without_loading_anything() -> None:
    """Neither threading nor what tells native threads apart."""
    script = """
before = set(sys.modules)
print(fork_hazard())
print(set(sys.modules) - before)
"""
    assert answer(script) == ["None", "set()"]


def test_another_python_thread_forbids_a_fork_and_is_named() -> None:
    """A reason that names the thread can be acted upon."""
    script = """
import threading
go = threading.Event()
thread = threading.Thread(target=go.wait, name="loader")
thread.start()
print(fork_hazard())
go.set()
thread.join()
print(fork_hazard())
"""
    assert answer(script) == ["1 other Python thread runs: 'loader'", "None"]


def test_a_thread_that_threading_does_not_know_forbids_a_fork() -> None:
    """Started through `_thread`, as some extensions do; there is no name to tell."""
    script = """
import _thread
started = []
lock = _thread.allocate_lock()
lock.acquire()
_thread.start_new_thread(lambda: started.append(1) or lock.acquire(), ())
while not started: time.sleep(0.001)
print(fork_hazard())
print(fork_hazard(1))
lock.release()
"""
    assert answer(script) == ["1 other Python thread runs", "None"]


def test_our_own_threads_are_not_in_the_way() -> None:
    """As many as the caller says are its own; one more is."""
    script = """
import threading
go = threading.Event()
threads = [threading.Thread(target=go.wait, name=name) for name in ("breakeven-collector", "mine")]
threads[0].start()
print(fork_hazard(own_threads=1))
threads[1].start()
print(fork_hazard(own_threads=1))
print(fork_hazard(own_threads=2))
go.set()
"""
    assert answer(script) == ["None", "1 other Python thread runs: 'mine'", "None"]


def test_the_main_thread_is_in_the_way_of_another_one_that_asks() -> None:
    """Whoever forks is the only one left; from a thread, that is not the main one."""
    script = """
import threading
thread = threading.Thread(target=lambda: print(fork_hazard()))
thread.start()
thread.join()
"""
    assert answer(script) == ["1 other Python thread runs: 'MainThread'"]


def test_threads_that_have_just_been_joined_are_not_in_the_way() -> None:
    """Python lets go of a thread a little before the system does."""
    script = """
import threading
def run():
    threads = [threading.Thread(target=int) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return fork_hazard()
print({run() for _ in range(100)})
"""
    assert answer(script) == ["{None}"]


def test_in_a_forked_child_the_threads_of_the_parent_do_not_count() -> None:
    """Python's own count of them still does, in the child."""
    script = """
import threading
go = threading.Event()
thread = threading.Thread(target=go.wait)
thread.start()
print(in_child(fork_hazard))
go.set()
"""
    assert answer(script) == ["None"]


def test_the_pool_of_openblas_does_not_forbid_a_fork() -> None:
    """Neither while it spins, nor asleep, nor after a fork, which ends it and lets the next call start it again."""
    script = """
use_blas()
print(fork_hazard())
settled()
print(len(os.listdir("/proc/self/task")), fork_hazard())
print(in_child(lambda: (use_blas(), fork_hazard())))
print(len(os.listdir("/proc/self/task")), fork_hazard())
use_blas()
print(fork_hazard())
"""
    assert answer(script) == ["None", "2 None", "(None, None)", "1 None", "None"]


def test_blas_held_to_one_thread_hides_no_pool_that_sleeps() -> None:
    """What the library says of its size then is 1, and the threads are still there, known by where they wait."""
    script = """
import threadpoolctl
use_blas()
settled()
with threadpoolctl.threadpool_limits(1):
    print(len(os.listdir("/proc/self/task")), fork_hazard())
"""
    assert answer(script) == ["2 None"]


@needs_openmp
def test_an_openmp_pool_forbids_a_fork() -> None:
    """Whether it still spins or sleeps already; a library that is only loaded has no pool yet."""
    script = """
import ctypes
ctypes.CDLL("libgomp.so.1")
print(fork_hazard())
use_openmp()
print(fork_hazard())
settled()
print(fork_hazard())
"""
    assert answer(script) == ["None", NATIVE, NATIVE]


@needs_openmp
def test_an_openmp_pool_is_not_taken_for_that_of_openblas() -> None:
    """A fork has ended OpenBLAS's, and the one thread left is not what its size may stand for."""
    script = """
use_blas()
settled()
in_child(fork_hazard)
use_openmp()
print(fork_hazard())
use_blas()
print(fork_hazard())
settled()
print(fork_hazard())
"""
    assert answer(script) == [NATIVE, NATIVE, NATIVE]


@needs_openmp
def test_openblas_is_waited_for_where_openmp_is_loaded_too() -> None:
    """Whose a spinning thread is shows only once it sleeps."""
    script = """
import ctypes
ctypes.CDLL("libgomp.so.1")
use_blas()
print(fork_hazard())
"""
    assert answer(script) == ["None"]


@needs_openmp
def test_an_openmp_pool_that_called_into_python_is_still_native() -> None:
    """`threading` lists such a thread as its own, which it is not."""
    script = """
import ctypes, threading
seen = []
@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def body(_):
    seen.append(threading.current_thread().name)
ctypes.CDLL("libgomp.so.1").GOMP_parallel(body, None, 2, 0)
print(len(seen), fork_hazard())
"""
    assert answer(script) == [f"2 {NATIVE}"]


def test_macos_is_offered_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frameworks start threads and talk to servers behind one's back."""
    from breakeven.probes.hazards import fork_hazard

    monkeypatch.setattr(sys, "platform", "darwin")
    assert "macOS" in (fork_hazard() or "")


def test_where_threads_are_not_listed_psutil_counts_them() -> None:
    """And lets none off, since it cannot say whose they are."""
    script = """
from breakeven.probes import kernel
kernel.TASKS = "/nowhere"
print(fork_hazard())
use_blas()
print(fork_hazard())
"""
    assert answer(script) == ["None", NATIVE]
