"""Registers that a command was given: from a file, or from the catalogue that comes along.

Lives here: the flags that several commands of `lfsr` share. Never here: what a command does.
"""

from __future__ import annotations

import sys

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from breakeven.workloads.lfsr.field import Field
    from breakeven.workloads.lfsr.register import Register


def add_field(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a field."""
    parser.add_argument("--field", metavar="Q", type=int, default=2, help="elements of the field, a prime power (2)")
    parser.add_argument("--modulus", metavar="POLY", help="what defines GF(p^k), such as x^2+x+1; Conway's without it")


def field_from(options: argparse.Namespace) -> Field:
    """The field that the flags name."""
    from breakeven.workloads.lfsr import field_with

    return field_with(options.field, options.modulus)


def add_register(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name one register."""
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--coefficients", metavar="C0,C1,…", help="as a row of a file")
    one.add_argument("--polynomial", metavar="POLY", help="characteristic polynomial, such as x^4+x+1")
    one.add_argument("--name", metavar="NAME", help="of a register of the catalogue that comes along")
    add_field(parser)


def register_from(options: argparse.Namespace) -> Register:
    """The register that the flags name."""
    from breakeven.workloads import lfsr
    from breakeven.workloads.lfsr import catalogue

    if options.name:
        return catalogue.named(options.name)
    field = field_from(options)
    if options.polynomial:
        return lfsr.from_polynomial(options.polynomial, field, name=options.polynomial)
    return lfsr.register(elements(options.coefficients), field, name="register")


def elements(text: str) -> list[int]:
    """Whole numbers between commas."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} is not a list of whole numbers; write 1,0,1,1") from None


def from_zero(text: str) -> int:
    """A whole number from 0 up, for argparse."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def sound(options: argparse.Namespace) -> tuple[list[Register], int]:
    """The registers of a file, and how many rows were none; the faults go to stderr."""
    from breakeven.workloads.lfsr import read_registers
    from breakeven.workloads.lfsr.faults import InputFault

    registers, faults = [], 0
    for item in read_registers(options.file, field_from(options)):
        if isinstance(item, InputFault):
            faults += 1
            print(item, file=sys.stderr)
        else:
            registers.append(item)
    return registers, faults
