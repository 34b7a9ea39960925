"""Every exception of this workload.

Lives here: the tree, and where in a file a fault stands. Never here: deciding that something is wrong.

    LfsrError                 a ValueError
    ├── RegisterFault         a register cannot be what it is said to be
    │   └── InputFault        the same, with file, row and column
    ├── TooLarge              an engine would need more states, memory or factoring than it may
    └── EnumerationFault      an enumeration did not account for every state: its sum is never handed on
"""

from __future__ import annotations


class LfsrError(ValueError):
    """Root of what this workload raises on its own account."""


class RegisterFault(LfsrError):
    """A register, field or polynomial that cannot be meant; `column` counts the offending value from 1, if one does."""

    def __init__(self, reason: str, column: int | None = None) -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column

    def __str__(self) -> str:
        return self.reason


class InputFault(RegisterFault):
    """A fault of an input file, with where it stands.

    >>> print(InputFault("coefficient 2 is not below q = 2; write a number from 0 to 1", 3, "a.csv", 7))
    a.csv, row 7, column 3: coefficient 2 is not below q = 2; write a number from 0 to 1
    """

    def __init__(self, reason: str, column: int | None, file: str, row: int | None) -> None:
        super().__init__(reason, column)
        self.args = (reason, column, file, row)
        self.file = file
        self.row = row

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.file}{row}{column}: {self.reason}"


class TooLarge(LfsrError):
    """What was asked for is out of the engine's reach; the text says which engine reaches it."""


class EnumerationFault(LfsrError):
    """The cycles found do not account for every state exactly once."""
