"""A ping-pong and a stream on `os.read` and `os.write`, written without the lab, to hold the lab's figures against.

Lives here: the reference, its far side forked. Never here: an import from breakeven.

As in the lab, every message is new, cut from random bytes, and forgotten on both sides before the next; and after each
stream the last message is compared. What both sides do before the clock starts is part of what is measured: on one CPU
the scheduler lets a receiver in after each message or after many, by how much either side has run before.
"""

from __future__ import annotations

import os
import random
import socket
import struct
import time
import zlib

READ_BYTES = 65536
PAUSE_SECONDS = 10e-6
"""Before each echo, so that the far side waits for it, as in the lab: through a socket, one that comes while it still
returns from its last answer takes 10.7 µs in place of 14.6."""
SPARE_BYTES = 4096
ORDER = struct.Struct("<cQQ")
SUM = struct.Struct("<I")


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
        self._sums, sum_writing = os.pipe()
        self._noise = b""
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for one in {self._out, self._back, self._order, self._sums}:
                    os.close(one)
                _serve(order_reading, sum_writing, far_in, far_out)
            finally:
                os._exit(0)
        for one in {order_reading, sum_writing, far_in, far_out}:
            os.close(one)

    def _new(self, size: int) -> bytes:
        if len(self._noise) < size + SPARE_BYTES:
            self._noise = os.urandom(size + SPARE_BYTES)
        begin = random.randrange(SPARE_BYTES)  # noqa: S311 - no secret
        return self._noise[begin : begin + size]

    def half_round_trips(self, size: int, count: int) -> list[float]:
        """Seconds of half of each of `count` echoes of new bytes."""
        seconds = []
        os.write(self._order, ORDER.pack(b"p", size, count))
        for _ in range(count):
            message = self._new(size)
            began = _after_pause()
            write_all(self._out, message)
            answer = read_exactly(self._back, size)
            seconds.append((time.perf_counter() - began) / 2)
            assert answer == message
            del answer, message  # what is kept stays mapped, and the next one is up to 1.8 times as fast at 1 MiB
        return seconds

    def windows(self, size: int, window: int, count: int) -> list[float]:
        """Seconds from the first of `window` messages to the answer after the last, so many times."""
        os.write(self._order, ORDER.pack(b"s", size, count))
        os.write(self._order, ORDER.pack(b"s", window, 0))
        seconds = []
        for _ in range(count):
            messages, message = [self._new(size) for _ in range(window)], b""
            began = _after_pause()
            for message in messages:
                write_all(self._out, message)
            read_exactly(self._back, 1)
            seconds.append(time.perf_counter() - began)
            os.write(self._order, b"?")
            (found,) = SUM.unpack(os.read(self._sums, SUM.size))
            assert found == zlib.crc32(message)
            del message, messages
        return seconds

    def close(self) -> None:
        """End the far side."""
        for one in {self._order, self._out, self._back, self._sums}:
            os.close(one)
        os.waitpid(self.pid, 0)


def _after_pause() -> float:
    """Spin until the far side sleeps; returns the time."""
    ready = time.perf_counter() + PAUSE_SECONDS
    while (now := time.perf_counter()) < ready:
        pass
    return now


def write_all(descriptor: int, message: bytes | bytearray) -> None:
    """Write all of it, without copying what is left."""
    written = os.write(descriptor, message)
    if written < len(message):
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


def _serve(orders: int, sums: int, reading: int, writing: int) -> None:
    while head := os.read(orders, ORDER.size):
        kind, size, count = ORDER.unpack(head)
        if kind == b"p":
            for _ in range(count):
                message = read_exactly(reading, size)
                write_all(writing, message)
                del message
            continue
        _, window, _ = ORDER.unpack(os.read(orders, ORDER.size))
        for _ in range(count):
            message = b""
            for _ in range(window):
                del message
                message = read_exactly(reading, size)
            os.write(writing, b"!")
            os.read(orders, 1)
            os.write(sums, SUM.pack(zlib.crc32(message)))
            del message
