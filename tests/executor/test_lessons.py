"""What runs teach of transport: guarded, a little at a time, and said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import breakeven as be
from breakeven.backends.crews import Crews, drive
from breakeven.executor import known
from breakeven.executor.hearsay import Sums
from breakeven.executor.lessons import Lesson, ratios_of
from breakeven.ledger.recorder import Recorder
from breakeven.model.profile import FURTHEST, MachineProfile, assumed, profile_from, transport_corrected
from breakeven.model.sample import Payload, Sample
from breakeven.records import replace
from breakeven.work import ONE, Options, Work
from tests.executor.calls import total

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Sample(
    items=9, seconds=0.9, mean_seconds=0.1, spread_seconds=0.0, error=0.1, argument=Payload(), result=Payload()
)
BYTES = 100_000_000


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the profile is kept in these tests; there is none yet."""
    path = tmp_path / "profile"
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(path))
    monkeypatch.setattr(known, "_profile", None)
    yield path
    be.shutdown()


def run_of(**figures: float) -> Sums:
    """The sums of a run of 100 chunks that computed for ten seconds; `figures` beside that."""
    sums = Sums(Recorder())
    for name, figure in {"chunks": 100, "tasks": 100, "computed": 10.0, **figures}.items():
        setattr(sums, name, figure)
    return sums


def test_moving_arrays_is_held_against_the_profile() -> None:
    """What sending took beyond empty messages and pickling, over what the profile says of so many bytes."""
    profile = assumed(2)
    sent = 3 * BYTES * profile.shared_out_seconds_a_byte + 100 * profile.parent_chunk_seconds / 2
    found = ratios_of(run_of(shared_out=BYTES, sent=sent, parent=sent), SAMPLE, profile, 0.0)
    assert found == {"shared_out": pytest.approx(3.0)}
    returned = BYTES * profile.shared_in_seconds_a_byte / 2 + 100 * profile.worker_chunk_seconds / 2
    found = ratios_of(run_of(shared_in=BYTES, bytes_in=1000, worker=returned), SAMPLE, profile, 0.0)
    assert found == {"shared_in": pytest.approx(0.5)}


def test_few_bytes_teach_nothing() -> None:
    """However long they took."""
    assert ratios_of(run_of(shared_out=1000, sent=5.0, bytes_out=1000), SAMPLE, assumed(2), 0.0) == {}


def test_what_is_lost_among_other_costs_teaches_nothing() -> None:
    """Pickling took nearly all of the time."""
    dear = replace(SAMPLE, argument=Payload(dumps_seconds=0.01))
    assert ratios_of(run_of(shared_out=BYTES, sent=1.04, parent=1.04), dear, assumed(2), 0.0) == {}


@pytest.mark.parametrize("crowd", [{"queued_seconds": 3.0}, {"queued": 4.0}])
def test_a_disturbed_run_never_makes_a_transport_dearer(crowd: dict[str, Any]) -> None:
    """Neighbours only add; what was cheap in spite of them is cheap."""
    seconds = BYTES * assumed(2).shared_out_seconds_a_byte
    queued = crowd.pop("queued_seconds", 0.0)
    slow = run_of(shared_out=BYTES, sent=5 * seconds, parent=5 * seconds, **crowd)
    quick = run_of(shared_out=BYTES, sent=seconds / 2, parent=seconds / 2, **crowd)
    assert ratios_of(slow, SAMPLE, assumed(2), queued) == {}
    assert ratios_of(quick, SAMPLE, assumed(2), queued)["shared_out"] < 0.6


def test_one_run_is_believed_half_and_never_beyond_a_factor() -> None:
    """Four times as long makes it twice as dear, so does a hundred times."""
    before = assumed(2).shared_in_seconds_a_byte
    for ratio, times in ((4.0, 2.0), (100.0, 2.0), (0.25, 0.5), (1e-6, 0.5), (1.21, 1.1)):
        after = transport_corrected(assumed(2), {"shared_in": ratio})
        assert after.shared_in_seconds_a_byte == pytest.approx(times * before)
        assert after.shared_out_seconds_a_byte == assumed(2).shared_out_seconds_a_byte
        assert dict(after.transport) == {"shared_in": pytest.approx(times)}


def test_all_runs_together_move_a_profile_so_far_and_no_further() -> None:
    """What is further off is for a calibration."""
    profile = assumed(2)
    for _ in range(10):
        profile = transport_corrected(profile, {"out": 100.0})
    assert profile.out_segments[0].seconds_a_byte == pytest.approx(FURTHEST * assumed(2).out_segments[0].seconds_a_byte)
    assert profile.transport_runs == 10


@pytest.mark.parametrize("truth", [1 / 6, 6.0])
def test_a_wrong_profile_is_right_after_a_few_runs(truth: float) -> None:
    """Whichever way it was wrong."""
    right = assumed(2).shared_out_seconds_a_byte * truth
    profile = assumed(2)
    for _ in range(5):
        sent = BYTES * right + 100 * profile.parent_chunk_seconds / 2
        profile = transport_corrected(
            profile, ratios_of(run_of(shared_out=BYTES, sent=sent, parent=sent), SAMPLE, profile, 0.0)
        )
    assert profile.shared_out_seconds_a_byte == pytest.approx(right, rel=0.15)


def test_what_was_learnt_survives_being_plain_data() -> None:
    """By transport, and in how many runs."""
    profile = transport_corrected(assumed(2), {"shared_out": 3.0, "in": 0.5})
    assert profile_from(profile.to_dict()) == profile


def one_run(profile: MachineProfile) -> Recorder:
    """Move eighty megabytes to a worker, and learn from it."""
    known.set_profile(profile)
    options = Options(backend="processes", max_workers=1)
    recorder = Recorder()
    crews = Crews(options)
    crew = crews.acquire(recorder)
    lesson = Lesson(recorder)
    arrays = [np.full(250_000, float(at)) for at in range(40)]
    work = Work(total, arrays, mode=ONE, length=40, options=options)
    for _ in drive(crew, work, ordered=True, window=None):
        pass
    crews.give_back(crew)
    lesson.learn(SAMPLE, 0.0)
    return recorder


def test_a_real_run_corrects_a_profile_that_takes_transport_for_far_too_dear(place: Path) -> None:
    """And the report says so; a measured profile keeps it, `breakeven calibrate` tells."""
    wrong = replace(assumed(2), shared_out_seconds_a_byte=100 * assumed(2).shared_out_seconds_a_byte)
    recorder = one_run(wrong)
    assert known.profile().shared_out_seconds_a_byte == pytest.approx(wrong.shared_out_seconds_a_byte / 2)
    assert any("arrays to a worker took 0." in note and "corrected" in note for note in recorder.notes)
    assert known.profile().transport_runs == 1
    from breakeven.cli.calibrate import corrections

    assert list(corrections(known.profile())) == [
        "transport has been corrected since by what 1 runs moved: arrays to a worker × 0.50"
    ]
    assert not place.exists()  # it was assumed
