"""What this machine costs: start-up, messages, moving bytes, pickling, and how much its CPUs do when all are busy.

Lives here: the noun, its prior, and how it is read from and written to plain data. Never here: measuring
(`executor.calibration`), or files (`probes.profiles`). On the way of a decision: imports nothing heavy (decision 0002).
"""

from __future__ import annotations

from breakeven.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 1


@record
class Segment:
    """Cost of moving a payload from `from_bytes` up: `fixed_seconds + bytes · seconds_a_byte`."""

    from_bytes: int
    fixed_seconds: float
    seconds_a_byte: float


@record
class StartUp:
    """Seconds from the decision to the first results of `workers` new workers: `fixed + workers · each`."""

    fixed_seconds: float
    each_seconds: float

    def seconds(self, workers: int) -> float:
        """Start-up of so many workers."""
        return self.fixed_seconds + workers * self.each_seconds


@record
class MachineProfile:
    """The costs of one machine, in seconds and bytes; `capacity[w-1]` CPUs' worth of work is done by w busy workers.

    `source` says what it rests on: "measured" (by `breakeven.calibrate`), or "assumed": typical figures of a small
    Linux machine, which runs in this process correct as they go.
    """

    source: str
    key: str
    measured_at: float
    cpus: int
    start: tuple[tuple[str, StartUp], ...]
    parent_chunk_seconds: float
    worker_chunk_seconds: float
    wake_seconds: float
    out_segments: tuple[Segment, ...]
    in_segments: tuple[Segment, ...]
    shared_out_seconds_a_byte: float
    shared_in_seconds_a_byte: float
    pickle: tuple[tuple[str, float, float], ...]
    capacity: tuple[float, ...]
    bandwidth: tuple[float, ...]
    thread_start_seconds: float
    thread_chunk_seconds: float
    worker_bytes: int
    clock_seconds: float
    canary_seconds: float
    runs: int = 0  # starts that have corrected `start` since
    transport: tuple[tuple[str, float], ...] = ()  # which transport is by how many times dearer than was measured
    transport_runs: int = 0  # runs that have said so

    def start_up(self, method: str, workers: int) -> float:
        """Seconds from the decision to the first results of so many new workers."""
        for name, cost in self.start:
            if name == method:
                return cost.seconds(workers)
        return max(cost.seconds(workers) for _, cost in self.start)

    def capacity_of(self, busy: int) -> float:
        """How many CPUs' worth of work so many busy workers get done; a thing of the machine, not of its CPU count."""
        known = self.capacity
        return known[min(max(busy, 1), len(known)) - 1]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as JSON holds it."""
        return {
            "version": VERSION,
            "source": self.source,
            "key": self.key,
            "measured_at": self.measured_at,
            "cpus": self.cpus,
            "start_up": {
                name: {"fixed_seconds": cost.fixed_seconds, "each_seconds": cost.each_seconds}
                for name, cost in self.start
            },
            **{name: getattr(self, name) for name in _NUMBERS},
            "out_segments": [_segment_to(segment) for segment in self.out_segments],
            "in_segments": [_segment_to(segment) for segment in self.in_segments],
            "pickle": {
                shape: {"dumps_seconds_a_byte": dumps, "loads_seconds_a_byte": loads}
                for shape, dumps, loads in self.pickle
            },
            "capacity_cpus": list(self.capacity),
            "bandwidth_bytes_a_second": list(self.bandwidth),
            "runs": self.runs,
            "transport_times": dict(self.transport),
            "transport_runs": self.transport_runs,
        }


_NUMBERS = (
    "parent_chunk_seconds",
    "worker_chunk_seconds",
    "wake_seconds",
    "shared_out_seconds_a_byte",
    "shared_in_seconds_a_byte",
    "thread_start_seconds",
    "thread_chunk_seconds",
    "worker_bytes",
    "clock_seconds",
    "canary_seconds",
)


def _segment_to(segment: Segment) -> dict[str, float]:
    return {
        "from_bytes": segment.from_bytes,
        "fixed_seconds": segment.fixed_seconds,
        "seconds_a_byte": segment.seconds_a_byte,
    }


def _segment_from(plain: Mapping[str, Any]) -> Segment:
    return Segment(
        from_bytes=int(plain["from_bytes"]),
        fixed_seconds=float(plain["fixed_seconds"]),
        seconds_a_byte=float(plain["seconds_a_byte"]),
    )


def profile_from(plain: Mapping[str, Any]) -> MachineProfile:
    """Read a profile from plain data; raises `KeyError`, `TypeError` or `ValueError` for none of this version."""
    if plain["version"] != VERSION:
        raise ValueError(f"a machine profile of version {plain['version']!r}; this breakeven reads {VERSION}")
    capacity = tuple(float(share) for share in plain["capacity_cpus"])
    if not capacity or min(capacity) <= 0:
        raise ValueError("a machine profile without capacity")
    return MachineProfile(
        source=str(plain["source"]),
        key=str(plain["key"]),
        measured_at=float(plain["measured_at"]),
        cpus=int(plain["cpus"]),
        start=tuple(
            (name, StartUp(fixed_seconds=float(cost["fixed_seconds"]), each_seconds=float(cost["each_seconds"])))
            for name, cost in plain["start_up"].items()
        ),
        **{name: float(plain[name]) for name in _NUMBERS if name != "worker_bytes"},
        worker_bytes=int(plain["worker_bytes"]),
        out_segments=tuple(_segment_from(segment) for segment in plain["out_segments"]),
        in_segments=tuple(_segment_from(segment) for segment in plain["in_segments"]),
        pickle=tuple(
            (shape, float(cost["dumps_seconds_a_byte"]), float(cost["loads_seconds_a_byte"]))
            for shape, cost in plain.get("pickle", {}).items()
        ),
        capacity=capacity,
        bandwidth=tuple(float(rate) for rate in plain["bandwidth_bytes_a_second"]),
        runs=int(plain.get("runs", 0)),
        transport=tuple((kind, float(times)) for kind, times in plain.get("transport_times", {}).items()),
        transport_runs=int(plain.get("transport_runs", 0)),
    )


def moving_seconds(segments: tuple[Segment, ...], payload_bytes: float) -> float:
    """Seconds to move a payload, by the segment that its size falls into.

    >>> line = (Segment(from_bytes=0, fixed_seconds=1e-5, seconds_a_byte=1e-9),)
    >>> round(moving_seconds(line, 10_000) * 1e6)
    20
    """
    chosen = segments[0]
    for segment in segments:
        if segment.from_bytes > payload_bytes:
            break
        chosen = segment
    return chosen.fixed_seconds + payload_bytes * chosen.seconds_a_byte


def assumed(cpus: int) -> MachineProfile:
    """The prior: what was measured on 2 virtual cores with Linux 6 and Python 3.11, rounded, for so many CPUs."""
    return MachineProfile(
        source="assumed",
        key="",
        measured_at=0.0,
        cpus=cpus,
        start=(
            ("fork", StartUp(fixed_seconds=2e-3, each_seconds=1.5e-3)),
            ("forkserver", StartUp(fixed_seconds=40e-3, each_seconds=5e-3)),
            ("spawn", StartUp(fixed_seconds=15e-3, each_seconds=15e-3)),
        ),
        parent_chunk_seconds=12e-6,
        worker_chunk_seconds=12e-6,
        wake_seconds=50e-6,
        out_segments=(Segment(from_bytes=0, fixed_seconds=0.0, seconds_a_byte=0.6e-9),),
        in_segments=(Segment(from_bytes=0, fixed_seconds=0.0, seconds_a_byte=0.6e-9),),
        shared_out_seconds_a_byte=0.4e-9,  # pages that are new cost three times what pages in use do
        shared_in_seconds_a_byte=0.8e-9,
        pickle=(),
        capacity=tuple(1.0 + 0.95 * (busy - 1) if busy > 1 else 1.0 for busy in range(1, cpus + 1)),
        bandwidth=tuple(10e9 for _ in range(cpus)),
        thread_start_seconds=0.3e-3,
        thread_chunk_seconds=15e-6,
        worker_bytes=12 << 20,
        clock_seconds=55e-9,
        canary_seconds=0.0,
    )


def corrected(profile: MachineProfile, method: str, workers: int, start_seconds: float) -> MachineProfile:
    """The profile after a start of `workers` took so long: a quarter of the way there, never past half or twice."""
    before = profile.start_up(method, workers)
    ratio = min(max(start_seconds / max(before, 1e-6), 0.5), 2.0)
    by = 1 + 0.25 * (ratio - 1)
    start = tuple(
        (name, StartUp(fixed_seconds=cost.fixed_seconds * by, each_seconds=cost.each_seconds * by))
        if name == method
        else (name, cost)
        for name, cost in profile.start
    )
    return replace(profile, start=start, runs=profile.runs + 1)


TRANSPORTS = {
    "out": "bytes to a worker",
    "in": "bytes back",
    "shared_out": "arrays to a worker",
    "shared_in": "arrays back",
}
STEP = 2.0  # a run makes a transport at most so many times dearer or cheaper,
FURTHEST = 8.0  # and all of them together so many times: what is further off is for `calibrate` to measure


def transport_corrected(profile: MachineProfile, ratios: Mapping[str, float]) -> MachineProfile:
    """The profile after a run in which transports took so many times what it says: half of the way there, as factors.

    >>> once = transport_corrected(assumed(2), {"shared_out": 4.0})
    >>> dict(once.transport), round(once.shared_out_seconds_a_byte / assumed(2).shared_out_seconds_a_byte, 3)
    ({'shared_out': 2.0}, 2.0)
    """
    times = dict(profile.transport)
    by = {}
    for kind, ratio in ratios.items():
        before = times.get(kind, 1.0)
        step = min(max(ratio**0.5, 1 / STEP), STEP)
        times[kind] = min(max(before * step, 1 / FURTHEST), FURTHEST)
        by[kind] = times[kind] / before
    return replace(
        profile,
        out_segments=_scaled(profile.out_segments, by.get("out", 1.0)),
        in_segments=_scaled(profile.in_segments, by.get("in", 1.0)),
        shared_out_seconds_a_byte=profile.shared_out_seconds_a_byte * by.get("shared_out", 1.0),
        shared_in_seconds_a_byte=profile.shared_in_seconds_a_byte * by.get("shared_in", 1.0),
        transport=tuple(times.items()),
        transport_runs=profile.transport_runs + 1,
    )


def _scaled(segments: tuple[Segment, ...], by: float) -> tuple[Segment, ...]:
    return tuple(
        replace(one, fixed_seconds=one.fixed_seconds * by, seconds_a_byte=one.seconds_a_byte * by) for one in segments
    )
