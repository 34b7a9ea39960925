"""What is known of a function from the items that were done: how long one takes, how that varies, what moving it costs.

Lives here: the noun, and the arithmetic from observed blocks to it. Never here: a clock, or the function itself.
"""

from __future__ import annotations

from itertools import pairwise

from breakeven.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_BLOCKS = 256  # kept; then neighbours are joined, so memory and time stay bounded
UNKNOWN_SPREAD = 0.5  # of the mean: what one observation alone is trusted with
FEW_BLOCKS = 4  # fewer show no drift
SURE = 3.0  # standard errors by which the later half must differ from the earlier to be called a drift
DEAR_FIRST = 2.0  # a first item past so many times the others is warm-up, not the rule
OWN_SHARE = 1.2  # CPU over wall above which the function has threads of its own; less is what timing it costs
VAGUE_SHARE = 0.2  # below: four others would have to want the same CPU
TREND = 1.3  # times dearer or cheaper from the first items to the last, step by step: no chance
TREND_ERROR = 0.1  # relative, of a mean taken from lines between a few places
Z80 = 1.2816  # of a normal distribution, 80 % lies within so many standard deviations


@record
class Payload:
    """What moving one item costs, measured on a whole block at once: bytes in the stream and outside it, seconds."""

    stream_bytes: float = 0.0
    shared_bytes: float = 0.0
    dumps_seconds: float = 0.0
    loads_seconds: float = 0.0
    buffer_bytes: float = 0.0  # in bytes, arrays and the like: what C code works on without the GIL


NOTHING = Payload()


@record
class Sample:
    """What is known of a function's items.

    `mean_seconds` is expected of the items to come (an item's wall clock when run alone), `error` the relative 80 %
    uncertainty of it; `spread_seconds` the standard deviation from item to item; `first_excess_seconds` what the first
    took beyond the others; `drift` by which factor the later half differed from the earlier, 1 for none.
    `cpu_share` is CPU over wall: 0 waits all the time, above 1 the function runs threads of its own. `gil_share` is
    None until somebody has looked. `argument` and `result` are None where they cannot be pickled or nobody tried.
    """

    items: int
    seconds: float
    mean_seconds: float
    spread_seconds: float
    error: float
    first_excess_seconds: float = 0.0
    drift: float = 1.0
    cpu_share: float = 1.0
    gil_share: float | None = None
    argument: Payload | None = None
    result: Payload | None = None
    function_bytes: int = 0
    call_bytes: int = 0
    refusal: str = ""  # why items, results or function cannot travel; "" where they can or nobody tried

    @property
    def blocked_share(self) -> float:
        """Share of an item's time in which it waits and no CPU works for it."""
        return min(max(1.0 - self.cpu_share, 0.0), 1.0)

    @property
    def weighed(self) -> bool:
        """Whether it is known what items and results weigh."""
        return self.argument is not None and self.result is not None


class Observed:
    """Blocks of items as they were done, one after the other."""

    __slots__ = ("_ahead", "_cpu", "_every", "_pending", "_vague", "blocks", "first_seconds", "items", "seconds")

    def __init__(self) -> None:
        self.blocks: list[tuple[int, float]] = []  # (items, seconds)
        self.items = 0
        self.seconds = 0.0
        self.first_seconds: float | None = None  # of the first item, where it was a block of its own
        self._cpu = [0.0, 0.0]  # CPU seconds, of so many seconds not spent queueing
        self._vague = (0.0, 0.0)  # the same, where queueing is not known
        self._ahead: list[tuple[float, int, float]] = []  # (where among all items, from 0 to 1, items, seconds)
        self._every = 1
        self._pending: tuple[int, int, float] = (0, 0, 0.0)  # (blocks, items, seconds) to be joined

    def add(self, items: int, seconds: float) -> None:
        """So many items took so long, one after the other."""
        if not self.items and items == 1:
            self.first_seconds = seconds
        self.items += items
        self.seconds += seconds
        joined, count, spent = self._pending
        joined, count, spent = joined + 1, count + items, spent + seconds
        if joined < self._every:
            self._pending = (joined, count, spent)
            return
        self._pending = (0, 0, 0.0)
        self.blocks.append((count, spent))
        if len(self.blocks) >= MOST_BLOCKS:
            halves = self.blocks
            self.blocks = [
                (halves[at][0] + halves[at + 1][0], halves[at][1] + halves[at + 1][1])
                for at in range(0, len(halves) - 1, 2)
            ]
            self._every *= 2

    def add_ahead(self, where: float, items: int, seconds: float) -> None:
        """So many items took so long, at this share of the way through all of them."""
        self._ahead.append((where, items, seconds))

    def used(self, cpu_seconds: float, wall_seconds: float, queued_seconds: float | None = None) -> None:
        """The function was on a CPU for so much of so long, and queued for one for so much of it, None for unknown."""
        if queued_seconds is None:
            self._vague = (cpu_seconds, wall_seconds)
            return
        self._cpu[0] += cpu_seconds
        self._cpu[1] += max(wall_seconds - queued_seconds, min(cpu_seconds, wall_seconds))

    @property
    def latest_seconds(self) -> float:
        """What an item takes: as the last ones did, or as all did, if that is longer."""
        last = [seconds / items for items, seconds in self.blocks[-1:]]
        return max(self.seconds / max(self.items, 1), *last)

    @property
    def steady_seconds(self) -> float:
        """Seconds of all items but what the first took beyond the others: as long as the rule has been watched."""
        return self.seconds - self._excess_seconds()

    def _excess_seconds(self) -> float:
        first = self.first_seconds
        if first is None or self.items < 2:  # noqa: PLR2004 - there are no others
            return 0.0
        others = (self.seconds - first) / (self.items - 1)
        return first - others if first > DEAR_FIRST * others else 0.0

    def _cpu_share(self) -> float:
        """CPU over the wall clock less what a busy machine made it wait.

        Where that is not known (the first look), only a share that no crowd explains counts as waiting of its own.
        """
        cpu, wall = self._cpu
        if wall:
            share = cpu / wall
            return 1.0 if 1.0 < share < OWN_SHARE else share
        cpu, wall = self._vague
        share = cpu / wall if wall else 1.0
        return share if share < VAGUE_SHARE or share > OWN_SHARE else 1.0

    def sample(self, **known: Any) -> Sample:
        """What can be said by now; `known` are the fields that others have measured."""
        items, seconds, blocks = self.items, self.seconds, self.blocks
        excess = self._excess_seconds()
        if excess and self.first_seconds is not None:
            items, seconds = items - 1, seconds - self.first_seconds
            blocks = blocks[1:] if self._every == 1 else blocks
        mean = seconds / items if items else 0.0
        variance = _variance(blocks, mean)
        spread = UNKNOWN_SPREAD * mean if variance is None else variance**0.5
        recent, drift = _drift(blocks, mean, spread)
        if self._ahead and mean:
            recent, drift, spread = _further_on(self._ahead, items, seconds, spread)
            mean = recent
        error = Z80 * spread / (items**0.5 * mean) if mean and items else 1.0
        if drift != 1.0 and self._ahead:
            error += TREND_ERROR
        elif drift != 1.0:
            error += abs(recent / mean - 1.0) / 2 if mean else 0.0
        return Sample(
            items=self.items,
            seconds=self.seconds,
            mean_seconds=recent,
            spread_seconds=spread,
            error=min(error, 1.0),
            first_excess_seconds=excess,
            drift=drift,
            cpu_share=self._cpu_share(),
            **known,
        )


def _variance(blocks: list[tuple[int, float]], mean: float) -> float | None:
    """Variance from item to item, of the means of blocks: that of a block of n is 1/n of an item's."""
    if len(blocks) < 2:  # noqa: PLR2004 - one says nothing
        return None
    return sum(count * (seconds / count - mean) ** 2 for count, seconds in blocks) / (len(blocks) - 1)


def _further_on(
    ahead: list[tuple[float, int, float]], items: int, seconds: float, spread: float
) -> tuple[float, float, float]:
    """(mean to expect of the rest, last over first, spread from item to item) by what was done here and there.

    Where items get dearer, or cheaper, from place to place all the way, the rest lies on lines between them;
    else places differ by chance, and all that was done counts alike.
    """
    means = [seconds / items, *(took / count for _, count, took in ahead)]
    steps = list(pairwise(means))
    trend = max(means[-1], means[0]) / max(min(means[-1], means[0]), 1e-12)
    if trend > TREND and (all(a < b for a, b in steps) or all(a > b for a, b in steps)):
        places = [0.0, *(where for where, _, _ in ahead)]
        area = sum((b - a) * (low + high) / 2 for (a, b), (low, high) in zip(pairwise(places), steps, strict=True))
        return area / (places[-1] - places[0]), means[-1] / means[0], spread
    count = items + sum(one for _, one, _ in ahead)
    mean = (seconds + sum(took for _, _, took in ahead)) / count
    apart = sum(one * (took / one - mean) ** 2 for _, one, took in ahead) / len(ahead)
    return mean, 1.0, max(spread, apart**0.5)


def _drift(blocks: list[tuple[int, float]], mean: float, spread: float) -> tuple[float, float]:
    """(mean to expect from now on, later over earlier items); no drift unless it is beyond chance.

    The later ones are the last half of the items or of the time, whichever are fewer: many cheap items do not
    hide that they have become dear.
    """
    if len(blocks) < FEW_BLOCKS:
        return mean, 1.0
    half, half_seconds = sum(count for count, _ in blocks) / 2, sum(seconds for _, seconds in blocks) / 2
    early_items, early_seconds = 0, 0.0
    late_items, late_seconds = 0, 0.0
    for count, seconds in blocks:
        if early_items < half or early_seconds < half_seconds:
            early_items, early_seconds = early_items + count, early_seconds + seconds
        else:
            late_items, late_seconds = late_items + count, late_seconds + seconds
    if not late_items or not early_seconds:
        return mean, 1.0
    early, late = early_seconds / early_items, late_seconds / late_items
    chance = spread * (1 / early_items + 1 / late_items) ** 0.5
    if abs(late - early) <= SURE * chance or abs(late / early - 1.0) < 0.1:  # noqa: PLR2004 - clocks differ by as much
        return mean, 1.0
    return late, late / early
