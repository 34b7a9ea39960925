"""What has to hold of the instruments, and whether it did. Lives here: bounds. Never here: a measurement."""

from __future__ import annotations

from benchmarks.asking import Target
from benchmarks.clock import median

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Series = dict[str, list[float]]


def apart(kind: str, ours: str, theirs: str, *, without: str = "nothing") -> Callable[[Series], float]:
    """By how many per cent two instruments that took turns differ at most, over all series of a kind.

    Of each series it is the median of the turns' own ratios: what comes and goes in minutes is then in both alike.
    Series with `without` in their names are left out.
    """

    def percent(found: Series) -> float:
        names = [name[: -len(ours)] for name in found if name.endswith(ours) and kind in name and without not in name]
        turns = [zip(found[name + ours], found[name + theirs], strict=True) for name in names]
        ratios = [median([one / other for one, other in pairs]) for pairs in turns]
        return max((100 * abs(ratio - 1) for ratio in ratios), default=float("nan"))

    return percent


def middle(name: str) -> Callable[[Series], float]:
    """A series' median, or NaN where it was not taken."""
    return lambda found: median(found[name]) if name in found else float("nan")


def worst(name: str) -> Callable[[Series], float]:
    """A series' largest."""
    return lambda found: max(found.get(name, [float("nan")]))


def copies_apart(found: Series) -> float:
    """The largest difference between the instrument and PSS, in copies."""
    names = [name for name in found if name.endswith(": instrument")]
    return max(abs(found[name][0] - found[name.replace(": instrument", ": PSS")][0]) for name in names)


def most(found: Series) -> float:
    """The largest of all series' medians."""
    return max((median(values) for values in found.values()), default=float("nan"))


def close(name: str, points: float = 10) -> Callable[[Series], float]:
    """Which share of a series is at most so large [%]."""
    return lambda found: 100 * sum(one <= points for one in found[name]) / len(found[name])


def _beside(question: str, what: str, figure: Callable[[Series], float]) -> Target:
    return Target(question, f"{what}, worst size", "%", 10, figure, at_least=False)


SUM = "stage sum off one-way"

TARGETS = (
    _beside("reference", "latency beside os.read/os.write", apart("latency", "lab", "reference")),
    _beside(
        "reference", "rate beside os.read/os.write, 4 KiB and up", apart("rate", "lab", "reference", without=" 64 B")
    ),
    _beside("reference", "rate beside os.read/os.write, 64 B", apart(" 64 B rate", "lab", "reference")),
    _beside("mpi", "MPI ping-pong beside mpi4py.bench", apart("B", "lab", "mpi4py.bench")),
    Target("repeats", "M1: two runs apart, from 4 KiB, median", "%", 5, middle("apart, from 4 KiB [%]"), False),
    Target("repeats", "M1: two runs apart, below 4 KiB, median", "%", 10, middle("apart, below [%]"), False),
    Target("repeats", "M1: stage sum off one-way, worst message", "%", 2, worst(f"{SUM}, messages [%]"), False),
    Target("repeats", "M1: medians of stages off median one-way", "%", 2, middle(f"{SUM}, medians [%]"), False),
    Target("repeats", "M2: odd sizes predicted, median", "%", 10, middle("prediction error, odd sizes [%]"), False),
    Target("repeats", "M2: odd sizes predicted, worst", "%", 25, worst("prediction error, odd sizes [%]"), False),
    Target("copies", "M3: copies off peaks of PSS, worst", "copies", 0.15, copies_apart, False),
    Target("trees", "M3: peak of a tree's pages off its group's charge, median of the worst tree", "%", 5, most, False),
    Target("shares", "single GIL shares within 10 points, idle", "%", 90, close("idle"), True),
    Target("shares", "single GIL shares within 10 points, a hog a CPU", "%", 90, close("a hog a CPU"), True),
)
