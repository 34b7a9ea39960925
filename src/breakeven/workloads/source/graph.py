"""Measures of many files → how their modules lean on one another.

Lives here: the import graph, who is imported most, and the largest knot of modules that import each other.
Imports inside functions count. Never here: reading files.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from breakeven.workloads.source.measures import FileMeasures


@dataclass(frozen=True, slots=True)
class ImportGraph:
    """A summary: how many modules and edges, the most imported with their counts, the largest knot."""

    modules: int
    edges: int
    most_imported: tuple[tuple[str, int], ...]
    largest_knot: tuple[str, ...]


def import_graph(measures: Iterable[FileMeasures], most: int = 5) -> ImportGraph:
    """Draw the graph of the modules among themselves; what they import from elsewhere is left out."""
    files = {file.module: file for file in measures if file.error is None}
    edges = {
        name: frozenset(target for text in file.imports if (target := _known(text, files)) not in {None, name})
        for name, file in files.items()
    }
    counts = Counter(target for targets in edges.values() for target in targets)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return ImportGraph(
        modules=len(files),
        edges=sum(map(len, edges.values())),
        most_imported=tuple((str(name), count) for name, count in ranked[:most]),
        largest_knot=_largest_knot(edges),
    )


def _known(imported: str, files: Mapping[str, FileMeasures]) -> str | None:
    """Name the module that an import reaches: of `a.b.c` the longest beginning that is one."""
    while imported and imported not in files:
        imported = imported.rpartition(".")[0]
    return imported or None


def _largest_knot(edges: Mapping[str, Iterable[str | None]]) -> tuple[str, ...]:
    """Find the largest strongly connected component of two modules or more, by Tarjan's algorithm without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    largest: list[str] = []
    for start in sorted(edges):
        if start in order:
            continue
        trail = [(start, iter(sorted(map(str, edges[start]))))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while trail:
            node, targets = trail[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    trail.append((target, iter(sorted(map(str, edges[target])))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                trail.pop()
                if trail:
                    low[trail[-1][0]] = min(low[trail[-1][0]], low[node])
                if low[node] == order[node]:
                    cut = stack.index(node)
                    knot = stack[cut:]
                    del stack[cut:]
                    on_stack.difference_update(knot)
                    if len(knot) > max(1, len(largest)):
                        largest = knot
    return tuple(sorted(largest))
