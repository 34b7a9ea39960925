"""A chunk on its way out: pickled, its large parts put into the arena, framed, sent.

Lives here: what a worker is sent, and in which order. Never here: which worker (`dispatch`).
"""

from __future__ import annotations

import os
import sys
from _pickle import dumps, loads
from itertools import chain, groupby, islice

from breakeven.engine import blame, protocol
from breakeven.engine.codec import encode, pickled
from breakeven.engine.programs import Surroundings
from breakeven.ledger import recorder as states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.codec import Encoded, Known
    from breakeven.engine.functions import Function
    from breakeven.engine.member import Chunk, Member
    from breakeven.engine.roster import Roster

TOGETHER = 4  # chunks that are sent at once
ATOMS = frozenset((int, float, complex, bool, str, bytes, type(None), type, range))  # nobody can write into these
MOST_RUNS = 16  # of items of one type, after which it is quicker to look at each
SMALL = 4096  # bytes of a pickle up to which a chunk may wait for the others of its round


def send(crew: Roster, member: Member, chunk: Chunk) -> None:
    """Send a chunk to a worker; items that cannot be pickled are charged with that."""
    recorder, lending, function = crew.recorder, crew.lending, chunk.function
    mark = recorder.mark
    mark(states.SERIALISE)
    shared = chunk.sink.shared
    try:
        encoded = _encode(crew, chunk, shared)
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever pickling raised is the outcome of its item
        mark(states.DISPATCH)
        blame.refuse(crew, chunk, error)
        return
    now = mark(states.SEND)
    out = member.outbox
    waiting = bool(out)
    if function.key not in member.known:
        out.append(_introduce(crew, member, function))
    if not member.trusted and "multiprocessing.managers" in sys.modules:
        _trust(member, encoded, function.pickled)
    window = member.window
    if window is not None and window.released:
        gone = window.released[:]
        del window.released[: len(gone)]
        out.append(protocol.frame(protocol.FREE, protocol.pack_offsets(gone)))
    idle = not member.inflight
    out.append(_framed(crew, member, chunk, encoded))
    if encoded.table:
        lending.lend(member, encoded.table)
        if shared is not None:
            lending.pin(shared.offsets())
    member.inflight.append(chunk)
    chunk.path = recorder.path[:]
    chunk.sent = now
    function.argument_bytes = (len(encoded.stream) + encoded.shared_bytes) / chunk.count
    recorder.chunks += 1
    recorder.messages_out += 1
    recorder.shared_out += encoded.shared_bytes
    if idle or encoded.table or len(encoded.stream) > SMALL or len(out) >= TOGETHER:
        _post(crew, member)
    elif not waiting:
        crew.outgoing.append(member)
    mark(states.DISPATCH)


def flush(crew: Roster) -> None:
    """Send what waits for the others of its round: a system call a worker instead of one a chunk."""
    crew.recorder.mark(states.SEND)
    for member in crew.outgoing:
        if member.outbox:
            _post(crew, member)
    crew.outgoing.clear()


def _post(crew: Roster, member: Member) -> None:
    out = member.outbox
    data = out[0] if len(out) == 1 else b"".join(out)
    out.clear()
    crew.recorder.bytes_out += len(data)
    deliver(crew, member, data)


def deliver(crew: Roster, member: Member, data: bytes) -> None:
    """Put bytes on a worker's channel; what it does not take now follows when it does."""
    try:
        if not member.channel.send(data):
            crew.watch.writing(member.channel.descriptor, wanted=True)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has died; its sentinel says so, and the chunk goes to another


def _encode(crew: Roster, chunk: Chunk, shared: Known | None) -> Encoded:
    items = chunk.items
    if chunk.count > 1 and (type(items) is list or type(items) is tuple) and not _atoms(items):
        items = _each_with_its_own(items)
    try:
        return encode(items, crew.lending.arena, shared)
    except OSError as error:  # no pages left for shared memory: slower, and said in the report
        crew.recorder.note(f"shared memory was refused ({error}): arguments travelled through the channel")
        return encode(items, None)


def _atoms(items: list[Any] | tuple[Any, ...]) -> bool:
    """Whether nobody can write into any of the items. Runs of one type cost 12 ns an item, looked up they cost 19."""
    kinds = [kind for kind, _ in islice(groupby(items, type), MOST_RUNS)]
    return ATOMS.issuperset(kinds) and (len(kinds) < MOST_RUNS or ATOMS.issuperset(map(type, items)))


def _each_with_its_own(items: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    """The items as they are to be pickled together: what stands in several of them is to arrive as several copies.

    Pickle makes one object of it within a chunk, and a task that writes into it would be seen by those after it in
    the same chunk alone. Looked at are the items and the arguments in them, not what lies deeper (decision 0013).
    """
    kinds = set(map(type, items))
    if tuple not in kinds:
        if len(set(map(id, items))) == len(items):
            return items
    elif len(kinds) == 1 and ATOMS.issuperset(map(type, chain.from_iterable(items))):
        return items
    elif len(kinds) == 1:
        parts = [part for part in chain.from_iterable(items) if type(part) not in ATOMS]
        if len(set(map(id, parts))) == len(parts):
            return items
    seen: set[int] = set()
    own: list[Any] | None = None
    for at, item in enumerate(items):
        kind = type(item)
        if kind is tuple:
            if ATOMS.issuperset(map(type, item)):
                continue
            marks = {id(part) for part in item if type(part) not in ATOMS}
        elif kind in ATOMS:
            continue
        else:
            marks = {id(item)}
        if seen.isdisjoint(marks):
            seen |= marks
        else:
            own = own or list(items)
            own[at] = _Apart(item)
    return items if own is None else own


class _Apart:
    """An item that is pickled by itself, so that it shares nothing with those before it."""

    __slots__ = ("_item",)

    def __init__(self, item: Any) -> None:
        self._item = item

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return loads, (pickled(self._item, 1 << 62)[0],)


def _framed(crew: Roster, member: Member, chunk: Chunk, encoded: Encoded) -> bytes:
    function = chunk.function
    chunk.seq = crew.next_seq()
    flags = chunk.flags
    if member.started.tokens >= 0:
        flags |= protocol.CLAIM
        os.eventfd_write(member.started.tokens, 1)
    if encoded.stream_shared:
        flags |= protocol.STREAM_SHARED
    chunk.behind = bool(member.inflight)
    chunk.table = encoded.table
    chunk.hint = function.seconds or 0.0
    return protocol.chunk_frame(
        flags,
        (chunk.seq, function.key, chunk.first, chunk.count, encoded.buffers, chunk.hint, chunk.mode),
        encoded.table,
        encoded.stream,
    )


def _introduce(crew: Roster, member: Member, function: Function) -> bytes:
    """The function, and before it the module path if that has changed since the worker heard of it."""
    member.known.add(function.key)
    out = b""
    if sys.path != member.path:
        member.path = list(sys.path)
        out = protocol.frame(protocol.SETUP, dumps({"path": member.path}, 5))
    encoded = function.encoded
    if encoded.table:
        crew.lending.lend(member, encoded.table)
    head = protocol.FUNCTION_HEAD.pack(function.key, encoded.buffers, 0)
    flags = protocol.STREAM_SHARED if encoded.stream_shared else 0
    return out + protocol.frame(protocol.FUNCTION, b"".join((head, encoded.table, encoded.stream)), flags)


def bring_up_to_date(crew: Roster) -> None:
    """Tell workers that were kept what has changed here since: module path, environment, directory, logging."""
    now = Surroundings()
    levels = changed_levels(crew.setup)
    for member in crew.members:
        facts: dict[str, Any] = {"levels": levels} if levels else {}
        if sys.path != member.path:
            facts["path"] = member.path = list(sys.path)
        if not now.same_as(member.surroundings):
            facts.update(now.since(member.surroundings))
            member.surroundings = now
        if facts:
            deliver(crew, member, protocol.frame(protocol.SETUP, dumps(facts, 5)))


def changed_levels(setup: dict[str, Any]) -> dict[str, int]:
    """Levels of loggers that workers do not know yet; those that start from now on have them in `setup`."""
    if "logging" not in sys.modules:
        return {}
    from breakeven.engine import logs

    before, now = setup.get("levels") or {}, logs.levels()
    setup["levels"] = now
    return {name: now.get(name, 0) for name in (*now, *before) if now.get(name, 0) != before.get(name, 0)}


def _trust(member: Member, *payloads: Encoded | None) -> None:
    """What a manager of multiprocessing holds is reached with this process's key, which its own children inherit."""
    carried = [payload for payload in payloads if payload is not None]
    if any(payload.stream_shared or b"multiprocessing.managers" in payload.stream for payload in carried):
        from multiprocessing.process import current_process

        member.trusted = True
        member.outbox.append(protocol.frame(protocol.SETUP, dumps({"key": bytes(current_process().authkey)}, 5)))


def forget(crew: Roster, member: Member, function: Function) -> None:
    """Have a worker forget a function."""
    member.known.discard(function.key)
    deliver(crew, member, protocol.frame(protocol.FUNCTION, protocol.FUNCTION_HEAD.pack(function.key, 0, 1)))
