"""Measures of Python source: what a file holds, and how the modules of a library lean on one another.

    breakeven run breakeven.workloads.source:measure_file --glob 'src/**/*.py'
    breakeven run breakeven.workloads.source:measure_file --glob 'src/**/*.py' --values | jq .functions

Lives here: the walk over a file's statements, the search for a library's files, the import graph. Never here: how
the work is spread over workers. Nothing that is measured is ever executed.
"""

from __future__ import annotations

from breakeven.workloads.source.graph import ImportGraph, import_graph
from breakeven.workloads.source.library import python_files, standard_library
from breakeven.workloads.source.measures import FileMeasures, measure, measure_file

__all__ = [
    "FileMeasures",
    "ImportGraph",
    "import_graph",
    "measure",
    "measure_file",
    "python_files",
    "standard_library",
]
