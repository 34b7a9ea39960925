"""What this process has learnt: of functions that were called before, and of its own starts.

Lives here: the memory between calls. Never here: a measurement or a choice.
"""

from __future__ import annotations

import os
from time import perf_counter as clock

from breakeven.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Sample
    from breakeven.planning.choice import Choice

MOST_FUNCTIONS = 128
MOST_COUNTED = 1000
CPUS_SECONDS = 1.0
ALIKE = 1.5  # a call with so many times more or fewer items is decided as the one before
MISTAKEN = 1.5  # times longer or shorter than the items that a choice rested on: it does not hold for these
OTHER_SHARE = 0.3  # of a CPU more or less: the same
DOUBTED = 1.0  # error of a mean that says nothing any more


@record
class Known:
    """A function that was called before: what was seen of it, and what was chosen for how many items.

    The sample is of the calling thread; with an error of `DOUBTED` nobody knows what items take here by now. `items` is
    0 where what was seen since does not bear the choice out: the next call chooses anew. `terms` are what the choice
    was limited by; `handicap` is by how much workers fell short of what was promised, at least 1.
    """

    sample: Sample
    items: int
    choice: Choice
    terms: tuple[Any, ...]
    handicap: float

    def covers(self, items: int, terms: tuple[Any, ...]) -> bool:
        """Whether a call with so many items is like the one that was decided, and free to go the same ways."""
        return self.items / ALIKE <= items <= self.items * ALIKE and terms == self.terms

    def done_elsewhere(self, seconds_an_item: float, place: str, *, broken: bool, crowded: bool = False) -> Known:
        """The same, of a call whose items took so long in threads or in processes.

        What they took longer is held against workers, never taken for what a loop here would take: else a place where
        items take twice as long looks as good as ever. They are not quicker there: then they are here, too, by now.
        How much longer they take in threads, the share of the GIL says already. Where it was `crowded`, what they took
        here contains queueing for a CPU, which what workers tell does not.
        """
        here = self.sample.mean_seconds
        dearer, handicap = seconds_an_item / here, self.handicap
        if place == "processes":
            handicap = max(min(dearer, MISTAKEN), handicap if broken else 1.0)
        else:
            dearer = min(dearer, 1.0)
        sample = self.sample
        if dearer < 1.0 and not as_long(dearer, 1.0):
            sample = replace(sample, mean_seconds=seconds_an_item, error=sample.error if crowded else DOUBTED)
        return replace(self, sample=sample, items=self.items if as_long(dearer, 1.0) else 0, handicap=handicap)


def as_long(seconds: float, expected: float) -> bool:
    """Whether items took about as long as the ones that a choice rested on."""
    return 1 / MISTAKEN < seconds / max(expected, 1e-9) < MISTAKEN


def alike(one: Sample, other: Sample) -> bool:
    """Whether a choice by the one holds by the other: items as long, on about as many CPUs.

    The first look at a function whose library has just been loaded sees that library's own threads settle down.
    """
    return as_long(one.mean_seconds, other.mean_seconds) and abs(one.cpu_share - other.cpu_share) < OTHER_SHARE


_functions: dict[Any, Known] = {}
_calls: dict[Any, int] = {}  # of functions, made in the calling thread to their end and long enough to count
_profile: MachineProfile | None = None
_cpus: tuple[float, int] | None = None  # when they were counted, and how many
_keeping = False  # what is learnt is written down at the end


def mark_of(fn: Callable[..., Any]) -> Any:
    """What stands for a function from call to call: its code, also inside what binds arguments to it."""
    inner: Any = fn
    for _ in range(8):  # deeper is no function's business
        bound = getattr(inner, "func", None) or getattr(inner, "__func__", None)  # of functools.partial, of a method
        if bound is None:
            break
        inner = bound
    code = getattr(inner, "__code__", None)
    if code is not None:
        return code
    return inner if hasattr(inner, "__self__") else type(inner)  # builtins have a `__self__`


def recall(fn: Callable[..., Any]) -> Known | None:
    """What is known of a function, if anything."""
    return _functions.get(mark_of(fn)) if _functions else None


def remember(fn: Callable[..., Any], known: Known) -> None:
    """Keep what was learnt; the oldest is forgotten when there are too many."""
    try:
        _functions[mark_of(fn)] = known
    except TypeError:  # cannot be hashed
        return
    if len(_functions) > MOST_FUNCTIONS:
        del _functions[next(iter(_functions))]


def count_call(fn: Callable[..., Any]) -> None:
    """A call that was not worth a start has been made here; many of them may be."""
    mark = mark_of(fn)
    if len(_calls) < MOST_COUNTED or mark in _calls:
        _calls[mark] = _calls.get(mark, 0) + 1


def calls_of(fn: Callable[..., Any]) -> int:
    """How many such calls there have been."""
    return _calls.get(mark_of(fn), 0) if _calls else 0


def forget(fn: Callable[..., Any]) -> None:
    """What was learnt does not count any more."""
    _functions.pop(mark_of(fn), None)


def cpus() -> int:
    """Usable CPUs, read anew every second: limits of groups may change, but reading them takes 0.2 ms."""
    global _cpus  # noqa: PLW0603 - once a process
    now = clock()
    if _cpus is None or now - _cpus[0] > CPUS_SECONDS:
        from breakeven.probes.capacity import usable_cpus

        _cpus = (now, usable_cpus())
    return _cpus[1]


def start_method(asked: str | None) -> str:
    """How workers would be started now: as was asked for, else by a fork where that is safe."""
    from breakeven.probes.hazards import fork_hazard

    return asked or ("fork" if fork_hazard() is None else "forkserver")


def profile() -> MachineProfile:
    """The machine's profile: stored by `breakeven.calibrate`, else assumed; corrected by this process's own starts."""
    global _profile  # noqa: PLW0603 - once a process
    if _profile is None:
        _profile = stored() or _assumed()
    return _profile


def stored() -> MachineProfile | None:
    """The profile on disk, if it is of this machine as it is now."""
    from breakeven.model.profile import profile_from
    from breakeven.probes.profiles import machine_key, profile_path, read_profile

    plain = read_profile(profile_path())
    if plain is None:
        return None
    try:
        found = profile_from(plain)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # of another version, or damaged: as good as none
    return found if found.key == machine_key() else None


def _assumed() -> MachineProfile:
    from breakeven.model.profile import assumed
    from breakeven.probes.capacity import usable_cpus

    return assumed(usable_cpus())


def learn_start(method: str, workers: int, seconds: float) -> None:
    """Workers were started, and it took so long."""
    from breakeven.model.profile import corrected

    _learnt(corrected(profile(), method, workers, seconds))


def learn_transport(ratios: Mapping[str, float]) -> None:
    """Moving bytes took so many times what the profile says, by transport."""
    from breakeven.model.profile import transport_corrected

    _learnt(transport_corrected(profile(), ratios))


def _learnt(better: MachineProfile) -> None:
    """Go by this from now on; a measured profile is kept with that when the program ends."""
    global _profile, _keeping  # noqa: PLW0603 - once a process
    _profile = better
    if better.source == "measured" and not _keeping:
        import atexit

        _keeping = True
        atexit.register(_keep, os.getpid())


def _keep(pid: int) -> None:
    """Keep what was learnt, unless another program has measured anew meanwhile."""
    from breakeven.probes.profiles import profile_path, write_profile

    kept = stored()
    if _profile is None or kept is None or kept.measured_at != _profile.measured_at or os.getpid() != pid:
        return
    try:
        write_profile(profile_path(), _profile.to_dict())
    except OSError:
        pass  # it was only worth having


def set_profile(new: MachineProfile | None) -> None:
    """Go by another profile from now on; None reads the stored one again."""
    global _profile  # noqa: PLW0603 - once a process
    _profile = new
