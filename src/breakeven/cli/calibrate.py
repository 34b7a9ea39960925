"""Measure what parallel work costs on this machine, and keep it for every forecast.

Takes about a second and all CPUs; run it while nothing else runs. A profile that is
kept is used again as long as machine, kernel, Python and CPU quota are the same
and a canary of 30 ms still takes as long as it did; --force measures anew.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from breakeven.model.profile import MachineProfile, Segment

_SIZES = (1_000, 30_000)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `calibrate`."""
    parser.usage = "breakeven calibrate [--force] [--json]"
    parser.add_argument("--force", action="store_true", help="measure anew, whatever is kept")
    parser.add_argument("--json", action="store_true", help="the profile as JSON")


def execute(options: argparse.Namespace) -> int:
    """Measure, keep, tell."""
    from time import perf_counter

    from breakeven.executor.calibration import calibrate
    from breakeven.probes.capacity import running_elsewhere
    from breakeven.probes.profiles import profile_path

    strangers = running_elsewhere(0)
    began = perf_counter()
    profile = calibrate(force=options.force)
    seconds = perf_counter() - began
    if options.json:
        print(json.dumps({"path": profile_path(), **profile.to_dict()}, indent=1))
        return DONE
    for line in _lines(profile):
        print(line)
    print(f"\nkept in {profile_path()}; took {seconds:.2f} s")
    for line in corrections(profile):
        print(line)
    if strangers:
        print(f"{strangers} other threads wanted a CPU when this began: figures may be too high; --force measures anew")
    return DONE


def corrections(profile: MachineProfile) -> Iterator[str]:
    """What runs have changed of a profile since it was measured."""
    from breakeven.model.profile import TRANSPORTS

    if profile.runs:
        yield f"start-up has been corrected since by what {profile.runs} starts of programs took"
    if profile.transport_runs:
        by = ", ".join(f"{TRANSPORTS.get(kind, kind)} × {times:.2f}" for kind, times in profile.transport)
        yield f"transport has been corrected since by what {profile.transport_runs} runs moved: {by}"


def _lines(profile: MachineProfile) -> Iterator[str]:
    from breakeven.model.profile import moving_seconds
    from breakeven.units import format_bytes, format_rate, format_seconds

    wide = len(profile.capacity)
    yield profile.key
    yield ""
    yield f"{'start-up to first results':<34}{'1 worker':>12}{f'{max(wide, 2)} workers':>14}"
    for method, cost in profile.start:
        one, many = format_seconds(cost.seconds(1)), format_seconds(cost.seconds(max(wide, 2)))
        yield f"  {method:<32}{one:>12}{many:>14}"
    yield f"  {'thread':<32}{format_seconds(profile.thread_start_seconds):>12}"
    yield ""
    yield f"{'an empty chunk':<34}{'parent':>12}{'worker':>14}"
    parent, worker = format_seconds(profile.parent_chunk_seconds), format_seconds(profile.worker_chunk_seconds)
    yield f"  {'processes':<32}{parent:>12}{worker:>14}"
    yield f"  {'threads, both together':<32}{format_seconds(profile.thread_chunk_seconds):>12}"
    yield f"  {'waking an idle worker':<32}{format_seconds(profile.wake_seconds):>12}"
    yield ""
    yield f"{'moving a payload':<34}{'to a worker':>12}{'back':>14}"

    def both(out: tuple[Segment, ...], back: tuple[Segment, ...], size: int) -> str:
        return f"{format_seconds(moving_seconds(out, size)):>12}{format_seconds(moving_seconds(back, size)):>14}"

    for size in _SIZES:
        through = both(profile.out_segments, profile.in_segments, size)
        yield f"  {f'{format_bytes(size)} through the channel':<32}{through}"
    out = format_rate(1 / max(profile.shared_out_seconds_a_byte, 1e-15))
    back = format_rate(1 / max(profile.shared_in_seconds_a_byte, 1e-15))
    yield f"  {'arrays through shared memory':<32}{out:>12}{back:>14}"
    yield ""
    yield f"{'pickling':<34}{'dumps':>12}{'loads':>14}"
    for shape, dumps, loads in profile.pickle:
        yield f"  {shape:<32}{format_rate(1 / max(dumps, 1e-15)):>12}{format_rate(1 / max(loads, 1e-15)):>14}"
    yield ""
    yield f"{'busy workers at once':<34}{'CPUs worth':>12}{'copying':>14}"
    for at, share in enumerate(profile.capacity):
        rate = format_rate(profile.bandwidth[at]) if at < len(profile.bandwidth) else "–"
        yield f"  {at + 1:<32}{share:>12.2f}{rate:>14}"
    yield ""
    yield f"{'memory of a worker of its own':<34}{format_bytes(profile.worker_bytes):>12}"
    yield f"{'reading the clock':<34}{format_seconds(profile.clock_seconds):>12}"
