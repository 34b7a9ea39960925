"""From cells to judgements: medians with their spread, targets met or not, ratios to the best peer.

Plain functions over the stored cells; nothing is formatted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.clock import median
from benchmarks.variants import is_peer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.nouns import Target

Block = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and how far the values lie apart."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def over(cls, values: Iterable[float]) -> Spread | None:
        """The spread of the values, or None without any."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1], len(ordered)) if ordered else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, what was measured, and how the best peer of the same blocks did."""

    target: Target
    measured: Spread | None
    failures: int
    blocks_met: int
    peer: str | None
    peer_measured: Spread | None
    times_better: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the bound and no block failed; None if nothing was measured."""
        if self.measured is None:
            return False if self.failures else None
        return self.target.met_by(self.measured.median) and not self.failures


class Cells:
    """The cells that count (an attempt that was repeated does not), looked up by what was measured."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.kept: list[dict[str, Any]] = [cell for cell in content["cells"] if not cell["superseded"]]

    def of(self, section: str, case: str | None = None, variant: str | None = None) -> list[dict[str, Any]]:
        """Cells of a section, narrowed to a case and a variant if given."""
        return [
            cell
            for cell in self.kept
            if cell["section"] == section and case in (None, cell["case"]) and variant in (None, cell["variant"])
        ]

    def by_block(self, section: str, case: str, variant: str, measure: str) -> dict[Block, float]:
        """A measure of a variant, block by block; blocks without a figure are left out."""
        figures = {}
        for cell in self.of(section, case, variant):
            figure = cell["measures"].get(measure)
            if figure is not None:
                figures[cell["run"], cell["block"]] = figure
        return figures

    def variants(self, section: str, case: str) -> list[str]:
        """The variants measured in a case, in order of appearance."""
        return list(dict.fromkeys(cell["variant"] for cell in self.of(section, case)))


def judge(cells: Cells, target: Target) -> Verdict:
    """Hold one target against the cells."""
    place = (target.section, target.case)
    ours = cells.by_block(*place, target.variant, target.measure)
    measured = Spread.over(ours.values())
    failures = len(cells.of(*place, target.variant)) - len(ours)
    blocks_met = sum(target.met_by(value) for value in ours.values())
    peer, theirs = _best_peer(cells, target)
    ratios = [
        (ours[block] / theirs[block]) if target.at_least else (theirs[block] / ours[block])
        for block in ours.keys() & theirs.keys()
        if ours[block] and theirs[block]
    ]
    return Verdict(target, measured, failures, blocks_met, peer, Spread.over(theirs.values()), Spread.over(ratios))


def _best_peer(cells: Cells, target: Target) -> tuple[str | None, dict[Block, float]]:
    """The peer with the best median of the target's measure (of its best way, where that is a measure of its own)."""
    best: tuple[str | None, dict[Block, float]] = (None, {})
    measures = {target.measure, "broadcast_gb_s"} if target.measure == "same_gb_s" else {target.measure}
    for variant in filter(is_peer, cells.variants(target.section, target.case)):
        if not _rival(cells, target, variant):
            continue
        for measure in measures:
            figures = cells.by_block(target.section, target.case, variant, measure)
            if figures and (not best[1] or _better(target, median([*figures.values()]), median([*best[1].values()]))):
                best = (variant, figures)
    return best


def _rival(cells: Cells, target: Target, variant: str) -> bool:
    """Whether the peer does what the target is about at all."""
    if target.rivals is None:
        return True
    measure, least, most = target.rivals
    figures = cells.by_block(target.section, target.case, variant, measure).values()
    return bool(figures) and least <= median([*figures]) <= most


def _better(target: Target, value: float, other: float) -> bool:
    return value > other if target.at_least else value < other
