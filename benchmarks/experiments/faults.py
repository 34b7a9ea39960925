"""When a worker dies, and when a task never ends: how soon the caller knows, and what is left to him."""

import os
import signal
import tempfile
from functools import partial

from benchmarks import tasks
from benchmarks.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from benchmarks.experiments import Cell

GOOD_EACH_SIDE = 4


def death(cell: "Cell") -> "dict[str, float | None]":
    """SIGKILL in the middle of nine tasks: from the kill to its exception, and how many of the rest are done."""
    with tempfile.TemporaryDirectory() as folder:
        note = os.path.join(folder, "time-of-death")
        orders: list[int | str] = [*range(GOOD_EACH_SIDE), note, *range(GOOD_EACH_SIDE)]
        peer = cell.peer()
        peer.start()
        peer.warm(tasks.meet)
        patience = cell.options["patience_ms"] / 1e3
        handles: list[object] = []
        finished = 0
        if peer.has_futures:
            for order in orders:
                try:
                    handles.append(peer.submit(tasks.nap_or_die, order))
                except Exception:  # noqa: BLE001 - a pool that broke refuses with whatever it likes
                    handles.append(None)
            waited = now()
            seen = _failure(partial(peer.wait, handles[GOOD_EACH_SIDE], patience))
            if seen is not None and seen - waited > 0.95 * patience:
                seen = None  # that was the end of our own patience
            for position, handle in enumerate(handles):
                if position != GOOD_EACH_SIDE and handle is not None:
                    finished += _failure(partial(peer.wait, handle, 1.0)) is None
        else:
            seen = _failure(partial(peer.spread, tasks.nap_or_die, orders))
        with open(note) as written:
            died = float(written.read())
        measures: dict[str, float | None] = {
            "seen_ms": None if seen is None else (seen - died) * 1e3,
            "finished": finished,
        }
        cell.tell(measures=measures)  # a broken pool may not stop
        peer.stop()
    return measures


def _failure(act: "Callable[[], object]") -> float | None:
    """The moment at which ``act`` raised, or None if it did not."""
    try:
        act()
    except Exception:  # noqa: BLE001 - every library has its own
        return now()
    return None


def hung(cell: "Cell") -> "dict[str, float | None]":
    """A task hangs, the waiting caller is interrupted: how long until he is out of the library's ``with`` block."""
    with tempfile.TemporaryDirectory() as folder:
        begun = os.path.join(folder, "begun")
        peer = cell.peer()
        peer.start()
        peer.warm(tasks.meet)
        struck = 0.0

        def strike(_number: int, _frame: "FrameType | None") -> None:
            nonlocal struck
            if not os.path.exists(begun):
                message = "the task did not begin in time"
                raise AssertionError(message)
            cell.tell(mark="interrupted", measures={"left_ms": None})
            struck = now()
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, strike)
        try:
            with peer.block():
                signal.setitimer(signal.ITIMER_REAL, 0.5)
                peer.call(tasks.hang, begun)
        except KeyboardInterrupt:
            pass
        return {"left_ms": (now() - struck) * 1e3}
