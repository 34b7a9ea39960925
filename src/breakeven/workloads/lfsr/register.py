"""The noun of this workload: a register, that is a linear or affine map on vectors over GF(q).

Lives here: the record, and the ways to write one down (coefficients, polynomial, taps, CRC, matrix). Never here: what
follows from it (`algebra`, `enumeration`).

Conventions, everywhere in this workload:

- A state is a row vector (s_0, …, s_{d-1}); written as a whole number it is the sum of s_i q^i.
- Coefficients (c_0, …, c_{d-1}) mean s_{n+d} = c_0 s_n + … + c_{d-1} s_{n+d-1}. The characteristic polynomial is
  x^d - c_{d-1} x^{d-1} - … - c_0.
- "fibonacci": (s_0, …, s_{d-1}) → (s_1, …, s_{d-1}, s_d), the shift register of that recurrence.
- "galois": the state is the polynomial s_0 + s_1 x + …; a step multiplies it by x modulo the characteristic one.
- "matrix": s → s M, with the rows of M as given, and any offset b: s → s M + b.
- Feedback "xnor" (GF(2)) complements what is fed back: the affine map with offset e_{d-1} (fibonacci) or c (galois).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as attribute
from operator import index

from breakeven.workloads.lfsr import polynomials
from breakeven.workloads.lfsr.faults import RegisterFault
from breakeven.workloads.lfsr.field import Field, field_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

FORMS = ("fibonacci", "galois", "matrix")
FEEDBACKS = ("xor", "xnor")


@dataclass(frozen=True, slots=True)
class Register:
    """One register; make it with `register`, `from_polynomial`, `from_taps`, `from_crc` or `from_matrix`.

    `coefficients` is empty for a matrix, `rows` for anything else, `offset` where the map is linear. `expected` is
    what a catalogue says it should turn out to be, `source` where that comes from.
    """

    name: str
    field: Field
    coefficients: tuple[int, ...]
    form: str = "fibonacci"
    rows: tuple[tuple[int, ...], ...] = ()
    offset: tuple[int, ...] = ()
    source: str = ""
    expected: Mapping[str, Any] | None = attribute(default=None, compare=False)

    @property
    def degree(self) -> int:
        """Length of the state in elements of the field."""
        return len(self.coefficients or self.rows)

    @property
    def states(self) -> int:
        """How many states there are: q^degree."""
        return int(self.field.q**self.degree)

    def characteristic(self) -> list[int]:
        """Characteristic polynomial of the linear part, constant first, monic."""
        if self.form != "matrix":
            return [*(self.field.negate(c) for c in self.coefficients), 1]
        from breakeven.workloads.lfsr.matrices import characteristic

        return characteristic(self.rows, self.field)

    def minimal(self) -> list[int]:
        """Minimal polynomial of the linear part, constant first, monic; of a shift register the characteristic one."""
        if self.form != "matrix":
            return self.characteristic()
        from breakeven.workloads.lfsr.matrices import minimal

        return minimal(self.rows, self.field)

    def matrix(self) -> list[list[int]]:
        """The rows of M in s → s M (+ b): row i is where the i-th unit vector goes."""
        d = self.degree
        rows = [[0] * d for _ in range(d)]
        if self.form == "matrix":
            return [list(row) for row in self.rows]
        for i, c in enumerate(self.coefficients):
            if self.form == "fibonacci":
                rows[i][d - 1] = c
                if i:
                    rows[i][i - 1] = self.field.add(rows[i][i - 1], 1)
            elif i < d - 1:
                rows[i][i + 1] = 1
        if self.form == "galois":
            rows[d - 1] = list(self.coefficients)
        return rows

    def __str__(self) -> str:
        return f"{self.name}: degree {self.degree} over {self.field}"


def register(
    coefficients: Sequence[int],
    field: int | Field = 2,
    *,
    name: str = "register",
    form: str = "fibonacci",
    feedback: str = "xor",
) -> Register:
    """Make a register from its coefficients c_0, …, c_{d-1}.

    Raises `RegisterFault` for no coefficients, one outside 0 … q-1 (`column` counts from 1), or an unknown form.

    >>> register([1, 1, 0, 1]).characteristic()
    [1, 1, 0, 1, 1]
    """
    over = field if isinstance(field, Field) else field_of(field)
    given = elements(coefficients, over)
    if not given:
        raise RegisterFault("degree 0: a register needs at least one coefficient")
    if form not in FORMS[:2]:
        raise RegisterFault(f"form {form!r} is not known; write fibonacci or galois")
    made = Register(name, over, given, form)
    if feedback == "xor":
        return made
    if feedback != "xnor" or over.q != 2:
        raise RegisterFault(f"feedback {feedback!r} is not known over {over}; write xor, or over GF(2) xnor")
    offset = (0,) * (len(given) - 1) + (1,) if form == "fibonacci" else made.coefficients
    return replace(made, offset=offset)


def from_polynomial(polynomial: str | Sequence[int], field: int | Field = 2, **more: Any) -> Register:
    """Make a register from its characteristic polynomial, as text or coefficients with the constant first.

    It is made monic first, which changes no sequence. `more` as for `register`.

    >>> from_polynomial("x^3+x+1").coefficients
    (1, 1, 0)
    """
    over = field if isinstance(field, Field) else field_of(field)
    given = elements(polynomials.from_text(polynomial, over) if isinstance(polynomial, str) else polynomial, over)
    if len(given) < 2 or not given[-1]:
        raise RegisterFault("degree 0: the polynomial is a constant, or its leading coefficient is 0")
    scale = over.negate(over.invert(given[-1]))
    return register([over.multiply(c, scale) for c in given[:-1]], over, **more)


def from_taps(taps: Sequence[int], **more: Any) -> Register:
    """Make a register over GF(2) from its taps: (19, 18, 17, 14) means x^19+x^18+x^17+x^14+1.

    >>> from_taps([3, 1]).coefficients
    (1, 1, 0)
    """
    places = _whole(taps)
    if not places or min(places) < 1 or len(set(places)) != len(places) or max(places) > polynomials.MAX_DEGREE:
        raise RegisterFault(f"taps {list(taps)} must be different whole numbers from 1 up, the degree among them")
    coefficients = [0] * max(places)
    coefficients[0] = 1
    for tap in set(places) - {max(places)}:
        coefficients[tap] = 1
    return register(coefficients, 2, **more)


def from_crc(text: str, **more: Any) -> Register:
    """Make the register of a CRC over GF(2) from `POLYNOMIAL/WIDTH`, the top term x^width left out as is usual.

    It is a Galois register unless `more` says otherwise.

    >>> from_crc("0x07/8").characteristic()
    [1, 1, 1, 0, 0, 0, 0, 0, 1]
    """
    number, slash, width_text = text.partition("/")
    try:
        value, width = int(number, 0), int(width_text)
    except ValueError:
        raise RegisterFault(f"CRC {text!r} is not POLYNOMIAL/WIDTH; write 0x04C11DB7/32") from None
    if not slash or not 1 <= width <= polynomials.MAX_DEGREE or not 0 <= value < 1 << width:
        raise RegisterFault(f"CRC {text!r}: the polynomial must fit the width, without its top term")
    return register([value >> i & 1 for i in range(width)], 2, **{"form": "galois", **more})


def from_matrix(
    rows: Sequence[Sequence[int]],
    field: int | Field = 2,
    *,
    name: str = "matrix",
    offset: Sequence[int] = (),
) -> Register:
    """Make the map s → s M + offset from the rows of M.

    >>> from_matrix([[0, 1], [1, 1]]).states
    4
    """
    over = field if isinstance(field, Field) else field_of(field)
    given = []
    for at, row in enumerate(rows, 1):
        try:
            given.append(elements(row, over))
        except RegisterFault as fault:
            raise RegisterFault(f"row {at} of the matrix: {fault.reason}", fault.column) from None
    if not given:
        raise RegisterFault("degree 0: a matrix needs at least one row")
    for at, row in enumerate(given, 1):
        if len(row) != len(given):
            raise RegisterFault(f"row {at} of the matrix has {len(row)} values where there are {len(given)} rows")
    added = elements(offset, over)
    if added and len(added) != len(given):
        raise RegisterFault(f"the offset has {len(added)} values where the matrix has {len(given)} rows")
    return Register(name, over, (), "matrix", tuple(given), added if any(added) else ())


def elements(values: Sequence[Any], field: Field) -> tuple[int, ...]:
    """Values as elements of a field, numpy's whole numbers among them; raises `RegisterFault` with the column.

    >>> elements([1, 3], field_of(4))
    (1, 3)
    """
    numbers, q = _whole(values), field.q
    for column, value in enumerate(numbers, 1):
        if not 0 <= value < q:
            raise RegisterFault(
                f"coefficient {value} is not an element of GF({q}); write numbers from 0 to {q - 1}", column
            )
    return numbers


def _whole(values: Sequence[Any]) -> tuple[int, ...]:
    """Values as whole numbers, which `True` is none of."""
    numbers = []
    for column, value in enumerate(values, 1):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise RegisterFault(f"{value!r} is no whole number", column)
        numbers.append(index(value))
    return tuple(numbers)
