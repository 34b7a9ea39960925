"""The catalogue that comes along: registers of ciphers, test patterns, checksums and generators.

Lives here: finding it and its rows. Never here: the rows, which are data (`catalogue.toml`).
"""

from __future__ import annotations

from pathlib import Path

from breakeven.workloads.lfsr.faults import InputFault, RegisterFault
from breakeven.workloads.lfsr.reading import read_registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.register import Register

PATH = Path(__file__).with_name("catalogue.toml")


def shipped() -> list[Register]:
    """Every register that comes along, each with its `source` and what is `expected` of it.

    >>> len(shipped()) > 40
    True
    """
    registers = []
    for item in read_registers(PATH):
        if isinstance(item, InputFault):
            raise item
        registers.append(item)
    return registers


def named(name: str) -> Register:
    """The register of that name, upper or lower case; raises `RegisterFault` with names that are near.

    >>> named("crc-32").degree
    32
    """
    from difflib import get_close_matches

    known = {register.name.lower(): register for register in shipped()}
    if name.lower() not in known:
        near = get_close_matches(name.lower(), known, cutoff=0.3) or list(known)[:5]
        shown = ", ".join(known[close].name for close in near)
        raise RegisterFault(f"no register is called {name!r}; there are {shown}, and more in `lfsr catalogue`")
    return known[name.lower()]
