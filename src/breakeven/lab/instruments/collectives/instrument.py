"""How long until what every process has is at one of them, or summed up? By algorithm, ranks and size.

Ranks are processes with a multiprocessing.Pipe between every two. Gather to one as a star and a binomial tree; reduce
as a chain, a star and a binomial tree; allreduce by recursive doubling. Where mpi4py and mpiexec are installed, MPI's
own gather, reduce and allreduce beside them. All ranks wait for one future moment of the clock that they share; a
collective takes from then until the last rank has ended. Every result is checked, on every rank. What it costs to
start one (alpha) and a byte of each rank's block more (beta) are told by lines through the times against the sizes.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from breakeven.lab.asked import size_bytes as size_of
from breakeven.lab.asked import wholes
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.fits import LEAST_POINTS, fit_segments
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.processes.programs import Program, WrongResult
from breakeven.lab.transports.links import has_mpi, launcher

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from breakeven.lab.measuring.fits import Fit
    from breakeven.lab.measuring.method import Taken

PANELS = 2
INCHES = (12.6, 5.4)
MPI = "MPI's own"
RANKS, QUICK_RANKS = (2, 4, 8), (2, 4)
SIZES, QUICK_SIZES = (8, 1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 22), (8, 1 << 17)
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 75.0, 1.2
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the numbers of ranks, and whether MPI takes part."""
    parser.add_argument("--ranks", default=None, metavar="N,…", help=f"(default: {_listed(RANKS)})")
    parser.add_argument("--sizes", metavar="SIZES", help="sizes of each rank's block by comma, such as 8,4KiB,1MiB")
    parser.add_argument("--no-mpi", action="store_true", help="leave MPI out although it is installed")


def measure(*, quick: bool, ranks: str | None = None, sizes: str | None = None, no_mpi: bool = False) -> Finding:
    """Run every algorithm at every size on every number of ranks, in interleaved blocks."""
    from breakeven.lab.instruments.collectives.algorithms import ALGORITHMS

    counts = wholes("ranks", ranks, least=2) if ranks else QUICK_RANKS if quick else RANKS
    known = sorted({size_of("sizes", word) for word in sizes.split(",")}) if sizes else QUICK_SIZES if quick else SIZES
    mpi = has_mpi() and not no_mpi
    with_mpi = () if not mpi else counts[:1] if quick else counts
    operations = list(dict.fromkeys(operation for operation, _ in ALGORITHMS))
    keys = [(*key, count, size) for key in ALGORITHMS for count in counts for size in known]
    keys += [(operation, MPI, count, size) for operation in operations for count in with_mpi for size in known]
    with ExitStack() as running:
        programs = {(False, count): running.enter_context(_pipes_program(count)) for count in counts}
        programs |= {(True, count): running.enter_context(_mpi_program(count)) for count in with_mpi}
        cases = [Case(str(key), partial(once, programs[key[1] == MPI, key[2]], *key)) for key in keys]
        budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
        taken = take(cases, budget_seconds=budget, warm=False, least=3 if quick else 11, always=3)
        for program in programs.values():
            program.dismiss()  # all at a time; each has answered all it was asked, and is not waited for without end
    rows = tuple(_row(taken, *key) for key in keys if taken.of(str(key), "last"))
    checked = sum(len(samples["last"]) for samples in taken.samples.values())
    return Finding(
        instrument="collectives",
        headline=_headline(rows, counts),
        conditions=conditions(ranks=list(counts), mpi=mpi, **taken.facts()),
        rows=rows,
        fits=_fits(rows),
        notes=(
            "Size: of the float64 block of each rank. Last rank: from the common start until the last rank has ended.",
            "Skew: last less first. Late start: of the rank that began last; ranks beyond the CPUs wait for one.",
            f"{checked} collectives, every result compared on every rank: all right.",
            *(() if mpi or no_mpi else ("MPI is not installed: pip install 'breakeven[lab-mpi]'",)),
        ),
        interrupted=taken.interrupted,
    )


def once(program: Program, operation: str, algorithm: str, count: int, size_bytes: int) -> dict[str, float]:
    """One collective in a running program; microseconds. Raises `WrongResult` where a rank has anything else."""
    program.say({"operation": operation, "algorithm": algorithm, "length": size_bytes // 8, "turns": 1})
    turn = program.answer()[0]
    if not turn["right"]:
        raise WrongResult(f"{operation}, {algorithm}, {count} ranks, {size_bytes} B")
    return {
        "last": turn["last_ns"] * 1e-3,
        "first": turn["first_ns"] * 1e-3,
        "skew": (turn["last_ns"] - turn["first_ns"]) * 1e-3,
        "late": turn["late_ns"] * 1e-3,
    }


def draw(finding: Finding, axes: Any) -> None:
    """Left, time against size at four ranks where there are; right, against ranks at one size."""
    from breakeven.lab.showing.tables import size_text

    left, right = axes
    counts = sorted({float(row.labels["ranks"]) for row in finding.rows})
    sizes = sorted({float(row.labels["size_bytes"]) for row in finding.rows})
    count = 4.0 if 4.0 in counts else counts[-1]
    size = min(sizes, key=lambda one: abs(one - (1 << 17)))
    _draw_along(left, finding, "size_bytes", {"ranks": count})
    _draw_along(right, finding, "ranks", {"size_bytes": size})
    left.set_xlabel("block of each rank [B]")
    left.set_title(f"{count:g} ranks")
    right.set_xlabel("ranks")
    right.set_title(f"blocks of {size_text(size)}")
    right.set_ylabel("")


def _draw_along(panel: Any, finding: Finding, along: str, fixed: dict[str, float]) -> None:
    """One line an algorithm, MPI's broken; bars rather than ribbons, since nine of those would cover one another."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    from breakeven.lab.showing.drawing import MARKERS, PALETTE, logarithmic, name_ends

    names = list(dict.fromkeys((row.labels["operation"], row.labels["algorithm"]) for row in finding.rows))
    ends = []
    for number, (operation, algorithm) in enumerate(names):
        rows = finding.select(operation=operation, algorithm=algorithm, **fixed)
        if not rows:
            continue
        apart = 1.05 if along == "size_bytes" else 1.008  # so that bars stand beside one another
        xs = [float(row.labels[along]) * apart ** (number - len(names) / 2) for row in rows]
        found = [row["last rank"].interval for row in rows]
        spread = [[one.value - one.low for one in found], [one.high - one.value for one in found]]
        style = {"color": PALETTE[number % len(PALETTE)], "fmt": MARKERS[number % len(MARKERS)], "ms": 3.5, "lw": 1.3}
        lines = panel.errorbar(
            xs, [one.value for one in found], yerr=spread, ls="--" if algorithm == MPI else "-", elinewidth=0.6, **style
        )
        for bar in lines[2]:
            bar.set_alpha(0.6)
        ends.append((f"{operation}, {algorithm}", xs[-1], found[-1].value, number))
    logarithmic(panel, x="", y="last rank has ended [µs after the common start]", sizes=along == "size_bytes")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if along == "ranks":
        counts = sorted({float(row.labels["ranks"]) for row in finding.rows})
        panel.set_xticks(counts, [f"{one:g}" for one in counts])
        panel.minorticks_off()
    name_ends(panel, ends)


def _row(taken: Taken, operation: str, algorithm: str, count: int, size_bytes: int) -> Row:
    name = str((operation, algorithm, count, size_bytes))
    shown = {"last": "last rank", "first": "first rank", "skew": "skew", "late": "late start"}
    return Row(
        {"operation": operation, "algorithm": algorithm, "ranks": count, "size_bytes": size_bytes},
        tuple(Quantity(text, "µs", taken.of(name, key)) for key, text in shown.items()),
    )


def _fits(rows: Sequence[Row]) -> dict[str, Fit]:
    """Lines of every algorithm on every number of ranks, where there are sizes enough."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name = f"{row.labels['operation']}, {row.labels['algorithm']}, {row.labels['ranks']} ranks"
        points.setdefault(name, []).append((float(row.labels["size_bytes"]), row["last rank"].median))
    return {
        name: fit_segments([size for size, _ in known], [time for _, time in known])
        for name, known in points.items()
        if len(known) >= LEAST_POINTS
    }


def _pipes_program(count: int) -> Program:
    return Program("breakeven.lab.instruments.collectives.ranks", [str(count)], variables=ONE_THREAD)


def _mpi_program(count: int) -> Program:
    import sys

    command = [*launcher(), "-n", str(count), sys.executable, "-m", "breakeven.lab.instruments.collectives.mpi"]
    return Program.of_command(command, variables=ONE_THREAD)


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _headline(rows: tuple[Row, ...], counts: tuple[int, ...]) -> str:
    from breakeven.lab.showing.tables import number, size_text

    most = counts[-1]
    ours = [row for row in rows if row.labels["algorithm"] != MPI]
    found = [row for row in ours if row.labels["ranks"] == most and row.labels["operation"] == "reduce"]
    sizes = sorted({float(row.labels["size_bytes"]) for row in found})
    if not sizes:
        return "Interrupted before every algorithm had run."
    told = []
    for size in (sizes[0], sizes[-1]):
        times = [
            (row["last rank"].median, str(row.labels["algorithm"])) for row in found if row.labels["size_bytes"] == size
        ]
        best, worst = min(times), max(times)
        told.append(
            f"{size_text(size)} blocks in {number(best[0])} µs by a {best[1]}, in {number(worst[0])} µs by a {worst[1]}"
        )
    return f"{most} processes reduce {'; '.join(told)} (n = {found[0]['last rank'].n})."
