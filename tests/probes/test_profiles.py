"""The machine's profile on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from breakeven.model.profile import assumed, profile_from
from breakeven.probes.profiles import machine_key, profile_path, read_profile, write_profile
from breakeven.records import replace


def test_a_profile_that_was_written_is_read_again(tmp_path: Path) -> None:
    """Equal in every figure."""
    profile = replace(assumed(3), key=machine_key(), pickle=(("bytes", 1e-10, 2e-10), ("small tuples", 3e-9, 4e-9)))
    path = str(tmp_path / "room" / "profile")
    write_profile(path, profile.to_dict())
    plain = read_profile(path)
    assert plain is not None
    assert profile_from(plain) == profile


@pytest.mark.parametrize("text", ["", "nonsense", "a.b = 1\na = 2\n", "version = 'x", "a.1 = 3\n", "\0\0"])
def test_a_damaged_file_is_no_profile(tmp_path: Path, text: str) -> None:
    """And no error: it is as good as none."""
    path = tmp_path / "profile"
    path.write_text(text)
    plain = read_profile(str(path))
    if plain is not None:
        with pytest.raises((KeyError, TypeError, ValueError)):
            profile_from(plain)


def test_no_file_is_no_profile(tmp_path: Path) -> None:
    """An ordinary answer."""
    assert read_profile(str(tmp_path / "none")) is None


def test_nothing_is_left_beside_a_profile_that_cannot_be_written(tmp_path: Path) -> None:
    """The old one stays whole."""
    target = tmp_path / "profile"
    target.mkdir()
    with pytest.raises(OSError, match="profile"):
        write_profile(str(target), assumed(2).to_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["profile"]


def test_the_place_can_be_named_and_follows_the_cache_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """BREAKEVEN_PROFILE first, then XDG_CACHE_HOME."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("BREAKEVEN_PROFILE", raising=False)
    assert profile_path() == "/somewhere/breakeven/profile"
    monkeypatch.setenv("BREAKEVEN_PROFILE", "/elsewhere/p")
    assert profile_path() == "/elsewhere/p"


def test_the_key_names_machine_kernel_python_and_cpus() -> None:
    """What changes any of them makes the profile another's."""
    import platform

    key = machine_key()
    assert platform.release() in key
    assert platform.python_version() in key
    assert "CPUs" in key
