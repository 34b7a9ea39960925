"""Tasks in pickled messages through worker processes, in order, every byte counted.

Lives here: what `processes-pickle` and `processes-initializer` share on the parent's side. Never here: kernels.
Messages hold `chunksize` tasks as those of `multiprocessing.Pool.map` do, by default a quarter of a worker's share, and
pickle keeps an array that several tasks of one message carry only once. They are packed as they are needed, so that a
large mesh is never there as many times as it has batches.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import breakeven as be
from breakeven.workloads.fem.assembly.effort import RETRIES, Effort, Traffic

_SHARES_A_WORKER = 4


def run(
    fn: Callable[[bytes], bytes],
    tasks: list[Any],
    effort: Effort,
    *,
    sent_before: int = 0,
    **options: Any,
) -> tuple[list[Any], Traffic]:
    """Results of all tasks in order, and what moved; `sent_before` bytes went to each worker at its start."""
    size = effort.chunksize or max(1, -(-len(tasks) // (_SHARES_A_WORKER * effort.max_workers)))
    out_bytes: list[int] = []
    in_bytes: list[int] = []

    def messages() -> Iterator[bytes]:
        for first in range(0, len(tasks), size):
            message = pickle.dumps(tasks[first : first + size], pickle.HIGHEST_PROTOCOL)
            out_bytes.append(len(message))
            yield message

    results: list[Any] = []
    spread: dict[str, Any] = {
        "backend": "processes",
        "max_workers": effort.max_workers,
        "start_method": effort.start_method,
        "chunksize": 1,
        "retries": RETRIES,
        "progress": False,
        **options,
    }
    with be.imap(fn, messages(), **spread) as stream:
        for answer in stream:
            in_bytes.append(len(answer))
            results += pickle.loads(answer)
        # Every worker that was started got it, and so did those that took the place of others.
        starts = len(stream.report.to_dict()["lanes"]) if sent_before else 0
    traffic = Traffic(len(out_bytes) + starts, len(in_bytes), sum(out_bytes) + starts * sent_before, sum(in_bytes))
    return results, traffic
