"""A choice as plain data: what ledgers keep, tables show and `--json` prints.

Lives here: which figures, under which names. Never here: their arithmetic (`model`) or layout (`report.outlook`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.model.forecast import Forecast
    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Payload, Sample
    from breakeven.planning.choice import Choice, Situation


def prospect_of(choice: Choice, spent_seconds: float, sample: Sample | None) -> dict[str, Any]:
    """What is forecast of the whole call, `spent_seconds` that went before included."""
    return {
        "made_at_seconds": spent_seconds,
        "chosen": _told(choice.forecast, spent_seconds),
        "reason": choice.reason,
        "candidates": [_told(one, spent_seconds) for one in choice.candidates],
        "sample": None if sample is None else _sample(sample),
    }


def breakeven_of(
    choice: Choice, sample: Sample, situation: Situation, profile: MachineProfile, *, efficiency: float = 0.5
) -> dict[str, Any] | None:
    """Where the best parallel way begins to pay: as number of items, and as time an item; None where there is none."""
    from breakeven.model import forecast as model

    parallel = [one for one in choice.candidates if one.backend != "serial"]
    if not parallel:
        return None
    best = min(parallel, key=lambda one: one.seconds)

    def again(sample: Sample, items: int) -> Forecast:
        if best.backend == "threads":
            load = situation.threads_load_seconds
            return model.threads(sample, items, best.workers, profile, load_seconds=load)
        return model.processes(
            sample, items, best.workers, profile, situation.start_method, start_seconds=situation.start_seconds
        )

    return {
        "title": best.title,
        "items": model.breakeven_items(sample, again),
        "task_seconds": model.breakeven_task_seconds(sample, situation.items, again),
        "metg_seconds": model.metg_seconds(sample, best.workers, profile, efficiency),
        "useful_workers": best.useful_workers,
    }


def _told(one: Forecast, spent_seconds: float) -> dict[str, Any]:
    return {
        "title": one.title,
        "backend": one.backend,
        "workers": one.workers,
        "start_method": one.start_method,
        "chunksize": one.chunk,
        "seconds": spent_seconds + one.seconds,
        "low_seconds": spent_seconds + one.low_seconds,
        "high_seconds": spent_seconds + one.high_seconds,
        "memory_bytes": one.memory_bytes,
        "dominant": one.dominant,
        "parts_seconds": dict(one.parts),
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "items": sample.items,
        "seconds": sample.seconds,
        "mean_seconds": sample.mean_seconds,
        "spread_seconds": sample.spread_seconds,
        "error": sample.error,
        "first_excess_seconds": sample.first_excess_seconds,
        "drift": sample.drift,
        "cpu_share": sample.cpu_share,
        "gil_share": sample.gil_share,
        "call_bytes": sample.call_bytes,
        "argument": _payload(sample.argument),
        "result": _payload(sample.result),
        "refusal": sample.refusal,
    }


def _payload(payload: Payload | None) -> dict[str, float] | None:
    if payload is None:
        return None
    return {
        "bytes": payload.stream_bytes + payload.shared_bytes,
        "shared_bytes": payload.shared_bytes,
        "pickling_seconds": payload.dumps_seconds,
        "unpickling_seconds": payload.loads_seconds,
    }
