"""Four ways to get an array to another process by hand, for the guideline that our choice of transport is no worse.

Lives here: the parent's and the child's side of each. Never here: our engine. Each sends a fresh array and has an
answer that the other end can use it: one of its bytes.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from breakeven.lab.processes import forking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from typing import Any


@contextmanager
def open_rivals() -> Iterator[Mapping[str, Callable[[Any], int]]]:
    """Open all; each takes an array, and returns its last byte as the other process read it.

    >>> import numpy as np
    >>> with open_rivals() as rivals:
    ...     {name: send(np.full(9, 7, np.uint8)) for name, send in rivals.items()}
    {'pipe': 7, 'socket': 7, 'shared memory': 7, 'inherit': 7}
    """
    from multiprocessing import Pipe, resource_tracker

    resource_tracker.ensure_running()  # first: children with one of their own would mourn what we removed
    with ExitStack() as stack:
        # Children that are forked while threads of ours are there touch nothing that a thread may hold.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)
        there, back = Pipe(duplex=False), Pipe(duplex=False)
        stack.enter_context(_child(_receive, there[0], back[1]))
        ours, theirs = Pipe()
        stack.enter_context(_child(_receive, theirs, theirs))
        ours_too, theirs_too = Pipe()
        stack.enter_context(_child(_attach, theirs_too, theirs_too))
        for end in (there[1], back[0], ours, ours_too):
            stack.callback(end.close)
        yield {
            "pipe": lambda array: _sent(array, there[1], back[0]),
            "socket": lambda array: _sent(array, ours, ours),
            "shared memory": lambda array: _shared(array, ours_too),
            "inherit": _inherited,
        }


@contextmanager
def _child(target: Callable[..., None], *ends: Connection) -> Iterator[None]:
    process = forking.start(target, *ends)
    for end in set(ends):
        end.close()  # before another child is forked: nobody else holds them, so that the end of this one is seen
    try:
        yield
    finally:
        forking.end(process, 0.0)  # it may not see that its pipe has ended: what was forked later holds that, too


def _sent(array: Any, out: Connection, back: Connection) -> int:
    out.send(array)
    return int(back.recv())


def _receive(source: Connection, answers: Connection) -> None:
    """A child: take arrays, answer with their last byte."""
    while True:
        try:
            answers.send(int(source.recv()[-1]))
        except EOFError:
            return


def _shared(array: Any, end: Connection) -> int:
    from multiprocessing.shared_memory import SharedMemory

    import numpy as np

    segment = SharedMemory(create=True, size=array.nbytes)
    try:
        np.ndarray(array.shape, array.dtype, segment.buf)[...] = array
        end.send((segment.name, array.shape, array.dtype))
        return int(end.recv())
    finally:
        segment.close()
        segment.unlink()


def _attach(source: Connection, answers: Connection) -> None:
    """A child: attach to segments, take a copy as a message would give, answer with its last byte."""
    from multiprocessing.shared_memory import SharedMemory

    import numpy as np

    while True:
        try:
            name, shape, dtype = source.recv()
        except EOFError:
            return
        segment = SharedMemory(name)
        copy = np.ndarray(shape, dtype, segment.buf).copy()
        segment.close()
        answers.send(int(copy[-1]))


def _inherited(array: Any) -> int:
    """A child a message, which finds the array in its copy of the parent's memory."""
    from multiprocessing import Pipe, get_context

    back, answers = Pipe(duplex=False)
    process = get_context("fork").Process(target=_answer, args=(array, answers), daemon=True)
    process.start()
    answers.close()
    try:
        return int(back.recv())
    finally:
        back.close()
        process.join()
        process.close()


def _answer(array: Any, answers: Connection) -> None:
    answers.send(int(array[-1]))
