"""Who drives a crew that several threads use at once.

Lives here: the baton, and the attendant that takes it when nobody else does. Never here: what a turn does (`driver`).

Whoever wants a result and finds nobody driving takes the baton and drives the crew, for all; the attendant drives only
for those who wait on many futures or on none. So a lone `submit(…).result()` never pays for a thread hop, which costs
more than a pickle.

Who holds what: `_lock` guards all that is known of workers and work, and is never held while user code is called but
for pickling and reading input; `_baton` belongs to the thread that listens to the workers, and only that thread may
end the crew. Both are reentrant: a callback may submit, wait, cancel and shut down.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from time import perf_counter as clock
from typing import TYPE_CHECKING

from breakeven.engine import supervise

if TYPE_CHECKING:
    from collections.abc import Callable

    from breakeven.backends.attendant import Attendant
    from breakeven.backends.bell import Bell
    from breakeven.engine.dispatch import Crew

UNASKED_SECONDS = 0.1  # what is done and not asked for is let go within this, with its arguments
NAP_SECONDS = 5.0  # the attendant looks around at least this often while something is under way


class Helm:
    """The crew of an executor, and who drives it."""

    def __init__(self) -> None:
        self._crew: Crew | None = None
        self._attendant: Attendant | None = None
        self._make_locks()
        self._depth = 0  # how often the baton is held, by one thread
        self._holder = 0  # the thread that has it, or had it last
        self._waiting = 0  # threads that wait for the one that drives
        self._bell: Bell | None = None  # wakes the thread that drives
        self._observed = False  # whether somebody asked to be told of a call under way
        self._closing = False
        self._closed = False

    def _make_locks(self) -> None:
        self._lock = threading.RLock()
        self._baton = threading.RLock()
        self._changed = threading.Condition(self._lock)

    # --- what a turn is ---

    def _step(self, crew: Crew, timeout: float | None) -> None:
        """Wait for what workers tell, and act on it. With the baton."""
        raise NotImplementedError

    def _feed(self, crew: Crew) -> None:
        """Hand out work. Under the lock."""
        raise NotImplementedError

    def _give_up(self, error: BaseException) -> None:
        """What happened leaves nothing to rely on."""
        raise NotImplementedError

    # --- driving ---

    def until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Drive the crew, or wait while another does, until `done()`; False when the time is over."""
        deadline = None if timeout is None else clock() + timeout
        while not done():
            left = None if deadline is None else deadline - clock()
            if left is not None and left <= 0:
                return False
            crew = self._crew
            if crew is None or self._closed:
                return done()
            if crew.streams and any(stream.reading for stream in crew.streams):
                with self._lock:  # asked by input, in the midst of handing out: it may wait for what is not out yet
                    if not crew.closed:
                        self._feed(crew)
            if self._take_baton():
                try:
                    self._drive(done, deadline)
                finally:
                    self._pass_baton()
            else:
                with self._lock:
                    self._waiting += 1
                    try:
                        if not done() and not self._closed:
                            self._changed.wait(left)
                    finally:
                        self._waiting -= 1
        return True

    def _take_baton(self) -> bool:
        if not self._baton.acquire(blocking=False):
            return False
        self._depth += 1
        if self._depth == 1:
            self._holder = get_ident()
            with self._lock:
                if self._attendant is not None:
                    self._attendant.listen(wanted=False)
        return True

    def _pass_baton(self) -> None:
        """Stop driving; who waits may go on, else the attendant listens."""
        self._depth -= 1
        self._baton.release()
        with self._lock:
            if self._waiting:
                self._changed.notify()
            crew, ours = self._crew, self._attendant
            if not self._depth and ours is not None and crew is not None and not crew.closed:
                self._listen(crew, ours)
                if crew.busy:
                    ours.wake_within(supervise.patience(crew, NAP_SECONDS))

    def _drive(self, done: Callable[[], bool], deadline: float | None) -> None:
        crew = self._crew
        assert crew is not None  # noqa: S101 - asked by the caller
        try:
            while not done() and not crew.closed:
                left = None if deadline is None else deadline - clock()
                if left is not None and left <= 0:
                    return
                self._step(crew, left)
        except BaseException as error:  # Ctrl-C, or a fault in here: nobody knows what is half done
            self._give_up(error)
            raise

    def _tell(self) -> None:
        """Something has changed that threads wait for."""
        if self._waiting:
            with self._lock:
                self._changed.notify_all()
        if self._depth and self._holder != get_ident() and self._bell is not None:
            self._bell.ring()

    def _attend(self) -> None:
        """Have whoever drives look again at deadlines, and at whether the end has come."""
        if self._bell is not None:
            self._bell.ring()
        if self._attendant is not None:  # it may be deaf to the bell, and who drives may be about to leave
            self._attendant.poke()

    # --- the attendant ---

    def _nap(self) -> float | None:
        """How long it may sleep; None when nothing is under way."""
        with self._lock:
            crew = self._crew
            if crew is None or crew.closed or not crew.busy:
                return None
            return supervise.patience(crew, NAP_SECONDS if self._wanted(crew) else UNASKED_SECONDS)

    def look(self) -> bool:
        """Drive for one turn, unless another thread drives; False when all is over."""
        crew = self._crew
        if self._closed or crew is None:
            return False
        if self._baton.acquire(blocking=False):
            self._depth += 1
            self._holder = get_ident()
            try:
                self._step(crew, 0.0)
            except BaseException as error:
                self._give_up(error)
                raise
            finally:
                self._pass_baton()
        return not self._closed

    def _wanted(self, crew: Crew) -> bool:
        """Whether the attendant is to hear the workers.

        Not while each has at most the one call that it was handed and nobody asks what came of it: the thread that
        submitted it will, and the attendant's waking up at the same time would cost that thread more than the call.
        """
        return (
            self._observed
            or self._closing
            or bool(crew.queue or crew.streams)
            or crew.timeout is not None
            or crew.max_memory is not None
            or any(len(member.inflight) > 1 for member in crew.members)
        )

    def _listen(self, crew: Crew, ours: Attendant) -> None:
        ours.listen(wanted=self._wanted(crew))
        if self._observed:  # `observe` takes no lock, so it may have come between
            ours.listen(wanted=True)

    def observe(self) -> None:
        """Somebody wants to hear of a call's end without waiting for it here.

        Takes no lock: `concurrent.futures.wait` holds those of its futures here, which are taken under ours elsewhere.
        """
        if not self._observed:
            self._observed = True
            ours = self._attendant
            if ours is not None and not self._depth:
                ours.listen(wanted=True)
