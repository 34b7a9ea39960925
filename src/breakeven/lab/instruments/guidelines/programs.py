"""What the guidelines compare, as cases to be timed: the names here are those that `checks` speaks of.

Lives here: calls of our own library, each small. Never here: a judgement. Short, long and waiting tasks are functions
of their own, since auto remembers a function by its code.
"""

from __future__ import annotations

import operator
import time
from functools import partial, reduce
from time import perf_counter_ns
from typing import TYPE_CHECKING

from breakeven.lab.measuring.method import Case
from breakeven.lab.tasks import burn, pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

_SIZES = {"4 kB": 4_000, "64 kB": 64_000, "500 kB": 500_000, "4 MB": 4_000_000}
_WIDEST = 8
_PIECES = 8  # of the large message of G6
_WAIT_SECONDS = 2e-3


def short(rounds: int) -> float:
    """Burn for some 20 µs."""
    return burn(rounds)


def long(rounds: int) -> float:
    """Burn for about a millisecond."""
    return burn(rounds)


def wait(seconds: float) -> float:
    """Wait, as for a disk or a network; holds no GIL."""
    time.sleep(seconds)
    return seconds


def last_byte(array: Any) -> int:
    """Use what was sent."""
    return int(array[-1])


def last_byte_of(array: Any, number: int) -> int:
    """Use a constant that came with the function."""
    return int(array[-1]) + number


def programs(workers: int, rivals: Mapping[str, Callable[[Any], int]], *, scale: int = 1) -> Iterator[Case]:
    """Yield every case; figures are milliseconds. `scale` times as many tasks make the calls longer."""
    known = pace()
    works: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
        "short": (short, [known.rounds(20e-6)] * (64 * scale)),
        "long": (long, [known.rounds(1e-3)] * (8 * scale)),
        "waits": (wait, [_WAIT_SECONDS] * (4 * scale)),
    }
    for name, (fn, items) in works.items():
        yield _timed(f"loop {name}", partial(_loop, fn, items))
        for backend in ("serial", "threads", "processes", "auto"):
            yield _timed(f"{backend} {name}", partial(_mapped, fn, items, backend, workers))
    yield from _chunked([known.rounds(20e-6)] * (128 * scale), workers)
    yield from _sends(workers, rivals)
    grains = [known.rounds(50e-6)] * (64 * scale)
    yield _timed("reduce", partial(_reduced, grains, workers))
    yield _timed("gather", partial(_gathered, grains, workers))
    yield Case("first and second call", partial(_first_and_second, works["long"][1][:8], workers))
    for width in range(1, min(workers, _WIDEST) + 1):
        yield _timed(f"workers {width}", partial(_mapped, long, works["long"][1], "processes", width))


def _timed(name: str, call: Callable[[], object]) -> Case:
    return Case(name, lambda: _ms(call))


def _ms(call: Callable[[], object]) -> float:
    began = perf_counter_ns()
    call()
    return (perf_counter_ns() - began) / 1e6


def _loop(fn: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [fn(item) for item in items]


def _mapped(fn: Callable[[Any], Any], items: list[Any], backend: str, workers: int, **options: Any) -> list[Any]:
    import breakeven as be

    given = options if backend == "serial" else {"max_workers": workers, **options}
    return be.map(fn, items, backend=backend, progress=False, **given)


def _chunked(items: list[int], workers: int) -> Iterator[Case]:
    sizes = {"auto": "auto", "1": 1, "N/4W": max(1, len(items) // (4 * workers)), "N/W": max(1, len(items) // workers)}
    for name, size in sizes.items():
        yield _timed(f"chunk {name}", partial(_mapped, short, items, "processes", workers, chunksize=size))


def _sends(workers: int, rivals: Mapping[str, Callable[[Any], int]]) -> Iterator[Case]:
    for name, size in _SIZES.items():
        yield Case(f"send {name}", partial(_sent, size, workers))
    yield Case("8 × send 500 kB", partial(_sent, 500_000, workers, times=_PIECES))
    yield Case("send to each", partial(_sent, 2_000_000, workers, times=workers))
    yield Case("bcast", partial(_broadcast, 2_000_000, workers))
    for name, rival in rivals.items():
        yield Case(name, partial(_by_hand, rival, _SIZES["4 MB"]))


def _sent(size: int, workers: int, *, times: int = 1) -> float:
    """Send a fresh array to a worker, so many times, one after the other."""
    arrays = [_array(size) for _ in range(times)]
    began = perf_counter_ns()
    for array in arrays:
        (answer,) = _mapped(last_byte, [array], "processes", workers)
        _must_be(answer, int(array[-1]))
    return (perf_counter_ns() - began) / 1e6


def _broadcast(size: int, workers: int) -> float:
    """Send one fresh array to every worker, bound to the function."""
    array = _array(size)
    began = perf_counter_ns()
    answers = _mapped(partial(last_byte_of, array), list(range(workers)), "processes", workers, chunksize=1)
    ended = perf_counter_ns()
    _must_be(answers, [int(array[-1]) + number for number in range(workers)])
    return (ended - began) / 1e6


def _by_hand(rival: Callable[[Any], int], size: int) -> float:
    array = _array(size)
    began = perf_counter_ns()
    answer = rival(array)
    ended = perf_counter_ns()
    _must_be(answer, int(array[-1]))
    return (ended - began) / 1e6


def _array(size: int) -> Any:
    """Fresh, random, and in memory: what is sent has never been sent before."""
    import os

    import numpy as np

    return np.frombuffer(bytearray(os.urandom(size)), np.uint8)


def _reduced(items: list[int], workers: int) -> object:
    import breakeven as be

    return be.reduce(operator.add, items, map=short, backend="processes", max_workers=workers, progress=False)


def _gathered(items: list[int], workers: int) -> object:
    return reduce(operator.add, _mapped(short, items, "processes", workers))


def _first_and_second(items: list[int], workers: int) -> Mapping[str, float]:
    """Two calls of one executor that has just been made: the first one starts the workers."""
    import breakeven as be

    with be.Executor(max_workers=workers, backend="processes") as executor:
        return {name: _ms(lambda: list(executor.map(long, items))) for name in ("first call", "second call")}


def _must_be(found: object, expected: object) -> None:
    if found != expected:
        raise ArithmeticError(f"what arrived is not what was sent ({found} for {expected}): do not trust its times")
