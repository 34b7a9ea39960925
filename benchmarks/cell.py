"""One measurement in its own interpreter: ``python -P cell.py EXPERIMENT VARIANT [NAME=NUMBER …]``.

Speaks to the process that started it over one inherited pipe, a JSON object a line. Imports nothing before the
measurement that a cold start could profit from, so options are plain numbers and ``json`` comes last.
"""

import os
import sys

CHANNEL = "BENCHMARK_CELL_FD"
"""The environment variable that holds the number of the pipe's writing end."""


def main(arguments: list[str]) -> None:
    """Run the experiment named in the arguments and report its measures."""
    experiment, variant, *pairs = arguments
    options = {name: int(number) for name, _, number in (pair.partition("=") for pair in pairs)}
    descriptor = int(os.environ.pop(CHANNEL))
    os.set_inheritable(descriptor, False)
    from benchmarks.experiments import Cell, find

    cell = Cell(variant, options, descriptor)
    run = find(experiment)
    measures = run(cell)
    cell.tell(measures=measures)


if __name__ == "__main__":
    main(sys.argv[1:])
