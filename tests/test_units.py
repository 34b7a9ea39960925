"""What `breakeven.units` promises: three digits that count, and a parser that reads what the formatter wrote."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven import units


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 s"),
        (4.2e-10, "0.420 ns"),
        (4.2e-9, "4.20 ns"),
        (9.994e-7, "999 ns"),
        (9.996e-7, "1.00 µs"),
        (12.34e-6, "12.3 µs"),
        (0.00123, "1.23 ms"),
        (0.9996, "1.00 s"),
        (59.94, "59.9 s"),
        (59.96, "1.00 min"),
        (90, "1.50 min"),
        (5400, "1.50 h"),
        (-0.5, "-500 ms"),
        (math.inf, "inf ns"),
    ],
)
def test_durations_are_written_in_the_unit_that_suits_them(seconds: float, text: str) -> None:
    """Rounding never leaves a thousand of a unit."""
    assert units.format_seconds(seconds) == text


@pytest.mark.parametrize(
    "size, decimal, binary",
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1.00 kB", "1000 B"),
        (1023, "1.02 kB", "1023 B"),
        (1024, "1.02 kB", "1.00 KiB"),
        (999_499, "999 kB", "976 KiB"),
        (999_999, "1.00 MB", "977 KiB"),
        (1_048_064, "1.05 MB", "1.00 MiB"),
        (1_500_000_000, "1.50 GB", "1.40 GiB"),
        (1.5, "1.50 B", "1.50 B"),
    ],
)
def test_sizes_are_decimal_unless_binary_is_asked_for(size: float, decimal: str, binary: str) -> None:
    """A MB is a million bytes, a MiB is 2^20."""
    assert (units.format_bytes(size), units.format_bytes(size, binary=True)) == (decimal, binary)


@pytest.mark.parametrize(
    "count, text",
    [(0, "0"), (9999, "9999"), (10_000, "10.0 k"), (999_999, "1.00 M"), (2.5, "2.50"), (0.25, "0.250"), (-5, "-5")],
)
def test_small_counts_are_exact_and_large_ones_short(count: float, text: str) -> None:
    """Four digits are read at a glance."""
    assert units.format_count(count) == text


@pytest.mark.parametrize("share, text", [(0.8, "80.0 %"), (1, "100.0 %"), (0.0123, "1.2 %"), (-0.5, "-50.0 %")])
def test_shares_are_percentages_with_one_decimal(share: float, text: str) -> None:
    """A share is a fraction inside the program only."""
    assert units.format_percent(share) == text


@pytest.mark.parametrize(
    "parse, text, quantity",
    [
        (units.parse_seconds, "20ms", 0.02),
        (units.parse_seconds, " 1.5 s ", 1.5),
        (units.parse_seconds, "3 us", 3e-6),
        (units.parse_seconds, "3 \N{GREEK SMALL LETTER MU}s", 3e-6),
        (units.parse_seconds, "2m", 120),
        (units.parse_seconds, "1e3", 1000),
        (units.parse_seconds, 0.25, 0.25),
        (units.parse_bytes, "512MB", 512_000_000),
        (units.parse_bytes, "1.5 GiB", 1_610_612_736),
        (units.parse_bytes, "64 KiB", 65_536),
        (units.parse_bytes, "64KB", 64_000),
        (units.parse_bytes, "1.1 GB", 1_100_000_000),
        (units.parse_bytes, "5EB", 5 * 10**18),
        (units.parse_bytes, 4096, 4096),
        (units.parse_rate, "8 GB/s", 8e9),
        (units.parse_rate, "8 Gb/s", 1e9),
        (units.parse_rate, "1 Kib/s", 128),
        (units.parse_rate, "250", 250),
        (units.parse_count, "1,000,000", 1_000_000),
        (units.parse_count, "1.5M", 1_500_000),
        (units.parse_count, "1.1 k", 1100),
        (units.parse_percent, "80%", 0.8),
        (units.parse_percent, "0.8", 0.8),
    ],
)
def test_quantities_are_read_as_people_write_them(
    parse: Callable[[str | float], float], text: str | float, quantity: float
) -> None:
    """With or without a space, with the usual spellings, or bare in the base unit."""
    assert parse(text) == pytest.approx(quantity, rel=1e-12)


@pytest.mark.parametrize(
    "parse, text, complaint",
    [
        (units.parse_bytes, "512 Mb", "counts bits; write MB (10^6 bytes) or MiB (2^20 bytes)"),
        (units.parse_bytes, "1kb", "counts bits; write kB (10^3 bytes) or KiB (2^10 bytes)"),
        (units.parse_bytes, "8 b", "counts bits; write B"),
        (units.parse_bytes, "512M", "'M' is not a unit of it"),
        (units.parse_bytes, "512mb", "'mb' is not a unit of it"),
        (units.parse_bytes, "-1 MB", "is negative"),
        (units.parse_seconds, "5 MB", "'MB' is not a unit of it"),
        (units.parse_seconds, "", "'' is no duration; write one such as"),
        (units.parse_seconds, "soon", "'soon' is no duration"),
        (units.parse_seconds, "1.2.3 s", "'1.2.3 s' is no duration"),
        (units.parse_seconds, math.inf, "inf is no duration"),
        (units.parse_seconds, math.nan, "nan is no duration"),
        (units.parse_rate, "8 GB", "write it as 'GB/s'"),
        (units.parse_count, "1.5", "not a whole number"),
        (units.parse_percent, "80 percent", "'percent' is not a unit of it"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_to_say_it(
    parse: Callable[[str | float], float], text: str | float, complaint: str
) -> None:
    """A size in bits is a slip of the pen, and nothing is guessed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is checked below, as it is
        parse(text)
    assert complaint in str(caught.value)


MAGNITUDES = st.floats(min_value=1e-9, max_value=1e15)


@given(MAGNITUDES)
def test_a_written_duration_is_read_back_within_its_three_digits(seconds: float) -> None:
    """Half a unit of the third digit is all that is lost."""
    assert units.parse_seconds(units.format_seconds(seconds)) == pytest.approx(seconds, rel=0.0051)


@given(st.integers(min_value=0, max_value=2**62), st.booleans())
def test_a_written_size_is_read_back_within_its_three_digits(size: int, binary: bool) -> None:  # noqa: FBT001
    """In decimal units and in binary ones."""
    assert units.parse_bytes(units.format_bytes(size, binary=binary)) == pytest.approx(size, rel=0.0051)


@given(st.floats(min_value=1, max_value=1e18))
def test_a_written_rate_is_read_back_within_its_three_digits(per_second: float) -> None:
    """A rate is a size a second."""
    assert units.parse_rate(units.format_rate(per_second)) == pytest.approx(per_second, rel=0.0051)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_count_is_read_back_within_its_three_digits(count: int) -> None:
    """Small counts come back exactly."""
    back = units.parse_count(units.format_count(count))
    assert back == (count if count < 10_000 else pytest.approx(count, rel=0.0051))


@given(st.floats(min_value=0, max_value=10))
def test_a_written_share_is_read_back_within_its_decimal(share: float) -> None:
    """One decimal of a percent."""
    assert units.parse_percent(units.format_percent(share)) == pytest.approx(share, abs=0.00051)


@given(
    st.floats(0.01, 1e9),
    st.sampled_from([units.format_seconds, units.format_bytes, units.format_rate, units.format_count]),
)
def test_no_quantity_takes_more_than_twelve_columns(quantity: float, write: Callable[[float], str]) -> None:
    """Tables can rely on it for what computers take and hold."""
    assert len(write(quantity)) <= 12
