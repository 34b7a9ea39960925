"""Crews that are kept between calls: who gets one, and that nobody gets another's."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import breakeven as be
from breakeven.backends.crews import Crews
from breakeven.ledger.recorder import Recorder
from breakeven.testing import tasks
from breakeven.work import Options

THREADS = 16
ROUNDS = 400


def test_threads_that_look_for_a_crew_at_once_get_one_each() -> None:
    """Whoever finds the shelf empty hires; nobody trips over another who was quicker."""
    crews = [Crews(Options(max_workers=1, start_method="spawn")) for _ in range(THREADS)]
    failed: list[BaseException] = []

    def take_and_give_back(own: Crews) -> None:
        try:
            for at in range(ROUNDS):
                crew = own.acquire(Recorder())
                assert holders.setdefault(id(crew), threading.get_ident()) == threading.get_ident()
                del holders[id(crew)]
                if at % 2:
                    own.give_back(crew)
                else:  # so that there are fewer than threads that look for one
                    crew.close()
        except BaseException as error:  # noqa: BLE001 - raised below, where the test sees it
            failed.append(error)

    holders: dict[int, int] = {}
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threading.settrace(_trace)  # a look at each line is where threads may change over
    try:
        _together([threading.Thread(target=take_and_give_back, args=(own,)) for own in crews])
    finally:
        threading.settrace(None)
        sys.setswitchinterval(before)
        be.shutdown()
    assert not failed


def test_many_threads_may_map_at_once() -> None:
    """Each gets its own results."""
    results: dict[int, list[int]] = {}

    def double(start: int) -> None:
        for _ in range(5):
            results[start] = be.map(
                tasks.double, range(start, start + 20), backend="processes", start_method="forkserver", max_workers=1
            )

    _together([threading.Thread(target=double, args=(100 * number,)) for number in range(8)])
    assert results == {100 * number: [2 * (100 * number + at) for at in range(20)] for number in range(8)}


def _trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001 - as sys.settrace calls it
    return _trace if frame.f_code.co_filename.endswith("crews.py") else None


def _together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
