"""The options of a call as flags.

Lives here: flag → option of `breakeven.map`, and which values cannot be. Never here: a default of its own; a flag
that is not given is not passed, so the library's defaults hold.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

BACKENDS = ("auto", "serial", "threads", "processes", "dask", "ray", "mpi")
START_METHODS = ("fork", "forkserver", "spawn")
SAMPLE = ("here", "worker", "none")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag an option."""
    group = parser.add_argument_group("how it runs")
    add = group.add_argument
    add("--backend", choices=BACKENDS, help="where calls run; auto chooses")
    add("--max-workers", metavar="N", type=_at_least(1), help="default: the CPUs this process may use")
    add("--start-method", choices=START_METHODS, help="of worker processes; default: fork where that is safe")
    add("--chunksize", metavar="N", type=_chunksize, help="items a message; auto adapts to measured time")
    add("--on-error", choices=("return", "raise"), default="return", help="raise: stop at the first failed item")
    add(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        help="of one item, as 30, 1.5, 500ms or 2min; then it fails alone",
    )
    add("--retries", metavar="N", type=_at_least(0), help="of an item whose worker died or timed out")
    add("--retry-on", metavar="EXCEPTION", action="append", help="retry these too: a built-in's name or MODULE:CLASS")
    add("--initializer", metavar="MODULE:FUNC", help="called once a worker, before its first item")
    add("--initargs", metavar="JSON", type=_json_list, help="a list: arguments of the initializer")
    add("--max-tasks-per-worker", metavar="N", type=_at_least(1), help="replace a worker after N items")
    add("--max-worker-memory", metavar="BYTES", type=_size, help="replace a worker past this, as 500MB or 2GiB")
    add(
        "--memory-limit", metavar="BYTES", type=_size, help="what the whole run may use; default: 80 %% of what is free"
    )
    add("--sample", choices=SAMPLE, help="where auto learns what an item costs; worker: never in this process")
    add("--seed", metavar="N", type=_at_least(0), help="of breakeven.rng() inside the function")
    add("--threads-per-worker", metavar="N", type=_at_least(1), help="of BLAS and OpenMP inside a worker; default 1")
    add("--name", help="what reports call the run; default: MODULE:FUNC")


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Collect the options that were given, under the names the library has for them."""
    from breakeven.cli.target import resolve, resolve_exception

    plain = (
        "backend", "max_workers", "start_method", "chunksize", "on_error", "timeout", "retries", "max_tasks_per_worker",
        "max_worker_memory", "memory_limit", "sample", "seed", "threads_per_worker", "name",
    )  # fmt: skip
    given = {name: value for name in plain if (value := getattr(options, name)) is not None}
    if options.retry_on:
        given["retry_on"] = tuple(resolve_exception(text) for text in options.retry_on)
    if options.initializer:
        given["initializer"] = resolve(options.initializer)
        given["initargs"] = tuple(options.initargs or ())
    elif options.initargs is not None:
        raise UsageError("--initargs are arguments of an --initializer, and none is given")
    return given


def _at_least(least: int) -> Any:
    """Make a reader of whole numbers that argparse can blame by name."""

    def whole_number(text: str) -> int:
        number = int(text)
        if number < least:
            raise _wrong(f"{number} is less than {least}")
        return number

    whole_number.__name__ = "whole number"
    return whole_number


def _chunksize(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        return int(_at_least(1)(text))
    except ValueError:
        raise _wrong(f"{text!r} is neither auto nor a whole number") from None


def _seconds(text: str) -> float:
    from breakeven.units import parse_seconds

    return _positive(text, parse_seconds)


def _size(text: str) -> int:
    from breakeven.units import parse_bytes

    return int(_positive(text, parse_bytes))


def _positive(text: str, parse: Any) -> float:
    try:
        amount = float(parse(text))
    except ValueError as error:
        raise _wrong(str(error)) from None
    if not 0 < amount < float("inf"):
        raise _wrong(f"{text} is not more than nothing and less than for ever")
    return amount


def _json_list(text: str) -> list[Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _wrong(f"not JSON: {error}") from None
    if not isinstance(values, list):
        raise _wrong(f"{text} is not a list, as [1, 2]")
    return values


def _wrong(text: str) -> Exception:
    from argparse import ArgumentTypeError

    return ArgumentTypeError(text)
