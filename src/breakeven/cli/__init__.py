"""The command line: one file a command, found by name and imported only when it is called.

Lives here: the table of commands, and how the end of any command becomes an exit code. Never here: what a
command does. `breakeven COMMAND --help` tells each one's own story.
"""

from __future__ import annotations

import sys
from errno import EBADF, ENOSPC

from breakeven.cli.exits import DONE, FAILED, INTERRUPTED, USAGE, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import TypeGuard

__all__ = ["main"]

COMMANDS = {
    "run": "call a function over items from a file, a pattern, a range or stdin",
    "plan": "forecast every way to run a function over items, and say which would be chosen",
    "compare": "run a function over items on every backend, and hold the forecasts against that",
    "calibrate": "measure what parallel work costs on this machine, for every forecast",
    "demo": "real work on serial, threads and processes: what paid off, and why",
    "report": "show a stored report again, or turn it into a web page",
    "lfsr": "cycle structure of shift registers, by algebra and proved by walking",
    "lab": "instruments: what messages, copies, start-up and sharing cost on this machine",
    "doctor": "look for what on this machine makes parallel work slow or unsafe",
    "fem": "potential flow by finite elements: solve, mesh, compare, scaling",
}
"""Command → what it does. The module `breakeven.cli.<command>` has `arguments(parser)` and `execute(options)`."""

NO_MORE_OUTPUT = (EBADF, ENOSPC)
EXIT_CODES = "exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 finished with failed items, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    >>> main([])
    2
    """
    _have_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in words if not word.startswith("-")), None)
    if command is None and "--version" in words:
        from breakeven import __version__

        print(f"breakeven {__version__}")
        return DONE
    if command not in COMMANDS:
        parser = _parser(None)
        parser.parse_args(words)  # leaves here, with help or with what is wrong
        parser.print_help(sys.stderr)
        return USAGE
    return _finish(command, words)


def _finish(command: str, words: list[str]) -> int:
    """Read a command's words and execute it; whatever ends it becomes one line on stderr and an exit code."""
    try:
        options = _parser(command).parse_args(_join_values(words))
        code = _module(command).execute(options)
        sys.stdout.flush()
    except UsageError as error:
        print(f"breakeven {command}: {error}\n(breakeven {command} --help tells more)", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"breakeven {command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
        return FAILED
    except Exception as error:
        known = _code_of(error)
        if known is not None:
            print(f"breakeven {command}: {error}", file=sys.stderr)
            return known
        if not _is_of_stdout(error):
            raise
        silence_stdout()
        print(f"breakeven {command}: the output cannot be written: {error.strerror}", file=sys.stderr)
        return FAILED
    return code


def _is_of_stdout(error: Exception) -> TypeGuard[OSError]:
    """Whether it says that stdout takes no more: that of a named file is somebody else's."""
    return isinstance(error, OSError) and error.errno in NO_MORE_OUTPUT and error.filename is None


def _have_streams() -> None:
    """Where a caller has closed a standard stream: one that fails as a closed one does, or on stderr hears nothing."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            import os

            descriptor = os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - a descriptor, for good


def silence_stdout() -> None:
    """Point stdout at nothing: whoever read it has gone, and the interpreter's last flush must not complain."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _code_of(error: Exception) -> int | None:
    """Name the exit code for an exception whose text already tells what to do; None for any other."""
    from breakeven import errors

    if isinstance(error, (errors.UsageError, errors.BackendUnavailable)):
        return USAGE
    return FAILED if isinstance(error, errors.BreakevenError) else None


def _module(command: str) -> _Command:
    from importlib import import_module

    return import_module(f"breakeven.cli.{command}")


def _parser(command: str | None) -> argparse.ArgumentParser:
    """Build the parser; only `command` gets its arguments, so only its module is imported."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="breakeven",
        description="Run a function over items in parallel, and see where every second went.",
        epilog=f"breakeven COMMAND --help tells more about one. {EXIT_CODES}",
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, summary in COMMANDS.items():
        if name != command:
            commands.add_parser(name, help=summary)
            continue
        module = _module(name)
        chosen = commands.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.arguments(chosen)
    return parser


def _join_values(words: list[str]) -> list[str]:
    """Write `--range -5:5` as `--range=-5:5`: argparse takes a value that begins with a minus for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--range":
            joined[-1] = f"--range={word}"
        else:
            joined.append(word)
    return joined


if TYPE_CHECKING:
    from typing import Protocol

    class _Command(Protocol):
        """What a command's module offers."""

        __doc__: str | None

        def arguments(self, parser: argparse.ArgumentParser) -> None:
            """Add the command's own arguments."""

        def execute(self, options: argparse.Namespace) -> int:
            """Do the work and return an exit code."""
