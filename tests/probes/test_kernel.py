"""Files that the kernel makes up while they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from breakeven.probes import kernel

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_longer_than_the_kernel_hands_out_at_once_is_read_whole() -> None:
    """/proc/self/maps comes a page at a time; the stack is among its last lines."""
    whole = kernel.read_bytes("/proc/self/maps") or b""
    assert b"[stack]" in whole
    assert whole.endswith(b"\n")


def test_bytes_that_are_no_text_still_make_a_path_that_opens(tmp_path: Path) -> None:
    """A path read from a file and opened again is the same path."""
    name = os.fsencode(tmp_path) + b"/\xff"
    with open(name, "wb") as file:
        file.write(name)
    assert os.path.exists(kernel.read_text(os.fsdecode(name)) or "")


def test_what_is_no_number_is_not_measured(tmp_path: Path) -> None:
    """Absent, empty, a word, a directory: all the same answer."""
    (tmp_path / "word").write_text("max\n")
    (tmp_path / "empty").touch()
    for name in ("word", "empty", "absent", "."):
        assert kernel.read_number(str(tmp_path / name)) is None


def test_a_field_is_found_by_its_whole_name() -> None:
    """Neither by its beginning nor in the middle of a line."""
    table = b"total_x 1\nx_total 2\ny x\nx 3 kB\n"
    assert kernel.field(table, b"x") == 3
    assert kernel.field(table, b"y") is None
    assert kernel.field(table, b"z") is None
    assert kernel.field(None, b"x") is None


def test_the_threads_of_this_process_include_this_one() -> None:
    """The main thread's number is the process's."""
    assert os.getpid() in (kernel.thread_ids() or [])


def test_reading_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """Neither after success nor after failure."""
    before = os.listdir("/proc/self/fd")
    for path in ("/proc/self/statm", str(tmp_path), str(tmp_path / "absent")):
        kernel.read_bytes(path)
    assert os.listdir("/proc/self/fd") == before
