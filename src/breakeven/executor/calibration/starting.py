"""What it takes to have workers: processes by start method and number, and threads.

Lives here: two instruments. Never here: what is concluded.
"""

from __future__ import annotations

import threading
from time import perf_counter as clock

from breakeven.backends.crews import Crews, drive
from breakeven.ledger.recorder import Recorder
from breakeven.model.profile import StartUp
from breakeven.work import ONE, Options, Work

TIMES = {"fork": 5, "forkserver": 2, "spawn": 2}
THREADS = 20


def start_up(method: str, workers: int) -> StartUp:
    """From the decision to the first results of one worker and of `workers`: a line through both.

    The first start by forkserver pays for its template; what is measured are those after it, as in a program that
    starts workers more than once. The template's own cost is in `fixed_seconds` of spawn, which it resembles.
    """
    if method == "forkserver":
        _start(method, 1)
    one = min(_start(method, 1) for _ in range(TIMES[method]))
    many = min(_start(method, workers) for _ in range(TIMES[method]))
    each = max((many - one) / (workers - 1), 0.0)
    return StartUp(fixed_seconds=max(one - each, 0.0), each_seconds=each)


def _start(method: str, workers: int) -> float:
    options = Options(backend="processes", max_workers=workers, start_method=method, chunksize=1)
    recorder = Recorder()
    began = clock()
    crew = Crews(options).hire(recorder)
    try:
        work = Work(abs, list(range(workers)), mode=ONE, length=workers, options=options)
        for _ in drive(crew, work, ordered=True, window=None):
            pass
        return clock() - began
    finally:
        recorder.finish()
        crew.close()


def thread_start_seconds() -> float:
    """One thread, from its start to its end; the median of twenty."""
    taken = []
    for _ in range(THREADS):
        began = clock()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        taken.append(clock() - began)
    return sorted(taken)[THREADS // 2]
