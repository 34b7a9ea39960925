"""One measurement in its own interpreter: ``python -P cell.py EXPERIMENT VARIANT [NAME=NUMBER …]``.

Speaks to the process that started it over one inherited pipe, a JSON object a line. Imports nothing before the
measurement that a cold start could profit from, so options are plain numbers and ``json`` comes last.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from benchmarks.peers.base import Peer

CHANNEL = "BENCHMARK_CELL_FD"
"""The environment variable that holds the number of the pipe's writing end."""


class Cell:
    """What an experiment is given: its variant, its options, and a way to tell things early."""

    def __init__(self, variant: str, options: dict[str, int], descriptor: int) -> None:
        self.variant = variant
        self.options = options
        self._descriptor = descriptor

    def peer(self) -> "Peer":
        """The variant under measurement, not yet started."""
        from benchmarks.peers import make

        return make(self.variant)

    def tell(self, **message: object) -> None:
        """Send a message now: ``mark=name`` for the moment, ``measures={…}`` for figures that must not be lost."""
        import json

        os.write(self._descriptor, json.dumps(message).encode() + b"\n")


def main(arguments: list[str]) -> None:
    """Run the experiment named in the arguments and report its measures."""
    experiment, variant, *pairs = arguments
    options = {name: int(number) for name, _, number in (pair.partition("=") for pair in pairs)}
    descriptor = int(os.environ.pop(CHANNEL))
    os.set_inheritable(descriptor, False)
    from benchmarks.experiments import find

    cell = Cell(variant, options, descriptor)
    run = find(experiment)
    measures = run(cell)
    cell.tell(measures=measures)


if __name__ == "__main__":
    main(sys.argv[1:])
