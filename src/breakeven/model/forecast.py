"""What a run would cost: serially, in threads, in processes, each with an interval and the term that dominates it.

Lives here: the formulas. Never here: a choice (`planning`), or a measurement. All of it is arithmetic on a `Sample` and
a `MachineProfile`; the terms are those of a farm with one feeder: it is bound by the feeder (the parent), by the
workers, or by the CPUs, whichever is slowest.

    processes: T = start + wake + first chunk out + max(C·P, C·Q/W, C·(P + Q·cpu)/c(W+1)) + tail
    threads:   T = start + N / X(W) + C·d / W + tail,   X = min(W/τ, 1/(g·τ + f), c(W)/(cpu·τ))

with C chunks, P and Q what one costs the parent and a worker, c(w) the capacity of w busy CPUs, g the share of an
item's time τ in which it holds the GIL, f what new memory for its result takes: the kernel gives the threads of one
process their pages one after the other.
"""

from __future__ import annotations

from breakeven.model.profile import moving_seconds
from breakeven.model.sample import NOTHING, Z80
from breakeven.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Sample

CHUNK_BYTES = 4 << 20  # of arguments in a chunk at most: engine.dispatch.CHUNK_BYTES
CHUNK_SECONDS = 8e-3  # what the engine aims at: planning.chunks.TARGET_SECONDS
LARGEST_CHUNK = 1 << 16
MODEL_ERROR = {"measured": 0.15, "assumed": 0.22}  # relative, 80 %, of a parallel run; checked by the regret benchmark
SERIAL_ERROR = 0.09  # relative: what a machine's own speed varies by from one second to the next
START_ERROR = 0.5  # the same, of a start: what is loaded and forked by then differs from program to program
ITEM_SECONDS = 50e-9  # what naming an item costs a worker or a thread, beside calling the function
UNKNOWN_GIL = 0.5  # share assumed where nobody has looked, with an interval from 0 to 1
NEW_PAGES_SHARE = 0.5  # of an item's time at most: the rest of it wrote what is in them
ALMOST_NO_POWER = 1e-6  # (x**e - 1)/e is the logarithm of x: importing `math` takes as long as a dozen forecasts
NEARLY = 0.9  # of what the GIL allows where nobody holds it: nobody does
ENDLESS = 1 << 40  # items: no break-even below this is called "never"


@record
class Forecast:
    """What one way to run would cost: `seconds` with an 80 % interval, the bytes it would add, and where they go."""

    backend: str
    workers: int
    start_method: str | None
    chunk: int
    seconds: float
    low_seconds: float
    high_seconds: float
    memory_bytes: int
    parts: tuple[tuple[str, float], ...]
    useful_workers: float | None = None

    @property
    def dominant(self) -> str:
        """The part that takes the most."""
        return max(self.parts, key=lambda part: part[1])[0] if self.parts else "nothing"

    @property
    def title(self) -> str:
        """How tables and sentences call it."""
        if self.backend == "serial":
            return "serial"
        if self.backend == "threads":
            return f"{self.workers} thread{'s' if self.workers > 1 else ''}"
        return f"{self.workers} process{'es' if self.workers > 1 else ''} ({self.start_method})"


def serial(sample: Sample, items: int) -> Forecast:
    """All of `items` in the calling thread."""
    seconds = items * sample.mean_seconds
    rest = Z80 * sample.spread_seconds * items**0.5
    margin = _margin(seconds, sample, SERIAL_ERROR, rest)
    return _forecast("serial", 1, None, items, seconds, margin, 0, (("compute", seconds),))


def threads(
    sample: Sample, items: int, workers: int, profile: MachineProfile, *, load_seconds: float = 0.0
) -> Forecast:
    """All of `items` in so many threads of this process; what drives them takes `load_seconds` to load."""
    tau = max(sample.mean_seconds, 1e-9)
    share = UNKNOWN_GIL if sample.gil_share is None else sample.gil_share
    cpu = min(max(sample.cpu_share, 0.0), float(profile.cpus))
    wide = min(workers, max(items, 1))
    chunk = _chunk(sample, items, wide)
    rate = _thread_rate(tau, min(share, cpu) * tau + _new_pages_seconds(sample, profile), cpu, wide, profile)
    start = load_seconds + profile.thread_start_seconds * min(wide, 8) / 2
    dispatch = -(-items // chunk) * profile.thread_chunk_seconds + items * ITEM_SECONDS
    compute = max(items / rate, -(-items // wide) * tau)
    tail = _tail(sample, items, wide)
    seconds = start + compute + dispatch + tail
    model = MODEL_ERROR[profile.source]
    if sample.gil_share is None:
        model += 0.5 * (1 - 1 / wide)
    parts = (("start-up", start), ("compute", compute), ("dispatch", dispatch), ("imbalance", tail))
    memory = wide * sample.call_bytes
    margin = _margin(seconds, sample, model, START_ERROR * start)
    return _forecast("threads", wide, None, chunk, seconds, margin, memory, parts)


def _new_pages_seconds(sample: Sample, profile: MachineProfile) -> float:
    """Of an item's time, what its result's new memory takes: two threads fill 300 MB no sooner than one (measured)."""
    fresh = (sample.result or NOTHING).shared_bytes * profile.shared_in_seconds_a_byte
    return min(fresh, NEW_PAGES_SHARE * sample.mean_seconds)


def _thread_rate(tau: float, held: float, cpu: float, workers: int, profile: MachineProfile) -> float:
    """Items a second of a closed network: threads that queue for what only one can have, `held` seconds an item.

    That is the GIL, and the kernel's lock on the process's memory; the rest they compute or wait side by side. Mean
    value analysis (Reiser and Lavenberg 1980) of one queue and one delay; the CPUs bound the whole.
    """
    held = min(held, tau)
    elsewhere = max(tau - held, 0.0)
    capacity = profile.capacity_of(workers)
    queue = rate = 0.0
    for present in range(1, workers + 1):
        at_gil = held * (1 + queue)
        rate = present / (at_gil + elsewhere)
        queue = rate * at_gil
    bounds = [workers / tau]
    if held > 0:
        bounds.append(1 / held)
    if cpu * tau > 0:
        bounds.append(capacity / (cpu * tau))
    return min(rate, *bounds)


def gil_share_of(gain: float, sample: Sample, workers: int, profile: MachineProfile) -> float:
    """For which share of an item's time the GIL is held, if so many threads do `gain` loops' worth of work.

    That is the forecast of threads, read backwards: what queueing for new pages explains is not the GIL's doing.
    """
    tau, cpu = max(sample.mean_seconds, 1e-9), min(max(sample.cpu_share, 0.0), float(profile.cpus))
    pages = _new_pages_seconds(sample, profile)

    def promised(share: float) -> float:
        return tau * _thread_rate(tau, min(share, cpu) * tau + pages, cpu, workers, profile)

    if gain >= NEARLY * promised(0.0):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(7):  # two digits are enough
        middle = (low + high) / 2
        low, high = (middle, high) if promised(middle) > gain else (low, middle)
    return high


def processes(
    sample: Sample,
    items: int,
    workers: int,
    profile: MachineProfile,
    start_method: str,
    *,
    start_seconds: float | None = None,
) -> Forecast:
    """All of `items` in so many worker processes; `start_seconds` says what starting them still costs, if known."""
    tau = max(sample.mean_seconds, 1e-9)
    wide = min(workers, max(items, 1))
    chunk = _chunk(sample, items, wide)
    chunks = items / chunk + (2 * wide if chunk > 1 else 0)
    parent, worker = chunk_costs(sample, chunk, profile)
    worker += chunk * ITEM_SECONDS
    computing = worker + chunk * tau
    cpu = min(sample.cpu_share, float(profile.cpus))
    start = profile.start_up(start_method, wide) if start_seconds is None else start_seconds
    if start_method != "fork":  # a forked worker finds done what the first item had to do: imports, caches
        start += sample.first_excess_seconds
    capacity = profile.capacity_of(wide)
    feeding = chunks * parent
    working = max((chunks * worker + items * tau) / wide, -(-items // wide) * tau)
    on_cpus = (chunks * (parent + worker) + items * tau * cpu) / max(capacity, 1.0)
    slowest = max(feeding, working, on_cpus)
    overhead = chunks * (parent + worker)
    moved = overhead / wide if slowest == working else min(slowest, overhead / capacity)
    tail = _tail(sample, items, wide)
    first = profile.wake_seconds + parent
    seconds = start + first + slowest + tail
    parts = (
        ("start-up", start),
        ("feeding the workers", slowest if slowest == feeding else 0.0),
        ("compute", 0.0 if slowest == feeding else slowest - moved),
        ("pickling and messages", 0.0 if slowest == feeding else moved),
        ("first message", first),
        ("imbalance", tail),
    )
    in_flight = chunk * ((sample.argument or NOTHING).shared_bytes + (sample.result or NOTHING).shared_bytes)
    memory = wide * (profile.worker_bytes + sample.call_bytes + int(2 * in_flight)) + sample.function_bytes
    model = MODEL_ERROR[profile.source]
    margin = _margin(seconds, sample, model, START_ERROR * start)
    return _forecast(
        "processes", wide, start_method, chunk, seconds, margin, memory, parts, useful=computing / max(parent, 1e-9)
    )


def chunk_costs(sample: Sample, chunk: int, profile: MachineProfile) -> tuple[float, float]:
    """Seconds that a chunk costs the parent and, beside computing, a worker: messages, pickling, moving bytes."""
    argument, result = sample.argument or NOTHING, sample.result or NOTHING
    out = moving_seconds(profile.out_segments, chunk * argument.stream_bytes)
    back = moving_seconds(profile.in_segments, chunk * result.stream_bytes)
    parent = (
        profile.parent_chunk_seconds
        + chunk * (argument.dumps_seconds + result.loads_seconds)
        + (out + back) / 2
        + chunk * argument.shared_bytes * profile.shared_out_seconds_a_byte
    )
    worker = (
        profile.worker_chunk_seconds
        + chunk * (argument.loads_seconds + result.dumps_seconds)
        + (out + back) / 2
        + chunk * result.shared_bytes * profile.shared_in_seconds_a_byte
    )
    return parent, worker


def _chunk(sample: Sample, items: int, workers: int) -> int:
    """Tasks a message, as the engine will come to choose them."""
    tau = max(sample.mean_seconds, 1e-9)
    argument = sample.argument or NOTHING
    held = max(argument.stream_bytes + argument.shared_bytes, 1.0)
    return max(min(int(CHUNK_SECONDS / tau), LARGEST_CHUNK, int(CHUNK_BYTES / held), -(-items // (4 * workers))), 1)


def _tail(sample: Sample, items: int, workers: int) -> float:
    """What the last item holds up the others by: nothing for equal items, the spread's extremes else."""
    if workers == 1 or items <= 1:
        return 0.0
    few = min(1.0, items / (8.0 * workers))
    logarithm = (workers**ALMOST_NO_POWER - 1) / ALMOST_NO_POWER
    extremes: float = (2 * logarithm) ** 0.5
    return few * min(sample.mean_seconds, sample.spread_seconds * extremes) / 2


def _margin(seconds: float, sample: Sample, model: float, extra: float) -> float:
    """Half of the 80 % interval: the sample's error and the model's, which are independent."""
    relative: float = (sample.error**2 + model**2) ** 0.5
    return seconds * relative + extra


def _forecast(
    backend: str,
    workers: int,
    method: str | None,
    chunk: int,
    seconds: float,
    margin: float,
    memory: int,
    parts: tuple[tuple[str, float], ...],
    useful: float | None = None,
) -> Forecast:
    return Forecast(
        backend=backend,
        workers=workers,
        start_method=method,
        chunk=chunk,
        seconds=seconds,
        low_seconds=max(seconds - margin, 0.3 * seconds),
        high_seconds=seconds + margin,
        memory_bytes=memory,
        parts=tuple(part for part in parts if part[1] > 0),
        useful_workers=useful,
    )


def breakeven_items(sample: Sample, parallel: Callable[[Sample, int], Forecast]) -> int | None:
    """The number of items from which `parallel` is the quicker; None for never."""
    low, high = 1, 1
    while parallel(sample, high).seconds >= serial(sample, high).seconds:
        low, high = high, high * 2
        if high > ENDLESS:
            return None
    while high - low > max(low // 50, 1):
        middle = (low + high) // 2
        if parallel(sample, middle).seconds >= serial(sample, middle).seconds:
            low = middle
        else:
            high = middle
    return high


def breakeven_task_seconds(sample: Sample, items: int, parallel: Callable[[Sample, int], Forecast]) -> float | None:
    """The time an item has to take from which `parallel` is the quicker for so many of them; None for never."""
    return _smallest(lambda tau: parallel(_taking(sample, tau), items).seconds < items * tau)


def metg_seconds(sample: Sample, workers: int, profile: MachineProfile, efficiency: float = 0.5) -> float | None:
    """Minimum effective task granularity: the shortest task, one a message, that keeps so much of the workers busy."""

    def enough(tau: float) -> bool:
        parent, worker = chunk_costs(sample, 1, profile)
        capacity = max(profile.capacity_of(workers), 1.0)
        a_task = max(parent, (worker + tau) / workers, (parent + worker + tau) / capacity)
        return tau / capacity >= efficiency * a_task

    return _smallest(enough)


def _taking(sample: Sample, tau: float) -> Sample:
    from breakeven.records import replace

    scale = tau / max(sample.mean_seconds, 1e-9)
    return replace(sample, mean_seconds=tau, spread_seconds=sample.spread_seconds * scale)


def _smallest(holds: Callable[[float], bool]) -> float | None:
    low, high = 1e-8, 1e-8
    while not holds(high):
        low, high = high, high * 2
        if high > 1e4:  # noqa: PLR2004 - three hours an item
            return None
    while high / low > 1.02:  # noqa: PLR2004 - two digits are enough
        middle = (low * high) ** 0.5
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
