"""Functions that workers run, each importable by name so that every start method can find it.

Never imports numpy at the top: a cold start must measure the library, not this file.
"""

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAP_SECONDS = 0.05
"""How long a well-behaved task of the fault sections sleeps."""

INHERITED: "list[NDArray[np.float64]]" = []
"""Filled in the parent before a fork; ``inherited_total`` reads it in the worker."""


def echo(item: object = None) -> object:
    """Give the item back: the no-op whose round trip is pure overhead."""
    return item


def worker_pid(_: object = None) -> int:
    """Tell which process ran this."""
    return os.getpid()


def brief_pid(_: object = None) -> int:
    """Tell which process ran this after 5 ms, in which another worker may take the next one."""
    time.sleep(0.005)
    return os.getpid()


def meet(_: object = None) -> int:
    """Tell which process ran this, slowly enough that a few of these occupy every worker."""
    time.sleep(0.02)
    return os.getpid()


def double(number: int) -> int:
    """Multiply by two: the smallest task with a result worth checking."""
    return number * 2


def double_all(numbers: list[int]) -> list[int]:
    """Do a whole chunk of ``double``, for libraries whose users cut chunks by hand."""
    return [number * 2 for number in numbers]


def spin(turns: int) -> int:
    """Hold the interpreter lock for ``turns`` turns of a mixing loop."""
    state = 0x9E3779B9
    for turn in range(turns):
        state = (state ^ (turn << 3)) * 5 & 0xFFFFFFFF
    return state


def total(array: "NDArray[np.float64]") -> float:
    """Read every element once."""
    return float(array.sum())


def inherited_total(index: int) -> float:
    """Sum an array that came through the fork itself."""
    return float(INHERITED[index].sum())


def filled(length_and_value: tuple[int, int]) -> "NDArray[np.float64]":
    """Make an array of ``length`` float64, all of one value."""
    import numpy as np

    length, value = length_and_value
    return np.full(length, float(value))


def nap_or_die(order: int | str) -> int:
    """Nap and return a number; for a path, write the time there and end this process at once."""
    if isinstance(order, int):
        time.sleep(NAP_SECONDS)
        return order
    with open(order, "w") as note:
        note.write(repr(time.perf_counter()))
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("outlived SIGKILL")


def hang(path: str) -> None:
    """Leave a file as a sign of having begun, then sleep far longer than any measurement."""
    with open(path, "w"):
        pass
    time.sleep(600)
