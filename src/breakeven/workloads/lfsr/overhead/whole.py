"""Every way to run one enumeration, cold and warm, on one register.

Lives here: the same states walked by the same kernel, so that ways differ in nothing but what parallelism costs.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

from breakeven.workloads.lfsr.overhead.nouns import Cell, timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

TAPS = {20: (20, 17), 24: (24, 23, 22, 17), 26: (26, 6, 2, 1), 28: (28, 25), 31: (31, 28), 32: (32, 22, 2, 1)}


def cells(workers: int, degree: int, *, quick: bool) -> list[Cell]:
    """A cell a way with its workers warm, and for two of them another with no worker there yet."""
    from breakeven.workloads.lfsr.register import from_taps
    from breakeven.workloads.lfsr.ways import WAYS

    register = from_taps(TAPS[degree])
    ways = [way for way in (WAYS[:4] if quick else WAYS) if way != "joblib" or find_spec("joblib") is not None]
    title = f"primitive, degree {degree}"
    made = [Cell("whole run", f"{title}, {way}", "s", partial(_seconds, register, way, workers)) for way in ways]
    cold = [
        Cell("whole run", f"{title}, {way} (cold)", "s", partial(_cold, register, way, workers))
        for way in (("fork",) if quick else ("fork", "spawn"))
    ]
    return [*made, *cold]


def _seconds(register: Register, way: str, workers: int) -> float:
    """The second of two runs, so that whatever the way keeps warm is warm."""
    from breakeven.workloads.lfsr.analyse import analyse
    from breakeven.workloads.lfsr.ways import Way

    with Way(way, workers) as kept:
        analyse(register, engine="enumerate", backend=kept)
        return analyse(register, engine="enumerate", backend=kept).seconds


def _cold(register: Register, way: str, workers: int) -> float:
    """With no worker kept from before, and none kept after; ending them is not counted."""
    import breakeven as be
    from breakeven.workloads.lfsr.analyse import analyse

    be.shutdown()
    seconds = timed(partial(analyse, register, engine="enumerate", backend=way, workers=workers))
    be.shutdown()
    return seconds
