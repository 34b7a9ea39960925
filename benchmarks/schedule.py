"""Which cells a run has and in which order: blocks, each holding every variant once, shuffled.

Variants of one section stand together in a block, so that what is compared was measured within minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.catalogue import SECTIONS
from benchmarks.nouns import CellPlan
from benchmarks.variants import family

if TYPE_CHECKING:
    import random
    from collections.abc import Collection


def block(
    shuffle: random.Random,
    *,
    sections: Collection[str],
    families: Collection[str],
    quick: bool,
    turns_per_ms: int,
) -> list[CellPlan]:
    """One block in an order of its own."""
    chosen = [section for section in SECTIONS if section.name in sections]
    shuffle.shuffle(chosen)
    plans: list[CellPlan] = []
    for section in chosen:
        cells = [
            CellPlan(
                section.name,
                case.name,
                case.experiment,
                variant,
                (case.options | case.quick if quick else case.options) | {"turns_per_ms": turns_per_ms},
                case.limit_seconds,
            )
            for case in section.cases
            for variant in case.variants
            if family(variant) in families
        ]
        shuffle.shuffle(cells)
        plans += cells
    return plans
