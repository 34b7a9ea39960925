"""A structure against what its catalogue expects of it.

Lives here: the comparison. Never here: an expectation.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from breakeven.workloads.lfsr.structure import Structure


def mismatches(found: Structure) -> list[str]:
    """What of its register's `expected` did not come out, one text each; nothing where nothing was expected.

    >>> from breakeven.workloads import lfsr
    >>> from breakeven.workloads.lfsr.catalogue import named
    >>> mismatches(lfsr.analyse(named("CRC-16")))
    []
    """
    expected = found.register.expected or {}
    wrong = [
        f"{key} is {getattr(found, key)}, expected {expected[key]}"
        for key in ("order", "primitive")
        if key in expected and getattr(found, key) != expected[key]
    ]
    cycles = {int(length): count for length, count in expected.get("cycles", {}).items()}
    if cycles and cycles != found.cycles:
        wrong.append(f"cycles are {dict(found.cycles)}, expected {cycles}")
    return wrong
