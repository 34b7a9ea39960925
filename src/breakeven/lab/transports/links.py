"""Two processes and a transport between them, held open while it is measured.

Lives here: starting the other process, giving orders, ending it whatever happened. Never here: what is timed
(`exchange`).
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from breakeven.errors import UsageError
from breakeven.lab.processes import forking, placing
from breakeven.lab.processes.programs import Program
from breakeven.lab.transports import LOCAL, MPI, NAMES, open_pair
from breakeven.lab.transports.exchange import LEAVE, Order, follow, lead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol

    from breakeven.lab.transports.port import Pair

    Line = tuple[str, str]
    """A transport and a placement."""

    class Link(Protocol):
        """A connection that can be measured."""

        name: str
        whole: bool

        @property
        def pids(self) -> tuple[int, ...]:
            """The sender's process, the receiver's, and one between them where there is one."""

        def run(self, order: Order) -> dict[str, list[float]]:
            """Exchange messages and return seconds by name."""

        def dismiss(self) -> None:
            """Tell the other process to leave; returns at once."""

        def close(self) -> None:
            """Tell it to leave, and wait for its end; nothing stays behind."""


class LocalLink:
    """A transport to a forked process."""

    def __init__(self, name: str, capacity_bytes: int) -> None:
        import multiprocessing

        self.name = name
        self._pair = open_pair(name, capacity_bytes)
        self.whole = self._pair.ours.whole
        self._control, theirs = multiprocessing.get_context("fork").Pipe()
        self._process = forking.start(_partner, self._pair, self._control, theirs)
        self.pid = self._process.pid
        theirs.close()
        self._pair.theirs.close()
        self._broken = False
        server = getattr(self._pair, "server", None)
        self._servers = [] if server is None else [server._process]  # noqa: SLF001 - the only place that knows it
        self._servers_on: Sequence[Sequence[int]] = ()

    @property
    def pids(self) -> tuple[int, ...]:
        """Who sends, who receives, and the process between the two, where there is one."""
        return (os.getpid(), self.pid, *(server.pid for server in self._servers))

    def run(self, order: Order) -> dict[str, list[float]]:
        """Exchange messages; a link that was left in the middle of it can only be closed."""
        self._broken = True
        if order.cpus != self._servers_on:
            for server in self._servers:  # it serves both, and is kept beside the far side
                placing.keep(server.pid, order.cpus[1] if order.cpus else ())
            self._servers_on = order.cpus
        with forking.needing([self._process, *self._servers]):
            found = lead(order, self._pair.ours, self._control)
        self._broken = False
        return found

    def dismiss(self) -> None:
        """Tell the partner to leave, or end it where it could not listen."""
        try:
            if self._broken:
                self._process.kill()
            else:
                self._control.send(Order(LEAVE))
        except OSError:
            pass

    def close(self) -> None:
        """Wait for the partner's end and let go of everything; safe to call in any state."""
        self.dismiss()
        forking.end(self._process)
        self._control.close()
        self._pair.ours.close()
        self._pair.close()


def _partner(pair: Pair, theirs_of_control: Any, control: Any) -> None:
    theirs_of_control.close()
    pair.ours.close()
    follow(pair.theirs, control)


class MpiLink:
    """MPI between two ranks that its own launcher started; rank 0 takes orders on stdin and answers on stdout."""

    whole = True

    def __init__(self) -> None:
        self.name = MPI
        command = [*launcher(), "-n", "2", sys.executable, "-m", "breakeven.lab.transports.ranks"]
        with ExitStack() as stack:
            self._program = stack.enter_context(Program.of_command(command))
            self.pid = self._program.pid
            self.pids = tuple(map(int, self._program.answer()["pids"]))
            self._ended = stack.pop_all()

    def run(self, order: Order) -> dict[str, list[float]]:
        """Have the ranks exchange messages."""
        self._program.say(asdict(order))
        found: dict[str, list[float]] = self._program.answer()
        return found

    def dismiss(self) -> None:
        """Have the ranks finalise once they have carried out their order."""
        self._program.dismiss()

    def close(self) -> None:
        """Wait for the ranks, or end them, and clear away what they would leave then."""
        self._ended.close()


def launcher() -> list[str]:
    """Return MPI's launcher: the one beside this Python, else the one on the path; none where there is none."""
    import shutil

    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return [found] if found else []


def has_mpi() -> bool:
    """Say whether mpi4py and a launcher are installed."""
    from importlib.util import find_spec

    return find_spec("mpi4py") is not None and bool(launcher())


def chosen(text: str | None, *, default: Sequence[str] | None = None) -> list[str]:
    """Read a list of transports; without one, `default`, or all that can be used here.

    >>> chosen("os.pipe, mp.Queue")
    ['os.pipe', 'mp.Queue']
    """
    if text is None:
        return [name for name in (default or NAMES) if name != MPI or has_mpi()]
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in NAMES:
            raise UsageError(f"there is no transport {name!r}; there are: {', '.join(NAMES)}", "transports")
        if name == MPI and not has_mpi():
            raise UsageError("mpi4py is not installed; install it: pip install 'breakeven[lab-mpi]'", "transports")
    return names


def lines_of(names: Sequence[str], placements: Sequence[str]) -> list[Line]:
    """What is measured against size. MPI's ranks poll: on one CPU they would wait for the end of each other's turn."""
    found = [(name, one) for one in placements for name in names if (name, one) != (MPI, placing.ONE)]
    if not found:
        raise UsageError("MPI's ranks poll, and cannot share a CPU; use --placement two or free", "placement")
    return found


def name_of(line: Line) -> str:
    """Return what a line is called.

    >>> name_of(("os.pipe", "one CPU"))
    'os.pipe, one CPU'
    """
    return ", ".join(line)


@contextmanager
def opened(names: Sequence[str], capacity_bytes: int) -> Iterator[dict[str, Link]]:
    """Open links by name; all are closed at the end, whatever happened."""
    with ExitStack() as stack:
        links: dict[str, Link] = {}
        for name in names:
            link: Link = LocalLink(name, capacity_bytes) if name in LOCAL else MpiLink()
            stack.callback(link.close)
            links[name] = link
        stack.callback(_dismiss, links)  # all at once, and before any is waited for
        yield links


def _dismiss(links: dict[str, Link]) -> None:
    for link in links.values():
        link.dismiss()
