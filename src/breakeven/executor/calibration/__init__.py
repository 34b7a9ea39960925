"""`be.calibrate`: measure the machine's profile in about a second, keep it, and see whether a kept one still holds.

Lives here: the order of the measurements, the file, and the canary. Never here: an instrument (its neighbours), or what
the figures mean (`model.profile`).
"""

from __future__ import annotations

import os
from time import perf_counter as clock
from time import time

from breakeven.executor import known
from breakeven.executor.calibration import computing, messages, starting
from breakeven.model.profile import MachineProfile
from breakeven.probes.capacity import usable_cpus
from breakeven.probes.hazards import fork_hazard
from breakeven.probes.profiles import machine_key, profile_path, write_profile

CANARY_DRIFT = 0.15  # the machine computes so much slower or faster than when it was measured: measure again


def calibrate(*, force: bool = False) -> MachineProfile:
    """Return this machine's profile: the kept one if the machine is still the same and as quick, else measured now.

    Measuring takes about a second, of all CPUs; the profile is kept in the user's cache directory, and decisions go by
    it from then on. Where it cannot be kept, it holds for this process, and a warning says so.
    """
    kept = None if force else known.stored()
    if kept is not None and holds(kept):
        return kept
    profile = measure()
    try:
        write_profile(profile_path(), profile.to_dict())
    except OSError as error:
        import warnings

        warnings.warn(f"the profile cannot be kept ({error}); it holds for this process", stacklevel=2)
    known.set_profile(profile)
    return profile


def machine_profile() -> MachineProfile:
    """Return the profile that decisions go by: the kept one, else an assumed one. Measures nothing."""
    return known.profile()


def holds(profile: MachineProfile) -> bool:
    """Whether the machine computes as it did: a canary of 30 ms, the best of three spins."""
    now = computing.canary_seconds()
    return profile.canary_seconds > 0 and abs(now / profile.canary_seconds - 1.0) <= CANARY_DRIFT


def measure() -> MachineProfile:
    """Measure everything now."""
    cpus = usable_cpus()
    wide = max(cpus, 2)
    methods = (
        ["fork", "forkserver", "spawn"] if hasattr(os, "fork") and fork_hazard() is None else ["forkserver", "spawn"]
    )
    costs = messages.measure()
    return MachineProfile(
        source="measured",
        key=machine_key(),
        measured_at=time(),
        cpus=cpus,
        start=tuple((method, starting.start_up(method, wide)) for method in methods),
        parent_chunk_seconds=costs.parent_chunk_seconds,
        worker_chunk_seconds=costs.worker_chunk_seconds,
        wake_seconds=costs.wake_seconds,
        out_segments=costs.out_segments,
        in_segments=costs.in_segments,
        shared_out_seconds_a_byte=costs.shared_out_seconds_a_byte,
        shared_in_seconds_a_byte=costs.shared_in_seconds_a_byte,
        pickle=computing.pickling(),
        capacity=computing.capacity(cpus),
        bandwidth=computing.bandwidth(cpus),
        thread_start_seconds=starting.thread_start_seconds(),
        thread_chunk_seconds=messages.thread_chunk_seconds(),
        worker_bytes=costs.worker_bytes,
        clock_seconds=_clock_seconds(),
        canary_seconds=computing.canary_seconds(),
    )


def _clock_seconds() -> float:
    began = clock()
    for _ in range(2000):
        clock()
    return (clock() - began) / 2000
