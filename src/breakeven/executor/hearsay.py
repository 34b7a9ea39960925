"""What workers tell of a function that is not called in this process: time, CPU, and what its payload costs.

Lives here: the reading of a ledger that is still being written. Never here: what follows from it (`away`).
"""

from __future__ import annotations

from breakeven.executor import known
from breakeven.ledger import recorder as states
from breakeven.model.sample import Observed, Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.sample import Sample


class Hearsay:
    """What is known of a call's function from its ledger, from the first time that somebody listens."""

    def __init__(self, recorder: Recorder) -> None:
        self.observed = Observed()
        self.recorder = recorder
        self._before: Sums | None = None
        self._last = (0, 0.0, 0.0)  # tasks, seconds computed, CPU seconds, when somebody listened last

    @property
    def items(self) -> int:
        """How many have been done."""
        return 0 if self._before is None else self._last[0] - self._before.tasks

    def listen(self) -> None:
        """Take in what has been told since the last time. Costs 2 µs: it is done at every message."""
        tasks, computed, cpu = 0, 0.0, 0.0
        for lane in self.recorder.lanes:
            tasks += lane.tasks
            computed += lane.states[states.COMPUTED] - lane.split[1]
            cpu += lane.split[0]
        tasks_before, computed_before, cpu_before = self._last
        self._last = (tasks, computed, cpu)
        if self._before is None:  # the function has been pickled by now, which is no item's doing
            self._before = Sums(self.recorder)
        elif tasks > tasks_before:
            computed -= computed_before
            self.observed.add(tasks - tasks_before, computed)
            self.observed.used(cpu - cpu_before, computed, 0.0)

    def sample(self) -> Sample:
        """What can be said by now."""
        if self._before is None:
            return self.observed.sample()
        argument, result = self._payload(self._before)
        return self.observed.sample(argument=argument, result=result)

    def _payload(self, before: Sums) -> tuple[Payload, Payload]:
        """Seconds beyond those that messages and moving bytes take as well, shared out by what each side did."""
        profile, done = known.profile(), Sums(self.recorder).less(before)
        items, chunks = max(done.tasks, 1), done.chunks
        ours = max(1.0 - chunks * profile.parent_chunk_seconds / max(done.parent, 1e-9), 0.0)
        theirs = max(1.0 - chunks * profile.worker_chunk_seconds / max(done.worker, 1e-9), 0.0)
        out = done.shared_out * profile.shared_out_seconds_a_byte
        back = done.shared_in * profile.shared_in_seconds_a_byte
        return (
            Payload(
                stream_bytes=done.bytes_out / items,
                shared_bytes=done.shared_out / items,
                dumps_seconds=max(ours * done.serialised - out, 0.0) / items,
                loads_seconds=theirs * done.decoded / items,
            ),
            Payload(
                stream_bytes=done.bytes_in / items,
                shared_bytes=done.shared_in / items,
                dumps_seconds=max(theirs * done.encoded - back, 0.0) / items,
                loads_seconds=ours * done.deserialised / items,
            ),
        )


_SUMS = (
    "bytes_in", "bytes_out", "chunks", "computed", "cpu", "decoded", "deserialised", "encoded", "parent", "queued",
    "received", "sent", "serialised", "shared_in", "shared_out", "tasks", "worker",
)  # fmt: skip


class Sums:
    """A ledger's sums at one moment, or between two."""

    __slots__ = _SUMS

    def __init__(self, recorder: Recorder | None = None) -> None:
        if recorder is None:
            return
        lanes, totals = recorder.lanes, recorder.totals
        self.bytes_in, self.bytes_out = recorder.bytes_in, recorder.bytes_out  # of streams: arrays beside them are
        self.shared_in, self.shared_out = recorder.shared_in, recorder.shared_out  # counted here
        self.chunks = recorder.chunks
        self.tasks = sum(lane.tasks for lane in lanes)
        self.queued = sum(lane.split[1] for lane in lanes)
        self.computed = sum(lane.states[states.COMPUTED] for lane in lanes) - self.queued
        self.cpu = sum(lane.split[0] for lane in lanes)
        self.decoded = sum(lane.states[states.DECODED] for lane in lanes)
        self.encoded = sum(lane.states[states.ENCODED] for lane in lanes)
        self.worker = self.decoded + self.encoded + sum(lane.states[states.SENT] for lane in lanes)
        self.serialised, self.deserialised = totals[states.SERIALISE], totals[states.DESERIALISE]
        self.sent = self.serialised + totals[states.SEND] + totals[states.DISPATCH]
        self.received = self.deserialised + totals[states.RECEIVE] + totals[states.MERGE]
        self.parent = self.sent + self.received

    def less(self, before: Sums) -> Sums:
        """What has been added since."""
        added = Sums()
        for name in _SUMS:
            setattr(added, name, getattr(self, name) - getattr(before, name))
        return added
