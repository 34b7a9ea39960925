"""What workers tell of a function that is not called in this process: time, CPU, and what its payload costs.

Lives here: the reading of a ledger that is still being written. Never here: what follows from it (`away`).
"""

from __future__ import annotations

from breakeven.executor import known
from breakeven.ledger import recorder as states
from breakeven.model.sample import Observed, Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.engine.functions import Function
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample

PARENT = (states.SERIALISE, states.SEND, states.DISPATCH, states.RECEIVE, states.DESERIALISE, states.MERGE)


class Hearsay:
    """What is known of a call's function from its ledger, from the first time that somebody listens."""

    def __init__(self, recorder: Recorder) -> None:
        self.observed = Observed()
        self.recorder = recorder
        self._before: _Sums | None = None
        self._seen = _Sums(recorder)
        self._bytes = (0.0, 0.0)  # of an item, of a result: the last ones

    @property
    def items(self) -> int:
        """How many have been done."""
        return 0 if self._before is None else self._seen.tasks - self._before.tasks

    def listen(self, function: Function) -> None:
        """Take in what has been told since the last time."""
        seen, before = _Sums(self.recorder), self._seen
        if self._before is None:  # the function has been pickled by now, which is no item's doing
            self._before = self._seen = seen
            return
        if seen.tasks == before.tasks:
            return
        self._seen = seen
        self._bytes = function.argument_bytes, function.result_bytes
        computed, cpu = seen.computed - before.computed, seen.cpu - before.cpu
        self.observed.add(seen.tasks - before.tasks, computed)
        self.observed.used(cpu, computed, 0.0)

    def sample(self) -> Sample:
        """What can be said by now."""
        if self._before is None:
            return self.observed.sample()
        argument, result = self._payload(self._before)
        return self.observed.sample(argument=argument, result=result)

    def _payload(self, before: _Sums) -> tuple[Payload, Payload]:
        """Seconds beyond those that empty messages take as well, shared out by what each side did."""
        seen, profile = self._seen, known.profile()
        chunks, items = seen.chunks - before.chunks, max(self.items, 1)
        parent, worker = seen.parent - before.parent, seen.worker - before.worker
        ours = max(1.0 - chunks * profile.parent_chunk_seconds / max(parent, 1e-9), 0.0) / items
        theirs = max(1.0 - chunks * profile.worker_chunk_seconds / max(worker, 1e-9), 0.0) / items
        argument_bytes, result_bytes = self._bytes
        return (
            Payload(
                stream_bytes=argument_bytes,
                dumps_seconds=ours * (seen.serialised - before.serialised),
                loads_seconds=theirs * (seen.decoded - before.decoded),
            ),
            Payload(
                stream_bytes=result_bytes,
                dumps_seconds=theirs * (seen.encoded - before.encoded),
                loads_seconds=ours * (seen.deserialised - before.deserialised),
            ),
        )


class _Sums:
    """A ledger's sums at one moment."""

    __slots__ = (
        "chunks", "computed", "cpu", "decoded", "deserialised", "encoded", "parent", "serialised", "tasks", "worker",
    )  # fmt: skip

    def __init__(self, recorder: Recorder) -> None:
        lanes, totals = recorder.lanes, recorder.totals
        self.tasks = sum(lane.tasks for lane in lanes)
        self.computed = sum(lane.states[states.COMPUTED] - lane.split[1] for lane in lanes)
        self.cpu = sum(lane.split[0] for lane in lanes)
        self.decoded = sum(lane.states[states.DECODED] for lane in lanes)
        self.encoded = sum(lane.states[states.ENCODED] for lane in lanes)
        self.worker = self.decoded + self.encoded + sum(lane.states[states.SENT] for lane in lanes)
        self.serialised, self.deserialised = totals[states.SERIALISE], totals[states.DESERIALISE]
        self.parent = sum(totals[state] for state in PARENT)
        self.chunks = recorder.chunks
