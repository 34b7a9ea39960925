"""How frames get from the camera's process to the analysers': every way behind one small port.

Lives here: `offer` a frame, which may find no room; `drained` when all that were taken are analysed. Never here: the
clock of the camera. A frame is an array of words; where a way has a place of its own for frames, the camera writes
straight into it, and otherwise into a fresh array, as a decoder does.
"""

from __future__ import annotations

import multiprocessing
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT: Any = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")


class Seen(NamedTuple):
    """One frame that was analysed."""

    frame: int
    due_ns: int
    ended_ns: int
    checksum: int


class Way(Protocol):
    """A running pipeline."""

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Take a frame, or say False when there is no room; may block while the frame is being sent."""

    def drained(self) -> list[Seen]:
        """Wait until every frame taken is analysed."""

    def close(self) -> None:
        """End the analysers and give back all memory."""


def checksum(frame: Any) -> np.uint64:
    """Every word of a frame in one."""
    return np.bitwise_xor.reduce(frame)  # type: ignore[no-any-return]


def analyse(index: int, due_ns: int, frame: Any) -> Seen:
    """Read all of a frame."""
    found = int(checksum(frame))
    return Seen(index, due_ns, perf_counter_ns(), found)


def pump(receive: Callable[[], Any], results: Any) -> None:
    """An analyser that is handed frames until None comes, and reports in the end."""
    results.put(None)
    seen = []
    while (message := receive()) is not None:
        seen.append(tuple(analyse(*message)))
        del message  # or its frame would stay until the next has come
    results.put(seen)


class _Processes:
    """Analysers as processes of multiprocessing's that report through a queue."""

    def __init__(self, workers: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
        self._results = CONTEXT.SimpleQueue()
        self._processes = [CONTEXT.Process(target=fn, args=(*args, self._results), daemon=True) for fn, args in workers]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._results.get()  # one more is ready

    def reports(self) -> list[Seen]:
        return [Seen(*one) for _ in self._processes for one in self._results.get()]

    def close(self) -> None:
        for process in self._processes:
            process.join()


class ByQueue:
    """multiprocessing.Queue with a bound: a thread of the camera's pickles and writes."""

    def __init__(self, words_a_frame: int, analysers: int, depth: int) -> None:  # noqa: ARG002 - as the others
        self._queue = CONTEXT.Queue(depth)
        self._analysers = _Processes([(queue_analyser, (self._queue,))] * analysers)
        self._count = analysers

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Put a fresh copy, unless the queue is full."""
        from queue import Full

        try:
            self._queue.put_nowait((index, due_ns, scene.copy()))
        except Full:
            return False
        return True

    def drained(self) -> list[Seen]:
        """Wait until every frame taken is analysed."""
        for _ in range(self._count):
            self._queue.put(None)
        return self._analysers.reports()

    def close(self) -> None:
        """End the analysers."""
        self._analysers.close()
        self._queue.close()
        self._queue.join_thread()


def queue_analyser(queue: Any, results: Any) -> None:
    """An analyser that gets from a queue."""
    pump(queue.get, results)


class ByPipe:
    """A multiprocessing.Pipe an analyser, in turn; sending blocks until the analyser has read nearly all of it."""

    def __init__(self, words_a_frame: int, analysers: int, depth: int) -> None:  # noqa: ARG002 - as the others
        pairs = [CONTEXT.Pipe(duplex=False) for _ in range(analysers)]
        self._sending = [sending for _, sending in pairs]
        self._analysers = _Processes([(pipe_analyser, (receiving,)) for receiving, _ in pairs])
        for receiving, _ in pairs:
            receiving.close()
        self._turn = 0

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Send a fresh copy to the next analyser."""
        self._sending[self._turn % len(self._sending)].send((index, due_ns, scene.copy()))
        self._turn += 1
        return True

    def drained(self) -> list[Seen]:
        """Wait until every frame taken is analysed."""
        for end in self._sending:
            end.send(None)
        return self._analysers.reports()

    def close(self) -> None:
        """End the analysers."""
        for end in self._sending:
            end.close()
        self._analysers.close()


def pipe_analyser(receiving: Any, results: Any) -> None:
    """An analyser that receives from its own pipe."""
    pump(receiving.recv, results)


class BySharedMemory:
    """A ring of slots in multiprocessing.shared_memory; only the number of a slot travels, and comes back when free."""

    def __init__(self, words_a_frame: int, analysers: int, depth: int) -> None:
        from multiprocessing.shared_memory import SharedMemory

        self._memory = SharedMemory(create=True, size=depth * words_a_frame * 8)
        self._slots: Any = np.ndarray((depth, words_a_frame), np.uint64, self._memory.buf)
        self._slots[:] = 0  # its pages are there before the first frame
        self._tasks, self._free = CONTEXT.SimpleQueue(), CONTEXT.SimpleQueue()
        for slot in range(depth):
            self._free.put(slot)
        args = (self._memory, self._slots.shape, self._tasks, self._free)
        self._analysers = _Processes([(slot_analyser, args)] * analysers)
        self._count = analysers

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Write the frame into a free slot, if there is one."""
        if self._free.empty():
            return False
        slot = self._free.get()
        np.copyto(self._slots[slot], scene)
        self._tasks.put((index, due_ns, slot))
        return True

    def drained(self) -> list[Seen]:
        """Wait until every frame taken is analysed."""
        for _ in range(self._count):
            self._tasks.put(None)
        return self._analysers.reports()

    def close(self) -> None:
        """End the analysers and unlink the memory."""
        self._analysers.close()
        del self._slots
        self._memory.close()
        self._memory.unlink()


def slot_analyser(memory: Any, shape: tuple[int, int], tasks: Any, free: Any, results: Any) -> None:
    """An analyser that is told the numbers of slots."""
    slots: Any = np.ndarray(shape, np.uint64, memory.buf)
    results.put(None)
    seen = []
    while (task := tasks.get()) is not None:
        index, due_ns, slot = task
        seen.append(tuple(analyse(index, due_ns, slots[slot])))
        free.put(slot)
    results.put(seen)
    del slots
    memory.close()


class _Engine:
    """Analysers as workers of a breakeven.Executor; at most `depth` frames are under way."""

    def __init__(self, analysers: int, depth: int) -> None:
        from breakeven import Executor

        self._executor = Executor(max_workers=analysers, backend="processes")
        self._depth = depth
        self._under_way: list[Any] = []
        self._done: list[Seen] = []
        for one in [self._executor.submit(analyse, 0, 0, np.zeros(1, np.uint64)) for _ in range(analysers)]:
            one.result()  # the workers are there

    def collect(self) -> None:
        """Take what is ready off the list of what is under way."""
        ready = [one for one in self._under_way if one.done()]
        self._under_way = [one for one in self._under_way if not one.done()] if ready else self._under_way
        self._done += [one.result() for one in ready]

    def submitted(self, index: int, due_ns: int, frame: Any) -> Any:
        """Hand a frame to the executor."""
        future = self._executor.submit(analyse, index, due_ns, frame)
        self._under_way.append(future)
        return future

    def drained(self) -> list[Seen]:
        """Wait until every frame taken is analysed."""
        return self._done + [one.result() for one in self._under_way]

    def close(self) -> None:
        """End the analysers."""
        self._executor.shutdown()


class ByEngine(_Engine):
    """breakeven.Executor.submit with the frame as an argument: it goes through the engine's shared memory by value."""

    def __init__(self, words_a_frame: int, analysers: int, depth: int) -> None:  # noqa: ARG002 - as the others
        super().__init__(analysers, depth)

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Submit a fresh copy, unless as many as there is room for are under way."""
        self.collect()
        if len(self._under_way) >= self._depth:
            return False
        self.submitted(index, due_ns, scene.copy())
        return True


class BySharedArray(_Engine):
    """breakeven.Executor.submit with a slot of a SharedArray: a reference travels."""

    def __init__(self, words_a_frame: int, analysers: int, depth: int) -> None:
        from breakeven import SharedArray

        self._slots = SharedArray.empty((depth, words_a_frame), np.uint64)
        self._slots[:] = 0  # its pages are there before the first frame
        self._users: dict[int, Any] = {}
        super().__init__(analysers, depth)

    def offer(self, index: int, due_ns: int, scene: Any) -> bool:
        """Write the frame into a slot that nobody reads, if there is one."""
        self.collect()
        free = [slot for slot in range(self._depth) if slot not in self._users or self._users[slot].done()]
        if not free:
            return False
        np.copyto(self._slots[free[0]], scene)
        self._users[free[0]] = self.submitted(index, due_ns, self._slots[free[0]])
        return True


WAYS: dict[str, Callable[[int, int, int], Way]] = {
    "Queue": ByQueue,
    "Pipe": ByPipe,
    "shared_memory ring": BySharedMemory,
    "breakeven by value": ByEngine,
    "breakeven SharedArray": BySharedArray,
}
