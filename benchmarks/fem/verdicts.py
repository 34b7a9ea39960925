"""What has to be reached, and whether it was. Lives here: targets and their arithmetic. Never here: a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.asking import Target
from benchmarks.clock import median
from benchmarks.fem.questions import WITHOUT_NUMBA

if TYPE_CHECKING:
    from collections.abc import Callable

    Series = dict[str, list[float]]


def rate(name: str) -> Callable[[Series], float]:
    """Million elements a second."""
    return lambda found: found["elements"][0] / median(found[name]) / 1e6


def times(slow: str, fast: str) -> Callable[[Series], float]:
    """How many times one series' median is another's, round by round."""
    return lambda found: median([one / other for one, other in zip(found[slow], found[fast], strict=True)])


def middle(name: str, scale: float = 1.0) -> Callable[[Series], float]:
    """A series' median."""
    return lambda found: median(found[name]) * scale


def regret(label: str) -> Callable[[Series], float]:
    """How much slower `auto` was than the best of the others in the same rounds, in percent; 0 where it was fastest."""

    def percent(found: Series) -> float:
        own = found[f"{label}: auto"]
        others = [found[name] for name in found if name.startswith(f"{label}: ") and not name.endswith("auto")]
        ratios = [median([one / other for one, other in zip(own, series, strict=True)]) for series in others]
        return max(0.0, (max(ratios) - 1) * 100)

    return percent


def slowest_large_batches(found: Series) -> float:
    """The least speed-up of batches of 1000 and more."""
    return min(times("python", f"processes-pickle, batches of {size}")(found) for size in (1000, 5000, 10_000))


TARGETS = (
    Target("assembly", "numba-csr fills the matrix, 2 threads", "M elements/s", 3.0, rate("numba-csr, fill")),
    Target(
        "assembly",
        "numba-csr against scikit-fem's assembly",
        "times",
        15.0,
        times("scikit-fem, basis and matrix", "numba-csr, fill"),
    ),
    Target("assembly", "velocity", "M elements/s", 10.0, rate("velocity, numba")),
    Target("assembly", "pattern of 100 000 elements", "s", 0.2, middle("numba-csr, pattern"), at_least=False),
    Target(
        "assembly",
        "processes-shared against numpy in one process",
        "times",
        1.6,
        times("numpy, elements", "processes-shared, elements"),
    ),
    Target(
        "assembly",
        "processes-shared against processes-pickle, numpy kernel",
        "times",
        3.0,
        times("processes-pickle, numpy kernel", "processes-shared, elements"),
    ),
    Target("loops", "processes-pickle, Python kernel, batches ≥ 1000", "times", 1.7, slowest_large_batches),
    Target("system", "boundary conditions, 100 000 nodes", "s", 0.1, middle("boundary conditions"), at_least=False),
    Target("system", "cg-amg to 1e-8, 100 000 nodes", "s", 1.5, middle("cg-amg to 1e-8"), at_least=False),
    Target("whole", "1.3 M nodes, end to end", "s", 25.0, middle("cg-amg: seconds"), at_least=False),
    Target("whole", "1.3 M nodes, peak memory", "GB", 6.0, middle("cg-amg: peak bytes", 1e-9), at_least=False),
    Target("choice", "auto above the best, small mesh", "%", 10.0, regret("small"), at_least=False),
    Target("choice", "auto above the best, large mesh", "%", 10.0, regret("large"), at_least=False),
    *(
        Target("choice", f"auto above the best, {label}", "%", 10.0, regret(label), at_least=False)
        for label in (f"{elements} elements without numba" for elements in WITHOUT_NUMBA)
    ),
    Target("first", "auto's first 50 elements, nothing compiled yet", "s", 0.05, middle("auto"), at_least=False),
    Target(
        "model",
        "scaling model on batch sizes not fitted",
        "%",
        15.0,
        middle("worst error, not fitted", 100.0),
        at_least=False,
    ),
)
