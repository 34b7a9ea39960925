"""Pure-Python work on two workers: equal tasks against one process, uneven ones against the best possible."""

import random

from benchmarks import tasks
from benchmarks.clock import median, timed
from benchmarks.peers.base import WORKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from benchmarks.experiments import Cell

EQUAL_TASKS = 8
UNEVEN_TASKS = 200


def speed_up(cell: "Cell") -> "dict[str, float | None]":
    """Serial time over parallel time of eight equal tasks, both taken in turn in one process."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    measures: dict[str, float | None] = {}
    for milliseconds, repeats in ((1, 9), (10, 7), (100, 3)):
        turns = [milliseconds * cell.options["turns_per_ms"]] * EQUAL_TASKS
        peer.spread(tasks.spin, turns[:WORKERS])
        alone: list[float] = []
        together: list[float] = []
        for _ in range(min(repeats, cell.options["repeats"])):
            alone.append(timed(lambda turns=turns: [tasks.spin(count) for count in turns])[0])
            together.append(timed(peer.spread, tasks.spin, turns)[0])
        measures[f"speedup_{milliseconds}ms"] = median(alone) / median(together)
    peer.stop()
    return measures


def _shapes(total_ms: int) -> dict[str, list[float]]:
    """Milliseconds of each task: a heavy tail, the same in rising order, and a long one after equal ones."""
    draw = random.Random(20_261_121)  # noqa: S311 - a fixed shape, not a secret
    tail = [draw.lognormvariate(0, 1.25) for _ in range(UNEVEN_TASKS)]
    scaled = [length * total_ms / sum(tail) for length in tail]
    unit = total_ms / (UNEVEN_TASKS + 9)
    return {
        "lognormal": scaled,
        "straggler": [unit] * (UNEVEN_TASKS - 1) + [unit * 10],
        "rising": sorted(scaled),
    }


def uneven(cell: "Cell") -> "dict[str, float | None]":
    """Elapsed time over ``max(sum / workers, longest)``, the tasks' own times taken alone just before and after."""
    peer = cell.peer()
    peer.start()
    peer.warm(tasks.meet)
    measures: dict[str, float | None] = {}
    for shape, lengths in _shapes(cell.options["total_ms"]).items():
        turns = [max(1, int(length * cell.options["turns_per_ms"])) for length in lengths]
        peer.spread(tasks.spin, turns[:WORKERS])
        before = [timed(tasks.spin, count)[0] for count in turns]
        plain = timed(peer.plain, tasks.spin, turns)[0]
        single = timed(peer.single, tasks.spin, turns)[0]
        after = [timed(tasks.spin, count)[0] for count in turns]
        alone = [(first + second) / 2 for first, second in zip(before, after, strict=True)]
        bound = max(sum(alone) / WORKERS, *alone)
        measures[f"{shape}_over_bound"] = plain / bound
        measures[f"{shape}_single_over_bound"] = single / bound
    peer.stop()
    return measures
