"""What is noticed of a function while it works in the calling thread: time, CPU, waiting, weight, memory.

Lives here: the measuring. Never here: what follows from it (`steering`), or its arithmetic (`model.sample`).
"""

from __future__ import annotations

import os
import sys

from breakeven.executor import known
from breakeven.model.sample import Observed
from breakeven.probes.capacity import running_elsewhere
from breakeven.probes.kernel import queued_seconds
from breakeven.probes.memory import forget_peak, peak_resident_bytes, resident_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from breakeven.model.sample import Sample

LARGE_CALL_BYTES = 16 << 20  # a call that takes less memory than this is not looked at twice
SEEMS_TO_WAIT = 0.3  # CPU over wall below which a function seems to wait, or was not let on a CPU
ENOUGH_LOOKS = 24  # of a probe of the GIL: fewer are no estimate
MOST_QUEUED_SHARE = 0.2  # of the time: beyond, what a halted thread held and let go is not seen
WORTH_CLOUDPICKLE_SECONDS = 0.5  # of work left: cloudpickle is imported for the sake of a figure


class Noticing:
    """What is known of one call's function by now."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.observed = Observed()
        self.gil: float | None = 0.0 if _free_threaded() else None
        self.doubtful = False  # it may wait, or be off its CPU for its neighbours' turns: the next look knows
        self.dear = False  # sending it takes cloudpickle, which is not loaded
        self._fn = fn
        self._payload: dict[str, Any] = {}
        self._call_bytes = 0
        self._memory_known = False
        self._counting = False  # the peak is that of this call's items alone
        self._queued: float | None = None  # seconds that this thread had queued for a CPU, at the last look

    def sample(self) -> Sample:
        """What can be said by now."""
        return self.observed.sample(gil_share=self.gil, call_bytes=self._call_bytes, **self._payload)

    def recall(self, sample: Sample) -> None:
        """Take over what calls before have shown."""
        self.gil = sample.gil_share
        self._call_bytes, self._memory_known = sample.call_bytes, True
        self._payload = {"function_bytes": sample.function_bytes, "refusal": sample.refusal}
        if sample.weighed:
            self._payload |= {"argument": sample.argument, "result": sample.result}

    # --- time ---

    def worked(self, items: int, seconds: float, cpu_seconds: float) -> None:
        """So many items took so long."""
        self.observed.add(items, seconds)
        self.used(cpu_seconds, seconds)

    def used(self, cpu_seconds: float, seconds: float) -> None:
        """The function was on a CPU for so much of so long; what it queued for one is taken off.

        What it queued is known from the second time on: two readings tell.
        """
        queued = queued_seconds()
        before, self._queued = self._queued, queued
        self.doubtful = before is None and queued is not None and cpu_seconds < SEEMS_TO_WAIT * seconds and _crowded()
        if self.doubtful:
            return
        self.observed.used(cpu_seconds, seconds, None if before is None or queued is None else queued - before)

    def gil_seen(self, share: float, looks: int, queued_share: float) -> None:
        """A probe has looked so often at the GIL, while this thread queued for a CPU for a share of the time."""
        if looks >= ENOUGH_LOOKS and queued_share <= MOST_QUEUED_SHARE:
            self.gil = share

    # --- weight ---

    def weigh(
        self, items: Sequence[Any], results: Sequence[Any], rest_seconds: float, source: Any, *, inherited: bool = False
    ) -> None:
        """Measure, once, what items, results and the function weigh; `rest_seconds` of work say what that may cost.

        The items are of `source`. A function that is `inherited` by workers weighs nothing.
        """
        if self._payload and not (self.dear and rest_seconds >= WORTH_CLOUDPICKLE_SECONDS):
            return
        from breakeven.executor.weighing import Dear, Unmovable, weigh, weigh_function, weigh_items

        sparing = rest_seconds < WORTH_CLOUDPICKLE_SECONDS
        mean = self.observed.seconds / max(self.observed.items, 1)
        self.dear = False
        self._payload = {"function_bytes": 0}
        try:
            self._payload["argument"] = weigh_items(items, source, mean, sparing=sparing)
            self._payload["result"] = weigh(results, "the results", mean, sparing=sparing)
            self._payload["function_bytes"] = 0 if inherited else weigh_function(self._fn, sparing=sparing)
        except Dear:
            self.dear = True
        except Unmovable as refused:
            self.refused(str(refused))

    def refused(self, why: str) -> None:
        """Workers cannot be given it."""
        self._payload = {"refusal": why}

    # --- memory ---

    def count_memory(self) -> None:
        """What a call takes at its most is counted from now on."""
        self._counting = forget_peak()

    def look_at_memory(self, room_bytes: Callable[[], int | None]) -> None:
        """How much memory a call takes at its most: the peak, where it stands out.

        A large one may be of an earlier time, so it is counted anew; until the next look it is taken for nothing,
        unless there is no room for several calls that take as much.
        """
        if self._memory_known:
            return
        now, peak = resident_bytes(os.getpid()), peak_resident_bytes()
        if now is None or peak is None:
            return
        excess = max(peak - now, 0)
        if excess < LARGE_CALL_BYTES or self._counting or not forget_peak():
            self._call_bytes, self._memory_known = excess, True
            return
        self._counting = True
        room = room_bytes()
        self._call_bytes = excess if room is not None and 2 * excess > room else 0


def _crowded() -> bool:
    """Whether more threads want a CPU than there are for us, at this moment."""
    return running_elsewhere(0) >= known.cpus()


def _free_threaded() -> bool:
    enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    return enabled is not None and not enabled()
