"""Which of CPython's tests are run when, and the few that cannot be.

Lives here: three tables, explained in README.md. Never here: the tests.
"""

from __future__ import annotations

from pickle import UnpicklingError

NOT_APPLICABLE: dict[str, str] = {}
RAISED_INSTEAD: dict[str, type[BaseException]] = {
    "test_exit_at_task_unpickle": SystemExit,
    "test_error_at_task_unpickle": UnpicklingError,
    "test_error_during_result_unpickle_in_result_handler": UnpicklingError,
    "test_exit_during_result_unpickle_in_result_handler": SystemExit,
}
