"""One workload with one arm, in an interpreter of its own: cold, then warm. Prints one line of JSON.

Cold is the first call, in a process that has loaded the workload and the library but started nothing; warm is the
median of those after it.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.auto.arms import fixed_arms, peer_arms
from benchmarks.auto.workloads import Workload, draw

WARM_CALLS = 3


def main(seed: str, key: str, arm: str) -> None:
    """Measure, and tell."""
    workload = next(one for one in draw(int(seed)) if one.key == key)
    items = workload.items()
    record = planned(workload, items) if arm == "plan" else timed(workload, items, arm)
    if key == "P13":
        shutil.rmtree(Path(items[0]).parent)
    print(json.dumps(record))


def timed(workload: Workload, items: Any, arm: str) -> dict[str, Any]:
    """Cold and warm seconds, a fingerprint of the results, and what auto chose and forecast."""
    call = _call(arm, len(items))
    seconds, reports = [], []
    fingerprint = ""
    for turn in range(1 + WARM_CALLS):
        began = time.perf_counter()
        results = call(workload.fn, items)
        seconds.append(time.perf_counter() - began)
        if turn == 0:
            fingerprint = hashlib.sha256(pickle.dumps([_plain(one) for one in results])).hexdigest()
        if arm == "auto":
            ledger = results.report.ledger
            reports.append({"choice": ledger.choice, "forecast": ledger.forecast, "error": ledger.forecast_error})
        del results
    return {
        "cold_seconds": seconds[0],
        "warm_seconds": statistics.median(seconds[1:]),
        "seconds": seconds,
        "fingerprint": fingerprint,
        "reports": reports,
    }


def planned(workload: Workload, items: Any) -> dict[str, Any]:
    """What `breakeven.plan` says of it, what that took, and what its sample says of all items from the beginning.

    A fixed way does all items where it is, the plan's way only those that are left after sampling.
    """
    import breakeven as be
    from breakeven.executor import known
    from breakeven.planning.choice import candidates

    began = time.perf_counter()
    plan = be.plan(workload.fn, items)
    seconds = time.perf_counter() - began
    situation = plan._done.steering.situation(len(items), known_length=True, warm=False)  # noqa: SLF001 - not a user's view
    first = plan.sample.first_excess_seconds
    whole = [
        {
            "backend": one.backend,
            "workers": one.workers,
            "start_method": one.start_method,
            "seconds": one.seconds + first,
            "low_seconds": one.low_seconds + first,
            "high_seconds": one.high_seconds + first,
        }
        for one in candidates(plan.sample, situation, known.profile())
    ]
    return {"plan": plan.to_dict(), "whole": whole, "plan_seconds": seconds, "items": len(items)}


def _call(arm: str, count: int) -> Any:
    fixed = {**fixed_arms(), "auto": {}}
    if arm not in fixed:
        return peer_arms()[arm]
    import breakeven as be

    options = dict(fixed[arm])
    if options.get("chunksize") == "share":
        options["chunksize"] = max(count // options["max_workers"], 1)
    be.map  # noqa: B018 - loads the executor, as the import of a peer loads its pool
    return lambda fn, items: be.map(fn, items, **options)


def _plain(value: Any) -> Any:
    return value.tobytes() if hasattr(value, "tobytes") else value


if __name__ == "__main__":
    main(*sys.argv[1:])
