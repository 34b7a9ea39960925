"""How much of the time the GIL is held: a thread sleeps for random times and looks how late it wakes.

Lives here: the probe. Never here: what is concluded from it. Sleeping times are exponential, so wake-ups see time
averages (PASTA): the share of late ones is the share of time in which the GIL was held; the time spent waiting
for it is time in which it was held, too. So held = (waits + late share x sleeps) / (waits + sleeps).
"""

from __future__ import annotations

import threading
from random import Random
from time import perf_counter

MEAN_SECONDS = 2e-3
LONGEST_SECONDS = 10e-3
LATE_SECONDS = 300e-6  # an idle machine wakes a sleeper within 80 µs (90th percentile, measured)


class GilProbe:
    """A helper thread; costs less than 1 % of one core."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - sleeping times, not secrets
        self._ended = threading.Event()
        self._late = self._looks = 0
        self._waited = self._slept = 0.0
        self._thread = threading.Thread(target=self._run, name="breakeven-gil", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> float:
        """Share of the time in which the GIL was held, between 0 and 1; 0 when there was no time to look."""
        self._ended.set()
        self._thread.join()
        if not self._looks:
            return 0.0
        share = self._late / self._looks
        return min((self._waited + share * self._slept) / (self._waited + self._slept), 1.0)

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = min(self._random.expovariate(1 / MEAN_SECONDS), LONGEST_SECONDS)
            began = perf_counter()
            self._ended.wait(pause)
            late = perf_counter() - began - pause
            if self._ended.is_set():
                return
            self._looks += 1
            self._slept += pause
            if late > LATE_SECONDS:
                self._late += 1
                self._waited += late
