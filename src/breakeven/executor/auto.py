"""`auto` until forecasts exist: a simple rule, named as such in every report.

Lives here: the rule and its reason. Never here: a backend. The parent starts on the items at once; when what it has
measured says that what is left would take several times what workers cost to start, and items are worth moving,
workers take over from there. No item is called twice.
"""

from __future__ import annotations

from time import perf_counter as clock
from time import thread_time

from breakeven.backends.serial import Loop
from breakeven.probes.capacity import usable_cpus
from breakeven.records import replace
from breakeven.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from breakeven.backends import Backend
    from breakeven.ledger.recorder import Recorder
    from breakeven.work import Options

TRIAL_SECONDS = 5e-3  # of serial work before anything else is considered
WORTH_SECONDS = 60e-3  # of work left: several times what starting two workers costs (3 ms forked, 40 ms spawned)
MOSTLY_WAITING = 0.3  # share of CPU in an item's time below which threads do: it sleeps or does I/O
MOVING_SHARE = 0.5  # pickling an item and its result may take this share of its own time
RULE = "simple rule (no forecast yet)"


class Auto:
    """The backend that begins in the calling thread and goes on where the rule says."""

    name = "auto"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._chosen: Backend | None = None

    def stream(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        """Yield results in blocks, wherever they were made."""
        if self._options.timeout is not None or self._options.initializer is not None:
            reason = (
                "a timeout can only be kept by ending a process"
                if self._options.timeout
                else "an initializer is for workers"
            )
            return self._elsewhere("processes", reason, work, recorder, ordered=ordered, bounded=bounded)
        return self._try(work, recorder, ordered=ordered, bounded=bounded)

    def _try(self, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool) -> Iterator[list[Any]]:
        loop = Loop(work, recorder, bounded=bounded)
        began, cpu = clock(), thread_time()
        verdict = None
        for block in loop.blocks():
            yield block
            if verdict is None and loop.seconds > TRIAL_SECONDS and not (loop.done or loop.failed):
                share = (thread_time() - cpu) / max(clock() - began, 1e-9)
                verdict = self._judge(work, loop, share, block)
                if verdict[0] != "serial":
                    break
        if loop.done or verdict is None or verdict[0] == "serial":
            recorder.choice = (
                f"{RULE}: serial, {verdict[1] if verdict else 'done before workers would have been worth their start'}"
            )
            return
        name, reason = verdict
        rest = Work(work.fn, loop.rest, mode=work.mode, length=work.length, options=work.options, first=loop.count)
        yield from self._elsewhere(name, reason, rest, recorder, ordered=ordered, bounded=bounded)

    def _judge(self, work: Work, loop: Loop, cpu_share: float, block: list[Any]) -> tuple[str, str]:
        seconds = loop.seconds / loop.count
        workers = self._options.max_workers or usable_cpus()
        left = None if work.length is None else (work.length - loop.count) * seconds
        if left is not None and left < WORTH_SECONDS:
            return "serial", "too little is left"
        if cpu_share < MOSTLY_WAITING:
            return "threads", f"items wait {1 - cpu_share:.0%} of their time"
        if workers == 1:
            return "serial", "one usable CPU"
        moving = self._moving_seconds(work, block)
        if moving is None:
            return "serial", "items, results or function cannot be pickled"
        if moving > MOVING_SHARE * seconds:
            return "serial", f"moving an item costs {moving / seconds:.0%} of its work"
        return "processes", f"{seconds:.3g} s an item" + ("" if left is None else f", {left:.3g} s left")

    def _moving_seconds(self, work: Work, block: list[Any]) -> float | None:
        """Seconds to pickle one result of the block, twice, and the function; None where that cannot be done."""
        from breakeven.engine.codec import LARGE, pickled

        try:
            pickled(work.fn, LARGE)
            began = clock()
            pickled(block[-1], LARGE)
            return 2 * (clock() - began)
        except Exception:  # noqa: BLE001 - any refusal
            return None

    def _elsewhere(
        self, name: str, reason: str, work: Work, recorder: Recorder, *, ordered: bool, bounded: bool
    ) -> Iterator[list[Any]]:
        from breakeven.executor import open_backend

        recorder.choice = f"{RULE}: {name}, since {reason}"
        backend = self._chosen = open_backend(replace(self._options, backend=name))
        return backend.stream(work, recorder, ordered=ordered, bounded=bounded)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Futures are for what runs beside the caller: processes."""
        from breakeven.executor import open_backend

        self._chosen = self._chosen or open_backend(replace(self._options, backend="processes"))
        return self._chosen.submit(fn, args, kwargs)

    def close(self, *, wait: bool = True, cancel: bool = False, at_once: bool = False) -> None:
        """Close what was chosen."""
        if self._chosen is not None:
            self._chosen.close(wait=wait, cancel=cancel, at_once=at_once)

    def describe(self) -> dict[str, Any]:
        """Facts for the report: of what was chosen."""
        if self._chosen is None:
            return {"backend": "serial", "start_method": None, "workers": 1}
        return self._chosen.describe()
