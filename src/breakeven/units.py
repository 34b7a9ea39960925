"""Seconds, bytes, rates, counts and shares as people write them.

Lives here: the only parser and the only formatter of quantities. Never here: quantities of the program itself, which
are plain numbers in seconds, bytes and fractions, with the unit in their name.

MB is 10^6 bytes, MiB is 2^20 bytes, and Mb is 10^6 *bits*: understood in a rate, refused for a size, where it is a slip
of the pen. Every formatter gives three digits that count, and what it gives its parser reads.
"""

from __future__ import annotations

import math

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµμ%/ "

# Largest first: a formatter takes the first unit that leaves at least one.
_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
_SECONDS_READ = _SECONDS | {"us": 1e-6, "μs": 1e-6, "m": 60.0, "": 1.0}  # the second μ is the Greek letter
_BYTES = {"EB": 10**18, "PB": 10**15, "TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3, "B": 1}
_BYTES_BINARY = {f"{prefix}iB": 2 ** (10 * power) for power, prefix in zip(range(6, 0, -1), "EPTGMK", strict=True)}
_BYTES_READ = _BYTES | _BYTES_BINARY | {"KB": 10**3, "": 1}
_BITS_READ = {unit.replace("B", "b"): size / 8 for unit, size in (_BYTES | _BYTES_BINARY).items()} | {"Kb": 125.0}
_COUNTS = {"T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3, "": 1}
_COUNTS_READ = _COUNTS | {"K": 10**3}


def parse_seconds(text: str | float) -> float:
    """Read a duration in seconds from text such as "20 ms"; a bare number is seconds.

    >>> parse_seconds("1.5ms"), parse_seconds("2 min"), parse_seconds(3)
    (0.0015, 120.0, 3.0)
    """
    number, unit = _split(text, "duration", "such as '20 ms', '1.5 s' or '2 min'")
    return number * _scale(text, unit, _SECONDS_READ, "duration", "ns, µs (or us), ms, s, min or h")


def parse_bytes(text: str | float) -> int:
    """Read a size in bytes from text such as "512 MB" or "1.5 GiB"; a bare number is bytes.

    >>> parse_bytes("512MB"), parse_bytes("1.5 GiB"), parse_bytes(4096)
    (512000000, 1610612736, 4096)
    >>> parse_bytes("512 Mb")
    Traceback (most recent call last):
    ValueError: '512 Mb' is no size: Mb counts bits; write MB (10^6 bytes) or MiB (2^20 bytes)
    """
    number, unit = _split(text, "size", "such as '512 MB' or '1.5 GiB'")
    if unit in _BITS_READ:
        prefix = unit[:-1].removesuffix("i").upper().replace("K", "k")
        power = " kMGTPE".index(prefix or " ")
        shown = f"{prefix}B (10^{3 * power} bytes) or {prefix.upper()}iB (2^{10 * power} bytes)" if prefix else "B"
        raise ValueError(f"{text!r} is no size: {unit} counts bits; write {shown}")
    if number < 0:
        raise ValueError(f"{text!r} is no size: it is negative")
    return round(number * _scale(text, unit, _BYTES_READ, "size", "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB"))


def parse_rate(text: str | float) -> float:
    """Read a rate in bytes a second from text such as "1.5 GB/s" or "100 Mb/s"; a bare number is bytes a second.

    >>> parse_rate("1.5 GB/s"), parse_rate("100 Mb/s")
    (1500000000.0, 12500000.0)
    """
    number, unit = _split(text, "rate", "such as '1.5 GB/s' or '100 Mb/s'")
    if unit and not unit.endswith("/s"):
        raise ValueError(f"{text!r} is no rate: {unit} is not a second; write it as '{unit}/s'")
    units = _BYTES_READ | _BITS_READ
    return number * _scale(text, unit.removesuffix("/s"), units, "rate", "B/s, kB/s, MB/s, GB/s, MiB/s or Mb/s")


def parse_count(text: str | float) -> int:
    """Read a whole number from text such as "10k", "1.5 M" or "1,000,000".

    >>> parse_count("10k"), parse_count("1.5 M"), parse_count("1,000,000"), parse_count("1_000")
    (10000, 1500000, 1000000, 1000)
    """
    number, unit = _split(text, "count", "such as '1000', '10k' or '1.5 M'")
    count = number * _scale(text, unit, _COUNTS_READ, "count", "k, M, G or T")
    if abs(count - round(count)) > 1e-9 * abs(count):
        raise ValueError(f"{text!r} is no count: it is not a whole number")
    return round(count)


def parse_percent(text: str | float) -> float:
    """Read a share from text such as "80 %"; a bare number is the share itself.

    >>> parse_percent("80 %"), parse_percent("0.8"), parse_percent(0.8)
    (0.8, 0.8, 0.8)
    """
    number, unit = _split(text, "share", "such as '80 %' or '0.8'")
    return number / _scale(text, unit, {"%": 100.0, "": 1.0}, "share", "%")


def format_seconds(seconds: float) -> str:
    """Write a duration in the unit that suits it.

    >>> format_seconds(0.00123), format_seconds(90), format_seconds(4.2e-8)
    ('1.23 ms', '1.50 min', '42.0 ns')
    """
    return _formatted(seconds, _SECONDS, zero="0 s")


def format_bytes(size_bytes: float, *, binary: bool = False) -> str:
    """Write a size in decimal units, or in binary ones.

    >>> format_bytes(1_500_000), format_bytes(1_610_612_736, binary=True), format_bytes(512)
    ('1.50 MB', '1.50 GiB', '512 B')
    """
    if abs(size_bytes) < (1024 if binary else 1000) and size_bytes == int(size_bytes):
        return f"{int(size_bytes)} B"
    return _formatted(size_bytes, _BYTES_BINARY | {"B": 1} if binary else _BYTES, zero="0 B")


def format_rate(per_second: float) -> str:
    """Write a rate of bytes.

    >>> format_rate(8.5e9)
    '8.50 GB/s'
    """
    return f"{format_bytes(per_second)}/s"


def format_count(count: float) -> str:
    """Write a count: whole numbers below ten thousand as they are, larger ones in thousands, millions and so on.

    >>> format_count(9999), format_count(1_234_567), format_count(0.25)
    ('9999', '1.23 M', '0.250')
    """
    if count == 0 or (abs(count) < 10_000 and count == int(count)):  # noqa: PLR2004 - four digits are read at a glance
        return f"{int(count)}"
    return _formatted(count, _COUNTS, zero="0").rstrip()


def format_percent(share: float) -> str:
    """Write a share with one decimal.

    >>> format_percent(0.8), format_percent(0.0123)
    ('80.0 %', '1.2 %')
    """
    return f"{100 * share:.1f} %"


def _split(text: str | float, kind: str, example: str) -> tuple[float, str]:
    """Take a quantity apart into its number and the text of its unit."""
    if isinstance(text, str):
        stripped = text.strip()
        digits = stripped.rstrip(_LETTERS)
        unit = "".join(stripped[len(digits) :].split())
    else:
        digits, unit = str(text), ""
    try:
        number = float(digits.replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no {kind}; write one {example}")
    return number, unit


def _scale(text: str | float, unit: str, units: dict[str, float] | dict[str, int], kind: str, known: str) -> float:
    try:
        return units[unit]
    except KeyError:
        raise ValueError(f"{text!r} is no {kind}: {unit!r} is not a unit of it; use {known}") from None


def _formatted(quantity: float, units: dict[str, float] | dict[str, int], *, zero: str) -> str:
    if quantity == 0:
        return zero
    if not math.isfinite(quantity):
        return f"{quantity} {list(units)[-1]}"
    ladder = list(units.items())
    at = next((at for at, (_, size) in enumerate(ladder) if abs(quantity) >= size), len(ladder) - 1)
    text = _three_digits(quantity / ladder[at][1])
    if at > 0 and abs(float(text)) * ladder[at][1] >= ladder[at - 1][1]:  # 0.9996 s is 1.00 s, not 1000 ms
        at -= 1
        text = _three_digits(math.copysign(1, quantity))
    return f"{text} {ladder[at][0]}"


def _three_digits(number: float) -> str:
    before_point = math.floor(math.log10(abs(float(f"{number:.3g}")))) + 1
    return f"{number:.{max(0, 3 - before_point)}f}"
