"""Options of instruments: what is wrong is said before anything is started, by the command line with exit code 2."""

from __future__ import annotations

import pytest

from breakeven.cli import main


@pytest.mark.parametrize(
    "words, told",
    [
        (["collectives", "--ranks", "two"], "write whole numbers"),
        (["collectives", "--ranks", "1"], "at least 2"),
        (["memory", "--payload", "many"], "--payload"),
        (["memory", "--workers", "0"], "at least 1"),
        (["sharing", "--adders", "1"], "at least 2"),
        (["frames", "--rate", "0"], "more than 0"),
        (["frames", "--size", "50 Mb"], "counts bits"),
        (["frames", "--depth", "0"], "at least 1"),
        (["copies", "--size", "100 B"], "at least 262144"),
        (["bandwidth", "--sizes", "8 EiB"], "do not fit into the memory"),
        (["latency", "--transports", ","], "no transport ''"),
        (["channels", "--placement", "moon"], "no placement 'moon'"),
        (["gil", "math:nope"], "names no function"),
    ],
)
def test_a_wrong_option_is_wrong_usage(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr that names it, nothing on stdout."""
    assert main(["lab", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_a_module_that_cannot_be_imported_ends_start_up_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    """What the program wrote is told, and the exit code is 1."""
    assert main(["lab", "startup", "--quick", "--imports", "no_such_module_anywhere"]) == 1
    assert "No module named 'no_such_module_anywhere'" in capsys.readouterr().err
