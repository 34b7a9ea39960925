"""How much of the time the GIL is held: a thread sleeps for random times and looks how late it wakes.

Lives here: the probe. Never here: what is concluded from it. Sleeping times are exponential, so wake-ups see time
averages (PASTA): the share of late ones is the share of time in which the GIL was held; the time spent waiting for it
is time in which it was held, too. So held = (waits + late share x sleeps) / (waits + sleeps). What a wake-up waited
for a CPU, which the kernel counts, is taken off first.
"""

from __future__ import annotations

import os
import threading
from random import Random
from time import perf_counter

MEAN_SECONDS = 1e-3
LONGEST_SECONDS = 5e-3
LATE_SECONDS = 300e-6  # an idle machine wakes a sleeper within 80 µs (90th percentile, measured)
FEWEST_LOOKS = 10  # fewer say nothing


class GilProbe:
    """A helper thread; costs less than 1 % of one core."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - sleeping times, not secrets
        self._ended = threading.Event()
        self._late = self._looks = 0
        self._waited = self._slept = 0.0
        self._thread = threading.Thread(target=self._run, name="breakeven-gil", daemon=True)

    @property
    def looks(self) -> int:
        """How often it has looked."""
        return self._looks

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> float:
        """Share of the time in which the GIL was held, between 0 and 1; 0 when there was no time to look."""
        self._ended.set()
        self._thread.join()
        if self._looks < FEWEST_LOOKS:
            return 0.0
        share = self._late / self._looks
        return min((self._waited + share * self._slept) / (self._waited + self._slept), 1.0)

    def _run(self) -> None:
        try:
            descriptor = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            descriptor = -1
        try:
            while self._look(descriptor):
                pass
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _look(self, descriptor: int) -> bool:
        pause = min(self._random.expovariate(1 / MEAN_SECONDS), LONGEST_SECONDS)
        queued = _queued_seconds(descriptor)
        began = perf_counter()
        if self._ended.wait(pause):
            return False
        late = perf_counter() - began - pause
        late -= _queued_seconds(descriptor) - queued
        self._looks += 1
        self._slept += pause
        if late > LATE_SECONDS:
            self._late += 1
            self._waited += late
        return True


def _queued_seconds(descriptor: int) -> float:
    """How long this thread has waited for a CPU so far; 0 where the kernel does not say."""
    return int(os.pread(descriptor, 64, 0).split()[1]) * 1e-9 if descriptor >= 0 else 0.0
