"""Recordings as a run leaves them: one small enough to check by hand, one for the replay, and any at all.

Everything in `by_hand` was chosen so that its sums are round; tests state them as figures, not as formulas.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from breakeven.ledger.states import COMPUTE_PARTS, PARENT_STATES, WORKER_STATES

Recording = dict[str, Any]


def by_hand() -> Recording:
    """Ten seconds on two workers: 0.1 s of the path, of the parent's lane and of worker 0's lane are unexplained."""
    return {
        "version": 1,
        "name": "simulate",
        "backend": "processes",
        "start_method": "fork",
        "workers": 2,
        "items": 1200,
        "chunks": 48,
        "started_at": 1_795_248_000.0,
        "seconds": 10.0,
        "parent": {
            "plan": 0.5,
            "start": 0.5,
            "dispatch": 0.2,
            "serialise": 0.8,
            "send": 0.2,
            "wait": 7.0,
            "receive": 0.1,
            "deserialise": 0.3,
            "merge": 0.2,
            "stop": 0.1,
        },
        "lanes": [
            {
                "name": "worker 0",
                "pid": 4000,
                "from": 1.0,
                "to": 10.0,
                "tasks": 700,
                "states": {
                    "boot": 0.2,
                    "import": 0.1,
                    "init": 0.1,
                    "idle_before_first": 0.4,
                    "receive": 0.1,
                    "deserialise": 0.2,
                    "compute": 7.0,
                    "serialise": 0.3,
                    "send": 0.1,
                    "idle_starved": 0.2,
                    "idle_tail": 0.1,
                    "exit": 0.1,
                },
                "compute_split": {"cpu": 6.0, "runq": 0.5, "gil_wait": 0.1, "blocked": 0.4},
                "peak_rss_bytes": 64_000_000,
            },
            {
                "name": "worker 1",
                "pid": 4001,
                "from": 1.0,
                "to": 10.0,
                "tasks": 500,
                "states": {
                    "boot": 0.2,
                    "import": 0.1,
                    "init": 0.1,
                    "idle_before_first": 0.6,
                    "receive": 0.1,
                    "deserialise": 0.2,
                    "compute": 5.0,
                    "serialise": 0.2,
                    "send": 0.1,
                    "idle_starved": 0.0,
                    "idle_tail": 2.3,
                    "exit": 0.1,
                },
                "compute_split": {"cpu": 4.4, "runq": 0.4, "gil_wait": 0.0, "blocked": 0.2},
                "peak_rss_bytes": None,
            },
        ],
        "path": {
            "parent.plan": 0.5,
            "parent.start": 0.5,
            "worker.boot": 0.2,
            "worker.compute": 7.0,
            "parent.serialise": 0.6,
            "worker.deserialise": 0.2,
            "worker.serialise": 0.3,
            "transit": 0.4,
            "parent.merge": 0.1,
            "parent.stop": 0.1,
        },
        "messages_out": 50,
        "messages_in": 52,
        "bytes_out": 1_200_000,
        "bytes_in": 3_400_000,
        "shared_out_bytes": 100_000_000,
        "shared_in_bytes": 0,
        "memory": {"peak_pss_bytes": 154_000_000, "samples": 12},
        "failures": [
            {"index": 7, "cause": "killed by SIGSEGV", "exception": "", "pid": 4001, "attempts": 2},
            {"index": 9, "cause": "exception", "exception": "ValueError('odd')", "pid": 4000, "attempts": 1},
        ],
        "deaths": 2,
        "retries": 1,
        "notes": ["forkserver was asked for, fork was used"],
        "choice": 'backend="processes" was given',
        "useful_seconds_per_item": 0.01,
        "chunk_records": [],
        "serial_seconds_estimate": None,
    }


def for_replay() -> Recording:
    """One worker, one chunk, ten seconds: all of it accounted for."""
    return by_hand() | {
        "workers": 1,
        "items": 4,
        "chunks": 1,
        "failures": [],
        "parent": {"start": 1.0, "serialise": 2.0, "wait": 5.0, "deserialise": 1.0, "merge": 0.5, "stop": 0.5},
        "lanes": [
            {
                "name": "worker 0",
                "pid": 4000,
                "from": 1.0,
                "to": 10.0,
                "tasks": 4,
                "states": {
                    "idle_before_first": 2.0,
                    "receive": 0.5,
                    "deserialise": 0.5,
                    "compute": 3.0,
                    "serialise": 0.5,
                    "idle_tail": 2.5,
                },
                "compute_split": None,
                "peak_rss_bytes": None,
            }
        ],
        "path": {"worker.compute": 3.0},
        "chunk_records": [[0, 0, 4, 3.0, 3.5, 4.0, 7.0, 7.5, 8.0, 9.5]],
    }


def serial() -> Recording:
    """Two seconds in the calling thread, nine tenths of them in the user's function."""
    return by_hand() | {
        "backend": "serial",
        "start_method": None,
        "workers": 1,
        "seconds": 2.0,
        "parent": {"input": 0.08, "compute": 1.8, "merge": 0.12},
        "lanes": [],
        "path": {"parent.input": 0.08, "parent.compute": 1.8, "parent.merge": 0.12},
        "failures": [],
    }


_SHORT = st.floats(0.0, 2.0)
_COUNT = st.integers(0, 10**12)
_TEXT = st.text(max_size=40)
_NAME = st.text(min_size=1, max_size=40)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Any recording that holds together: lanes inside the call, stations in order, one chunk at a time a worker."""
    workers = draw(st.integers(0, 4))
    rows = [row for worker in range(workers) for row in draw(_chunk_rows(worker))]
    last = max((row[-1] for row in rows), default=0.0)
    seconds = last + draw(_SHORT)
    return {
        "version": 1,
        "name": draw(_NAME),
        "backend": draw(st.sampled_from(["serial", "threads", "processes", "dask"])),
        "start_method": draw(st.sampled_from([None, "fork", "forkserver", "spawn"])),
        "workers": workers,
        "items": draw(st.sampled_from([sum(row[2] for row in rows), 10**6])),
        "chunks": len(rows),
        "started_at": draw(st.floats(0.0, 1e11)),
        "seconds": seconds,
        "parent": draw(st.dictionaries(st.sampled_from(list(PARENT_STATES)), _SHORT)),
        "lanes": [draw(_lanes(f"worker {worker}", seconds)) for worker in range(workers)],
        "path": draw(st.dictionaries(st.sampled_from(["transit", "worker.compute", "parent.serialise"]), _SHORT)),
        **{
            name: draw(_COUNT)
            for name in (
                "messages_out",
                "messages_in",
                "bytes_out",
                "bytes_in",
                "shared_out_bytes",
                "shared_in_bytes",
                "deaths",
                "retries",
            )
        },
        "memory": {"peak_pss_bytes": draw(st.none() | _COUNT), "samples": draw(_COUNT)},
        "failures": draw(st.lists(_failures(), max_size=3)),
        "notes": draw(st.lists(_TEXT, max_size=2)),
        "choice": draw(_TEXT),
        "useful_seconds_per_item": draw(st.none() | _SHORT),
        "chunk_records": rows,
        "serial_seconds_estimate": draw(st.none() | _SHORT),
    }


@st.composite
def _chunk_rows(draw: st.DrawFn, worker: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    step = st.sampled_from([0.0, 0.25]) | _SHORT
    sent = arrived = free = draw(step)
    for index in range(draw(st.integers(0, 4))):
        sent += draw(step)
        stations = [max(free, sent) + draw(step)]
        for _ in range(3):
            stations.append(stations[-1] + draw(step))
        free = stations[-1]
        arrived = max(arrived, free) + draw(step)
        rows.append([worker, index * 3, draw(st.integers(1, 3)), sent, *stations, arrived, arrived + draw(step)])
    return rows


@st.composite
def _lanes(draw: st.DrawFn, name: str, seconds: float) -> dict[str, Any]:
    split = st.none() | st.dictionaries(st.sampled_from(COMPUTE_PARTS), _SHORT)
    return {
        "name": name,
        "pid": draw(_COUNT),
        "from": draw(st.floats(0.0, seconds)),
        "to": seconds,
        "tasks": draw(_COUNT),
        "states": draw(st.dictionaries(st.sampled_from(list(WORKER_STATES)), _SHORT)),
        "compute_split": draw(split),
        "peak_rss_bytes": draw(st.none() | _COUNT),
    }


@st.composite
def _failures(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "index": draw(_COUNT),
        "cause": draw(_TEXT),
        "exception": draw(_TEXT),
        "pid": draw(st.none() | _COUNT),
        "attempts": draw(_COUNT),
    }
