"""What travels: payloads of several shapes, random, and new for every message.

Lives here: making one, telling two apart, counting its objects. Never here: sending it.

A buffer that is sent again and again lies in every cache and has its pages mapped; programs send something new each
time. So each payload is a copy of its own, cut at a random place from random bytes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from breakeven.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

CHECKED_BYTES = 256 << 10
"""Of a large buffer the first and last so many bytes are held against what was sent, of a long list so many items."""

_SPARE = 4096


@dataclass(frozen=True)
class Point:
    """A small object, of which programs send many."""

    number: int
    weight: float
    label: str


_noise = [b""]
"""Random bytes, as many as the largest payload so far needed; making them takes longer than copying them."""


def _bytes(size: int, rng: np.random.Generator) -> bytes:
    noise, at = _cut(size, rng)
    return noise[at : at + size]


def _cut(size: int, rng: np.random.Generator) -> tuple[bytes, int]:
    if len(_noise[0]) < size + _SPARE:
        _noise[0] = np.random.default_rng(0).bytes(size + _SPARE)
    return _noise[0], int(rng.integers(_SPARE))


def _array(size: int, rng: np.random.Generator) -> Any:
    noise, at = _cut(size, rng)
    return np.frombuffer(noise, np.uint8, size, at).copy()


def _strided(size: int, rng: np.random.Generator) -> Any:
    return _array(2 * size, rng)[::2]


def _text(size: int, rng: np.random.Generator) -> str:
    return _bytes(size, rng).translate(bytes(32 + at % 95 for at in range(256))).decode("ascii")


def _ints(size: int, rng: np.random.Generator) -> list[int]:
    return list(rng.integers(1 << 16, 1 << 31, size // 5).tolist())


def _floats(size: int, rng: np.random.Generator) -> list[float]:
    return list(rng.random(size // 9).tolist())


def _dict(size: int, rng: np.random.Generator) -> dict[str, str]:
    return {
        f"key {at}": f"value {number}" for at, number in enumerate(rng.integers(1 << 30, 1 << 31, size // 32).tolist())
    }


def _points(size: int, rng: np.random.Generator) -> list[Point]:
    return [Point(at, float(weight), "p") for at, weight in enumerate(rng.random(size // 30))]


SHAPES: dict[str, Callable[[int, np.random.Generator], Any]] = {
    "bytes": _bytes,
    "str": _text,
    "array": _array,
    "strided array": _strided,
    "list of int": _ints,
    "list of float": _floats,
    "dict of str": _dict,
    "small objects": _points,
}
"""Shape → (size, generator) → payload; sizes are of its bytes, or of its pickle, roughly, where it has none."""


def shapes_of(text: str | None, default: Sequence[str]) -> tuple[str, ...]:
    """Read a list of shapes; without one, `default`."""
    names = tuple(name.strip() for name in text.split(",")) if text else tuple(default)
    for name in names:
        if name not in SHAPES:
            raise UsageError(f"there is no shape {name!r}; there are: {', '.join(SHAPES)}", "shapes")
    return names


def make(shape: str, size_bytes: int, rng: np.random.Generator) -> Any:
    """Return a new payload of about so many bytes.

    >>> len(make("bytes", 1000, np.random.default_rng(0))), len(make("list of int", 1000, np.random.default_rng(0)))
    (1000, 200)
    """
    return SHAPES[shape](size_bytes, rng)


def objects_in(payload: Any) -> int:
    """Return how many Python objects a payload is made of, its parts counted one level down.

    >>> objects_in(b"abc"), objects_in([1, 2, 3]), objects_in({"a": "b"})
    (1, 4, 3)
    """
    if isinstance(payload, list):
        return 1 + len(payload) * (4 if payload and isinstance(payload[0], Point) else 1)
    return 1 + 2 * len(payload) if isinstance(payload, dict) else 1


def fingerprint(payload: Any) -> int:
    """Return a checksum of a payload's content, equal for equal ones on either side.

    >>> fingerprint(b"abc") == fingerprint(bytearray(b"abc")) != fingerprint(b"abd")
    True
    """
    if isinstance(payload, np.ndarray):
        return _sum(np.ascontiguousarray(payload).data.cast("B"))
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return _sum(memoryview(payload).cast("B"))
    if isinstance(payload, str):
        return _sum(memoryview(payload.encode()))
    if isinstance(payload, dict):
        payload = list(payload.items())
    return _sum(memoryview(repr((len(payload), payload[:500], payload[-500:])).encode()))


def _sum(view: memoryview) -> int:
    if view.nbytes <= 2 * CHECKED_BYTES:
        return zlib.crc32(view)
    return zlib.crc32(view[-CHECKED_BYTES:], zlib.crc32(view[:CHECKED_BYTES])) ^ view.nbytes
