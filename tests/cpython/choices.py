"""Which of CPython's tests are run when, and the few that cannot be.

Lives here: tables, explained in README.md. Never here: the tests.
"""

from __future__ import annotations

from pickle import UnpicklingError

FORK, THREADS = "ProcessPoolFork", "ThreadPool"

NOT_APPLICABLE = {
    "ProcessPool": {
        "test_killed_child": "asks that one death breaks the executor for all that is submitted later",
        "test_saturation": "counts processes while 75 semaphores are submitted, none of which can be pickled",
        "test_processes_terminate": "counts processes while nothing is submitted that can be pickled",
        "test_max_tasks_per_child_defaults_to_spawn_context": "ours replaces forked workers, too",
        "test_python_finalization_error": "counts the threads of the standard executor",
        "test_gh105829_should_not_deadlock_if_wakeup_pipe_full": "replaces the pipe of the standard executor",
    },
    FORK: {
        "test_max_tasks_per_child": "asks for a ValueError: ours replaces forked workers, too",
    },
    THREADS: {
        "test_thread_names_assigned": "an option that ours has not",
        "test_thread_names_default": "the names are ours to choose",
        "test_default_workers": "ours takes as many as there are usable CPUs",
    },
}
"""Test name → reason, for the classes whose name begins so."""

RAISED_INSTEAD: dict[str, type[BaseException]] = {
    "test_exit_at_task_unpickle": SystemExit,
    "test_error_at_task_unpickle": UnpicklingError,
    "test_error_during_result_unpickle_in_result_handler": UnpicklingError,
    "test_exit_during_result_unpickle_in_result_handler": SystemExit,
}
"""What ours raises where the standard executor says that it is broken."""


def left_out(kind: str) -> set[str]:
    """Names of the tests that a class leaves out."""
    return {test for start, tests in NOT_APPLICABLE.items() if kind.startswith(start) for test in tests}
