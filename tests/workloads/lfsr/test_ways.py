"""Where an enumeration runs changes nothing about what it finds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from breakeven.workloads import lfsr
from breakeven.workloads.lfsr.batches import FIXED_STATES, cuts
from breakeven.workloads.lfsr.pieces import PIECE_STATES, spans
from breakeven.workloads.lfsr.ways import HYBRID_LIMIT

PARALLEL = [name for name in lfsr.WAYS if name not in ("serial", "auto", "joblib")]
SLOW = {("spawn", "leader"), ("forkserver", "segments")}
"""Fresh interpreters load the compiled kernels for seconds; each kernel is left to one kind of them."""
EVERY_WAY = [
    pytest.param(name, kernel, marks=[pytest.mark.soak] if (name, kernel) in SLOW else [])
    for name in PARALLEL
    for kernel in ("segments", "leader")
]
B3 = lfsr.register([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1], name="B3")
E0 = lfsr.from_taps([20, 17], name="primitive")
OVER_9 = lfsr.register([5, 0, 7, 0, 1], 9, name="GF(9)")


@pytest.mark.parametrize("register", [B3, E0, OVER_9], ids=lambda register: register.name)
@pytest.mark.parametrize("workers", [1, 2, 3, pytest.param(4, marks=pytest.mark.soak), 8])
@pytest.mark.parametrize("name", ["threads", "fork"])
def test_any_number_of_workers_finds_the_same(register: lfsr.Register, workers: int, name: str) -> None:
    """The original's sums grew with the workers: 4096 states became 12286, then 24571."""
    found = lfsr.analyse(register, engine="both", backend=name, workers=workers, kernel="segments", representatives=8)
    alone = lfsr.analyse(register, engine="enumerate", backend="serial", kernel="segments", representatives=8)
    assert found.differences == ()
    assert found.representatives == alone.representatives
    assert found.steps == alone.steps


@pytest.mark.parametrize("name, kernel", EVERY_WAY)
def test_every_way_finds_the_same_and_says_where_it_ran(name: str, kernel: str) -> None:
    """Threads, processes of every kind, shared arrays, workers that are kept."""
    found = lfsr.analyse(B3, engine="both", backend=name, workers=2, kernel=kernel)
    assert found.differences == ()
    assert found.backend_requested == name
    assert found.backend_used == ("fork" if name == "hybrid" else name)
    assert found.states == 1 << 15


def test_hybrid_takes_threads_for_few_states_and_processes_for_many() -> None:
    """The limit is told in the reason."""
    small = lfsr.analyse(lfsr.from_taps([12, 6, 4, 1]), engine="both", backend="hybrid", workers=2, kernel="segments")
    assert small.states <= HYBRID_LIMIT
    assert small.backend_used == "threads"
    assert str(HYBRID_LIMIT) in small.reason


def test_auto_starts_no_worker_where_one_piece_is_enough() -> None:
    """Below 2^23 states nothing is cut, so there is nothing to send."""
    found = lfsr.analyse(E0, engine="both", backend="auto")
    assert found.states < PIECE_STATES
    assert (found.backend_used, found.differences) == ("serial", ())
    assert "worker" in found.reason


def test_auto_plans_where_there_are_pieces() -> None:
    """The report's own word for where it ran, and its reason, are handed on."""
    found = lfsr.analyse(lfsr.from_taps([28, 25]), engine="both", backend="auto", workers=2)
    assert found.backend_used in ("serial", "threads", "processes")
    assert found.differences == ()
    assert len(found.reason) > len("segments between 65536 distinguished states")


@pytest.mark.parametrize("backend", ["auto", "persistent"])
def test_many_registers_come_back_in_order(backend: str) -> None:
    """A file of registers through workers that are kept: each with its own name and structure."""
    registers = [
        lfsr.register([1, *[(number >> bit) & 1 for bit in range(9)]], name=str(number)) for number in range(40)
    ]
    found = list(lfsr.analyse_all(registers, backend=backend, workers=2, engine="both"))
    structures = [one for one in found if isinstance(one, lfsr.Structure)]
    assert [structure.register.name for structure in structures] == [str(number) for number in range(40)]
    assert all(structure.differences == () for structure in structures)
    assert {structure.backend_requested for structure in structures} == {backend}


@pytest.mark.parametrize("backend", ["serial", "persistent"])
def test_a_register_out_of_reach_stands_in_its_own_place(backend: str) -> None:
    """Or ends the run, whichever was asked for."""
    registers = [lfsr.register([1, 1]), lfsr.from_taps([64, 63, 61, 60]), lfsr.register([1, 0, 1])]
    how = {"backend": backend, "workers": 2, "engine": "enumerate"}
    found = list(lfsr.analyse_all(registers, on_error="return", **how))  # type: ignore[arg-type]
    assert [type(one).__name__ for one in found] == ["Structure", "TooLarge", "Structure"]
    with pytest.raises(lfsr.TooLarge):
        list(lfsr.analyse_all(registers, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize("missing, engine", [("flint", "algebra"), ("numba", "enumerate")])
def test_a_missing_library_is_told_with_how_to_install_it(missing: str, engine: str) -> None:
    """As for any backend that is not there."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from breakeven.workloads import lfsr; import breakeven as be\n"
        "try: lfsr.analyse(lfsr.register([1, 1]), engine={engine!r})\n"
        "except be.BackendUnavailable as error: print(error.install)"
    ).replace("{engine!r}", repr(engine))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "pip install 'breakeven[lfsr]'\n"


def test_what_was_asked_for_and_what_was_done_are_both_told() -> None:
    """A kernel that cannot take a map is replaced, and the reason says so."""
    found = lfsr.analyse(lfsr.register([0, 1, 1]), engine="both", backend="threads", kernel="segments")
    assert "segments was asked for" in found.reason
    assert (found.backend_requested, found.backend_used) == ("threads", "serial")


def test_a_register_out_of_reach_is_refused_before_memory_is_taken() -> None:
    """2^64 states are not walked; the text names the engine that needs not."""
    with pytest.raises(lfsr.TooLarge, match="engine='algebra'"):
        lfsr.analyse(lfsr.from_taps([64, 63, 61, 60]), engine="enumerate")


@pytest.mark.parametrize(
    "option",
    [{"backend": "nowhere"}, {"engine": "magic"}, {"kernel": "popcorn"}, {"workers": 0}, {"representatives": -1}],
)
def test_unknown_choices_are_refused_with_what_is_known(option: dict[str, object]) -> None:
    """No choice is silently replaced."""
    for engine in ("enumerate", "algebra"):
        with pytest.raises(lfsr.LfsrError):
            lfsr.analyse(E0, **{"engine": engine, **option})  # type: ignore[arg-type]


def test_workers_that_had_nothing_to_do_are_accounted_for() -> None:
    """Threads were asked for, one short pass was made: the reason says why."""
    found = lfsr.analyse(lfsr.register([1, 1, 0]), engine="both", backend="threads", workers=2)
    assert found.backend_used == "serial"
    assert "threads had nothing to share out" in found.reason


def test_one_thread_looks_for_an_interrupt_between_pieces() -> None:
    """A long walk is no single call of a kernel, which an interrupt would have to wait for."""
    assert lfsr.Way("serial").pieces(1) == 1
    assert lfsr.Way("serial").pieces((1 << 40) // PIECE_STATES) > 100


def test_a_prime_too_large_for_tables_is_refused_before_memory_is_taken() -> None:
    """A table over the digits to the base 2^27 would take gigabytes; algebra needs none."""
    register = lfsr.register([3], 134217689)
    assert sum(length * count for length, count in lfsr.analyse(register).cycles.items()) == register.states
    with pytest.raises(lfsr.TooLarge, match="algebra"):
        lfsr.analyse(register, engine="enumerate")


def test_batches_of_registers_cover_all_of_them_once() -> None:
    """However unlike their costs are."""
    for costs in ([], [1], [1 << 40, 1, 1 << 20] * 9, [FIXED_STATES] * 1000):
        for workers in (1, 2, 8):
            covered = [at for first, last in cuts(costs, workers) for at in range(first, last)]
            assert covered == list(range(len(costs)))


def test_ranges_cover_everything_once() -> None:
    """Whatever the number of pieces."""
    for total in (1, 2, 7, 1000):
        for pieces in (1, 2, 3, 8, 2000):
            covered = [at for first, last in spans(total, pieces) for at in range(first, last)]
            assert covered == list(range(total))


def test_algebra_alone_never_loads_numba() -> None:
    """A quarter of a second that a cold command does not pay."""
    program = (
        "import sys; from breakeven.workloads import lfsr; lfsr.analyse(lfsr.from_taps([20, 17])); "
        "print('numba' in sys.modules, 'numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
