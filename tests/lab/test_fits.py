"""Lines through times against sizes: what was put in comes out."""

from __future__ import annotations

import numpy as np
import pytest

from breakeven.lab.measuring.fits import Fit, fit_segments
from breakeven.lab.measuring.refining import sizes_between

SIZES = [0.0, *[2.0**power for power in range(25)]]


def two_lines(size: float) -> float:
    """A transport that costs 10 µs + 0.1 ns/B up to 64 KiB, and 40 µs + 0.5 ns/B from there on."""
    return 10 + 0.1e-3 * size if size <= 65536 else 40 + 0.5e-3 * size


def test_two_lines_are_found_where_there_are_two_also_under_noise() -> None:
    """With 3 % of noise, alpha and beta of both segments and the break between them come out."""
    rng = np.random.default_rng(2)
    times = [two_lines(size) * rng.normal(1.0, 0.03) for size in SIZES]
    fit = fit_segments(SIZES, times)
    first, second = fit.segments
    assert first.alpha_us == pytest.approx(10, rel=0.05)
    assert first.beta_ns_a_byte == pytest.approx(0.1, rel=0.25)
    assert second.beta_ns_a_byte == pytest.approx(0.5, rel=0.05)
    assert 65536 < first.to_bytes < 131072
    assert abs(first.alpha_us - 10) < 3 * first.alpha_margin_us


def test_one_line_stays_one_segment() -> None:
    """BIC gives no second segment to noise."""
    rng = np.random.default_rng(4)
    times = [(8 + 0.2e-3 * size) * rng.normal(1.0, 0.02) for size in SIZES]
    assert len(fit_segments(SIZES, times).segments) == 1


def test_what_follows_from_a_segment_has_the_unit_that_its_name_says() -> None:
    """10 µs and 0.5 ns/B: half the final rate at 20 000 B, and that rate is 2000 MB/s of 10^6 B."""
    times = [10 + 0.5e-3 * size for size in SIZES]
    (only,) = fit_segments(SIZES, times).segments
    assert only.n_half_bytes == pytest.approx(20_000)
    assert only.r_inf_mb_a_second == pytest.approx(2000)
    assert only.microseconds(20_000) == pytest.approx(20)


def test_sizes_between_the_measured_ones_are_predicted() -> None:
    """Odd sizes, in and between segments, within a few per cent."""
    fit = fit_segments(SIZES, [two_lines(size) for size in SIZES])
    for size in (777.0, 33_333.0, 200_001.0, 12_345_678.0):
        assert fit.microseconds(size) == pytest.approx(two_lines(size), rel=0.02)


def test_no_line_falls() -> None:
    """Times that fall with size are noise: neither alpha nor beta goes below zero."""
    for times in ([5.0, 4.0, 3.0, 2.0], [0.1, 1.0, 5.0, 20.0]):
        for segment in fit_segments([1.0, 2.0, 4.0, 8.0], times).segments:
            assert segment.alpha_us >= 0
            assert segment.beta_ns_a_byte >= 0


def test_too_few_sizes_are_refused() -> None:
    """Two points always lie on a line."""
    with pytest.raises(ValueError, match="2 sizes are too few"):
        fit_segments([1, 2], [1, 2])


def test_a_fit_is_read_back_as_it_was_written() -> None:
    """Plain data, both ways."""
    fit = fit_segments(SIZES, [two_lines(size) for size in SIZES])
    assert Fit.from_dict(fit.to_dict()) == fit


def test_a_step_between_two_sizes_is_looked_for_between_them() -> None:
    """New sizes lie above the last low time and below the first high one; lines alone ask for nothing."""
    sizes = [1 << power for power in range(10, 21)]

    def stepped(size: float) -> float:
        return 10 + 0.1e-3 * size + (40 if size > 65536 else 0)

    found = sizes_between(sizes, [stepped(size) for size in sizes], gaps=1)
    assert len(found) == 2
    assert all(65536 < size < 131072 for size in found)
    assert sizes_between(sizes, [10 + 0.1e-3 * size for size in sizes]) == ()


def test_what_was_found_between_two_sizes_mends_the_lines() -> None:
    """Just above a step, the worst error falls from tens of per cent to a few."""
    sizes = [float(1 << power) for power in range(10, 23)]

    def stepped(size: float) -> float:
        return 10 + 0.1e-3 * size + (60 if size > 65536 else 0)

    def worst(known: list[float]) -> float:
        fit = fit_segments(known, [stepped(size) for size in known])
        return max(abs(fit.microseconds(size) / stepped(size) - 1) for size in (60_000, 70_000, 85_000, 100_000))

    more = sizes_between([int(size) for size in sizes], [stepped(size) for size in sizes])
    assert worst(sizes) > 0.3
    assert worst([*sizes, *map(float, more)]) < 0.05
