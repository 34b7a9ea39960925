"""Messages between parent and worker, and their bytes.

Lives here: the kinds of message, who may send which in what state, and bytes ⇄ message.
Never here: a descriptor, a socket, a clock. A frame is an 8-byte head (mark, kind, flags, length of
the body) and a body; anything else on a channel is a `GarbledFrameError` and ends that worker.
"""

from __future__ import annotations

import _struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# parent → worker
SETUP, FUNCTION, CHUNK, FREE, STOP = 1, 2, 3, 4, 5
# worker → parent
READY, OUTCOME, SKIPPED, LOG, RELEASED, BYE, BROKEN = 16, 17, 18, 19, 20, 21, 22

# States of a worker as its parent sees it, and what may arrive in each. The loop that
# drives a channel asks this table and has no rules of its own.
STARTING, SERVING, LEAVING = "starting", "serving", "leaving"
EXPECTED = {
    STARTING: {READY: SERVING, BROKEN: LEAVING, LOG: STARTING},
    SERVING: {
        OUTCOME: SERVING,
        SKIPPED: SERVING,
        LOG: SERVING,
        RELEASED: SERVING,
        BYE: LEAVING,
        BROKEN: LEAVING,
    },
    LEAVING: {OUTCOME: LEAVING, SKIPPED: LEAVING, LOG: LEAVING, RELEASED: LEAVING, BYE: LEAVING},
}

MARK = 0xBE5E
LONGEST = 1 << 31  # bytes of a body; larger payloads go through the arena or are refused
HEAD = _struct.Struct("<HBBI")

# Flags of CHUNK
CLAIM = 1  # take a token first, as the parent may have recalled this chunk: on every one, where there are tokens
STREAM_SHARED = 2  # the pickle itself lies in the arena, as the first buffer of the table
STOP_ON_ERROR = 4
TIMED = 8  # note when each item began: a deadline watches
SPLIT = 16  # may be handed back unfinished when it takes longer than foreseen
# Flags of OUTCOME
LAST = 1
APART = 8  # the arguments could not be unpickled together: run each item alone, so that the culprit shows itself
FELL_BACK = 4  # shared memory was refused: the values came through the channel

CHUNK_HEAD = _struct.Struct("<QIQIIdH")  # seq, function, first index, count, buffers, seconds an item (hint), mode
CHUNK_FRAME = _struct.Struct("<HBBIQIQIIdH")  # the same behind the frame's head
# seq, first, count, buffers, released, bytes of the values; then the times free, received, decoded, computed, encoded,
# loading (seconds), cpu, runq (seconds); resident bytes
OUTCOME_HEAD = _struct.Struct("<QIIIIQ8dQ")
BUFFER = _struct.Struct("<QQQQ")  # extent start, extent size, offset, bytes
OFFSET = _struct.Struct("<Q")
FUNCTION_HEAD = _struct.Struct("<IIB")  # function, buffers, 1 to forget it
READY_BODY = _struct.Struct("<dddQ")  # born, booted, ready; pid

# Words of the board, a page that parent and worker share: the worker says where it is, the parent what to drop.
AT_ITEM, AT_CHUNK, PHASE, ITEM_BEGAN_NS, CANCELLED, PASSED, WORDS = 0, 1, 2, 3, 4, 5, 8
# HELD: a chunk has run to its end, and its outcome has not gone yet. IDLE: everything has gone. SWEEPING: it computes,
# and the item that it is at is one of the SWEEP from AT_ITEM on.
IDLE, LOADING, DECODING, COMPUTING, ENCODING, HELD, SWEEPING = 0, 1, 2, 3, 4, 5, 6
SWEEP = 64


class GarbledFrameError(Exception):
    """What came on a channel is not a message of ours."""


def frame(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Bytes of one message."""
    return HEAD.pack(MARK, kind, flags, len(body)) + body


def chunk_frame(flags: int, facts: tuple[Any, ...], table: bytes, stream: bytes) -> bytes:
    """Bytes of a CHUNK: its facts as in `CHUNK_HEAD`, the buffer table, the pickle."""
    length = CHUNK_HEAD.size + len(table) + len(stream)
    return CHUNK_FRAME.pack(MARK, CHUNK, flags, length, *facts) + table + stream


def head_of(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int, int]:
    """(kind, flags, length of the body) of the frame whose head stands at `at`."""
    mark, kind, flags, length = HEAD.unpack_from(data, at)
    if mark != MARK or length > LONGEST:
        msg = f"a frame began with mark {mark:#06x}, kind {kind}, {length} bytes"
        raise GarbledFrameError(msg)
    return kind, flags, length


def pack_offsets(offsets: list[int]) -> bytes:
    """Offsets of arena blocks that are free again."""
    return b"".join(map(OFFSET.pack, offsets))


def unpack_offsets(body: bytes | memoryview) -> Iterator[int]:
    """Offsets packed by `pack_offsets`."""
    return (offset for (offset,) in OFFSET.iter_unpack(body))
