"""Every instrument one after the other, each in a fresh interpreter, so that none inherits another's memory or workers.

Lives here: starting them, hearing what they found, passing Ctrl-C on. Never here: what is made of it (`atlas`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from breakeven.lab.measuring.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PATIENCE_SECONDS = 1.5
"""What an interrupted instrument has to hand in what it measured so far."""
_LIMIT_SECONDS, _QUICK_LIMIT_SECONDS = 1200.0, 120.0
"""An instrument that takes so long is asked for what it has, and the next one follows."""
_REASON_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one instrument: its finding, and why there is none or not all of it."""

    instrument: str
    seconds: float
    finding: Finding | None = None
    reason: str = ""
    interrupted: bool = False


def survey(instruments: Sequence[str], *, quick: bool) -> Iterator[Answer]:
    """Run them in this order and yield each answer; after Ctrl-C the one that ran answers, and no more follow."""
    for name in instruments:
        answer = _asked(name, quick=quick)
        yield answer
        if answer.interrupted:
            return


def _asked(name: str, *, quick: bool) -> Answer:
    """Run one instrument; in a session of its own, so that Ctrl-C reaches it once, from here."""
    command = [sys.executable, "-m", "breakeven", "lab", name, "--json", *(["--quick"] if quick else [])]
    began = monotonic()
    interrupted = late = False
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as child:
        try:
            out, err = child.communicate(timeout=_QUICK_LIMIT_SECONDS if quick else _LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            late = True
            out, err = _handed_in(child)
        except KeyboardInterrupt:
            interrupted = True
            out, err = _handed_in(child)
        except BaseException:
            _end(child)
            raise
    finding, reason = _read(out, err, child.returncode)
    if interrupted and finding is None:
        reason = "interrupted before it had measured anything"
    seconds = monotonic() - began
    if late:
        had = "had measured nothing until then" if finding is None else "what it had measured until then is shown"
        reason = f"it was ended after {seconds:.0f} s, and {had}"
    return Answer(instrument=name, seconds=seconds, finding=finding, reason=reason, interrupted=interrupted)


def _handed_in(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Pass Ctrl-C on and wait for what the instrument has; end it and all that it started if that takes too long."""
    child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=_PATIENCE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _end(child)
        return child.communicate()


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _read(out: bytes, err: bytes, code: int) -> tuple[Finding | None, str]:
    try:
        return Finding.from_dict(json.loads(out)), ""
    except (ValueError, KeyError, TypeError):
        lines = err.decode(errors="replace").strip().splitlines()[-_REASON_LINES:]
        return None, "\n".join(lines) or f"it ended with exit code {code} and said nothing"
