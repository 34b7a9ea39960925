"""What went wrong in the tool whose slowness is investigated, each as a test that it does not here."""

from __future__ import annotations

import pytest

import breakeven as be
from breakeven.workloads import lfsr
from breakeven.workloads.lfsr.overhead.redundancy import by_starts
from breakeven.workloads.lfsr.periods import period
from tests.workloads.lfsr import faulty
from tests.workloads.lfsr.examples import STRANGE


@pytest.mark.parametrize("engine", ["algebra", "enumerate"])
@pytest.mark.parametrize("coefficients", [[2, 1, 1], [3, 1, 1]])
def test_elements_of_extension_fields_are_not_reduced_modulo_p(coefficients: list[int], engine: str) -> None:
    """In GF(4) 2 is the root of the modulus, not 0, and 3 is not 1: both registers are primitive."""
    found = lfsr.analyse(lfsr.register(coefficients, 4), engine=engine, backend="serial")
    wrong = lfsr.analyse(lfsr.register([c % 2 for c in coefficients], 4), engine=engine, backend="serial")
    assert found.cycles == {1: 1, 63: 1}
    assert found.cycles != wrong.cycles


@pytest.mark.parametrize("coefficients, expected", [([1, 1, 0, 1], 6), ([1, 0, 0, 0, 0, 0, 0, 0], 8), (STRANGE[0], 24)])
@pytest.mark.parametrize("method", ["algebra", "brent", "floyd"])
def test_a_repeated_factor_makes_the_period_longer(coefficients: list[int], expected: int, method: str) -> None:
    """ord(f^e) is ord(f) p^t, not ord(f)."""
    assert period(lfsr.register(coefficients), method=method).period == expected


@pytest.mark.parametrize("engine", ["algebra", "enumerate"])
def test_a_singular_register_is_no_endless_walk(engine: str) -> None:
    """With c_0 = 0 there are states that no walk comes back to; they are the trees on the cycles."""
    found = lfsr.analyse(lfsr.register([0, 0, 0, 1, 1, 0]), engine=engine, backend="serial")
    assert (found.cycles, found.preperiods, found.leaves) == ({1: 1, 7: 1}, {0: 8, 1: 8, 2: 16, 3: 32}, 32)


@pytest.mark.parametrize("taps", [(64, 63, 61, 60), (167, 161), (168, 166, 153, 151)])
def test_orders_are_not_found_by_trial(taps: tuple[int, ...]) -> None:
    """An order near 2^168 comes from the primes of 2^168 - 1."""
    assert lfsr.analyse(lfsr.from_taps(taps)).order == 2 ** max(taps) - 1


def test_a_forked_worker_is_set_up_again_by_what_there_is() -> None:
    """No call of a function that does not exist: workers forget inherited contexts, and work."""
    found = lfsr.analyse(lfsr.from_taps([16, 15, 13, 4]), engine="both", backend="fork", workers=2, kernel="segments")
    assert (found.backend_used, found.differences) == ("fork", ())


def test_a_task_that_cannot_be_read_is_an_error_and_no_wait() -> None:
    """A piece that raises while a worker unpickles it is told of; the run does not wait for a time-out."""
    way = lfsr.Way("fork", 2)
    with pytest.raises(Exception, match="cannot be read back"):
        way.run(faulty.piece, [faulty.Unreadable(), faulty.Unreadable()])


def test_a_piece_that_raises_ends_the_run_with_its_error() -> None:
    """In every way, with the exception of the piece itself."""
    for name in ("serial", "threads", "fork", "persistent"):
        with lfsr.Way(name, 2) as way, pytest.raises(ZeroDivisionError):
            way.run(faulty.raises, [1, 2, 3])


@pytest.mark.parametrize("name", ["fork", "shared-memory", "persistent"])
def test_a_worker_that_is_killed_in_the_middle_costs_a_second_try(name: str, tmp_path: object) -> None:
    """SIGKILL while it walks: the piece runs again elsewhere, and every state is still counted once."""
    with lfsr.Way(name, 2) as way:
        assert way.run(faulty.DiesOnce(f"{tmp_path}/died"), list(range(6))) == [0, 1, 4, 9, 16, 25]


def test_a_worker_that_is_always_killed_is_a_clear_error() -> None:
    """Not a sum without its part."""
    with pytest.raises(be.WorkerDied, match="SIGKILL"):
        lfsr.Way("fork", 2).run(faulty.dies, [1, 2])


def test_cutting_by_start_states_walks_every_cycle_again_and_again() -> None:
    """The baseline, kept and named so: N - 1 steps a state, and periods that sum to many times the states."""
    register = lfsr.from_taps([10, 7])
    cycles, steps = by_starts(register, 2)
    assert steps == 1 + 1023 * 1023
    twelve = lfsr.from_taps([12, 6, 4, 1])
    assert sum(by_starts(twelve, 4)[0].values()) != twelve.states
    assert sum(cycles.values()) >= register.states
