"""What malloc keeps of freed memory: holes are made, and nothing that is counted lies in them."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

HOLES = """
blocks, posts = [], []
for megabytes in range(1, 32):
    bytes(megabytes << 20)  # mapped, and freed: from now on blocks of this size come from the heap
for _ in range(4):
    for _ in range(3):
        block = bytearray(20 << 20)
        block[::4096] = b"x" * len(block[::4096])
        blocks.append(block)
    posts.append(bytearray(100_000))  # what stays between the holes
del block, blocks
"""
"""Makes four holes of 60 MiB in the heap, all of them resident."""

COUNT = """
from breakeven.lab.instruments import copies
found = copies.measure(quick=True, transports="mp.Pipe", shapes="bytes", seconds=0.1)
print(*(found.rows[0][name].median for name in ("sender", "receiver")), found.rows[0]["sender"].n)
"""

REUSE = """
from breakeven.lab.processes.heap import nothing_kept
from breakeven.lab.processes.watching import high_water_bytes, reset_high_water
import os
def peak():
    reset_high_water(os.getpid())
    before = high_water_bytes(os.getpid())
    bytes(bytearray(16 << 20))
    return (high_water_bytes(os.getpid()) - before) / (16 << 20)
kept = peak()
with nothing_kept():
    print(kept, peak())
"""

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="no glibc of 2.33 or later")


def _figures(program: str) -> list[float]:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return [float(word) for word in ran.stdout.split()]


def test_two_blocks_in_a_hole_of_the_heap_count_only_while_nothing_is_kept() -> None:
    """Twice 16 MiB in holes add nothing to what is resident; told to keep nothing, malloc maps both."""
    kept, mapped = _figures(HOLES + REUSE)
    assert kept < 0.1
    assert mapped == pytest.approx(2, abs=0.1)


def test_copies_are_counted_right_in_a_process_that_has_freed_much() -> None:
    """Two at each end of mp.Pipe, in three samples at least, though both ends have room for them already."""
    sender, receiver, samples = _figures(HOLES + COUNT)
    assert sender == pytest.approx(2, abs=0.15)
    assert receiver == pytest.approx(2, abs=0.15)
    assert samples >= 3
