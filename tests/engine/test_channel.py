"""Frames arrive whole and in order, however the socket cuts them; what is no frame is told."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.engine import channel, protocol
from breakeven.engine.channel import Channel, frames
from breakeven.engine.protocol import GarbledFrameError, frame
from tests.examples import dear

KINDS = st.integers(0, 255)
FRAMES = st.lists(st.tuples(KINDS, st.integers(0, 255), st.binary(max_size=200)), max_size=12)


class _Socket:
    """Gives what it holds in pieces, takes as much as it is told to."""

    def __init__(self, data: bytes = b"", pieces: list[int] | None = None, room: list[int] | None = None) -> None:
        self.data = data
        self.pieces = pieces or []
        self.room = room or []
        self.sent = b""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as sockets have it
        assert not flag

    def fileno(self) -> int:
        return -1

    def recv(self, most: int) -> bytes:
        if not self.data:
            raise BlockingIOError
        count = min(self.pieces.pop(0) if self.pieces else most, most)
        piece, self.data = self.data[:count], self.data[count:]
        return piece

    def recv_into(self, buffer: memoryview) -> int:
        piece = self.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def send(self, data: bytes) -> int:
        count = min(self.room.pop(0), len(data)) if self.room else len(data)
        if not count:
            raise BlockingIOError
        self.sent += bytes(data[:count])
        return count


def _open(socket: Any) -> Channel:
    return Channel(socket)


def _drain(end: Channel) -> list[tuple[int, int, bytes]]:
    got: list[tuple[int, int, bytes]] = []
    while True:
        try:
            data = end.receive()
        except BlockingIOError:
            return got
        assert data is not None
        got += [(kind, flags, bytes(body)) for kind, flags, body in frames(data)]


@pytest.fixture(autouse=True, scope="module")
def _small_reads() -> Any:
    """Reads so small that bodies take all the ways through the channel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel, "READ", 64)
        patch.setattr(channel, "GROWTH", 16)
        yield


@given(FRAMES, st.lists(st.integers(1, 90), max_size=100))
def test_frames_arrive_as_they_were_sent_however_they_are_cut(
    sent: list[tuple[int, int, bytes]], pieces: list[int]
) -> None:
    """Heads, small bodies and large ones may all be cut anywhere."""
    data = b"".join(frame(kind, body, flags) for kind, flags, body in sent)
    assert _drain(_open(_Socket(data, pieces))) == sent


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=12), st.lists(st.integers(0, 60), max_size=60))
def test_bytes_are_sent_once_and_in_order_whatever_the_socket_takes(parts: list[bytes], room: list[int]) -> None:
    """What does not go now goes before what comes later."""
    socket = _Socket(room=room)
    end = _open(socket)
    for part in parts:
        assert end.send(part) == (not end.pending)
    while not end.flush():
        assert end.pending
    assert socket.sent == b"".join(parts)
    assert not end.pending


@given(FRAMES, st.binary(min_size=8, max_size=40), st.lists(st.integers(1, 90), max_size=100))
def test_rubbish_is_told_after_the_frames_before_it(
    sent: list[tuple[int, int, bytes]], rubbish: bytes, pieces: list[int]
) -> None:
    """Those are whole and are not lost."""
    if rubbish[:2] == protocol.HEAD.pack(protocol.MARK, 0, 0, 0)[:2]:
        return
    data = b"".join(frame(kind, body, flags) for kind, flags, body in sent) + rubbish
    end = _open(_Socket(data, pieces))
    got: list[tuple[int, int, bytes]] = []
    with pytest.raises(GarbledFrameError):  # noqa: PT012
        while True:
            received = end.receive()
            assert received is not None
            got += [(kind, flags, bytes(body)) for kind, flags, body in frames(received)]
    assert got == sent
    assert end.garbled is not None


@dear(5)
@given(st.integers(1 << 20, protocol.LONGEST))
def test_a_head_that_promises_much_takes_no_memory(length: int) -> None:
    """Room is made for what has come, not for what is said to follow."""
    head = protocol.HEAD.pack(protocol.MARK, protocol.LOG, 0, length)
    end = _open(_Socket(head + bytes(1000)))
    tracemalloc.start()
    try:
        assert _drain(end) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_body_longer_than_any_is_refused_at_its_head() -> None:
    """Before a byte of it is read."""
    end = _open(_Socket(protocol.HEAD.pack(protocol.MARK, protocol.LOG, 0, protocol.LONGEST + 1)))
    with pytest.raises(GarbledFrameError):
        end.receive()


def test_the_other_sides_end_is_told_apart_from_its_silence() -> None:
    """None, and BlockingIOError."""
    ours, theirs = channel.pair()
    end = Channel(ours)
    with pytest.raises(BlockingIOError):
        end.receive()
    theirs.sendall(frame(protocol.LOG, b"last")[:6])
    assert end.receive() == b""
    theirs.close()
    assert end.receive() is None
    end.close()


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_offsets_survive_their_packing(offsets: list[int]) -> None:
    """Any number of them."""
    assert list(protocol.unpack_offsets(protocol.pack_offsets(offsets))) == offsets


def test_every_state_but_the_last_can_be_left() -> None:
    """And nothing leads back to the start."""
    for state, expected in protocol.EXPECTED.items():
        assert set(expected.values()) <= set(protocol.EXPECTED)
        assert state == protocol.LEAVING or set(expected.values()) - {state}
        assert state == protocol.STARTING or protocol.STARTING not in expected.values()
