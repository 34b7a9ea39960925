"""A register against what its catalogue expects of it.

Lives here: the comparison. Never here: an expectation.
"""

from __future__ import annotations

from breakeven.workloads.lfsr.analyse import analyse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.workloads.lfsr.register import Register


def mismatches(register: Register, **how: Any) -> list[str]:
    """What of `expected` does not come out, one text each; `how` as for `analyse`.

    >>> from breakeven.workloads.lfsr.catalogue import named
    >>> mismatches(named("CRC-16"))
    []
    """
    expected = register.expected or {}
    found = analyse(register, **how)
    wrong = [
        f"{key} is {getattr(found, key)}, expected {expected[key]}"
        for key in ("order", "primitive")
        if key in expected and getattr(found, key) != expected[key]
    ]
    cycles = {int(length): count for length, count in expected.get("cycles", {}).items()}
    if cycles and cycles != found.cycles:
        wrong.append(f"cycles are {dict(found.cycles)}, expected {cycles}")
    return wrong
