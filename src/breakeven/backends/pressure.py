"""How much of the time the GIL is held: a thread sleeps for random times and sees whether it had to wait for it.

Lives here: the probe. Never here: what is concluded from it. Sleeping times are exponential, so wake-ups see time
averages (PASTA): the share of those that find the GIL held is the share of sleeping time in which it was; while one
waits for it, it is held by definition. So held = (waits + share · sleeps) / (waits + sleeps).

Whether a wake-up had to wait is not judged by how late it was, which a busy machine decides as well: sleeping is one
voluntary switch of its thread, and waiting for the GIL is another, which the kernel counts. Where it does not count
threads apart, lateness has to do. A thread that is watched alone and sleeps, too, is judged by what it does while it
runs: on a busy machine the probe often shares its CPU, and gets that when the other sleeps.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from random import Random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MEAN_SECONDS = 0.6e-3
LONGEST_SECONDS = 5e-3
LATE_SECONDS = 300e-6  # an idle machine wakes a sleeper within 80 µs (90th percentile, measured)
LEAST_SECONDS = 5e-3  # watched for less, it says nothing
WAKE_SECONDS = 60e-6  # of a late wake-up, what an early one takes as well
SLEEPS = 0.9  # CPU over wall, queueing aside, below which a watched thread is taken to sleep at times
HALTED_SECONDS = 100e-6  # of queueing for a CPU while it was looked at
SEEN_RUNNING_SECONDS = 1e-6  # of CPU between two looks at a thread that runs
FEWEST_RUNNING = 5  # looks at a running thread from which its share of held ones counts,
SEEN_SHARE = 0.25  # and at so much of the time that it ran: else it did not sleep, but wait for its CPU or for us


class GilProbe:
    """A helper thread; costs about 1 % of one core."""

    def __init__(self, seed: int = 1, *, watched: int | None = None) -> None:
        """`watched` is the one thread (its `get_ident`) whose holding the GIL is asked for; None for that of all."""
        self._random = Random(seed)  # noqa: S311 - sleeping times, not secrets
        self._ended = False
        self._held = self._halted = self._running = self._looks = 0
        self._waited = self._slept = 0.0
        self._busy = self._woke = 0.0  # how long it held the GIL itself, and since when
        self.queued_share = 0.0  # of the time that the watched thread queued for a CPU: known once it was stopped
        self._watched = _Watched(watched) if watched is not None and hasattr(time, "pthread_getcpuclockid") else None
        self._thread = threading.Thread(target=self._run, name="breakeven-gil", daemon=True)

    @property
    def looks(self) -> int:
        """How often it has looked."""
        return self._looks

    def start(self) -> None:
        """Begin to look."""
        if self._watched is not None:
            self._watched.begin()
        self._thread.start()

    def stop(self) -> float:
        """Share of the time in which the GIL was held, between 0 and 1; 0 when there was no time to look."""
        share, queued, sleeps = (1.0, 0.0, False) if self._watched is None else self._watched.shares(self._busy)
        self.queued_share = queued
        self._ended = True
        self._thread.join()
        slept = self._slept * (1.0 - queued)
        if self._waited + self._slept < LEAST_SECONDS or not self._looks:
            return 0.0
        seen = self._held + self._running
        if sleeps and seen >= max(FEWEST_RUNNING, SEEN_SHARE * share * self._looks * (1.0 - queued)):
            return share * self._held / seen
        free = (self._looks - self._held - self._halted) * (1.0 - queued)
        late = self._held / max(self._held + free, 1e-9)
        return min((self._waited + late * slept) / max(self._waited + slept, 1e-9), 1.0)

    def _run(self) -> None:
        descriptor = _schedule_of(threading.get_native_id())
        switches = _switch_counter()
        try:
            while not self._ended:
                self._look(descriptor, switches)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
            if self._watched is not None:
                self._watched.close()

    def _look(self, descriptor: int, switches: Callable[[], int] | None) -> None:
        watched = self._watched
        pause = min(self._random.expovariate(1 / MEAN_SECONDS), LONGEST_SECONDS)
        queued, halted = _queued_seconds(descriptor), 0.0 if watched is None else watched.queued_seconds()
        before = switches() if switches is not None else 0
        began = time.perf_counter()
        self._busy += began - self._woke if self._woke else 0.0
        time.sleep(pause)
        self._woke = time.perf_counter()
        waits = switches() - before if switches is not None else 0  # before anything that lets go of the GIL once more
        late = self._woke - began - pause
        used = 0.0 if watched is None else watched.cpu_seconds()
        late -= _queued_seconds(descriptor) - queued
        self._looks += 1
        self._slept += pause
        if late > LATE_SECONDS if switches is None else waits > 1:
            halted = 0.0 if watched is None else watched.queued_seconds() - halted
            self._waited_for(late - WAKE_SECONDS, halted, waits)
        elif watched is not None and watched.cpu_seconds() - used > SEEN_RUNNING_SECONDS:
            self._running += 1

    def _waited_for(self, late: float, halted: float, waits: int) -> None:
        """The GIL was held, by a thread that ran, or by one that was halted with it: that is not its doing."""
        if halted > HALTED_SECONDS and late < halted:
            self._halted += 1
            return
        self._held += 1
        turns = max(waits - 1 - int(late / sys.getswitchinterval()), 1)
        self._waited += max(late - halted, 0.0) / turns


class _Watched:
    """A thread whose CPU time, and queueing for one, is read by another; made and asked for its shares by itself."""

    def __init__(self, ident: int) -> None:
        self._clock = time.pthread_getcpuclockid(ident)
        self._began = (0.0, 0.0, 0.0)
        self._descriptor = _schedule_of(threading.get_native_id())

    def cpu_seconds(self) -> float:
        return time.clock_gettime(self._clock)

    def queued_seconds(self) -> float:
        return _queued_seconds(self._descriptor)

    def begin(self) -> None:
        self._began = (self.cpu_seconds(), time.perf_counter(), self.queued_seconds())

    def shares(self, taken_seconds: float) -> tuple[float, float, bool]:
        """Since the begin: its CPU over the time that it did not queue, the share that it did, and whether it sleeps.

        For `taken_seconds` the probe had the GIL, which is no sleep of a thread that wants it.
        """
        cpu, wall, queued = self._began
        cpu, elapsed, waited = self.cpu_seconds() - cpu, time.perf_counter() - wall, self.queued_seconds() - queued
        present = max(elapsed - waited, 1e-9)
        sleeps = cpu < SLEEPS * (present - taken_seconds)
        return cpu / present, min(waited / max(elapsed, 1e-9), 0.95), sleeps

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _schedule_of(native_id: int) -> int:
    """A descriptor of what the kernel tells of a thread's queueing; -1 where it does not."""
    try:
        return os.open(f"/proc/self/task/{native_id}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _switch_counter() -> Callable[[], int] | None:
    """Count the voluntary switches of the calling thread so far; None where the system does not tell threads apart."""
    try:
        from resource import RUSAGE_THREAD, getrusage
    except ImportError:
        return None
    return lambda: getrusage(RUSAGE_THREAD).ru_nvcsw


def _queued_seconds(descriptor: int) -> float:
    """How long this thread has waited for a CPU so far; 0 where the kernel does not say."""
    return int(os.pread(descriptor, 64, 0).split()[1]) * 1e-9 if descriptor >= 0 else 0.0
