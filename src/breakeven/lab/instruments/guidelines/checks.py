"""The ten guidelines as a table: what must not take longer than what, and by how much it may.

Lives here: the claims, and the judgement on samples. Never here: what is timed (`programs`). After the performance
guidelines for MPI of Träff, Gropp and Thakur (2010), and Hunold's tests of them: a library whose parts contradict one
another is tuned badly somewhere, whatever the machine.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breakeven.lab.measuring.statistics import median, signed_rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIGNIFICANT = 0.01
_WORKS = {"short": "20 µs", "long": "1 ms", "waits": "waits"}
LEAST_BLOCKS = 7
"""So many blocks can give p < 0.01 in a one-sided signed-rank test; fewer cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`left` may take `share` times the best of `right`, and `extra_ms` more."""

    guideline: str
    claim: str
    left: str
    right: tuple[str, ...]
    share: float = 1.05
    extra_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the samples say of a check; times in milliseconds, one a block."""

    verdict: str
    left_ms: tuple[float, ...]
    bound_ms: tuple[float, ...]
    p: float


def judge(check: Check, samples: Callable[[str], Sequence[float]], *, busy: bool = False) -> Judgement:
    """Return "violated" where the left side exceeds its bound with p < 0.01, "holds" where it does not exceed it.

    Both are looked at block by block, as the table shows their ratio: what slowed a block down slowed both sides.
    "unsure" is what exceeds it with less certainty, "too few" what rests on fewer than 7 blocks. On a `busy` machine
    "disturbed" stands for "violated": a neighbour that wants the CPUs is felt by workers first, block after block.

    >>> check = Check(guideline="G9", claim="", left="second", right=("first",))
    >>> slower = {"second": [12.0, 13, 12.5, 12.1, 12.2, 12.3, 12.4], "first": [10.0] * 7}
    >>> judge(check, slower.__getitem__).verdict
    'violated'
    """
    left = tuple(samples(check.left))
    best = min((samples(name) for name in check.right), key=median)
    bound = tuple(check.share * one + check.extra_ms for one in best)
    paired = min(len(left), len(bound))
    left, bound = left[:paired], bound[:paired]
    p = signed_rank([a - b for a, b in zip(left, bound, strict=True)]) if paired else 1.0
    if paired < LEAST_BLOCKS:
        verdict = "too few"
    elif median([a / b for a, b in zip(left, bound, strict=True)]) <= 1:
        verdict = "holds"
    else:
        verdict = "unsure" if p >= SIGNIFICANT else "disturbed" if busy else "violated"
    return Judgement(verdict=verdict, left_ms=left, bound_ms=bound, p=p)


def checks(workers: int) -> Iterator[Check]:
    """Yield the checks, by guideline; the names of both sides are those of `programs`."""
    for work, amount in _WORKS.items():
        claim = f"auto ≤ 1.05 serial+2 ms, {amount}"
        yield Check(guideline="G1", claim=claim, left=f"auto {work}", right=(f"loop {work}",), extra_ms=2)
    for work, amount in _WORKS.items():
        fixed = tuple(f"{name} {work}" for name in ("serial", "threads", "processes"))
        claim = f"auto ≤ 1.1 best fixed, {amount}"
        yield Check(guideline="G2", claim=claim, left=f"auto {work}", right=fixed, share=1.1)
    chunked = ("chunk 1", "chunk N/4W", "chunk N/W")
    yield Check(guideline="G3", claim="auto chunk ≤ 1.05 best fixed", left="chunk auto", right=chunked)
    yield Check(guideline="G4", claim="broadcast 2 MB ≤ 1.05 W sends", left="bcast", right=("send to each",))
    yield Check(guideline="G5", claim="reduce ≤ 1.05 gather + reduce", left="reduce", right=("gather",))
    yield Check(guideline="G6", claim="send 4 MB ≤ 1.05 · 8 × 500 kB", left="send 4 MB", right=("8 × send 500 kB",))
    sizes = ("4 kB", "64 kB", "500 kB", "4 MB")
    for small, large in itertools.pairwise(sizes):
        claim = f"send {small} ≤ 1.02 send {large}"
        yield Check(guideline="G7", claim=claim, left=f"send {small}", right=(f"send {large}",), share=1.02)
    rivals = ("pipe", "socket", "shared memory", "inherit")
    claim = "send 4 MB ≤ 1.05 best by hand"
    yield Check(guideline="G8", claim=claim, left="send 4 MB", right=rivals)
    yield Check(guideline="G9", claim="second call ≤ first call", left="second call", right=("first call",), share=1.0)
    for width in range(1, workers):
        claim = f"T({width + 1}) ≤ 1.05 T({width}), 1 ms"
        yield Check(guideline="G10", claim=claim, left=f"workers {width + 1}", right=(f"workers {width}",))
