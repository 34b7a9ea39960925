"""Where the pieces of an enumeration run: in this thread, in threads, in processes of every kind, or as planned.

Lives here: the ways by name, each with who runs a piece and how its result comes back. Never here: what a piece is
(`pieces`). All of them run the same pieces of the same kernel, so they differ in nothing but what parallelism costs.

| way | workers | results come back |
| --- | --- | --- |
| `serial` | none | |
| `threads` | threads; the kernels hold no lock | in memory |
| `fork`, `forkserver`, `spawn` | processes started so, re-initialised before their first piece | by pipe or arena |
| `shared-memory` | processes that write into arrays which all share | only that it is done |
| `joblib` | joblib's own processes (loky) | pickled |
| `hybrid` | threads up to 10 000 states, forked processes above | |
| `persistent` | processes that are initialised once and kept over many registers | by pipe or arena |
| `auto` | what `breakeven.map(backend="auto")` plans | |
"""

from __future__ import annotations

from time import perf_counter

from breakeven.workloads.lfsr.faults import EnumerationFault, LfsrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Self

WAYS = (
    "auto", "serial", "threads", "fork", "forkserver", "spawn", "processes", "shared-memory", "joblib", "hybrid",
    "persistent",
)  # fmt: skip
HYBRID_LIMIT = 10_000
"""States up to which `hybrid` takes threads."""

_WORTH_CUTTING = 1 << 22
_PIECES_BETWEEN_LOOKS = 1 << 7
"""Pieces that `serial` walks as one: about half a second, and an interrupt is heard only in between."""

_PIECES_A_WORKER = 4
"""So that the slowest worker leaves the others idle for an eighth of its share at most."""


def reinitialise() -> None:
    """What a worker does before its first piece: load the kernels, and forget what it inherited of the algebra.

    Contexts of FLINT made before a fork would still work; a worker of its own mind makes its own.
    """
    import sys

    from breakeven.workloads.lfsr import kernels  # noqa: F401 - loaded before the first piece

    polynomials = sys.modules.get("breakeven.workloads.lfsr.polynomials")
    if polynomials is not None:
        polynomials.ring.cache_clear()


class Way:
    """One way to run pieces; used as a context where workers are kept (`persistent`).

    `used` and `reason` tell after `run` where the pieces ran and why; `run_seconds`, `merge_seconds` and, of
    batches, the workers' `work_seconds` add up; `ran` says whether there was anything for it to run.
    Raises `LfsrError` for a name that is not known, and `BackendUnavailable` where a package is missing.
    """

    def __init__(self, name: str = "auto", workers: int | None = None) -> None:
        if name not in WAYS:
            raise LfsrError(f"backend {name!r} is not known; known are {', '.join(WAYS)}")
        if workers is not None and workers < 1:
            raise LfsrError(f"{workers} workers cannot work; give 1 or more")
        self.name = name
        self.workers = workers
        self.used = "serial"
        self.reason = ""
        self.run_seconds = 0.0
        self.merge_seconds = 0.0
        self.work_seconds = 0.0
        self.shares_memory = name == "shared-memory"
        self.states = 0
        self.ran = False
        self._executor: Any = None

    def pieces(self, wanted: int) -> int:
        """How many pieces to cut; `wanted` is what their size asks for."""
        if self.name == "serial":
            return -(-wanted // _PIECES_BETWEEN_LOOKS)
        return wanted if self.name == "auto" else max(wanted, _PIECES_A_WORKER * self.count)

    @property
    def count(self) -> int:
        """How many workers there may be."""
        import os

        return self.workers or len(os.sched_getaffinity(0))

    def take_up(self, states: int) -> None:
        """Load what mapping and its report need, before a clock runs; a tenth of a second, once a process."""
        if self.name not in ("serial", "joblib") and states > _WORTH_CUTTING:
            import breakeven as be

            _ = be.map(abs, [0], backend="auto", progress=False).report.ledger

    def shared(self, size: int, dtype: str) -> Any:
        """An array that every worker sees."""
        import breakeven as be

        return be.SharedArray.empty(size, dtype)

    def run(self, piece: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Run `piece` on each item and return the results in order."""
        began = perf_counter()
        self.ran = True
        try:
            return self._run(piece, items)
        finally:
            self.run_seconds += perf_counter() - began

    def stream(self, piece: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """The same, a result at a time while workers that are kept go on with the next, and as items are made."""
        if self.name == "persistent":
            self.used = "persistent"
            yield from self._kept().imap(piece, items, chunksize=1)
        else:
            yield from self.run(piece, list(items))

    def _run(self, piece: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        name = self.name
        if name == "hybrid":
            name = "threads" if self.states <= HYBRID_LIMIT else "fork"
            self.reason = (
                f"hybrid: {self.states} states are {'at most' if name == 'threads' else 'over'} {HYBRID_LIMIT}"
            )
        if name == "serial" or (name == "auto" and len(items) == 1):
            self.used = "serial"
            self.reason = "" if name == "serial" else "one piece: done before a worker would have been worth its start"
            return [piece(item) for item in items]
        if name == "joblib":
            return self._by_joblib(piece, items)
        if name == "persistent":
            self.used = "persistent"
            return list(self._kept().map(piece, items))
        return self._by_breakeven(name, piece, items)

    def _by_breakeven(self, name: str, piece: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        import breakeven as be

        options: dict[str, Any] = {"max_workers": self.workers}
        if name in ("auto", "threads"):
            options["backend"] = name
        else:
            method = {"shared-memory": "fork", "processes": None}.get(name, name)
            options |= {"backend": "processes", "start_method": method, "initializer": reinitialise, "retries": 1}
        if name != "auto":
            options["chunksize"] = 1
        results = be.map(piece, items, name="lfsr pieces", progress=False, **options)
        self.used = name
        if name == "auto":
            ledger = results.report.ledger
            self.used, self.reason = _where(ledger.backend, ledger.choice), ledger.choice
        return results

    def _by_joblib(self, piece: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        try:
            import joblib
        except ImportError as error:
            from breakeven import BackendUnavailable

            raise BackendUnavailable("joblib", "pip install 'breakeven[lfsr-joblib]'", str(error)) from error
        self.used = "joblib"
        from concurrent.futures import BrokenExecutor

        parallel = joblib.Parallel(n_jobs=self.count, backend="loky", batch_size=1)
        try:
            return list(parallel(joblib.delayed(piece)(item) for item in items))
        except BrokenExecutor as error:
            raise EnumerationFault(f"a worker of joblib died, and nothing was counted: {error}; run again") from error

    def _kept(self) -> Any:
        """The executor whose workers are kept until the context ends."""
        if self._executor is None:
            import breakeven as be

            self._executor = be.Executor(
                max_workers=self.count, backend="processes", initializer=reinitialise, retries=1, progress=False
            )
        return self._executor

    def close(self) -> None:
        """End the workers that are kept."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the workers that are kept; after an exception at once, whatever they walk."""
        if kind is not None and self._executor is not None:
            self._executor.kill_workers()
        self.close()


def _where(backend: str, choice: str) -> str:
    """The place that `auto` chose, from its ledger."""
    for place in ("processes", "threads", "serial"):
        if place in backend:
            return place
    return next((place for place in ("serial", "threads", "processes") if f": {place}" in choice), backend)
