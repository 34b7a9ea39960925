"""Log records of tasks, on their way to the parent's handlers.

Lives here: both ends of that way. Never here: a handler that writes. Loaded only where `logging` is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from breakeven import work
from breakeven.engine import protocol
from breakeven.engine.codec import pickled

if TYPE_CHECKING:
    from collections.abc import Callable


class _Forward(logging.Handler):
    """Sends each record to the parent, with the index of the item that it came from."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            facts = dict(record.__dict__)
            facts["msg"], facts["args"] = record.getMessage(), None
            if record.exc_info:
                facts["exc_text"] = facts["exc_text"] or logging.Formatter().formatException(record.exc_info)
            facts["exc_info"] = None
            facts["item"] = work.index()
            self._send(protocol.frame(protocol.LOG, _picklable(facts)))
        except Exception:  # noqa: BLE001 - logging must never end a task
            self.handleError(record)


def _picklable(facts: dict[str, Any]) -> bytes:
    try:
        return pickled(facts, 1 << 62)[0]
    except Exception:  # noqa: BLE001 - somebody's `extra`
        return pickled(
            {name: fact if isinstance(fact, str | int | float | None) else repr(fact) for name, fact in facts.items()},
            1 << 62,
        )[0]


def forward(send: Callable[[bytes], None], setup: dict[str, Any]) -> None:
    """Replace the handlers that a worker inherited or configured by the way to the parent. Idempotent."""
    root = logging.getLogger()
    if any(isinstance(handler, _Forward) for handler in root.handlers):
        return
    root.handlers[:] = [_Forward(send)]
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    set_levels(setup.get("levels") or {})


def keep_here() -> None:
    """In a copy that a task has forked: the way to the parent is the worker's; what is a warning goes to stderr."""
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler, _Forward)]


def set_levels(levels: dict[str, int]) -> None:
    """Give loggers the parent's levels."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def levels() -> dict[str, int]:
    """Level of every logger that has one, for workers that do not inherit them."""
    named = {
        name: logger.level
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and logger.level
    }
    return {"": logging.getLogger().level, **named}


def emit(facts: dict[str, Any], number: int, pid: int) -> None:
    """Hand a worker's record to the handlers here; `record.item` and `record.worker` say where it came from."""
    record = logging.makeLogRecord(facts)
    record.worker = number
    record.process = pid
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
