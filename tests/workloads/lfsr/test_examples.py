"""Every worked example, by algebra and by walking every state."""

from __future__ import annotations

import pytest

from breakeven.workloads import lfsr
from breakeven.workloads.lfsr import recount
from breakeven.workloads.lfsr.catalogue import shipped
from breakeven.workloads.lfsr.checking import mismatches
from tests.workloads.lfsr.examples import LARGE, SMALL, Example

ALL = SMALL + LARGE


def _name(example: Example) -> str:
    return example.register.name


def _compare(found: lfsr.Structure, example: Example) -> None:
    assert found.cycles == example.cycles
    assert found.preperiods == (example.preperiods or {0: found.states})
    if example.leaves is not None:
        assert found.leaves == example.leaves
    if example.order is not None:
        assert found.order == example.order


@pytest.mark.parametrize("example", ALL, ids=_name)
def test_algebra_finds_what_was_worked_out(example: Example) -> None:
    """Factors, orders and cycle sets lead to the known structure."""
    _compare(lfsr.analyse(example.register), example)


@pytest.mark.parametrize("example", ALL, ids=_name)
def test_enumeration_finds_what_was_worked_out(example: Example) -> None:
    """Walking every state leads to the same, each walked about once."""
    found = lfsr.analyse(example.register, engine="enumerate", backend="serial")
    _compare(found, example)
    assert found.states <= found.steps <= 1.05 * found.states


@pytest.mark.parametrize("example", [e for e in SMALL if e.register.states <= 1 << 12], ids=_name)
def test_the_reference_finds_what_was_worked_out(example: Example) -> None:
    """Tuples and field arithmetic, without any of the kernels' tricks."""
    _compare(lfsr.analyse(example.register, engine="enumerate", backend="serial", kernel="reference"), example)


@pytest.mark.parametrize("example", [e for e in ALL if not any(e.register.offset)], ids=_name)
def test_the_second_formula_counts_the_same_cycles(example: Example) -> None:
    """Kernels of T^m - I and Moebius inversion, with no product of cycle sets."""
    assert recount.cycles(example.register) == example.cycles


@pytest.mark.parametrize("register", shipped(), ids=lambda register: register.name)
def test_the_catalogue_is_as_it_expects(register: lfsr.Register) -> None:
    """Order, primitivity and cycles of every register that comes along."""
    assert register.expected
    assert register.source
    assert mismatches(lfsr.analyse(register)) == []


@pytest.mark.parametrize(
    "register", [r for r in shipped() if r.degree <= 26 or r.name in ("CRC-32", "CRC-32C")], ids=lambda r: r.name
)
def test_the_catalogue_is_so_when_it_is_walked(register: lfsr.Register) -> None:
    """Up to 2^26 states, all states of CRC-32, and those of CRC-32C, whose last fixed point no segment meets."""
    assert mismatches(lfsr.analyse(register, engine="enumerate", backend="threads", workers=2)) == []


def test_a_field_may_have_another_modulus() -> None:
    """Which modulus defines GF(8) changes what coefficients mean, and the structure with it."""
    structures = [
        lfsr.analyse(lfsr.register([3, 1, 6], lfsr.field_with(8, modulus)), engine="both", backend="serial")
        for modulus in ("x^3+x+1", "x^3+x^2+1")
    ]
    assert [structure.differences for structure in structures] == [(), ()]
    assert structures[0].cycles == {1: 1, 7: 1, 63: 8}
    assert structures[1].cycles != structures[0].cycles
