"""The registers that come along: ciphers, test patterns, checksums, generators.

--check runs the algebra on each and compares it with what the catalogue expects.
"""

from __future__ import annotations

import json

from breakeven.cli.exits import DONE, FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lfsr catalogue`."""
    parser.add_argument("--check", action="store_true", help="compute each, and compare with what is expected")
    parser.add_argument("--path", action="store_true", help="print where the file is, for `lfsr analyse`")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def execute(options: argparse.Namespace) -> int:
    """List the catalogue, or check it."""
    from breakeven.workloads.lfsr import analyse, catalogue
    from breakeven.workloads.lfsr.checking import mismatches

    if options.path:
        print(catalogue.PATH)
        return DONE
    rows: list[dict[str, Any]] = []
    wrong = 0
    for register in catalogue.shipped():
        row: dict[str, Any] = {
            "name": register.name,
            "degree": register.degree,
            "form": register.form,
            "source": register.source,
        }
        if options.check:
            row["mismatches"] = mismatches(analyse(register))
            wrong += bool(row["mismatches"])
        rows.append(row)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            told = "" if not options.check else "  " + ("; ".join(row["mismatches"]) or "as expected")
            print(f"{row['name']:<16} {row['degree']:>4}  {row['source']}{told}")
    return FAILED if wrong else DONE
