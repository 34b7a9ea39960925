"""A ping-pong and a stream on `os.read` and `os.write`, written without the lab, to hold the lab's figures against.

Lives here: the reference, its far side forked. Never here: an import from breakeven. As in the lab, every message is
new, and forgotten on both sides before the next.
"""

from __future__ import annotations

import os
import socket
import struct
import time

READ_BYTES = 65536
PAUSE_SECONDS = 10e-6
"""Before each echo, so that the far side waits for it, as in the lab: through a socket, one that comes while it still
returns from its last answer takes 10.7 µs in place of 14.6."""
ORDER = struct.Struct("<cQQ")


class Reference:
    """Two processes and two pipes, or a socket pair, between them; orders go through a pipe of their own."""

    def __init__(self, kind: str) -> None:
        if kind == "socketpair":
            near, far = socket.socketpair()
            self._out = self._back = near.detach()
            far_in = far_out = far.detach()
        else:
            far_in, self._out = os.pipe()
            self._back, far_out = os.pipe()
        order_reading, self._order = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for one in {self._out, self._back, self._order}:
                    os.close(one)
                _serve(order_reading, far_in, far_out)
            finally:
                os._exit(0)
        for one in {order_reading, far_in, far_out}:
            os.close(one)

    def half_round_trips(self, size: int, count: int) -> list[float]:
        """Seconds of half of each of `count` echoes of new bytes."""
        seconds = []
        os.write(self._order, ORDER.pack(b"p", size, count))
        for _ in range(count):
            message = os.urandom(size)
            ready = time.perf_counter() + PAUSE_SECONDS
            while (began := time.perf_counter()) < ready:
                pass
            write_all(self._out, message)
            answer = read_exactly(self._back, size)
            seconds.append((time.perf_counter() - began) / 2)
            assert answer == message
            del answer, message  # what is kept stays mapped, and the next one is up to 1.8 times as fast at 1 MiB
        return seconds

    def windows(self, size: int, window: int, count: int) -> list[float]:
        """Seconds from the first of `window` messages to the answer after the last, so many times."""
        os.write(self._order, ORDER.pack(b"s", size, window * count))
        os.write(self._order, ORDER.pack(b"s", window, 0))
        seconds = []
        for _ in range(count):
            messages = [os.urandom(size) for _ in range(window)]
            began = time.perf_counter()
            for message in messages:
                write_all(self._out, message)
            read_exactly(self._back, 4)
            seconds.append(time.perf_counter() - began)
        return seconds

    def close(self) -> None:
        """End the far side."""
        for one in {self._order, self._out, self._back}:
            os.close(one)
        os.waitpid(self.pid, 0)


def write_all(descriptor: int, message: bytes | bytearray) -> None:
    """Write all of it, without copying what is left."""
    written = os.write(descriptor, message)
    view = memoryview(message)
    while written < len(message):
        written += os.write(descriptor, view[written:])


def read_exactly(descriptor: int, size: int) -> bytes | bytearray:
    """Read so many bytes: at once where that may be, else into one buffer."""
    if size <= READ_BYTES:
        got = os.read(descriptor, size)
        while len(got) < size:
            got += os.read(descriptor, size - len(got))
        return got
    whole = bytearray(size)
    view, filled = memoryview(whole), 0
    while filled < size:
        filled += os.readv(descriptor, [view[filled:]])
    return whole


def _serve(orders: int, reading: int, writing: int) -> None:
    while head := os.read(orders, ORDER.size):
        kind, size, count = ORDER.unpack(head)
        every = ORDER.unpack(os.read(orders, ORDER.size))[1] if kind == b"s" else 1
        for at in range(1, count + 1):
            message = read_exactly(reading, size)
            if kind == b"p":
                write_all(writing, message)
            elif at % every == 0:
                write_all(writing, b"done")
            del message
