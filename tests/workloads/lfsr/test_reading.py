"""Files of registers: what is read, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from breakeven.workloads import lfsr
from breakeven.workloads.lfsr.catalogue import named
from breakeven.workloads.lfsr.polynomials import from_text, to_text


def _read(path: Path, text: str | bytes, q: int = 2) -> list[lfsr.Register | lfsr.InputFault]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(lfsr.read_registers(path, q))


def _fault(path: Path, text: str | bytes, q: int = 2) -> lfsr.InputFault:
    (fault,) = [item for item in _read(path, text, q) if isinstance(item, lfsr.InputFault)]
    assert fault.file == str(path)
    assert str(path) in str(fault)
    return fault


def test_rows_comments_and_blank_lines_are_read(tmp_path: Path) -> None:
    """As the original has them; a register is named after its row."""
    registers = _read(tmp_path / "a.csv", "\ufeff# three\n1, 1,0 # A\n\n2,1\n", 3)
    assert [(r.name, r.coefficients) for r in registers if isinstance(r, lfsr.Register)] == [
        ("a:2", (1, 1, 0)),
        ("a:4", (2, 1)),
    ]


@pytest.mark.parametrize(
    "row, column, says",
    [
        ("1,2,1", 2, "not an element of GF(2)"),
        ("1,x", 2, "no whole number"),
        ("1,-1", 2, "no whole number"),
        ("1,1.0", 2, "no whole number"),
        ("1,,1", 2, "missing"),
        ("1,1,", 3, "missing"),
        ("1;1", 1, "no whole number"),
        ("1,\N{ARABIC-INDIC DIGIT ONE}", 2, "no whole number"),
        ("1," + "9" * 5000, 2, "no whole number"),
    ],
)
def test_a_bad_value_is_told_with_row_and_column(tmp_path: Path, row: str, column: int, says: str) -> None:
    """And hides no other row."""
    fault = _fault(tmp_path / "a.csv", f"1,1\n{row}\n1,0,1\n")
    assert (fault.row, fault.column) == (2, column)
    assert says in str(fault)
    assert len(_read(tmp_path / "a.csv", f"1,1\n{row}\n1,0,1\n")) == 3


def test_a_row_of_ten_megabytes_is_passed_over(tmp_path: Path) -> None:
    """Without being held in memory, and the next row is read."""
    items = _read(tmp_path / "a.csv", b"1,1\n" + b"1," * 5_000_000 + b"1\n1,0,1\n")
    assert [type(item).__name__ for item in items] == ["Register", "InputFault", "Register"]
    assert isinstance(items[1], lfsr.InputFault)
    assert items[1].row == 2


def test_bytes_that_are_no_text_are_a_bad_value(tmp_path: Path) -> None:
    """Not a traceback."""
    assert _fault(tmp_path / "a.csv", b"\xff\xfe1,1\n").row == 1


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_a_file_without_a_register_is_told_of(tmp_path: Path, text: str) -> None:
    """Nothing to analyse is no success."""
    with pytest.raises(lfsr.InputFault, match="no register"):
        _read(tmp_path / "a.csv", text)


@pytest.mark.parametrize(
    "table, says",
    [
        ('form = "coeffs"\nvalue = []', "degree 0"),
        ('form = "coeffs"\nvalue = [1, 2]', "not an element"),
        ('form = "coeffs"\nvalue = [1, true]', "no whole number"),
        ('q = 6\nform = "coeffs"\nvalue = [1]', "no power of a prime"),
        ('q = 4\nmodulus = "x^2+1"\nform = "coeffs"\nvalue = [1]', "reducible"),
        ('q = 4\nmodulus = "x^3+x+1"\nform = "coeffs"\nvalue = [1]', "3 coefficients"),
        ('q = 2\nmodulus = "x^2+x+1"\nform = "coeffs"\nvalue = [1]', "prime field"),
        ('form = "poly"\nvalue = "x^4 + y + 1 !"', "no polynomial"),
        ('form = "poly"\nvalue = "1"', "degree 0"),
        ('form = "poly"\nvalue = "x^99999999999"', "beyond"),
        ('form = "taps"\nvalue = [3, 3]', "different"),
        ('form = "crc"\nvalue = "0x1FF/8"', "fit the width"),
        ('form = "crc"\nvalue = "eight"', "POLYNOMIAL/WIDTH"),
        ('form = "matrix"\nvalue = [[1, 0], [1]]', "2 rows"),
        ('form = "matrix"\nvalue = [1, 0]', "list of rows"),
        ('form = "coeffs"\nvalue = "1,1"', "must be a list"),
        ('form = "soup"\nvalue = [1]', "not known"),
        ('form = "coeffs"\nvalue = [1]\nfeedback = "nand"', "not known"),
        ('q = 3\nform = "coeffs"\nvalue = [1]\nfeedback = "xnor"', "not known"),
        ('form = "coeffs"\nvalue = [1]\nvalues = [1]', "'values' is not known"),
        ('form = "xorshift"\nvalue = [1, 2, 3]', "width"),
        ('form = "xorshift"\nvalue = [1, 2, 3]\nwidth = 99999999', "width"),
        ('form = "xorshift"\nvalue = [1, 2, 3]\nwidth = 8\nfeedback = "xnor"', "has no feedback"),
        ('form = "matrix"\nvalue = [[1]]\nregister = "galois"', "has no register"),
        ('form = "coeffs"\nvalue = [1]\noffset = [1]', "has no offset"),
        ('form = ["coeffs"]\nvalue = [1]', "not known"),
        ('form = "taps"\nvalue = [3.5, 1]', "no whole number"),
        ('form = "matrix"\nvalue = [[1, 0], [0, 2]]', "row 2 of the matrix"),
        ('form = "poly"\nvalue = "x^4+y+1"', "one letter"),
        (f'form = "poly"\nvalue = "x^{"9" * 5000}"', "no term"),
        ('form = "coeffs"\nvalue = [1]\nexpect.period = 1', "expect must be"),
        ('form = "coeffs"\nvalue = [1]\nexpect.cycles = { one = 1 }', "expect.cycles"),
    ],
)
def test_a_bad_table_is_told_with_its_row(tmp_path: Path, table: str, says: str) -> None:
    """Row is where the table begins."""
    good = '[[register]]\nname = "good"\nform = "taps"\nvalue = [7, 6]\n\n'
    fault = _fault(tmp_path / "a.toml", f'{good}[[register]]\nname = "bad"\n{table}\n')
    assert fault.row == 6
    assert says in str(fault)


def test_a_file_that_is_no_toml_is_told_with_row_and_column(tmp_path: Path) -> None:
    """From the parser's own words."""
    with pytest.raises(lfsr.InputFault) as caught:
        _read(tmp_path / "a.toml", '[[register]]\nname = "x\n')
    assert (caught.value.row, caught.value.column) == (2, 10)


@pytest.mark.parametrize(
    "text, says",
    [
        ('title = "mine"\n[[register]]\nform = "taps"\nvalue = [3, 1]\n', "'title' is not known"),
        ("register = 3\n", "no register"),
        (f"x = {'[' * 100_000}{']' * 100_000}\n", "too deep"),
        (f"x = [{'1,' * 5_000_000}]\n", "longer than"),
        (b"\xff\xfe", "no TOML"),
    ],
    ids=["a key of the file", "no list", "lists in lists", "ten megabytes", "no text"],
)
def test_a_catalogue_of_no_use_is_told_of(tmp_path: Path, text: str | bytes, says: str) -> None:
    """In one text, with the file."""
    with pytest.raises(lfsr.InputFault, match=says) as caught:
        _read(tmp_path / "a.toml", text)
    assert caught.value.file == str(tmp_path / "a.toml")


def test_a_table_may_leave_name_and_field_to_the_file(tmp_path: Path) -> None:
    """The name is file and row, the field the one that was asked for, but for forms that are of GF(2) alone."""
    text = (
        '\ufeff[[register]]\r\nform = "coeffs"\r\nvalue = [2, 1]\r\n[[register]]\r\nform = "taps"\r\nvalue = [3, 1]\r\n'
    )
    registers = [item for item in _read(tmp_path / "b.TOML", text, 4) if isinstance(item, lfsr.Register)]
    assert [(one.name, one.field.q) for one in registers] == [("b:1", 4), ("b:4", 2)]


@pytest.mark.parametrize(
    "text, row, column",
    [("0,1\n1\n", 2, 2), ("# rows\n0,1\n\n1,2\n", 4, 2), ("0,1,0\n1,1,0\n", 1, 3), ("a\n", 1, 1), ("", None, None)],
)
def test_a_bad_matrix_is_told_with_row_and_column_of_the_file(
    tmp_path: Path, text: str, row: int | None, column: int | None
) -> None:
    """Comments and blank lines are counted."""
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(lfsr.InputFault) as caught:
        lfsr.read_matrix(tmp_path / "m.csv")
    assert (caught.value.row, caught.value.column) == (row, column)


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    """A row of an array is a register, an array a matrix; neither keeps numpy's types."""
    coefficients = np.array([1, 1, 0], np.uint8)
    assert lfsr.register(coefficients) == lfsr.register([1, 1, 0])  # type: ignore[arg-type]
    made = lfsr.from_matrix(np.eye(3, dtype=np.int64), 2)  # type: ignore[arg-type]
    assert type(made.rows[0][0]) is int
    assert lfsr.field_with(4, (1, 1, 1)) == lfsr.field_of(4)


def test_all_forms_of_a_catalogue_mean_the_same_register(tmp_path: Path) -> None:
    """x^3+x+1 as coefficients, polynomial, taps, CRC and matrix."""
    tables = [
        'form = "coeffs"\nvalue = [1, 1, 0]',
        'form = "poly"\nvalue = "x^3 + x + 1"',
        'form = "taps"\nvalue = [3, 1]',
        'form = "crc"\nvalue = "0x3/3"\nregister = "fibonacci"',
        'form = "matrix"\nvalue = [[0, 0, 1], [1, 0, 1], [0, 1, 0]]',
    ]
    items = _read(tmp_path / "a.toml", "\n".join(f'[[register]]\nname = "r"\n{table}' for table in tables))
    registers = [item for item in items if isinstance(item, lfsr.Register)]
    assert len(registers) == len(tables)
    assert {str(register.matrix()) for register in registers} == {str(registers[0].matrix())}
    assert {to_text(register.characteristic()) for register in registers} == {"x^3+x+1"}


def test_polynomials_are_read_as_they_are_written() -> None:
    """Text to coefficients and back."""
    field = lfsr.field_of(9)
    for text in ("x^4+8*x^3+x+5", "x", "1", "2*x^2"):
        assert to_text(from_text(text, field)) == text
    assert from_text("x**2 - 1", lfsr.field_of(3)) == [2, 0, 1]


def test_a_name_that_is_not_in_the_catalogue_is_answered_with_near_ones() -> None:
    """For a slip of the finger."""
    with pytest.raises(lfsr.RegisterFault, match="CRC-32"):
        named("CRC32")


def test_a_large_field_without_a_conway_polynomial_wants_a_modulus() -> None:
    """A random modulus would mean another field each time."""
    with pytest.raises(lfsr.RegisterFault, match="give a modulus"):
        lfsr.field_of(65537**2)
    assert lfsr.field_of(65537**2, (3, 0, 1)).q == 65537**2
