"""Do the parts of the library contradict one another here? Ten guidelines, each a test on interleaved blocks.

auto must not lose to serial (G1) or to the best fixed way (G2), nor automatic chunks to fixed ones (G3); a broadcast
must not take longer than sending to each (G4), a reduction than gathering and reducing here (G5), one large message
than its pieces (G6), a small one than a larger (G7), our choice of transport than one made by hand (G8), the second
call than the first (G9), more workers than fewer (G10). A guideline is violated where the left side exceeds its bound
with p < 0.01 in a one-sided Wilcoxon signed-rank test; then the exit code is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breakeven.lab.asked import whole
from breakeven.lab.instruments.guidelines.checks import LEAST_BLOCKS, SIGNIFICANT, checks, judge
from breakeven.lab.instruments.guidelines.programs import programs
from breakeven.lab.instruments.guidelines.rivals import open_rivals
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import take
from breakeven.lab.measuring.statistics import median
from breakeven.lab.showing.tables import number
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from breakeven.lab.instruments.guidelines.checks import Check, Judgement
    from breakeven.lab.measuring.method import Taken

INCHES = (9.6, 6.4)
_TOGETHER = "first and second call"
_COLOURS = {
    "holds": "#009e73",
    "violated": "#d55e00",
    "disturbed": "#cc79a7",
    "unsure": "#b8860b",
    "too few": "#5c6370",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `guidelines`."""
    parser.add_argument("--workers", metavar="W", type=int, default=None, help="of parallel calls (the usable CPUs)")


def measure(*, quick: bool, workers: int | None = None) -> Finding:
    """Time both sides of every guideline; 3 s, or about a minute."""
    import breakeven as be

    width = usable_cpus() if workers is None else whole("workers", workers)
    found = conditions(workers=width)
    try:
        with open_rivals() as rivals:
            cases = programs(width, rivals, scale=2 if quick else 4)
            budget, least = (4.2, LEAST_BLOCKS) if quick else (60.0, 31)
            taken = take(cases, budget_seconds=budget, least=least, always=LEAST_BLOCKS, warm=not quick)
    finally:
        be.shutdown()
    busy = 2 * taken.disturbed > taken.blocks
    judged = [(check, judge(check, lambda name: _of(taken, name), busy=busy)) for check in checks(width)]
    return Finding(
        instrument="guidelines",
        headline=_headline(judged),
        conditions=found | taken.facts(),
        rows=tuple(_row(check, judgement) for check, judgement in judged),
        notes=tuple(_notes(width)),
        interrupted=taken.interrupted,
        violated=any(judgement.verdict == "violated" for _, judgement in judged),
        shown=("left", "of bound"),
    )


def _of(taken: Taken, name: str) -> tuple[float, ...]:
    return taken.of(_TOGETHER, name) if name in ("first call", "second call") else taken.of(name)


def _row(check: Check, judgement: Judgement) -> Row:
    labels: dict[str, str | float] = {
        "": check.guideline,
        "must_hold": check.claim,
        "verdict": judgement.verdict,
        "p": f"{judgement.p:.1g}" if judgement.left_ms else "–",
    }
    ratios = tuple(a / b for a, b in zip(judgement.left_ms, judgement.bound_ms, strict=True))
    quantities = (
        Quantity("left", "ms", judgement.left_ms),
        Quantity("bound", "ms", judgement.bound_ms),
        Quantity("of bound", "×", ratios),
    )
    return Row(labels, quantities)


def _headline(judged: Sequence[tuple[Check, Judgement]]) -> str:
    verdicts = [judgement.verdict for _, judgement in judged]
    enough = len(verdicts) - verdicts.count("too few")
    if not enough:
        return f"None of {len(verdicts)} checks could be decided: each needs {LEAST_BLOCKS} blocks."
    text = f"{verdicts.count('holds')} of {len(verdicts)} checks of ten guidelines hold"
    worst = [
        f"{check.guideline} {check.claim} (by {100 * (median(found.left_ms) / median(found.bound_ms) - 1):.0f} %)"
        for check, found in judged
        if found.verdict == "violated"
    ]
    undecided = len(verdicts) - verdicts.count("holds") - verdicts.count("violated")
    told = f", {undecided} cannot be decided" if undecided else ""
    return f"{text}{told}" + (f"; violated: {'; '.join(worst)}." if worst else "; none is violated.")


def _notes(workers: int) -> list[str]:
    return [
        f"W = {workers}. left: time of the left side. of bound: left side / bound, block by block; 1 or less is good.",
        (
            f"violated: left > bound with p < {number(SIGNIFICANT)}, one-sided Wilcoxon signed-rank on the blocks' "
            f"differences; fewer than {LEAST_BLOCKS} blocks cannot give such a p. unsure: left > bound, but not so "
            "certainly; disturbed: as violated, but over half of the blocks were disturbed. Of several on the right "
            "the one with the least median."
        ),
        "Fixed chunks: 1, N/4W and N/W of N tasks. By hand: pipe, UNIX socket, shared memory, inheriting by fork.",
    ]


def draw(finding: Finding, axes: Axes) -> None:
    """Draw how far each left side is from its bound, on a logarithmic axis whose middle is the bound."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    rows = [row for row in finding.rows if row["of bound"].n]
    axes.set_xscale("log")
    axes.axvline(1, color="#22252a", lw=1)
    for place, row in enumerate(rows):
        ratio, colour = row["of bound"], _COLOURS[str(row.labels["verdict"])]
        axes.plot([ratio.low, ratio.high], [place, place], color=colour, lw=5, alpha=0.45, solid_capstyle="butt")
        axes.plot(ratio.median, place, "o", color=colour, ms=6)
        axes.annotate(
            number(ratio.median), (max(ratio.high, ratio.median), place), xytext=(7, 0), textcoords="offset points",
            va="center", fontsize=8.5, color=colour,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [f"{row.labels['']:<4} {row.labels['must_hold']}" for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    low = min([0.5, *(row["of bound"].low for row in rows)]) / 1.15
    high = max([2.0, *(row["of bound"].high for row in rows)]) * 1.25
    ticks = [one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= one <= high]
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticklabels([f"{one:g}" for one in ticks])
    axes.set_xlabel("within bound ←  left side / bound [×]  → beyond")
    for verdict in dict.fromkeys(str(row.labels["verdict"]) for row in rows):
        axes.plot([], [], "o", color=_COLOURS[verdict], ms=6, label=verdict)
    if rows:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(_COLOURS), fontsize=8.5, borderpad=0.1)
