"""Lines through times against sizes, in as many segments as the points can bear.

Lives here: t = alpha + beta·m per segment, where the segments end, and what that predicts. Never here: measuring.

One pair of alpha and beta over all sizes is wrong wherever a protocol, a buffer or a cache changes what a byte costs,
so a fit is a list of segments, each with the range in which it holds. Least squares of the *relative* error, so that
1 µs counts at 8 bytes as 1 ms does at 8 MB. The ends of segments are searched among all gaps between sizes, by dynamic
programming, and their number is chosen by BIC.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

LEAST_POINTS = 3
"""Sizes that a segment rests on, at least: two always lie on a line."""

PERFECT = 1e-3
"""Relative errors below this are the clock's own: a segment more to go below it explains nothing."""


@dataclass(frozen=True, slots=True)
class Segment:
    """t = alpha_us + beta_ns_a_byte·m/1000, for m from `from_bytes` up to `to_bytes`; margins are 95 % ones."""

    from_bytes: float
    to_bytes: float
    alpha_us: float
    alpha_margin_us: float
    beta_ns_a_byte: float
    beta_margin_ns_a_byte: float
    points: int
    worst_residual: float

    @property
    def n_half_bytes(self) -> float:
        """The size that reaches half of the final rate: alpha / beta."""
        return self.alpha_us * 1e3 / self.beta_ns_a_byte if self.beta_ns_a_byte else math.inf

    @property
    def r_inf_mb_a_second(self) -> float:
        """The rate without start-up, 1 / beta, in MB (10^6 B) a second."""
        return 1e3 / self.beta_ns_a_byte if self.beta_ns_a_byte else math.inf

    def microseconds(self, size_bytes: float) -> float:
        """Return what this line says of a size."""
        return self.alpha_us + self.beta_ns_a_byte * size_bytes / 1e3


@dataclass(frozen=True, slots=True)
class Fit:
    """Segments in order of size, and how well they explain the points.

    >>> fit = fit_segments([0, 1000, 2000, 4000, 8000], [10.0, 11.0, 12.0, 14.0, 18.0])
    >>> [(round(part.alpha_us, 3), round(part.beta_ns_a_byte, 3)) for part in fit.segments]
    [(10.0, 1.0)]
    >>> round(fit.microseconds(3000), 3), round(fit.segments[0].n_half_bytes)
    (13.0, 10000)
    """

    segments: tuple[Segment, ...]
    bic: float
    median_residual: float

    def segment_of(self, size_bytes: float) -> Segment:
        """Return the segment in which a size lies; the first or last one for a size outside of all."""
        for segment in self.segments:
            if size_bytes <= segment.to_bytes:
                return segment
        return self.segments[-1]

    def microseconds(self, size_bytes: float) -> float:
        """Return the time that the fit predicts for a size."""
        return self.segment_of(size_bytes).microseconds(size_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, with what follows from each segment."""
        return {
            "bic": self.bic,
            "median_residual": self.median_residual,
            "segments": [asdict(segment) for segment in self.segments],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Fit:
        """Read what `to_dict` wrote."""
        return cls(tuple(Segment(**one) for one in plain["segments"]), plain["bic"], plain["median_residual"])


def fit_segments(sizes_bytes: Sequence[float], times_us: Sequence[float], *, most: int = 4) -> Fit:
    """Fit at most so many segments to one time a size; sizes in any order.

    Raises `ValueError` where there are fewer than three sizes.
    """
    order = np.argsort(np.asarray(sizes_bytes, float))
    sizes, times = np.asarray(sizes_bytes, float)[order], np.asarray(times_us, float)[order]
    count = len(sizes)
    if count < LEAST_POINTS:
        raise ValueError(f"{count} sizes are too few for a line; measure {LEAST_POINTS} or more")
    costs = _costs(sizes, times)
    best: tuple[float, list[int]] | None = None
    for parts in range(1, min(most, count // LEAST_POINTS) + 1):
        ends, total = _partition(costs, count, parts)
        bic = count * math.log(max(total / count, PERFECT**2)) + (3 * parts - 1) * math.log(count)
        if best is None or bic < best[0]:
            best = bic, ends
    assert best is not None  # noqa: S101 - one segment always fits
    bic, ends = best
    starts = [0, *ends[:-1]]
    segments = [
        _segment(sizes, times, start, end, following=end < count) for start, end in zip(starts, ends, strict=True)
    ]
    segments = [part if not at else _from(part, segments[at - 1].to_bytes) for at, part in enumerate(segments)]
    fit = Fit(tuple(segments), bic, 0.0)
    errors = [abs(fit.microseconds(size) / time - 1) for size, time in zip(sizes, times, strict=True)]
    return Fit(fit.segments, bic, float(np.median(errors)))


def _from(part: Segment, from_bytes: float) -> Segment:
    return Segment(**(asdict(part) | {"from_bytes": from_bytes}))


def _line(sizes: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """Alpha and beta that minimise the squares of relative errors, neither below zero."""
    design = np.stack([1 / times, sizes / times], axis=1)
    (alpha, beta), *_ = np.linalg.lstsq(design, np.ones(len(times)), rcond=None)
    if beta < 0:
        weights = 1 / times
        return float(weights.sum() / (weights**2).sum()), 0.0
    if alpha < 0:
        ratio = sizes / times
        return 0.0, float(ratio.sum() / (ratio**2).sum())
    return float(alpha), float(beta)


def _costs(sizes: np.ndarray, times: np.ndarray) -> dict[tuple[int, int], float]:
    """Squares of relative errors of the best line through every run of points."""
    costs = {}
    for start in range(len(sizes)):
        for end in range(start + LEAST_POINTS, len(sizes) + 1):
            alpha, beta = _line(sizes[start:end], times[start:end])
            errors = (alpha + beta * sizes[start:end]) / times[start:end] - 1
            costs[start, end] = float((errors**2).sum())
    return costs


def _partition(costs: Mapping[tuple[int, int], float], count: int, parts: int) -> tuple[list[int], float]:
    """Ends of `parts` runs that cover all points at the least cost, and that cost."""
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for _ in range(parts):
        reached: dict[int, tuple[float, list[int]]] = {}
        for start, (total, ends) in best.items():
            for end in range(start + LEAST_POINTS, count + 1):
                cost = total + costs[start, end]
                if end not in reached or cost < reached[end][0]:
                    reached[end] = cost, [*ends, end]
        best = reached
    total, ends = best[count]
    return ends, total


def _segment(sizes: np.ndarray, times: np.ndarray, start: int, end: int, *, following: bool) -> Segment:
    x, t = sizes[start:end], times[start:end]
    alpha, beta = _line(x, t)
    errors = (alpha + beta * x) / t - 1
    design = np.stack([1 / t, x / t], axis=1)
    spread = float((errors**2).sum()) / max(1, len(x) - 2)
    covariance = np.linalg.pinv(design.T @ design) * spread
    margins = 1.96 * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    last = float(x[-1])
    return Segment(
        from_bytes=float(x[0]),
        to_bytes=math.sqrt(max(last, 1.0) * float(sizes[end])) if following else last,
        alpha_us=alpha,
        alpha_margin_us=float(margins[0]),
        beta_ns_a_byte=beta * 1e3,
        beta_margin_ns_a_byte=float(margins[1]) * 1e3,
        points=end - start,
        worst_residual=float(np.abs(errors).max()),
    )
