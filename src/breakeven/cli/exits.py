"""How a command ends. Lives here: the exit codes and the one exception that means "you called me wrongly"."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
INTERRUPTED = 130


class UsageError(Exception):
    """The command was called in a way that cannot work; its text says what to change."""
