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
import threading
import time
from random import Random

from breakeven.probes.kernel import queued_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MEAN_SECONDS = 0.6e-3
LONGEST_SECONDS = 5e-3
LATE_SECONDS = 300e-6  # an idle machine wakes a sleeper within 80 µs (90th percentile, measured)
LEAST_SECONDS = 5e-3  # watched for less, it says nothing
WAKE_SECONDS = 60e-6  # of a late wake-up, what an early one takes as well
SLEEPS = 0.9  # CPU over wall, queueing aside, below which a watched thread is taken to sleep at times
SEEN_RUNNING_SECONDS = 1e-6  # of CPU between two looks at a thread that runs
FEWEST_RUNNING = 5  # looks at a running thread from which its share of held ones counts


class GilProbe:
    """A helper thread; costs about 1 % of one core."""

    def __init__(self, seed: int = 1, *, watched: int | None = None) -> None:
        """`watched` is the one thread (its `get_ident`) whose holding the GIL is asked for; None for that of all."""
        self._random = Random(seed)  # noqa: S311 - sleeping times, not secrets
        self._ended = False
        self._held = self._running = self._looks = 0
        self._waited = self._slept = 0.0
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
        self._ended = True
        share = 1.0 if self._watched is None else self._watched.share()
        self._thread.join()
        watched = self._waited + self._slept
        if watched < LEAST_SECONDS or not self._looks:
            return 0.0
        seen = self._held + self._running
        if share < SLEEPS and seen >= FEWEST_RUNNING:
            return share * self._held / seen
        return min((self._waited + self._held / self._looks * self._slept) / watched, 1.0)

    def _run(self) -> None:
        try:
            descriptor = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            descriptor = -1
        switches = _switch_counter()
        try:
            while not self._ended:
                self._look(descriptor, switches)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _look(self, descriptor: int, switches: Callable[[], int] | None) -> None:
        pause = min(self._random.expovariate(1 / MEAN_SECONDS), LONGEST_SECONDS)
        queued = _queued_seconds(descriptor)
        before = switches() if switches is not None else 0
        began = time.perf_counter()
        time.sleep(pause)
        late = time.perf_counter() - began - pause
        used = 0.0 if self._watched is None else self._watched.cpu_seconds()
        late -= _queued_seconds(descriptor) - queued
        self._looks += 1
        self._slept += pause
        if late > LATE_SECONDS if switches is None else switches() - before > 1:
            self._held += 1
            self._waited += max(late - WAKE_SECONDS, 0.0)
        elif self._watched is not None and self._watched.cpu_seconds() - used > SEEN_RUNNING_SECONDS:
            self._running += 1


class _Watched:
    """A thread whose CPU time is read by another."""

    def __init__(self, ident: int) -> None:
        self._clock = time.pthread_getcpuclockid(ident)
        self._began = (0.0, 0.0, 0.0)

    def cpu_seconds(self) -> float:
        return time.clock_gettime(self._clock)

    def begin(self) -> None:
        self._began = (self.cpu_seconds(), time.perf_counter(), queued_seconds() or 0.0)

    def share(self) -> float:
        """Its CPU over the wall clock since the begin, less what it queued; asked by the thread itself."""
        cpu, wall, queued = self._began
        present = time.perf_counter() - wall - ((queued_seconds() or 0.0) - queued)
        return (self.cpu_seconds() - cpu) / max(present, 1e-9)


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
