"""Ways to run a workload: every fixed one of breakeven, auto, and the peers at default and tuned.

Lives here: name → call. Never here: timing. An arm is used as its own documentation shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

Call = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

WORKERS = 2
QUICK = ("serial", "threads 2", "processes fork auto", "auto", "plan")


def fixed_arms() -> dict[str, dict[str, Any]]:
    """Every fixed configuration of breakeven: name → options of `map`."""
    arms: dict[str, dict[str, Any]] = {"serial": {"backend": "serial"}}
    arms |= {f"threads {count}": {"backend": "threads", "max_workers": count} for count in (2, 4, 16, 32)}
    for method in ("fork", "forkserver", "spawn"):
        for chunk in ("auto", 1) if method == "fork" else ("auto",):
            options = {"backend": "processes", "max_workers": WORKERS, "start_method": method, "chunksize": chunk}
            arms[f"processes {method} {chunk}"] = options
    arms["processes fork whole"] = {"backend": "processes", "max_workers": WORKERS, "chunksize": "share"}
    return arms


def peer_arms() -> dict[str, Call]:
    """The peers that are installed: name → call."""
    arms: dict[str, Call] = {
        "Pool": _pool(None),
        "Pool, chunks of a quarter share": _pool(4),
        "ProcessPoolExecutor": _executor("ProcessPoolExecutor", 1),
        "ProcessPoolExecutor, chunks of a quarter share": _executor("ProcessPoolExecutor", 4),
        "ThreadPoolExecutor": _executor("ThreadPoolExecutor", 1),
    }
    if find_spec("joblib"):
        arms |= {"joblib loky": _joblib("loky"), "joblib threads": _joblib("threading")}
    if find_spec("mpire"):
        arms["mpire"] = _mpire
    return arms


def _share(count: int, parts: int) -> int:
    return max(count // (WORKERS * parts), 1)


def _pool(parts: int | None) -> Call:
    def call(fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        from multiprocessing import get_context

        with get_context("fork").Pool(WORKERS) as pool:
            return pool.map(fn, items, None if parts is None else _share(len(items), parts))

    return call


def _executor(name: str, parts: int) -> Call:
    def call(fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        import concurrent.futures

        chunk = 1 if parts == 1 else _share(len(items), parts)
        with getattr(concurrent.futures, name)(WORKERS) as executor:
            return list(executor.map(fn, items, chunksize=chunk))

    return call


def _joblib(backend: str) -> Call:
    def call(fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        from joblib import Parallel, delayed

        return list(Parallel(n_jobs=WORKERS, backend=backend)(delayed(fn)(item) for item in items))

    return call


def _mpire(fn: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    from mpire import WorkerPool

    with WorkerPool(WORKERS) as pool:
        return list(pool.map(fn, [(item,) for item in items]))
