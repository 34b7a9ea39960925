"""The machine's profile: measured, kept, and measured again when the machine is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import breakeven as be
from breakeven.executor import calibration, known
from breakeven.model.profile import MachineProfile
from breakeven.probes.profiles import read_profile
from breakeven.records import replace
from tests.engine.harness import run_program


@pytest.fixture(scope="module")
def profile() -> MachineProfile:
    """This machine's, measured once."""
    return calibration.measure()


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the profile is kept in these tests."""
    path = tmp_path / "profile"
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(path))
    monkeypatch.setattr(known, "_profile", None)
    return path


def test_every_figure_of_a_measured_profile_is_one_that_a_machine_can_have(profile: MachineProfile) -> None:
    """Orders of magnitude, not values."""
    assert profile.source == "measured"
    assert {name for name, _ in profile.start} >= {"forkserver", "spawn"}
    for name, _ in profile.start:
        assert 1e-4 < profile.start_up(name, 2) < 10
    assert 1e-7 < profile.parent_chunk_seconds < 1e-2
    assert 1e-7 < profile.worker_chunk_seconds < 1e-2
    assert 1e-6 < profile.wake_seconds < 0.1
    assert all(1e7 < rate < 1e12 for rate in profile.bandwidth)
    assert profile.capacity[0] == 1.0
    assert all(0.4 < share <= busy for busy, share in enumerate(profile.capacity, 1))
    assert len(profile.capacity) == profile.cpus
    assert {shape for shape, _, _ in profile.pickle} >= {"bytes", "integers", "dict of texts"}
    assert profile.worker_bytes > 1_000_000


def test_a_profile_is_kept_and_used_until_the_machine_is_another(
    profile: MachineProfile, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured once, then read; measured again where its key is not this machine's."""
    measured = []

    def measure() -> MachineProfile:
        measured.append(1)
        return profile

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(calibration, "holds", lambda _: True)
    assert be.calibrate() == profile
    assert be.calibrate() == profile
    assert len(measured) == 1
    assert be.machine_profile() == profile
    plain = read_profile(str(place))
    assert plain is not None
    from breakeven.probes.profiles import write_profile

    write_profile(str(place), {**plain, "key": "another machine"})
    known.set_profile(None)
    assert be.machine_profile().source == "assumed"
    be.calibrate()
    assert len(measured) == 2


def test_a_machine_that_got_slower_does_not_hold_its_profile(profile: MachineProfile) -> None:
    """The canary tells."""
    assert not calibration.holds(replace(profile, canary_seconds=profile.canary_seconds * 3))
    assert not calibration.holds(replace(profile, canary_seconds=0.0))


def test_a_profile_that_cannot_be_kept_holds_for_this_process(
    profile: MachineProfile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a warning that says so."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BREAKEVEN_PROFILE", str(tmp_path / "file" / "profile"))
    monkeypatch.setattr(calibration, "measure", lambda: profile)
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert be.calibrate() == profile
    assert be.machine_profile() == profile


def test_the_command_prints_a_table_and_the_same_as_json(place: Path) -> None:
    """Every row with its unit."""
    program = "import sys; from breakeven.cli import main; sys.exit(main(sys.argv[1:]))"
    text = run_program(program, "calibrate", BREAKEVEN_PROFILE=str(place))
    for row in ("start-up to first results", "fork", "an empty chunk", "arrays through shared memory", "kept in"):
        assert row in text
    record = json.loads(run_program(program, "calibrate", "--json", BREAKEVEN_PROFILE=str(place)))
    assert record["path"] == str(place)
    assert record["source"] == "measured"
