"""Loading modules in the midst of a caller's call, without a garbage collection meanwhile.

Lives here: the one context. Never here: what is loaded. A few modules make as many objects as a full collection waits
for, and that walks through all of the caller's data: 10 ms for three million numbers in lists.
"""

from __future__ import annotations

import gc


class loading:  # noqa: N801 - read as a word: `with loading(): from … import …`
    """A block of imports.

    >>> with loading():
    ...     import math
    >>> gc.isenabled()
    True
    """

    __slots__ = ("_was_enabled",)

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_enabled:
            gc.enable()
