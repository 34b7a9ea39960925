"""Every way for a payload to travel: what is sent arrives, both ways, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breakeven.lab.processes import placing
from breakeven.lab.processes.forking import PartnerGone
from breakeven.lab.transports import LOCAL, MPI
from breakeven.lab.transports.exchange import (
    BOTH,
    ONE_WAY,
    ROUND_TRIP,
    STAGES,
    STREAM,
    WAITING,
    Garbled,
    Order,
    _send_and_receive,
)
from breakeven.lab.transports.links import chosen, has_mpi, opened
from breakeven.lab.transports.payloads import SHAPES, fingerprint, make, objects_in
from breakeven.lab.transports.streams import pipes

LARGE = 300_000  # more than a pipe, a socket or the arena's threshold takes at once


@pytest.mark.parametrize("name", [*LOCAL, MPI])
def test_every_transport_carries_every_exchange(name: str) -> None:
    """Empty, small and large messages, one way, there and back, in windows, and in both directions."""
    if name == MPI and not has_mpi():
        pytest.skip("no MPI launcher here")
    with opened([name], 4 * LARGE) as links:
        link = links[name]
        for size in (0, 1000, LARGE):
            assert len(link.run(Order(ONE_WAY, size_bytes=size, count=3))["one-way"]) == 3
            assert min(link.run(Order(ROUND_TRIP, size_bytes=size, count=2))["round trip"]) > 0
            assert min(link.run(Order(STREAM, size_bytes=size, window=4))["window"]) > 0
            assert min(link.run(Order(BOTH, size_bytes=size, window=3))["window"]) > 0


@pytest.mark.parametrize("name", ["os.pipe", "mp.Pipe", "shared_memory", "our arena"])
@pytest.mark.parametrize("size", [0, 1000, LARGE])
def test_the_stages_of_every_message_add_up_to_its_one_way_time(name: str, size: int) -> None:
    """They are differences of the stamps between which it lies; waiting is a part of sending."""
    with opened([name], 4 * LARGE) as links:
        found = links[name].run(Order(ONE_WAY, size_bytes=size, count=4))
    parts = [sum(part) for part in zip(*(found[one] for one in STAGES), strict=True)]
    assert parts == pytest.approx(found[ONE_WAY])
    assert all(seconds >= 0 for part in found.values() for seconds in part)
    assert all(wait <= send for wait, send in zip(found[WAITING], found["send"], strict=True))


def test_a_pipe_that_is_full_keeps_its_sender_waiting() -> None:
    """Four million bytes do not fit: on one CPU nothing is read while the sender runs."""
    with opened(["os.pipe"], 4 << 20) as links:
        found = links["os.pipe"].run(Order(ONE_WAY, size_bytes=4 << 20, count=3, cpus=placing.cpus_of(placing.ONE)))
    assert all(wait > 0 for wait in found[WAITING])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_travels_pickled_or_as_it_is(shape: str) -> None:
    """Through one of ours and one of the standard library's; the far side's checksum is compared by the near side."""
    with opened(["our arena", "mp.Queue"], 4 * LARGE) as links:
        for link in links.values():
            assert min(link.run(Order(ONE_WAY, shape, LARGE, count=2))["one-way"]) > 0


def test_a_payload_that_changes_on_its_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The near side is made to believe it sent something else: that is what a transport that garbles looks like."""
    with opened(["os.pipe"], 4096) as links:
        monkeypatch.setattr("breakeven.lab.transports.exchange.fingerprint", lambda payload: fingerprint(payload) ^ 1)
        with pytest.raises(Garbled, match="bytes came through changed"):
            links["os.pipe"].run(Order(ONE_WAY, size_bytes=100))


def test_payloads_are_new_and_random_each_time_and_the_same_for_the_same_seed() -> None:
    """Two messages of an order differ; two orders with one seed are equal."""
    for shape in SHAPES:
        rng, again = np.random.default_rng(7), np.random.default_rng(7)
        first, second = make(shape, 4000, rng), make(shape, 4000, rng)
        assert fingerprint(first) != fingerprint(second)
        assert fingerprint(make(shape, 4000, again)) == fingerprint(first)
        assert objects_in(first) >= 1


def test_a_message_longer_than_a_slot_of_shared_memory_is_refused_with_what_to_do() -> None:
    """It would overwrite the next slot."""
    with (
        opened(["shared_memory"], 4096) as links,
        pytest.raises(ValueError, match="larger than a slot of 4096; open it with more capacity"),
    ):
        links["shared_memory"].run(Order(ONE_WAY, size_bytes=5000))


def test_an_unknown_transport_is_refused_with_the_list() -> None:
    """The names are told."""
    with pytest.raises(ValueError, match=r"no transport 'telepathy'; there are: os.pipe, socketpair"):
        chosen("telepathy")


def test_a_partner_that_dies_is_an_error_and_not_a_wait_for_ever() -> None:
    """Its end of the pipe closes; the link can still be closed."""
    with opened(["os.pipe"], 4096) as links:
        link: Any = links["os.pipe"]
        os.kill(link.pid, signal.SIGKILL)
        with pytest.raises((EOFError, OSError, PartnerGone)):  # told by its pipe or by the kernel, whichever is first
            link.run(Order(ONE_WAY, size_bytes=10))


def test_sending_both_ways_to_one_who_has_gone_is_one_error_and_no_complaint_of_a_thread() -> None:
    """The reading side raises; what the sending thread is told as well would only be printed."""
    pair = pipes(4096)
    pair.theirs.close()
    try:
        with pytest.raises(EOFError):
            _send_and_receive(pair.ours, [b"x" * LARGE])
    finally:
        pair.ours.close()


def test_a_partner_ends_when_its_parent_is_killed() -> None:
    """No process outlives the one that measures, however that ends."""
    program = (
        "import os, signal\n"
        "from breakeven.lab.transports.links import opened\n"
        "with opened(['mp.Queue'], 4096) as links:\n"
        "    print(links['mp.Queue'].pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    partner = Path(f"/proc/{int(run.stdout)}")
    deadline = time.monotonic() + 5
    while partner.exists() and "Z" not in (partner / "stat").read_text().split()[2] and time.monotonic() < deadline:
        os.sched_yield()
    assert not partner.exists() or (partner / "stat").read_text().split()[2] == "Z"


@pytest.mark.parametrize("name", ["mp.Queue", "os.pipe"])
def test_a_partner_that_is_killed_ends_the_exchange(name: str) -> None:
    """Both sides hold both ends of a queue, so nothing but its death itself can tell."""
    with opened([name], 4096) as links:
        link = links[name]
        os.kill(link.pids[1], signal.SIGSTOP)  # whatever is sent now has no answer
        killing = threading.Timer(0.05, os.kill, (link.pids[1], signal.SIGKILL))
        killing.start()
        with pytest.raises(PartnerGone, match="-9"):
            link.run(Order(ROUND_TRIP, size_bytes=100, count=3))
        killing.join()
