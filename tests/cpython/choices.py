"""Which of CPython's tests are left out, expect something else, or wait for `make soak`; README.md says why.

Lives here: the tables. Never here: the tests.
"""

from __future__ import annotations

from pickle import UnpicklingError

NOT_APPLICABLE = {
    "ProcessPool": {
        "test_killed_child": "asks that one death breaks the executor for all that is submitted later",
        "test_saturation": "counts processes while 75 calls are submitted, none of which can be pickled",
        "test_processes_terminate": "counts processes while 3 calls are submitted, none of which can be pickled",
        "test_max_tasks_per_child_defaults_to_spawn_context": "ours replaces forked workers, too",
        "test_max_workers_too_large": "is for Windows",
        "test_hang_gh83386": "skips itself, since the standard executor hangs; ours is tested in tests/executor",
    },
    "ProcessPoolFork": {
        "test_max_tasks_per_child": "asks for a ValueError: ours replaces forked workers, too",
        "test_max_tasks_early_shutdown": "skips itself for fork",
        "test_idle_process_reuse_one": "skips itself for fork",
        "test_idle_process_reuse_multiple": "skips itself for fork",
    },
    "ThreadPool": {
        "test_thread_names_assigned": "is about an option that ours has not",
        "test_thread_names_default": "is about names, which are ours to choose",
        "test_default_workers": "counts 4 more than there are CPUs: ours takes the usable CPUs",
    },
}
"""For classes whose names begin so: test name → reason."""

NOT_APPLICABLE_SINCE_312 = {
    "ProcessPool": {
        "test_python_finalization_error": "asks that starting a second thread fails: ours starts one",
        "test_gh105829_should_not_deadlock_if_wakeup_pipe_full": "puts a pipe that blocks into the standard executor",
    },
}
"""The same, for tests that Python 3.11's suite does not have."""

RAISED_INSTEAD: dict[str, type[BaseException]] = {
    "test_exit_at_task_unpickle": SystemExit,
    "test_error_at_task_unpickle": UnpicklingError,
    "test_error_during_result_unpickle_in_result_handler": UnpicklingError,
    "test_exit_during_result_unpickle_in_result_handler": SystemExit,
}
"""What ours raises, from that one call, where the standard executor is broken for all."""

SLEEPERS = {
    "test_20369",
    "test_duplicate_futures",
    "test_first_completed",
    "test_first_completed_some_already_completed",
    "test_first_exception",
    "test_first_exception_one_already_failed",
    "test_first_exception_some_already_complete",
    "test_future_times_out",
    "test_hang_gh83386",
    "test_hang_issue12364",
    "test_interpreter_shutdown",
    "test_map_timeout",
    "test_timeout",
    "test_zero_timeout",
}
"""Tests that mostly sleep, a second or more: by default they are run on fork alone."""


def left_out(kind: str) -> set[str]:
    """Names of the tests that a class leaves out."""
    tables = (NOT_APPLICABLE, NOT_APPLICABLE_SINCE_312)
    return {test for table in tables for start, tests in table.items() if _is_on(start, kind) for test in tests}


def waits_for_soak(kind: str, test: str) -> bool:
    """Whether a test of a class is run by `make soak` only."""
    return test in SLEEPERS and not _is_on("ProcessPoolFork", kind)


def _is_on(start: str, kind: str) -> bool:
    """Whether the name of a class begins so; fork is not forkserver."""
    return kind.startswith(start) and not kind.removeprefix(start).startswith("server")
