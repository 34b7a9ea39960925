"""Shift registers over finite fields: their cycles by algebra, and proved by walking.

    breakeven lfsr analyse registers.csv
    breakeven lfsr analyse registers.csv --field 4 --engine both --json
    breakeven lfsr overhead

A row of a file has the coefficients c_0,…,c_(d-1) of s_(n+d) = c_0 s_n + … + c_(d-1) s_(n+d-1);
`#` begins a comment. A .toml file is a catalogue; `breakeven lfsr catalogue` shows the one that
comes along.
"""

from __future__ import annotations

from importlib import import_module

from breakeven.cli.exits import USAGE, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from types import ModuleType

COMMANDS = {
    "analyse": "cycles, preperiods, order and primitivity of every register of a file",
    "period": "the period of one state, by algebra, Brent or Floyd",
    "sequence": "a stretch of a register's output, from as far ahead as is asked for",
    "bm": "the shortest register that makes a sequence (Berlekamp-Massey)",
    "matrix": "characteristic and minimal polynomial and order of a matrix",
    "catalogue": "the registers that come along, with what is known of them",
    "picture": "a register's cycles and trees as SVG",
    "overhead": "what each way of running in parallel costs here, measured",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `lfsr`, each with its own arguments."""
    import argparse as parsing

    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="lfsr_command", required=True)
    for name, summary in COMMANDS.items():
        module = _module(name)
        module.arguments(
            commands.add_parser(
                name, help=summary, description=module.__doc__, formatter_class=parsing.RawDescriptionHelpFormatter
            )
        )


def execute(options: argparse.Namespace) -> int:
    """Do what the chosen command does; what is wrong with a field, register or file is one line on stderr."""
    import sys

    from breakeven.cli.exits import FAILED
    from breakeven.workloads.lfsr.faults import EnumerationFault, InputFault, LfsrError, TooLarge

    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # a register of degree 15 000 has a number of states of more than 4300 digits
    try:
        return int(_module(options.lfsr_command).execute(options))
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is None:
            raise
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    except LfsrError as error:
        print(f"breakeven lfsr {options.lfsr_command}: {error}", file=sys.stderr)
        return FAILED if isinstance(error, (EnumerationFault, InputFault, TooLarge)) else USAGE
    finally:
        sys.set_int_max_str_digits(digits)


def _module(name: str) -> ModuleType:
    return import_module(f"breakeven.cli.lfsr.{name}")
