"""What is pending on a crew, and how all of it ends.

Lives here: futures on their way to be resolved, shutting down, ending at once. Never here: what is taken on (`driver`).
"""

from __future__ import annotations

import _signal
from collections import deque
from concurrent.futures import BrokenExecutor
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from breakeven.backends.futures import Task, TaskFuture
from breakeven.backends.helm import Helm
from breakeven.backends.mapped import MappedStream

if TYPE_CHECKING:
    from breakeven.engine.dispatch import Crew
    from breakeven.ledger.recorder import Recorder

KILL_SECONDS = 1.0  # what ending at once waits for a thread that is in a user's callback

crews: dict[int, Pending] = {}  # those with workers, each until its end: an executor may go before its work is done


class Pending(Helm):
    """A crew, who drives it, and what is to be done before it ends."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._inside = 0  # how often the lock is held in the midst of a change; it is let go of while input waits
        self.settled: deque[tuple[TaskFuture, Any, BaseException | None]] = deque()
        self.pending: dict[TaskFuture, None] = {}
        self._stopped: list[MappedStream] = []  # maps of which no more is sent
        self._untidy = False  # a heavy function is no longer needed
        self._killed = False
        self._refusal: BaseException | None = None  # why no more is taken on

    # --- resolving ---

    def resolved(self, task: Task) -> None:
        """A call has come to its end: what was bound to its function need not be kept for it."""
        function, task.function = task.function, None
        if function is not None:
            function.users -= 1
            self._untidy = self._untidy or (not function.users and function.heavy)

    def _settle(self) -> None:
        """Resolve futures, outside the lock, since their callbacks may do anything."""
        settled = self.settled
        while settled:
            try:
                future, value, error = settled.popleft()
            except IndexError:
                break
            self.pending.pop(future, None)
            future.settle(value, error)
            del future, value, error
        with self._lock:  # or a call that is submitted and observed just now would be forgotten
            if not self.pending:
                self._observed = False
        self._tell()

    def _discard(self, future: TaskFuture) -> None:
        task, call_back = future.task, future.discard()
        self.pending.pop(future, None)
        if call_back is not None:
            future.task = None
            if task is not None:
                task.cancelled = True
                self.resolved(task)
            call_back()

    # --- the end ---

    @property
    def unfinished(self) -> bool:
        """Whether calls or maps are still to be done; of those that read ahead only a window, what has been sent."""
        crew = self._crew
        if crew is None or crew.closed:
            return False
        if self.pending or self.settled:
            return True
        if crew.broken is not None:
            return False
        if any(stream.outstanding for stream in self._stopped):
            return True
        return any(stream.outstanding or stream.has_more for stream in crew.streams)

    def shutdown(self, *, wait: bool, cancel: bool) -> None:
        """End when all that was submitted is done; here if `wait`, else on the attendant's thread."""
        dropped: list[TaskFuture] = []
        with self._lock:
            self._closing = True
            crew = self._crew
            if crew is None:
                self._closed = True
            if crew is None or self._closed:
                return
            self._stop_streams(crew, bounded=not cancel)
            while cancel and crew.queue:
                sink = crew.queue.popleft().sink
                assert isinstance(sink, Task)  # noqa: S101 - maps are cut when they are sent
                dropped.append(sink.future)
            inside = bool(self._inside)
        for future in dropped:
            self._discard(future)
        if wait and not inside:
            self._finish(at_once=False)
        else:
            self._attend()

    def _stop_streams(self, crew: Crew, *, bounded: bool) -> None:
        """Send no more of any map, or of those that read as their consumer goes, which have no end of their own."""
        for stream in crew.streams[:]:
            if isinstance(stream, MappedStream) and (stream.window is not None or not bounded):
                crew.streams.remove(stream)
                stream.function.users -= 1
                self._stopped.append(stream)

    def release(self) -> None:
        """Nobody can submit any more: end when all is done. For a garbage collection, so it waits for nothing."""
        self._closing = True
        if self._crew is None:
            self._closed = True
        self._attend()

    def kill(self) -> None:
        """End every worker now; whatever is pending is cancelled."""
        with self._lock:
            self._closing = True
            crew = self._crew
            if crew is None:
                self._closed = True
            if crew is None or self._closed:
                return
            self._killed = True
            for member in crew.members:
                member.started.kill(_signal.SIGKILL)
            if self._inside:
                self._attend()
                return
        self._finish(at_once=True)

    def _finish(self, *, at_once: bool) -> None:
        """See to the end: here, or by the thread that has the baton."""
        if not at_once:
            self.until(lambda: self._closed or not self.unfinished, None)
        deadline = clock() + KILL_SECONDS
        while not self._closed and (not at_once or clock() < deadline):
            if self._take_baton():
                try:
                    self._end(at_once=at_once)
                finally:
                    self._pass_baton()
            else:
                self._attend()
                with self._lock:
                    self._waiting += 1
                    try:
                        if not self._closed:
                            self._changed.wait(KILL_SECONDS)
                    finally:
                        self._waiting -= 1
        with self._lock:  # another thread may be in the midst of it
            ours = self._attendant if self._closed else None
        if ours is not None:
            ours.join()

    def _give_up(self, error: BaseException) -> None:
        """What happened leaves nothing to rely on: end all, and fail what is pending."""
        with self._lock:
            if self._refusal is None:
                self._refusal = BrokenExecutor(f"the executor was ended by {error!r}; make a new one")
                self._refusal.__cause__ = error
        if self._take_baton():
            try:
                self._end(at_once=True, error=error if isinstance(error, Exception) else None)
            finally:
                self._pass_baton()
        else:
            self._killed = True
            self._attend()

    def _end(self, *, at_once: bool, error: Exception | None = None) -> None:
        """End the workers; what is pending fails with `error`, or is cancelled. With the baton."""
        with self._lock:
            crew = self._crew
            if self._closed or crew is None:
                return
            self._closed = self._closing = True
            crews.pop(id(self), None)
            crew.close(at_once=at_once)
            assert self._bell is not None  # noqa: S101 - made with the crew
            self._bell.close()
            self._recorder.finish()
            self._changed.notify_all()
            ours, pending = self._attendant, list(self.pending)
        for future in pending:
            if error is None:
                self._discard(future)
            else:
                self.settled.append((future, None, error))
        self._settle()
        if ours is not None:
            ours.poke()

    def forget(self) -> None:
        """In a forked child: the workers are the parent's."""
        self._make_locks()
        self._depth = 0
        self._inside = 0
        self._closed = self._closing = True
        self._refusal = RuntimeError("this executor belongs to the process that made it; make another one here")
        self.pending.clear()
        self.settled.clear()
        if self._attendant is not None:
            self._attendant.forget()
            self._attendant = None
        if self._bell is not None:
            self._bell.forget()
