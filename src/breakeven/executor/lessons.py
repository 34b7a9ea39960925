"""What a run in worker processes teaches of this machine's transport: what moving its bytes took against the profile.

Lives here: which runs teach anything, and by how much each transport was off. Never here: the correction
(`model.profile`), or where it is kept (`known`).

Guards: few bytes, or bytes whose moving was lost among other costs, teach nothing. Queueing for CPUs only ever adds: a
run that queued teaches at most that a transport is cheaper, never that it is dearer. One run is believed half, and
makes nothing more than twice as dear or cheap.
"""

from __future__ import annotations

from breakeven.executor import known
from breakeven.executor.hearsay import Sums
from breakeven.model.profile import TRANSPORTS, moving_seconds
from breakeven.model.sample import NOTHING
from breakeven.probes.kernel import queued_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.ledger.recorder import Recorder
    from breakeven.model.profile import MachineProfile
    from breakeven.model.sample import Sample

LEAST_SHARED_BYTES = 8 << 20
LEAST_BYTES = 1 << 20
LEAST_CHUNKS = 4
STANDS_OUT = 0.5  # of what a side spent on messages: what moving has to be, to be told from the rest
QUEUED_SHARE = 0.1  # of the work: who queued longer for CPUs had neighbours
WORTH_TELLING = 1.2  # times off: said in the report


class Lesson:
    """One run's transport, from when it first went to worker processes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._before = Sums(recorder)
        self._queued = queued_seconds()

    def learn(self, sample: Sample, pickling_seconds: float) -> None:
        """The run is over: correct the profile by what it has shown, and say so.

        The function took `pickling_seconds`, which is no item's doing.
        """
        queued, done = queued_seconds(), Sums(self._recorder).less(self._before)
        done.serialised -= pickling_seconds
        done.sent -= pickling_seconds
        done.parent -= pickling_seconds
        if done.chunks < LEAST_CHUNKS or queued is None or self._queued is None:
            return
        ratios = ratios_of(done, sample, known.profile(), queued - self._queued)
        if not ratios:
            return
        known.learn_transport(ratios)
        off = [kind for kind, ratio in ratios.items() if not 1 / WORTH_TELLING < ratio < WORTH_TELLING]
        if off:
            told = ", ".join(f"{TRANSPORTS[kind]} took {ratios[kind]:.2g} × what the profile said" for kind in off)
            self._recorder.note(f"{told}: it has been corrected")


def ratios_of(done: Sums, sample: Sample, profile: MachineProfile, queued_seconds: float) -> dict[str, float]:
    """Transport → how many times as long as the profile says it took, of those that moved enough.

    `queued_seconds` is how long the parent queued for a CPU.
    """
    calm = queued_seconds <= QUEUED_SHARE * (done.parent + done.computed)
    calm = calm and done.queued <= QUEUED_SHARE * (done.computed + done.queued)
    argument, result = sample.argument or NOTHING, sample.result or NOTHING
    empty = done.chunks * profile.parent_chunk_seconds / 2
    theirs = done.chunks * profile.worker_chunk_seconds / 2 + done.tasks * result.dumps_seconds
    channel_out = done.chunks * moving_seconds(profile.out_segments, done.bytes_out / done.chunks)
    channel_in = done.chunks * moving_seconds(profile.in_segments, done.bytes_in / done.chunks)
    copied_out = done.shared_out * profile.shared_out_seconds_a_byte
    copied_in = done.shared_in * profile.shared_in_seconds_a_byte
    sending = empty + done.tasks * argument.dumps_seconds
    returned = done.worker - done.decoded
    found = {}
    if done.shared_out >= LEAST_SHARED_BYTES:
        found["shared_out"] = _ratio(done.sent, sending + channel_out, copied_out)
    if done.shared_in >= LEAST_SHARED_BYTES:
        found["shared_in"] = _ratio(returned, theirs, copied_in)
    if done.bytes_out >= LEAST_BYTES:
        found["out"] = _ratio(done.sent, sending + copied_out, channel_out)
    if done.bytes_in >= LEAST_BYTES:
        received = empty + done.tasks * result.loads_seconds
        found["in"] = _ratio(done.received, received, channel_in)
    return {kind: ratio for kind, ratio in found.items() if ratio is not None and (calm or ratio < 1.0)}


def _ratio(spent: float, others: float, expected: float) -> float | None:
    """What was spent on moving over what was expected; None where it does not stand out among the others."""
    moved = spent - others
    return None if expected <= 0 or moved < STANDS_OUT * spent else moved / expected
