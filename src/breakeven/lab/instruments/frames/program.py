"""A camera and those who look at its frames: the pipeline whose rate, latency and CPU are measured.

Lives here: the camera's clock, and what an analyser does with a frame. Never here: how frames travel (`ways`). The
camera has a frame every period, whatever happened to the one before: it is dropped when there is no room for it, or
when the camera was still busy with an earlier one. An analyser reads every byte: the checksum is the analysis.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from time import perf_counter_ns, sleep

import numpy as np

from breakeven.lab.instruments.frames.ways import WAYS, Seen, checksum
from breakeven.lab.processes.families import descendants
from breakeven.lab.processes.programs import printed
from breakeven.probes.kernel import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCENES = 3  # different frames, over and over; enough that a mixed-up one is noticed
SPIN_NS = 200_000


def cpu_ns(pid: int) -> int:
    """Time on a CPU so far of a process, all that descend from it, and all their threads."""
    spent = 0
    for one in descendants(pid):
        try:
            threads = os.listdir(f"/proc/{one}/task")  # noqa: PTH208 - one of many
        except OSError:
            continue
        for thread in threads:
            words = (read_bytes(f"/proc/{one}/task/{thread}/schedstat") or b"0").split()
            spent += int(words[0]) if words else 0
    return spent


def film(way: Any, scenes: list[Any], frames: int, period_ns: int) -> tuple[int, int, int]:
    """Offer a frame every period; returns when the first was due, how many were dropped, and the late ones of those."""
    first_due = perf_counter_ns() + 2 * period_ns
    dropped = late = 0
    for index in range(frames):
        due = first_due + index * period_ns
        left = due - perf_counter_ns()
        if left < -period_ns:
            late += 1
            dropped += 1
            continue
        if left > SPIN_NS:
            sleep((left - SPIN_NS) * 1e-9)
        while perf_counter_ns() < due:
            pass
        dropped += not way.offer(index, due, scenes[index % SCENES])
    return first_due, dropped, late


@cache
def prepared(words_a_frame: int) -> tuple[list[Any], list[int]]:
    """The scenes, and their checksums."""
    generators = [np.random.default_rng(seed) for seed in range(SCENES)]
    scenes = [one.integers(0, 2**63, words_a_frame, dtype=np.uint64) for one in generators]
    return scenes, [int(checksum(scene)) for scene in scenes]


def run(name: str, size_bytes: int, frames: int, period_ns: int, analysers: int, depth: int) -> dict[str, Any]:
    """Film once; what became of every frame."""
    scenes, sums = prepared(size_bytes // 8)
    way = WAYS[name](size_bytes // 8, analysers, depth)
    before = cpu_ns(os.getpid())
    first_due, dropped, late = film(way, scenes, frames, period_ns)
    seen: list[Seen] = way.drained()
    ended = perf_counter_ns()
    after = cpu_ns(os.getpid())
    way.close()
    return {
        "dropped": dropped,
        "late": late,
        "cpu_ns": after - before,
        "span_ns": ended - first_due,
        "latencies_ns": [one.ended_ns - one.due_ns for one in seen],
        "last_ns": max((one.ended_ns for one in seen), default=first_due) - first_due,
        "earliest_ns": min((one.ended_ns for one in seen), default=first_due) - first_due,
        "wrong": sum(one.checksum != sums[one.frame % SCENES] for one in seen),
    }


def main() -> None:
    """Serve: a line [way, bytes, frames, period in ns, analysers, depth] in, what became of the frames out."""
    for line in sys.stdin:
        printed(run(*json.loads(line)))


if __name__ == "__main__":
    main()
