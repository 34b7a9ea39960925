"""Real work on every backend: what paid off, and why.

Two pieces of work that every machine can do: parse every file of the running
Python's standard library and measure what is in it, and sum arrays of 100 MB.
Each runs on serial, threads and processes, three times in turns; the results are
checked to be identical, and the ledger tells where every second went. Takes about
a minute on two CPUs, with --quick five seconds, and writes one web page.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from functools import partial
from pathlib import Path

from breakeven.cli.comparison.bouts import Case, compare
from breakeven.cli.exits import DONE, FAILED, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

BACKENDS = ("serial", "threads", "processes")
ROUNDS = 3
_ARRAY_BYTES = 100_000_000
_SHARE_OF_MEMORY = 3
"""The arrays take a third of what is free at most: processes may hold a copy of each for a while."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `demo`."""
    parser.usage = "breakeven demo [options]"
    parser.add_argument("--quick", action="store_true", help="every tenth file, half the arrays: five seconds")
    parser.add_argument("--max-workers", metavar="N", type=int, help="default: the CPUs this process may use")
    parser.add_argument(
        "--html", metavar="FILE", default="breakeven-report-demo.html", help="the web page (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout, in place of the tables")


def execute(options: argparse.Namespace) -> int:
    """Run both cases, show them, and write the page."""
    from breakeven.cli.comparison.page import write_page
    from breakeven.cli.comparison.terminal import Show
    from breakeven.cli.comparison.wording import as_dict

    if options.max_workers is not None and options.max_workers < 1:
        raise UsageError(f"--max-workers {options.max_workers} is less than 1")
    page = Path(options.html)
    if not page.parent.is_dir():
        raise UsageError(f"--html {page} cannot be written: there is no folder {page.parent}")
    machine = machine_here(options.max_workers)
    show = Show(quiet=options.json)
    show.opening(machine, ROUNDS)
    comparisons = []
    for make in (parsing, sums):
        case = make(quick=options.quick, max_workers=options.max_workers)
        comparison = compare(case, BACKENDS, ROUNDS, show.status)
        show.comparison(comparison)
        comparisons.append(comparison)
    write_page(page, machine, comparisons)
    if options.json:
        print(json.dumps(as_dict(machine, comparisons), indent=1, allow_nan=False))
    show.closing(comparisons, page)
    return DONE if all(comparison.identical for comparison in comparisons) else FAILED


def parsing(*, quick: bool, max_workers: int | None) -> Case:
    """The first case: the standard library, a file an item."""
    import breakeven as be
    from breakeven.workloads.source import measure_file, python_files, standard_library

    root = standard_library()
    paths = python_files(root)[:: 10 if quick else 1]
    size_bytes = sum(len(Path(path).read_bytes()) for path in paths)  # also: every backend finds the files in memory
    which = "every tenth file" if quick else "every file"
    return Case(
        key="parse",
        title="Parse the standard library",
        amount=f"{which}, {len(paths):,} of them, {size_bytes / 1e6:.1f} MB; one ast.parse and one walk each",
        noun="file",
        work=lambda backend: be.map(
            partial(measure_file, root=str(root)),
            paths,
            backend=backend,
            max_workers=max_workers,
            name="parse",
            progress=False,
        ),
        fingerprint=_digest,
        facts=_facts_of_source,
    )


def sums(*, quick: bool, max_workers: int | None) -> Case:
    """The second case: large arrays, an array an item."""
    import breakeven as be
    from breakeven.probes.capacity import available_memory_bytes
    from breakeven.workloads.sums import make_arrays, total

    count, size_bytes = 4 if quick else 8, _ARRAY_BYTES
    room = available_memory_bytes()
    if room is not None and count * size_bytes > room // _SHARE_OF_MEMORY:
        count = max(2, room // _SHARE_OF_MEMORY // size_bytes)
        size_bytes = min(size_bytes, room // _SHARE_OF_MEMORY // count // 8 * 8)
    arrays = make_arrays(count, size_bytes)
    return Case(
        key="sums",
        title="Sum large arrays",
        amount=f"{count} distinct arrays of {size_bytes / 1e6:.0f} MB, {count * size_bytes / 1e6:,.0f} MB in all",
        noun="sum",
        work=lambda backend: be.map(
            total, arrays, backend=backend, max_workers=max_workers, name="sums", progress=False
        ),
        fingerprint=_digest,
        facts=lambda results: {"total": sum(results), "arrays": count},
    )


def machine_here(max_workers: int | None) -> dict[str, Any]:
    """Say what the figures were taken on."""
    from breakeven.probes.capacity import available_memory_bytes, usable_cpus

    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "usable_cpus": usable_cpus(),
        "available_memory_bytes": available_memory_bytes(),
        "workers": max_workers or usable_cpus(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "command": " ".join(["breakeven", *sys.argv[1:]]),
    }


def _processor() -> str:
    """Name the processor as the kernel does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _digest(results: Iterable[Any]) -> str:
    """Equal only for equal results in equal order; floats count to their last bit."""
    digest = hashlib.sha256()
    for result in results:
        digest.update(repr(result).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:12]


def _facts_of_source(results: Any) -> dict[str, Any]:
    from breakeven.workloads.source import import_graph

    longest = max(results, key=lambda file: file.longest_function_lines)
    graph = import_graph(results)
    return {
        "files": len(results),
        "unparsable": sum(file.error is not None for file in results),
        "lines": sum(file.lines for file in results),
        "functions": sum(file.functions for file in results),
        "classes": sum(file.classes for file in results),
        "branches": sum(file.branches for file in results),
        "longest_function": longest.longest_function,
        "longest_function_lines": longest.longest_function_lines,
        "longest_function_path": longest.path,
        "modules": graph.modules,
        "imports": graph.edges,
        "most_imported": [list(pair) for pair in graph.most_imported],
        "largest_knot": len(graph.largest_knot),
    }
