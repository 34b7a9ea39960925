"""Does a function hold the GIL, and for how much of its time? Threads can help with the rest.

  breakeven lab gil                       examples, and mixtures whose share is known
  breakeven lab gil MODULE:FUNC           a function of yours, called without arguments, or
  breakeven lab gil path/to/file.py:FUNC  of a file …
  breakeven lab gil MODULE:FUNC --args '[1000, "x"]'

A second thread sleeps for random times and sees, whenever it wakes up, whether it has to wait for the lock: wake-ups
at random moments see time averages. No second CPU is needed. Where other programs want the CPUs too, shares between the
ends come out some 5 to 15 points too high; the mixtures tell how far off, and the ends are told apart all the same.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from breakeven.errors import UsageError
from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.measuring.statistics import median
from breakeven.probes.kernel import queued_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from breakeven.lab.measuring.method import Taken

INCHES = (8.6, 5.4)
SAMPLE_SECONDS, QUICK_SAMPLE_SECONDS = 0.1, 0.05
BUDGET_SECONDS, QUICK_BUDGET_SECONDS = 40.0, 2.0
LONGEST_SAMPLE = 5
"""Times as long as on an idle machine, at most."""
HOLDS, FREE = 0.9, 0.1
CLOSE = 0.1
MUCH_QUEUED = 20.0
"""Per cent of its time from which on a function's queueing for a CPU makes its share unsure."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the function and what it is called with."""
    parser.add_argument("func", nargs="?", metavar="MODULE:FUNC", help="a function (default: examples)")
    parser.add_argument("--args", default="[]", metavar="JSON", help="its arguments, a list in JSON (default: [])")


def measure(*, quick: bool, func: str | None = None, args: str = "[]") -> Finding:
    """Watch a function of the user's, or the examples and mixtures."""
    from breakeven.lab.instruments.gil.examples import EXAMPLES, SHARES, Mixture

    if func is None:
        called: dict[str, Callable[[], object]] = dict(EXAMPLES)
        called |= {f"a mixture, {100 * share:g} %": Mixture(share) for share in SHARES}
    else:
        called = {func: found(func, args)}
    seconds = QUICK_SAMPLE_SECONDS if quick else SAMPLE_SECONDS
    cases = [Case(name, partial(watch, fn, seconds)) for name, fn in called.items()]
    budget = QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS
    most = (3 if func is None else 11) if quick else 41
    taken = take(cases, budget_seconds=budget, warm=False, least=most, most=most, always=2)
    rows = tuple(_row(name, taken) for name in called if taken.of(name, "held"))
    return Finding(
        instrument="gil",
        headline=_headline(rows, func),
        conditions=conditions(sample_seconds=seconds, gil_enabled=gil_enabled(), **taken.facts()),
        rows=rows,
        notes=(
            "GIL held: share of the time in which the lock was held. CPU: of the process, all threads, by wall clock.",
            "Queued: share of the time in which the function could run and had no CPU: what others take.",
            f"Use: threads where at most {100 * FREE:g} % is held, processes where {100 * HOLDS:g} % or more is.",
            "In between, any number of threads is at most 1 / (share held) times as fast as one.",
            *_accuracy(rows),
            *_company(rows),
        ),
        interrupted=taken.interrupted,
    )


def watch(fn: Callable[[], object], seconds: float) -> dict[str, float]:
    """Call a function again and again for so long, and watch; per cent, milliseconds, the known share if it tells.

    How long it queued for a CPU meanwhile is added, so that a busy machine leaves as much to be seen as an idle one.
    """
    from _thread import get_ident

    from breakeven.backends.pressure import GilProbe
    from breakeven.lab.instruments.gil.examples import Mixture

    if isinstance(fn, Mixture):
        fn.held_seconds = fn.free_seconds = 0.0
    calls = 0
    probe = GilProbe(watched=get_ident())
    probe.start()
    try:
        began, cpu, queued = perf_counter(), process_time(), queued_seconds() or 0.0
        end = began + seconds
        while not calls or perf_counter() < end:
            fn()
            calls += 1
            if perf_counter() >= end:
                end = began + min(seconds + (queued_seconds() or 0.0) - queued, LONGEST_SAMPLE * seconds)
        wall, used = perf_counter() - began, process_time() - cpu
    finally:
        share = probe.stop()
    waited = (queued_seconds() or 0.0) - queued
    figures = {"held": 100 * share, "call": 1e3 * wall / calls, "cpu": 100 * used / wall, "queued": 100 * waited / wall}
    return figures | ({"known": 100 * fn.known()} if isinstance(fn, Mixture) else {})


def found(text: str, args: str) -> Callable[[], object]:
    """The user's function with its arguments bound. Raises `UsageError` where there is none, or they are no list."""
    from pkgutil import resolve_name

    where, _, name = text.rpartition(":")
    path = Path(where)
    folder = str(path.resolve().parent if path.suffix == ".py" else Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        fn: Any = resolve_name(f"{path.stem}:{name}" if path.suffix == ".py" else text)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{text!r} names no function: {error}; write MODULE:FUNC or path/to/file.py:FUNC", "func"
        ) from error
    try:
        bound = json.loads(args)
    except ValueError as error:
        raise UsageError(f"--args {args}: {error}; write a list in JSON, such as '[1000]'", "args") from error
    if not callable(fn) or ":" not in text or not isinstance(bound, list):
        raise UsageError(f"{text} with {args}: needs MODULE:FUNC, a function, and a list", "func")
    return lambda: fn(*bound)


def gil_enabled() -> bool:
    """Say whether this interpreter has a GIL at all."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def verdict(held_share: float) -> str:
    """What a share of time under the lock means for threads.

    >>> verdict(0.02), verdict(0.5), verdict(0.99)
    ('threads', 'threads, some', 'processes')
    """
    return "processes" if held_share >= HOLDS else "threads" if held_share <= FREE else "threads, some"


def draw(finding: Finding, axes: Any) -> None:
    """A bar a function, with a mark where the share is known."""
    from breakeven.lab.showing.drawing import INK, bars

    bars(
        axes, [str(row.labels["function"]) for row in finding.rows], [row["GIL held"] for row in finding.rows], unit=""
    )
    known = [(row["known"].median, place) for place, row in enumerate(finding.rows) if "known" in row]
    if known:
        xs, ys = zip(*known, strict=True)
        axes.plot(xs, ys, "|", color=INK, ms=15, mew=2.5, label="known share")
        axes.legend(loc="lower right", fontsize=8.5)
    axes.set_xlim(0, 108)
    axes.set_xlabel("share of the time in which the GIL is held [%]")


def _row(name: str, taken: Taken) -> Row:
    held, known = taken.of(name, "held"), taken.of(name, "known")
    shares = Quantity("GIL held", "%", held)
    quantities = [
        shares,
        Quantity("CPU", "%", taken.of(name, "cpu")),
        Quantity("queued", "%", taken.of(name, "queued")),
        Quantity("a call", "ms", taken.of(name, "call")),
    ]
    if known:
        quantities.append(Quantity("known", "%", known))
    return Row({"function": name, "use": verdict(shares.median / 100)}, tuple(quantities))


def _accuracy(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """How far the samples of mixtures are off what those say of themselves."""
    off = [
        abs(seen - true)
        for row in rows
        if "known" in row
        for seen, true in zip(row["GIL held"].samples, row["known"].samples, strict=False)
    ]
    if not off:
        return ()
    close = sum(one <= 100 * CLOSE for one in off)
    return (f"Mixtures: {close} of {len(off)} single samples within 10 points of the known share.",)


def _company(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """That shares between the ends are unsure, where others wanted the CPUs as well."""
    busy = median([row["queued"].median for row in rows])
    if not busy > MUCH_QUEUED:
        return ()
    return (f"Others wanted the CPUs: {busy:.0f} % of the time was queued. Shares between the ends are unsure.",)


def _headline(rows: tuple[Row, ...], func: str | None) -> str:
    from breakeven.lab.showing.tables import number

    if not rows:
        return "Interrupted before anything had been watched."
    if not gil_enabled():
        return "This interpreter runs without a GIL: threads compute at the same time, whatever the function."
    if func is not None:
        held = rows[0]["GIL held"]
        advice = {
            "processes": "threads cannot make it faster: use processes",
            "threads": "threads can compute it at the same time",
            "threads, some": f"threads make it {number(100 / held.median)} times as fast at most"
            if held.median
            else "",
        }[str(rows[0].labels["use"])]
        within = f"{number(held.low)}–{number(held.high)} %, n = {held.n}"
        return f"{func} holds the GIL {number(held.median)} % of the time ({within}): {advice}."
    uses = [row.labels["use"] for row in rows]
    free, bound = uses.count("threads"), uses.count("processes")
    return (
        f"{free} of {len(rows)} functions hold the GIL for less than {100 * FREE:g} % of their time, so threads can "
        f"compute them; {bound} hold it for {100 * HOLDS:g} % or more (n = {rows[0]['GIL held'].n})."
    )
