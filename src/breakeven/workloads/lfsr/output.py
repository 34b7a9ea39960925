"""Structures as text, JSON, CSV and XML.

Lives here: layout. Never here: figures of its own. Counts are written in full in every format: none passes through a
floating-point number.
"""

from __future__ import annotations

from breakeven.workloads.lfsr.polynomials import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from breakeven.workloads.lfsr.structure import Structure

FORMATS = ("text", "json", "csv", "xml")
_SHOWN = 24
"""Cycle lengths, and preperiods, that the text shows; the other formats have all."""


def written(structures: Sequence[Structure], form: str) -> str:
    """All structures in one of `FORMATS`, without a last newline.

    >>> from breakeven.workloads import lfsr
    >>> print(written([lfsr.analyse(lfsr.register([1, 1, 0, 1], name="A"))], "csv"))
    name,q,degree,polynomial,order,primitive,kind,key,count
    A,2,4,x^4+x^3+x+1,6,False,cycle,1,2
    A,2,4,x^4+x^3+x+1,6,False,cycle,2,1
    A,2,4,x^4+x^3+x+1,6,False,cycle,3,2
    A,2,4,x^4+x^3+x+1,6,False,cycle,6,1
    A,2,4,x^4+x^3+x+1,6,False,preperiod,0,16
    """
    return {"text": _text, "json": _json, "csv": _csv, "xml": _xml}[form](structures)


def _json(structures: Sequence[Structure]) -> str:
    import json

    rows = []
    for structure in structures:
        row = structure.to_dict()
        if structure.representatives:
            row["representatives"] = [{"length": length, "state": least} for length, least in structure.representatives]
        rows.append(row)
    return json.dumps(rows, indent=1, allow_nan=False)


def _csv(structures: Sequence[Structure]) -> str:
    import csv
    import io

    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["name", "q", "degree", "polynomial", "order", "primitive", "kind", "key", "count"])
    for found in structures:
        one = found.register
        head = [one.name, one.field.q, one.degree, to_text(found.polynomial), found.order, found.primitive]
        table.writerows([*head, "cycle", length, count] for length, count in sorted(found.cycles.items()))
        table.writerows([*head, "preperiod", height, count] for height, count in sorted(found.preperiods.items()))
    return out.getvalue().rstrip("\n")


def _xml(structures: Sequence[Structure]) -> str:
    from xml.etree import ElementTree as ET

    root = ET.Element("registers")
    for structure in structures:
        row = structure.to_dict()
        nested = {key: row.pop(key) for key in ("factors", "cycles", "preperiods")}
        one = ET.SubElement(root, "register", {key: _word(value) for key, value in row.items()})
        for factor in nested["factors"]:
            ET.SubElement(one, "factor", {key: _word(value) for key, value in factor.items()})
        for length, count in nested["cycles"].items():
            ET.SubElement(one, "cycle", {"length": length, "count": str(count)})
        for height, count in nested["preperiods"].items():
            ET.SubElement(one, "preperiod", {"height": height, "states": str(count)})
        for length, least in structure.representatives:
            ET.SubElement(one, "representative", {"length": str(length), "state": str(least)})
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _text(structures: Sequence[Structure]) -> str:
    return "\n\n".join("\n".join(_lines(structure)) for structure in structures)


def _lines(found: Structure) -> list[str]:
    one = found.register
    kind = "matrix" if one.form == "matrix" else f"{one.form} register"
    feedback = ", affine" if any(one.offset) else ""
    lines = [
        f"{one.name}: {kind}{feedback} of degree {one.degree} over {one.field}, {_number(found.states)} states",
        f"  polynomial   {to_text(found.polynomial)}" + ("  (primitive)" if found.primitive else ""),
    ]
    if one.field.k > 1:
        lines.append(f"  field        elements are polynomials modulo {to_text(one.field.modulus)}")
    if len(found.factors) > 1 or found.factors[0].multiplicity > 1:
        for at, factor in enumerate(found.factors):
            power = f"^{factor.multiplicity}" if factor.multiplicity > 1 else ""
            order = "nilpotent" if factor.order is None else f"order {_number(factor.order)}"
            lines.append(f"  {'factors' if not at else '':<13}({to_text(factor.coefficients)}){power}  {order}")
    lines.append(f"  order        {_number(found.order)}")
    cycles = sum(found.cycles.values())
    shown = sorted(found.cycles.items())
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN // 2] + shown[-_SHOWN // 2 :]
    lines.append(f"  cycles       {_number(cycles)}, of {len(found.cycles)} length{'s' * (len(found.cycles) > 1)}:")
    width = max(len(_number(count)) for _, count in shown)
    for at, (length, count) in enumerate(shown):
        if at == _SHOWN // 2 and len(found.cycles) > _SHOWN:
            lines.append(f"    … {len(found.cycles) - _SHOWN} lengths between …")
        lines.append(f"    {_number(count):>{width}} × length {_number(length)}")
    if len(found.preperiods) > 1:
        heights = _heights(found)
        lines += [f"  preperiods   {heights}", f"  leaves       {_number(found.leaves)}"]
    lines += [f"    least state {state} on a cycle of length {_number(n)}" for n, state in found.representatives]
    where = "" if found.backend_used == "none" else f" on {found.backend_used} (asked for {found.backend_requested})"
    steps = f", {_number(found.steps)} steps" if found.steps else ""
    lines.append(f"  found by     {found.engine}{where} in {_seconds(found.seconds)}{steps}; {found.reason}")
    lines += [f"  DIFFERENCE   algebra against enumeration: {text}" for text in found.differences]
    return lines


def _heights(found: Structure) -> str:
    texts = [f"{height}: {_number(count)}" for height, count in sorted(found.preperiods.items())]
    if len(texts) > _SHOWN:
        between = f"… {len(texts) - _SHOWN} between …"
        texts = [*texts[: _SHOWN // 2], between, *texts[-_SHOWN // 2 :]]
    return ", ".join(texts)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ") if value < 10**15 else str(value)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
