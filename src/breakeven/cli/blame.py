"""What of a traceback is the user's.

Lives here: telling what the user's code raised, without the frames that led there. Never here: what follows from it.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from traceback import format_exception

from breakeven.errors import BreakevenError, RemoteTraceback

OURS = (f"{Path(__file__).parents[1]}{os.sep}", "<frozen importlib", f"{Path(importlib.__file__).parent}{os.sep}")


def told(error: BaseException) -> str:
    """The traceback of what the user's code raised; of an exception of ours its text, which says what to do.

    >>> print(told(BreakevenError("nothing was there; look again")))
    nothing was there; look again
    """
    cause = error.__cause__
    if isinstance(cause, RemoteTraceback):
        return "\n".join((cause.traceback_text.rstrip(), *getattr(error, "__notes__", ())))
    if isinstance(error, BreakevenError):
        return str(error)
    theirs = error.__traceback__
    while theirs is not None and theirs.tb_frame.f_code.co_filename.startswith(OURS):
        theirs = theirs.tb_next
    return "".join(format_exception(type(error), error, theirs)).rstrip()
