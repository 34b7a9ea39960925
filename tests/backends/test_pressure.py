"""The probe of the GIL: right beside programs that want the same CPUs, too."""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from _thread import get_ident
from statistics import median
from typing import TYPE_CHECKING

import pytest

from breakeven.backends.pressure import GilProbe
from breakeven.lab.instruments.gil.instrument import gil_enabled
from breakeven.probes.capacity import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = bytes(1 << 20)
pytestmark = pytest.mark.skipif(not gil_enabled(), reason="this interpreter has no GIL")


def hog() -> None:
    """Compute until killed."""
    while True:
        pass


@pytest.fixture(params=["alone", pytest.param("beside a hog a CPU", marks=pytest.mark.soak)])
def _neighbours(request: pytest.FixtureRequest) -> Iterator[None]:
    """None, or one a CPU; they are gone when the test is over."""
    many = 0 if request.param == "alone" else usable_cpus()
    hogs = [multiprocessing.get_context("spawn").Process(target=hog, daemon=True) for _ in range(many)]
    try:
        for one in hogs:
            one.start()
        yield
    finally:
        for one in hogs:
            if one.pid is not None:
                one.kill()
                one.join()
                one.close()


def share_of(fn: Callable[[], object]) -> float:
    """The middle of seven samples of 100 ms."""
    seen = []
    for seed in range(7):
        probe = GilProbe(seed, watched=get_ident())
        probe.start()
        end = time.perf_counter() + 0.1
        while time.perf_counter() < end:
            fn()
        seen.append(probe.stop())
    return median(seen)


@pytest.mark.usefixtures("_neighbours")
def test_a_loop_holds_the_gil_and_checksums_and_sleep_do_not() -> None:
    """The ends are told apart whoever else computes."""
    assert share_of(lambda: sum(at * at for at in range(5000))) > 0.6
    assert share_of(lambda: hashlib.sha256(BLOCK).digest()) < 0.35
    assert share_of(lambda: time.sleep(0.002)) < 0.1


def test_a_probe_leaves_no_thread_and_no_descriptor() -> None:
    """Asked or not; the fixture of all tests looks."""
    probe = GilProbe(watched=get_ident())
    probe.start()
    assert 0.0 <= probe.stop() <= 1.0


def test_a_probe_that_had_no_time_says_nothing() -> None:
    """Nought, and how often it has looked."""
    probe = GilProbe()
    probe.start()
    assert probe.stop() == 0.0
