"""What the lab is held against: the outside reference works, and the verdicts' arithmetic is right."""

from __future__ import annotations

import pytest

from benchmarks.lab.reference import Reference
from benchmarks.lab.verdicts import apart, copies_apart


@pytest.mark.parametrize("kind", ["os.pipe", "socketpair"])
def test_the_reference_echoes_and_streams_small_and_large_messages(kind: str) -> None:
    """It compares what comes back itself; larger than a pipe, its partner has to read while it writes."""
    reference = Reference(kind)
    try:
        for size in (1, 4096, 300_000):
            assert min(reference.half_round_trips(size, 3)) > 0
            assert len(reference.windows(size, 4, 2)) == 2
    finally:
        reference.close()


def test_two_instruments_are_apart_by_the_worst_of_their_series() -> None:
    """Turn by turn, so that a turn that was slow for both counts for neither."""
    found = {
        "4 KiB latency, lab": [10.0, 22.0, 33.0],
        "4 KiB latency, reference": [10.0, 20.0, 30.0],
        "1 MiB latency, lab": [105.0],
        "1 MiB latency, reference": [100.0],
        "1 MiB rate, lab": [1.0],
        "1 MiB rate, reference": [2.0],
    }
    assert apart("latency", "lab", "reference")(found) == pytest.approx(10)
    assert apart("latency", "lab", "reference", without="4 KiB")(found) == pytest.approx(5)


def test_copies_are_apart_by_the_worst_side() -> None:
    """In copies, not in per cent."""
    found = {"a: instrument": [2.0], "a: PSS": [1.9], "b: instrument": [1.5], "b: PSS": [1.75]}
    assert copies_apart(found) == pytest.approx(0.25)
