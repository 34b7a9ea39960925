"""Kernels made ready: loaded from numba's cache on disk, or compiled where it has none.

Lives here: one short call of every kernel. Never here: measuring what they do.
"""

from __future__ import annotations

from time import perf_counter


def take_up() -> tuple[float, int]:
    """Call every kernel once; (seconds that took, how many had to be compiled).

    Raises `BackendUnavailable` where numba is missing, saying how to install it.
    """
    began = perf_counter()
    import numpy as np

    try:
        from breakeven.workloads.lfsr import kernels
    except ImportError as error:
        from breakeven import BackendUnavailable

        raise BackendUnavailable("enumerate", "pip install 'breakeven[lfsr]'", str(error)) from error
    from breakeven.workloads.lfsr.register import register
    from breakeven.workloads.lfsr.stepping import step_map

    m = step_map(register([1, 1, 0, 0]))
    lengths, minima = np.empty(16, np.int64), np.empty(16, np.int64)
    ends = np.empty(4, np.int32)
    for way in (np.empty(4, np.uint32), np.empty(4, np.int64)):
        kernels.segments(m, 4, 0, 4, ends, way)
        kernels.joined(ends, way, 0, np.zeros(4, np.bool_), lengths, minima)
    kernels.bitmap(m, 16, 0, np.zeros(2, np.uint8), lengths, minima)
    kernels.bytemap(m, 16, 0, np.zeros(16, np.uint8), lengths, minima)
    kernels.leaders(m, 0, 16, 16, lengths, minima)
    compiled = sum(
        sum(kernel.stats.cache_misses.values())
        for kernel in (kernels.segments, kernels.joined, kernels.bitmap, kernels.bytemap, kernels.leaders)
    )
    return perf_counter() - began, compiled
