"""Sample, profile and what the caller allows → every way to run with its forecast, the one to take, and why.

Lives here: the candidates and the rule. Never here: a mechanism, a clock, or the user's function.
"""

from __future__ import annotations

from breakeven.model import forecast as model
from breakeven.model.sample import NOTHING
from breakeven.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.model.forecast import Forecast
    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Sample

WAITING = 0.3  # blocked share from which more threads than CPUs are considered
MOST_THREADS = 64
CAUTION = {"measured": 0.08, "assumed": 0.15}  # relative: by so much the model has to err before a choice does harm
MOVING_CAUTION = 0.2  # the same, more, of what pickling and moving take: they are weighed here, and done beside others
FURTHER = 16  # times as many items as are guessed of an input without an end: what has started once is there for them
LEAST_GAIN_SECONDS = 0.5e-3  # a gain below this is not worth a start
PILOT_BUFFER_BYTES = 16_000  # an item or result with buffers this large may well be worked on without the GIL
PILOT_COST_SECONDS = 12e-3  # of threads that turn out to queue for the GIL: their start, and until that is seen
CLEARLY = 1.3  # times as long as the loop: what takes more need not be thought of for a while
TIE = 0.95  # processes have to be quicker than threads by as much: they take more memory
TINY_SECONDS = 50e-6  # an item this short does not let go of the GIL to any avail: each hand-over costs as much
OWN_THREADS = 1.5  # CPU over wall from which a function is taken to run threads of its own


@record
class Situation:
    """What a choice depends on beside sample and profile.

    `items` are those still to do (or a guess, where `known` is false), `start_seconds` what starting the workers would
    still cost, None for what the profile says, `threads_load_seconds` what loading takes before threads can start;
    `handicap` by which factor processes lately took longer than promised.
    """

    items: int
    known: bool
    cpus: int
    max_workers: int | None = None
    start_method: str = "fork"
    start_seconds: float | None = None
    threads_load_seconds: float = 0.0
    memory_limit: int | None = None
    threads_allowed: bool = True
    processes_allowed: bool = True
    pilot_allowed: bool = True
    handicap: float = 1.0
    why_no_processes: str = ""


@record
class Choice:
    """One way to run, why, and what the others would have cost."""

    forecast: Forecast
    reason: str
    candidates: tuple[Forecast, ...]
    items: int
    pilot: bool = False

    @property
    def serial(self) -> Forecast:
        """What the plain loop would cost."""
        return self.candidates[0]

    @property
    def clear(self) -> bool:
        """Whether the loop was chosen, and nothing else comes near it: threads that only queue for the GIL never do."""
        serial, *others = self.candidates
        bounds = {"threads": serial.seconds, "processes": CLEARLY * serial.seconds}
        return (
            self.forecast.backend == "serial"
            and bool(others)
            and all(one.seconds > bounds[one.backend] for one in others)
        )


def candidates(sample: Sample, situation: Situation, profile: MachineProfile) -> list[Forecast]:
    """Every way to run that is allowed and fits into memory; the first is serial."""
    items = situation.items
    sample = _with_assumed_gil(sample)
    found = [model.serial(sample, items)]
    if situation.threads_allowed:
        load = situation.threads_load_seconds
        counts = _thread_counts(sample, situation)
        found += [model.threads(sample, items, workers, profile, load_seconds=load) for workers in counts]
    if situation.processes_allowed and not sample.refusal:
        found += [_processes(sample, situation, profile, workers) for workers in _process_counts(sample, situation)]
    limit = situation.memory_limit
    return [one for one in found if one.backend == "serial" or limit is None or one.memory_bytes <= limit]


def _with_assumed_gil(sample: Sample) -> Sample:
    """The sample, with the GIL taken as held where nobody has looked and nothing speaks against it.

    What lets go of the GIL works on buffers, or waits; what waits holds it for the rest of its time at most. Items that
    are over before another thread has it are no better than held, whatever a look at them says.
    """
    tiny = sample.mean_seconds < TINY_SECONDS and sample.blocked_share < WAITING and sample.gil_share != 0.0
    if not tiny and (sample.gil_share is not None or _may_let_go(sample)):
        return sample
    return replace(sample, gil_share=min(sample.cpu_share, 1.0))


def _may_let_go(sample: Sample) -> bool:
    moved = (sample.argument or NOTHING).buffer_bytes + (sample.result or NOTHING).buffer_bytes
    plausible = moved >= PILOT_BUFFER_BYTES or bool(sample.refusal)
    return plausible and sample.mean_seconds >= TINY_SECONDS and sample.blocked_share < WAITING


def _processes(sample: Sample, situation: Situation, profile: MachineProfile, workers: int) -> Forecast:
    one = model.processes(
        sample, situation.items, workers, profile, situation.start_method, start_seconds=situation.start_seconds
    )
    if situation.handicap == 1.0:
        return one
    by = situation.handicap
    return replace(one, seconds=one.seconds * by, low_seconds=one.low_seconds * by, high_seconds=one.high_seconds * by)


def _thread_counts(sample: Sample, situation: Situation) -> list[int]:
    most = situation.max_workers
    if sample.blocked_share < WAITING:
        widest = min(situation.cpus, most or situation.cpus)
    else:
        widest = min(_most_waiting(sample, situation), max(situation.items, 1))
    return _fitting(_doubling(widest), sample.call_bytes, 0, situation)


def _most_waiting(sample: Sample, situation: Situation) -> int:
    """Threads that keep the CPUs busy though most of them wait."""
    keep_busy = -int(-situation.cpus // max(1.0 - sample.blocked_share, 0.01))
    return min(situation.max_workers or MOST_THREADS, keep_busy + situation.cpus, MOST_THREADS)


def _process_counts(sample: Sample, situation: Situation) -> list[int]:
    # The count that is asked for, or as many as there are CPUs: the engine keeps crews by their size, and a crew of
    # another size would have to be started.
    most = situation.max_workers or situation.cpus
    if sample.cpu_share > OWN_THREADS:
        most = max(int(most / sample.cpu_share), 1)
    return _fitting([most] if most > 1 else [], sample.call_bytes, 12 << 20, situation)


def _doubling(widest: int) -> list[int]:
    counts = []
    count = 2
    while count < widest:
        counts.append(count)
        count *= 2
    return [*counts, widest] if widest > 1 else []


def _fitting(counts: list[int], call_bytes: int, worker_bytes: int, situation: Situation) -> list[int]:
    """The counts that memory allows; where none does, the largest that it does."""
    if situation.memory_limit is None or not counts:
        return counts
    each = call_bytes + worker_bytes
    most = situation.memory_limit // each if each else max(counts)
    fits = [count for count in counts if count <= most]
    return fits or ([int(most)] if most > 1 else [])


def choose(sample: Sample, situation: Situation, profile: MachineProfile) -> Choice:
    """The way to run from here: serial, unless another is quicker by more than what is not known of it."""
    ways = candidates(sample, situation, profile)
    serial = ways[0]
    safe = [way for way in ways[1:] if _surely_quicker(way, serial, sample, profile)]
    best = min(safe, key=_seconds, default=serial)
    threads = min((way for way in safe if way.backend == "threads"), key=_seconds, default=None)
    if best.backend == "processes" and threads is not None and threads.seconds * TIE < best.seconds:
        best = threads
    if best is not serial and not situation.known:
        further = candidates(sample, replace(situation, items=FURTHER * situation.items), profile)
        order = [way.backend for way in sorted(further, key=_seconds)]
        order += [way.backend for way in safe]  # memory may not allow it further on
        best = min(safe, key=lambda way: (order.index(way.backend), way.seconds))
    if best.backend == "threads" and sample.blocked_share >= WAITING and not situation.known:
        best = _widened(best, sample, situation)
    pilot = _pilot(sample, situation, profile, best, serial)
    if pilot is not None:
        reason = "two threads or more would do, if the function lets go of the GIL: tried on the next items"
        return Choice(forecast=pilot, reason=reason, candidates=tuple(ways), items=situation.items, pilot=True)
    reason = _why(best, ways, sample, situation)
    return Choice(forecast=best, reason=reason, candidates=tuple(ways), items=situation.items)


def _widened(threads: Forecast, sample: Sample, situation: Situation) -> Forecast:
    """As many threads as may wait at once: how many items are still to come is a guess, which says nothing of these."""
    most = _fitting([_most_waiting(sample, situation)], sample.call_bytes, 0, situation)
    workers = max(threads.workers, *most)
    return replace(threads, workers=workers, memory_bytes=workers * sample.call_bytes)


def choose_workers(sample: Sample, situation: Situation, profile: MachineProfile, ready: int) -> Choice:
    """How many worker processes, where work may go nowhere else; `ready` of them are there, and stay.

    The fewest that are about as quick as the quickest: a worker takes memory, and its start is not undone.
    """
    items, method, limit = situation.items, situation.start_method, situation.memory_limit
    most = max(min(situation.max_workers or situation.cpus, items), 1)
    paid = profile.start_up(method, ready) if ready else 0.0
    ways = [
        model.processes(
            sample, items, count, profile, method, start_seconds=max(profile.start_up(method, count) - paid, 0.0)
        )
        for count in (1, *_doubling(most))
    ]
    ways = [way for way in ways if limit is None or way.memory_bytes <= limit] or ways[:1]
    open_ = [way for way in ways if way.workers >= min(ready, most)] or ways[-1:]
    least = min(way.seconds for way in open_)
    best = next(way for way in open_ if way.seconds * TIE <= least)
    return Choice(forecast=best, reason=_why_so_many(best, ways), candidates=tuple(ways), items=items)


def _why_so_many(best: Forecast, ways: list[Forecast]) -> str:
    from breakeven.units import format_seconds

    forecast = f"{format_seconds(best.seconds)} forecast"
    if best.workers > 1 and ways[0].workers == 1:
        return f"{forecast} against {format_seconds(ways[0].seconds)} with one"
    if best is not ways[-1]:
        return f"{forecast}, and {format_seconds(ways[-1].seconds)} with {ways[-1].workers}"
    return forecast


def _seconds(way: Forecast) -> float:
    return way.seconds


def _surely_quicker(way: Forecast, serial: Forecast, sample: Sample, profile: MachineProfile) -> bool:
    """Whether it wins even if items are as cheap as they may be and the model errs as it does."""
    if serial.seconds - way.seconds < LEAST_GAIN_SECONDS:
        return False
    least = max(1.0 - sample.error, 0.2)
    start = sum(seconds for name, seconds in way.parts if name == "start-up")
    moving = sum(seconds for name, seconds in way.parts if name in ("pickling and messages", "feeding the workers"))
    spread = CAUTION[profile.source]
    if way.backend == "threads" and sample.gil_share is None and sample.blocked_share < WAITING:
        spread += 0.5
    taking = (way.seconds - start) * (1 + spread) + moving * MOVING_CAUTION
    return start + taking * least < serial.seconds * least


def _pilot(
    sample: Sample, situation: Situation, profile: MachineProfile, best: Forecast, serial: Forecast
) -> Forecast | None:
    """Threads, where nobody has looked at the GIL and it would matter."""
    asked = situation.threads_allowed and situation.pilot_allowed and sample.gil_share is None
    if not asked or sample.cpu_share >= OWN_THREADS:
        return None
    if not _may_let_go(sample):
        return None
    counts = _thread_counts(sample, situation)
    if not counts:
        return None
    hoped = model.threads(
        replace(sample, gil_share=0.0),
        situation.items,
        counts[-1],
        profile,
        load_seconds=situation.threads_load_seconds,
    )
    least = min(best.seconds, serial.seconds)
    worth = hoped.seconds < least and serial.seconds - hoped.seconds > PILOT_COST_SECONDS
    sure = _surely_quicker(hoped, serial, replace(sample, gil_share=0.0), profile)
    return hoped if worth and sure else None


def _why(best: Forecast, ways: list[Forecast], sample: Sample, situation: Situation) -> str:
    """One sentence that a user understands."""
    from breakeven.units import format_seconds

    serial = ways[0]
    if best.backend != "serial":
        saved = f"{format_seconds(best.seconds)} forecast against {format_seconds(serial.seconds)} serially"
        if best.backend == "threads" and sample.blocked_share >= WAITING:
            return f"items wait {sample.blocked_share:.0%} of their time: {saved}"
        return saved
    if situation.cpus == 1 and sample.blocked_share < WAITING:
        return "one usable CPU"
    if sample.refusal:
        return f"workers cannot be given this: {sample.refusal}"
    if not situation.processes_allowed and situation.why_no_processes:
        return situation.why_no_processes
    if sample.cpu_share > OWN_THREADS:
        return f"the function keeps {sample.cpu_share:.1f} CPUs busy by itself"
    others = ways[1:]
    if not others:
        return (
            "memory has no room for a second worker"
            if situation.memory_limit is not None
            else "nothing else is allowed"
        )
    nearest = min(others, key=_seconds)
    what = "what is left" if situation.known else "as much again"
    return (
        f"{nearest.title} would take {format_seconds(nearest.seconds)} for {what}, the loop"
        f" {format_seconds(serial.seconds)}; most of that is {nearest.dominant}"
    )
