"""Messages between two processes, timed: what the near side does, and what the far side does meanwhile.

Lives here: both sides of every exchange, and what is timed in it. Never here: how bytes travel (`transports`), or how
the other process came to be (`links`).

All times are of `perf_counter`, CLOCK_MONOTONIC, which all processes of a host share: a time taken here may be taken
from one taken there, and a one-way time is measured, not half of a round trip. Payloads are made before the clock
starts, and checked and forgotten after it has stopped.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter as clock
from time import thread_time

import numpy as np

from breakeven.lab.processes.placing import kept_on
from breakeven.lab.transports.payloads import fingerprint, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Protocol

    from breakeven.lab.transports.port import End

    class Control(Protocol):
        """A connection beside the one that is measured, for orders and stamps."""

        def send(self, order: Any, /) -> None:
            """Send."""

        def recv(self) -> Any:
            """Receive, waiting; raises `EOFError` when the other side has gone."""


ONE_WAY, ROUND_TRIP, STREAM, BOTH, LEAVE = "one-way", "round trip", "stream", "both", "leave"

STAGES = ("dumps", "send", "receive", "loads")
"""What a one-way time is the sum of: pickling; the call that sends, which may have to wait until the other side has
read; from its return until all of it was read; unpickling."""


ANSWER = b"!"
"""What the far side says after a window."""

WAITING = "of send, waiting"
"""How long of it the sender did not run: the buffer was full."""

BLOCKING_BYTES = 64 << 10
"""What is larger may fill a buffer of the kernel: only then the sender's CPU clock is read, to know if it waited."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to exchange: `count` messages of a shape and size, `window` of them in flight, new ones or one again.

    `cpus` keeps the near side on the first of two groups of CPUs and the far side on the second; none, wherever.
    """

    kind: str
    shape: str = "bytes"
    size_bytes: int = 0
    count: int = 1
    window: int = 1
    seed: int = 0
    fresh: bool = True
    cpus: Sequence[Sequence[int]] = ()


class Garbled(RuntimeError):
    """What arrived is not what was sent."""


def lead(order: Order, end: End, control: Control) -> dict[str, list[float]]:
    """Do the near side's part and return seconds by name, one a message (of streams: one a window).

    An order of another kind than those above goes to the end's own `lead`. Raises `Garbled` if a payload came through
    changed.
    """
    control.send(order)
    own: Any = end
    out, back = _PLAIN.get(order.kind, (False, False))
    _expect(end, order, out=out, back=back)
    with kept_on(order.cpus[0] if order.cpus else ()):
        return _LEADS[order.kind](order, end, control) if order.kind in _LEADS else own.lead(order)


def follow(end: End, control: Control) -> None:
    """Do the far side's part of whatever is ordered, until told to leave or left alone."""
    own: Any = end
    try:
        while True:
            order = control.recv()
            if order.kind == LEAVE:
                return
            back, out = _PLAIN.get(order.kind, (False, False))
            _expect(end, order, out=out, back=back)
            with kept_on(order.cpus[1] if order.cpus else ()):
                if order.kind in _FOLLOWS:
                    _FOLLOWS[order.kind](order, end, control)
                else:
                    own.follow(order)
    except (EOFError, ConnectionError, BrokenPipeError):
        return


def _expect(end: End, order: Order, *, out: bool, back: bool) -> None:
    """Tell an end that wants to know which way plain bytes of one length will go."""
    expect = getattr(end, "expect", None)
    if expect is not None:
        size = order.size_bytes if order.shape == "bytes" else 0
        answer = len(ANSWER) if size and order.kind == STREAM else 0
        expect(size if out else answer, size if back else answer)


def _as_it_is(end: End, order: Order) -> bool:
    """Whether payloads are neither packed nor unpacked: 0.1 µs a call that a stream of small ones would pay for."""
    return end.whole or (hasattr(end, "expect") and order.shape == "bytes" and order.size_bytes > 0)


def _sender(end: End, order: Order) -> Callable[[Any], None]:
    return end.write if _as_it_is(end, order) else lambda payload: end.write(end.pack(payload))


def _receiver(end: End, order: Order) -> Callable[[], Any]:
    return end.read if _as_it_is(end, order) else lambda: end.unpack(end.read())


def _one_after_another(order: Order) -> Iterator[Any]:
    """Payloads, each made when the one before it is done with, so that two never stand in memory at once."""
    rng = np.random.default_rng((order.seed, order.size_bytes))
    again = None if order.fresh else make(order.shape, order.size_bytes, rng)
    for _ in range(order.count):
        yield make(order.shape, order.size_bytes, rng) if order.fresh else again


def _windows(order: Order) -> Iterator[list[Any]]:
    """As many payloads as are in flight at once, each in memory of its own; the next ones when these are done with."""
    rng = np.random.default_rng((order.seed, order.size_bytes))
    for _ in range(order.count):
        yield [make(order.shape, order.size_bytes, rng) for _ in range(order.window)]


def _lead_one_way(order: Order, end: End, control: Control) -> dict[str, list[float]]:
    """Time each message and its stages, which add up to it by their definition.

    Every stage ends where a stamp is taken anyway; a look for the first byte would cost small messages a tenth.
    """
    stages: dict[str, list[float]] = {name: [] for name in (ONE_WAY, *STAGES, WAITING)}
    waits = order.size_bytes > BLOCKING_BYTES
    for payload in _one_after_another(order):
        busy = thread_time() if waits else 0.0
        began = clock()
        packed = end.pack(payload)
        ready = clock()
        end.write(packed)
        sent = clock()
        busy = thread_time() - busy if waits else sent - began
        whole, usable, found = control.recv()
        end.settle()
        _compare(found, payload)
        del packed, payload
        left = min(max(sent, ready), whole)  # whoever shares a CPU may be done before the call returns
        stages[ONE_WAY].append(usable - began)
        for name, seconds in zip(STAGES, (ready - began, left - ready, whole - left, usable - whole), strict=True):
            stages[name].append(seconds)
        stages[WAITING].append(min(max(sent - began - busy, 0.0), left - ready))
    return stages


def _follow_one_way(order: Order, end: End, control: Control) -> None:
    for _ in range(order.count):
        packed = end.read()
        whole = clock()
        payload = end.unpack(packed)
        usable = clock()
        found = fingerprint(payload)
        del packed, payload
        end.settle()
        control.send((whole, usable, found))


def _lead_round_trip(order: Order, end: End, _control: Control) -> dict[str, list[float]]:
    seconds = []
    for payload in _one_after_another(order):
        began = clock()
        end.write(end.pack(payload))
        back = end.unpack(end.read())
        seconds.append(clock() - began)
        _compare(fingerprint(back), payload)
        del back, payload
        end.settle()
    return {"round trip": seconds}


def _follow_round_trip(order: Order, end: End, _control: Control) -> None:
    for _ in range(order.count):
        payload = end.unpack(end.read())
        end.write(end.pack(payload))
        del payload
        end.settle()


def _lead_stream(order: Order, end: End, control: Control) -> dict[str, list[float]]:
    seconds = []
    for payloads in _windows(order):
        send = _sender(end, order)
        payload = None
        began = clock()
        for payload in payloads:
            send(payload)
        end.unpack(end.read())
        seconds.append(clock() - began)
        end.settle()
        control.send("compare")
        _compare(control.recv(), payload)
        del payload, payloads
    return {"window": seconds}


def _follow_stream(order: Order, end: End, control: Control) -> None:
    for _ in range(order.count):
        payload = None
        receive, settle = _receiver(end, order), end.settle if end.lends else None
        for _ in range(order.window):
            payload = None  # forgotten before the next, which may then lie in the same pages
            payload = receive()
            if settle is not None:
                settle()
        end.write(end.pack(ANSWER))
        control.recv()  # on one CPU, whatever is done before this would be timed with the answer
        control.send(fingerprint(payload))
        del payload
        end.settle()


def _lead_both(order: Order, end: End, control: Control) -> dict[str, list[float]]:
    """Both send a window at once; the time ends when both have received all, told over the control connection."""
    seconds = []
    for payloads in _windows(order):
        control.send("ready")
        control.recv()
        began = clock()
        ended = _send_and_receive(end, payloads)
        theirs = control.recv()
        seconds.append(max(ended, theirs) - began)
        end.settle()
        del payloads
    return {"window": seconds}


def _follow_both(order: Order, end: End, control: Control) -> None:
    for payloads in _windows(order):
        control.recv()
        control.send("ready")
        control.send(_send_and_receive(end, payloads))
        end.settle()
        del payloads


def _send_and_receive(end: End, payloads: list[Any]) -> float:
    def send() -> None:
        try:
            for payload in payloads:
                end.write(end.pack(payload))
        except OSError:
            pass  # the other side has gone: whoever reads here is told, or was interrupted

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    for _ in payloads:
        end.unpack(end.read())
    ended = clock()
    sender.join()
    return ended


def _compare(found: int, payload: Any) -> None:
    if found != fingerprint(payload):
        raise Garbled(f"a {type(payload).__name__} came through changed")


_PLAIN = {
    ONE_WAY: (True, False),
    ROUND_TRIP: (True, True),
    STREAM: (True, False),
    BOTH: (True, True),
}
"""Exchange → whether payloads go out, and come back, on the near side; answers that are none are not plain."""

_LEADS = {
    ONE_WAY: _lead_one_way,
    ROUND_TRIP: _lead_round_trip,
    STREAM: _lead_stream,
    BOTH: _lead_both,
}
_FOLLOWS = {
    ONE_WAY: _follow_one_way,
    ROUND_TRIP: _follow_round_trip,
    STREAM: _follow_stream,
    BOTH: _follow_both,
}
