"""Shift registers over GF(q): the structure of their states, computed by algebra and proved by walking every state.

    breakeven lfsr analyse registers.csv --engine both
    lfsr.analyse(lfsr.from_taps([19, 18, 17, 14])).cycles

Lives here: the public names of the workload. Never here: code. The conventions (order of coefficients, how a state is
written as a number, what fibonacci and galois mean) stand in `register`; how elements of GF(p^k) are, in `field`;
the theory in `algebra`, its second formula in `recount`, what each enumeration does in `enumeration`, and where it can
run in `ways`.
"""

from __future__ import annotations

from breakeven.workloads.lfsr.algebra import order_of_matrix
from breakeven.workloads.lfsr.analyse import ENGINES, analyse, ready
from breakeven.workloads.lfsr.batches import analyse_all
from breakeven.workloads.lfsr.berlekamp import Recurrence, shortest_recurrence
from breakeven.workloads.lfsr.catalogue import named, shipped
from breakeven.workloads.lfsr.enumeration import KERNELS
from breakeven.workloads.lfsr.faults import EnumerationFault, InputFault, LfsrError, RegisterFault, TooLarge
from breakeven.workloads.lfsr.field import Field, field_of
from breakeven.workloads.lfsr.periods import METHODS, Period, period
from breakeven.workloads.lfsr.reading import read_matrix, read_registers
from breakeven.workloads.lfsr.register import (
    Register,
    from_crc,
    from_matrix,
    from_polynomial,
    from_taps,
    register,
)
from breakeven.workloads.lfsr.sequences import sequence, sequence_in_pieces, state_after
from breakeven.workloads.lfsr.structure import Factor, Findings, Structure
from breakeven.workloads.lfsr.tables import field_with
from breakeven.workloads.lfsr.ways import WAYS, Way

__all__ = [
    "ENGINES",
    "KERNELS",
    "METHODS",
    "WAYS",
    "EnumerationFault",
    "Factor",
    "Field",
    "Findings",
    "InputFault",
    "LfsrError",
    "Period",
    "Recurrence",
    "Register",
    "RegisterFault",
    "Structure",
    "TooLarge",
    "Way",
    "analyse",
    "analyse_all",
    "field_of",
    "field_with",
    "from_crc",
    "from_matrix",
    "from_polynomial",
    "from_taps",
    "named",
    "order_of_matrix",
    "period",
    "read_matrix",
    "read_registers",
    "ready",
    "register",
    "sequence",
    "sequence_in_pieces",
    "shipped",
    "shortest_recurrence",
    "state_after",
]
