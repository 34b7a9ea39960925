"""Whether a place does the work that was promised of it: useful seconds over elapsed ones, in a window.

Lives here: that measurement. Never here: what follows from it (`steering`).
"""

from __future__ import annotations

from breakeven.ledger import recorder as states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.backends.mixed import Mixed
    from breakeven.ledger.recorder import Recorder

WINDOW_SECONDS = 60e-3  # shorter, and a neighbour's moment decides
SHORT_SECONDS = 20e-3  # enough to see that it is hopeless
TRIAL_SECONDS = 6e-3  # enough for threads on trial
MOSTLY_WAITING = 0.5  # CPU over wall below which a thread's CPU says little of what it does
QUEUED_SHARE = 0.1  # of what they computed: workers that queued longer for CPUs had neighbours
ROUNDS = 2  # every worker should have done so many items before it is judged


class Promise:
    """What one place has done since a moment: `gain` is how many loops' worth of work."""

    __slots__ = ("_items", "_recorder", "_share", "_since", "_useful", "seconds_an_item")

    def __init__(self, recorder: Recorder, mixed: Mixed, now: float, cpu_share: float) -> None:
        self._recorder = recorder
        self._share = cpu_share
        self.seconds_an_item = mixed.seconds_an_item
        self.restart(mixed, now)

    def restart(self, mixed: Mixed, now: float) -> None:
        """Begin a new window."""
        self._since = now
        self._useful = self._done(mixed)
        self._items = self._recorder.items

    def gain(self, mixed: Mixed, now: float, least_seconds: float) -> float | None:
        """Loops' worth of work done in the window; None while it is too short to say."""
        window = now - self._since
        if window < least_seconds or self._recorder.items - self._items < ROUNDS * mixed.facts["workers"]:
            return None
        return (self._done(mixed) - self._useful) / window

    def over(self, now: float) -> bool:
        """Whether the window is as long as it need be."""
        return now - self._since > WINDOW_SECONDS

    def _done(self, mixed: Mixed) -> float:
        """Seconds that the work done so far would have taken a loop.

        Of processes: what they computed, less their queueing for CPUs. Of threads: their CPU, since what they computed
        includes queueing for the GIL; where items mostly wait, what they took in the calling thread.
        """
        lanes = self._recorder.lanes
        if mixed.place == "processes":
            return sum(lane.states[states.COMPUTED] - lane.split[1] for lane in lanes)
        if self._share < MOSTLY_WAITING:
            return self._recorder.items * self.seconds_an_item
        return sum(lane.split[0] for lane in lanes) / min(self._share, 1.0)


def seconds_a_task(recorder: Recorder) -> float | None:
    """What an item took in workers, less their queueing; None where none has done any."""
    tasks = sum(lane.tasks for lane in recorder.lanes)
    if not tasks:
        return None
    return sum(lane.states[states.COMPUTED] - lane.split[1] - lane.split[2] for lane in recorder.lanes) / tasks


def crowded(recorder: Recorder) -> bool:
    """Whether workers queued for CPUs: so did the calling thread then, and what items took here is too much."""
    lanes = recorder.lanes
    queued = sum(lane.split[1] for lane in lanes)
    return queued > QUEUED_SHARE * sum(lane.states[states.COMPUTED] for lane in lanes)
