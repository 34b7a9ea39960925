"""The guidelines: a contradiction is found where there is one, and only there."""

from __future__ import annotations

import pytest

from breakeven.lab.instruments import guidelines
from breakeven.lab.instruments.guidelines.checks import Check, checks, judge
from breakeven.lab.instruments.guidelines.programs import programs
from breakeven.lab.instruments.guidelines.rivals import open_rivals
from breakeven.lab.measuring.finding import Finding
from breakeven.lab.measuring.method import Case, take
from breakeven.lab.tasks import burn, pace

NAMES = {f"G{number}" for number in range(1, 11)}


@pytest.fixture(scope="module")
def finding() -> Finding:
    """One quick run."""
    return guidelines.measure(quick=True, workers=2)


def test_all_ten_are_there() -> None:
    """Each guideline has a check at least."""
    assert {check.guideline for check in checks(2)} == NAMES


def test_every_side_of_every_check_is_timed() -> None:
    """Checks and programs speak of the same names."""
    with open_rivals() as rivals:
        timed = {case.name for case in programs(3, rivals)} | {"first call", "second call"}
    assert {name for check in checks(3) for name in (check.left, *check.right)} <= timed


def test_work_that_really_takes_longer_than_it_may_is_found() -> None:
    """Three times the computing, on interleaved blocks, exceeds a slack of 5 % however noisy the machine."""
    from time import perf_counter_ns

    rounds = pace(0.01).rounds(1e-3)

    def ms(times: int) -> float:
        began = perf_counter_ns()
        burn(times * rounds)
        return (perf_counter_ns() - began) / 1e6

    cases = [Case("thrice", lambda: ms(3)), Case("once", lambda: ms(1)), Case("also once", lambda: ms(1))]
    taken = take(cases, budget_seconds=20, least=15, most=15)
    wrong = Check(guideline="G1", claim="", left="thrice", right=("once", "also once"))
    right = Check(guideline="G1", claim="", left="once", right=("thrice",))
    assert judge(wrong, taken.of).verdict == "violated"
    assert judge(right, taken.of).verdict == "holds"


def test_the_slack_is_granted() -> None:
    """4 % more than the other side is within 5 %, and 2 ms within 2 ms."""
    samples = {"left": [10.4] * 9, "right": [10.0] * 9, "later": [11.9] * 9}
    assert judge(Check(guideline="G3", claim="", left="left", right=("right",)), samples.__getitem__).verdict == "holds"
    late = Check(guideline="G1", claim="", left="later", right=("right",), extra_ms=2.0)
    assert judge(late, samples.__getitem__).verdict == "holds"


def test_the_best_of_the_right_side_is_the_bound() -> None:
    """Being quicker than the worst of several proves nothing."""
    samples = {"left": [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6], "slow": [50.0] * 7, "quick": [5.0] * 7}
    check = Check(guideline="G2", claim="", left="left", right=("slow", "quick"))
    judgement = judge(check, samples.__getitem__)
    assert judgement.verdict == "violated"
    assert judge(check, samples.__getitem__, busy=True).verdict == "disturbed"
    assert judgement.bound_ms == pytest.approx((5.25,) * 7)
    assert judgement.p < 0.01


def test_six_blocks_are_too_few_for_a_verdict() -> None:
    """No signed-rank test of six pairs comes below 1 %."""
    samples = {"left": [100.0] * 6, "right": [1.0] * 6}
    check = Check(guideline="G9", claim="", left="left", right=("right",))
    assert judge(check, samples.__getitem__).verdict == "too few"


def test_what_is_over_its_bound_by_chance_is_neither_held_nor_violated() -> None:
    """Four blocks above and three below: the median is over, the test is not convinced."""
    samples = {"left": [12.0, 12.1, 12.2, 12.3, 9.0, 9.1, 9.2], "right": [10.0] * 7}
    check = Check(guideline="G7", claim="", left="left", right=("right",))
    assert judge(check, samples.__getitem__).verdict == "unsure"


def test_a_verdict_agrees_with_the_ratio_beside_it() -> None:
    """Blocks are compared one by one: a side may have the larger median and be the quicker one in most blocks."""
    samples = {"left": [1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 14.0], "right": [1.1, 2.1, 3.1, 11.5, 5.0, 6.0, 7.0]}
    check = Check(guideline="G9", claim="", left="left", right=("right",), share=1.0)
    assert judge(check, samples.__getitem__).verdict == "holds"


def test_a_violation_makes_the_finding_one(finding: Finding) -> None:
    """What decides the exit code is what the rows say."""
    verdicts = {str(row.labels["verdict"]) for row in finding.rows}
    # Blocks for a verdict are taken, however slow the machine.
    assert verdicts <= {"holds", "violated", "unsure", "disturbed"}
    assert finding.violated == ("violated" in verdicts)


def test_every_check_has_a_row_with_units(finding: Finding) -> None:
    """Left side and bound in milliseconds, their ratio in ×."""
    assert {row.labels[""] for row in finding.rows} == NAMES
    for row in finding.rows:
        assert [quantity.unit for quantity in row.quantities] == ["ms", "ms", "×"]


def test_the_four_ways_by_hand_deliver() -> None:
    """What each answers is the last byte of what was sent, message after message."""
    import numpy as np

    with open_rivals() as rivals:
        assert list(rivals) == ["pipe", "socket", "shared memory", "inherit"]
        for send in rivals.values():
            for last in (3, 250):
                array = np.zeros(100_000, np.uint8)
                array[-1] = last
                assert send(array) == last
