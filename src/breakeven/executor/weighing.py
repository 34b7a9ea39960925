"""What a function, its items and its results weigh: pickled once, as a block, the way they would travel.

Lives here: the measurement. Never here: what follows from it.
"""

from __future__ import annotations

import sys
from _pickle import PickleBuffer, dumps, loads
from time import perf_counter as clock

from breakeven.engine.codec import LARGE, pickled
from breakeven.engine.stream import MOST_COMPARED, large_arrays_that_occur_again, parts_of
from breakeven.model.sample import Payload
from breakeven.records import replace
from breakeven.work import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

ENOUGH_SECONDS = 100e-6  # a measurement of this length is not repeated
MOST_ITEMS = 1024
DUMPS_AN_OBJECT, LOADS_AN_OBJECT = 20e-9, 40e-9  # seconds, of a small object such as a number in a list: 19, 17 to 48
MOST_PARTS = 64  # of a container are looked through for buffers
TIMES = 3  # the least of so many counts: a neighbour only ever adds


class Dear(Exception):
    """It takes cloudpickle, whose import is not worth it for the sake of a figure."""


class Unmovable(Exception):
    """Something cannot be pickled; the text says what and why."""


def weigh_function(fn: Callable[..., Any], *, sparing: bool) -> int:
    """Bytes that a worker is sent once; raises `Unmovable`, or `Dear` for what only cloudpickle knows, if `sparing`."""
    stream, outside = _pickled(fn, "the function", sparing=sparing)
    return len(stream) + sum(raw.nbytes for raw in outside)


def weigh_items(items: Sequence[Any], source: Any, worth_seconds: float, *, sparing: bool) -> Payload:
    """What moving one of `items` costs, the last ones taken from `source`; raises as `weigh_function`.

    An array that stands in several items of the source is copied once for all of them.
    """
    one = weigh(items, "the items", worth_seconds, sparing=sparing)
    if one.shared_bytes < LARGE or not isinstance(source, list | tuple) or len(source) > MOST_COMPARED:
        return one
    again = {id(array): array.nbytes for array in large_arrays_that_occur_again(source)}
    in_one = sum(again.get(id(part), 0) for part in (items[-1], *parts_of(items[-1])))
    own = max(one.shared_bytes - in_one, 0.0)
    return replace(one, shared_bytes=own + sum(again.values()) / len(source))


def weigh(values: Sequence[Any], what: str, worth_seconds: float, *, sparing: bool) -> Payload:
    """What moving one of `values` costs; raises as `weigh_function`. One is weighed first, more where that was cheap.

    `worth_seconds` is what computing one takes: past a share of it the exact figure changes nothing any more.
    """
    objects = _objects(values[-1])
    if objects * (DUMPS_AN_OBJECT + LOADS_AN_OBJECT) > max(worth_seconds, ENOUGH_SECONDS):
        return _guessed(objects)
    one = _weigh(values[-1:], what, sparing=sparing)
    enough = min(int(ENOUGH_SECONDS / (one.dumps_seconds + one.loads_seconds)), MOST_ITEMS)
    if enough < 2 or len(values) == 1:  # noqa: PLR2004 - a message of one says what a message costs, not an item
        return one
    return _weigh(values[-enough:], what, sparing=sparing)


def _weigh(values: Sequence[Any], what: str, *, sparing: bool) -> Payload:
    values = list(values)
    began = clock()
    stream, outside = _pickled(values, what, sparing=sparing)
    dumping = clock() - began
    for _ in range(TIMES - 1 if dumping < ENOUGH_SECONDS else 0):
        began = clock()
        stream, outside = _pickled(values, what, sparing=sparing)
        dumping = min(dumping, clock() - began)
    loading = 1e9
    for _ in range(TIMES):
        began = clock()
        try:
            loads(stream, buffers=outside)
        except Exception as error:
            raise Unmovable(f"{what} cannot be unpickled ({told(error)})") from error
        loading = min(loading, clock() - began)
        if loading > ENOUGH_SECONDS:
            break
    count = len(values)
    shared = sum(raw.nbytes for raw in outside)
    if len(stream) >= LARGE:
        shared += len(stream)
        stream = b""
    return Payload(
        stream_bytes=len(stream) / count,
        shared_bytes=shared / count,
        dumps_seconds=dumping / count,
        loads_seconds=loading / count,
        buffer_bytes=_buffer_bytes(values[-1]),
    )


def _objects(value: Any) -> int:
    """How many objects a container holds, one level deep."""
    if isinstance(value, list | tuple | set | frozenset | dict):
        return len(value) + sum(len(inner) for inner in list(value)[:8] if isinstance(inner, list | tuple | dict))
    return 0


def _guessed(objects: int) -> Payload:
    """What so many small objects weigh, without pickling them: it would take longer than the work itself."""
    return Payload(
        stream_bytes=3.0 * objects, dumps_seconds=objects * DUMPS_AN_OBJECT, loads_seconds=objects * LOADS_AN_OBJECT
    )


def _buffer_bytes(value: Any) -> float:
    """Bytes in buffers that a value is, or holds directly."""
    if isinstance(value, tuple | list):
        return sum(_own_buffer_bytes(inner) for inner in value[:MOST_PARTS])
    return _own_buffer_bytes(value)


def _own_buffer_bytes(value: Any) -> float:
    if isinstance(value, bytes | bytearray):
        return len(value)
    size = getattr(value, "nbytes", 0)
    return float(size) if isinstance(size, int) else 0.0


def _pickled(value: Any, what: str, *, sparing: bool) -> tuple[bytes, list[memoryview]]:
    """As the engine pickles it; while cloudpickle is not loaded and `sparing`, only what does without."""
    try:
        if not sparing or "cloudpickle" in sys.modules:
            return pickled(value, LARGE)
        outside: list[PickleBuffer] = []
        stream = dumps(value, 5, buffer_callback=outside.append)
    except Exception as error:
        if sparing and "cloudpickle" not in sys.modules:
            raise Dear from error
        raise Unmovable(f"{what} cannot be pickled ({told(error)})") from error
    if b"__main__" in stream:
        raise Dear
    return stream, [buffer.raw() for buffer in outside]
