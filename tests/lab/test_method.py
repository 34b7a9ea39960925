"""How things are timed: order, warm-up, stopping, interruption."""

from __future__ import annotations

import pytest

from breakeven.lab.measuring.method import Case, take


def test_every_block_calls_every_case_once_in_an_order_drawn_anew() -> None:
    """The order changes between blocks, and the same seed gives the same one."""

    def order(seed: int) -> str:
        called: list[str] = []

        def calling(name: str) -> Case:
            def once() -> float:
                called.append(name)
                return float(len(called))

            return Case(name, once)

        cases = [calling(name) for name in "abc"]
        take(cases, budget_seconds=5, seed=seed, least=20, most=20, warm=False)
        return "".join(called)

    text = order(1)
    blocks = [text[at : at + 3] for at in range(0, 60, 3)]
    assert all(sorted(block) == ["a", "b", "c"] for block in blocks)
    assert len(set(blocks)) > 3
    assert order(1) == text


def test_warm_up_calls_are_dropped_until_two_batches_agree_and_are_counted() -> None:
    """A case that takes twelve calls to settle is called until it has, and no sample of before is kept."""
    calls = iter([100.0, 90.0, 80.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0] + [5.0] * 1000)
    taken = take([Case("slow to warm", lambda: next(calls))], budget_seconds=60, least=6, most=6)
    assert set(taken.of("slow to warm")) == {5.0}
    assert taken.dropped == {"slow to warm": 15}


def test_it_stops_once_every_median_is_known_within_two_and_a_half_per_cent() -> None:
    """Constant samples are known after the least number of blocks."""
    taken = take([Case("a", lambda: 1.0), Case("b", lambda: 2.0)], budget_seconds=60, least=11, warm=False)
    assert (taken.blocks, taken.narrow) == (11, True)
    assert min(taken.facts()[name] for name in ("canary_arithmetic_us", "canary_copy_us")) > 0


def test_without_a_budget_one_block_is_taken_and_not_called_narrow() -> None:
    """Something is always measured, and what was not reached is said."""
    taken = take([Case("a", lambda: 1.0)], budget_seconds=0.0, warm=False)
    assert (taken.blocks, taken.of("a"), taken.narrow) == (1, (1.0,), False)


def test_ctrl_c_keeps_what_was_measured() -> None:
    """`KeyboardInterrupt` in the middle of a block ends it; samples so far are there, and it says so."""
    calls = 0

    def once() -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return {"out": 1.0, "back": 2.0}

    taken = take([Case("a", once)], budget_seconds=60, warm=False)
    assert taken.interrupted
    assert taken.of("a", "out") == (1.0, 1.0, 1.0)
    assert taken.of("a", "back") == (2.0, 2.0, 2.0)


def test_ctrl_c_in_the_warm_up_keeps_the_last_call_of_each_case_and_says_so() -> None:
    """What was warmed is not nothing; `facts` tell that it is no block."""

    def stop() -> float:
        raise KeyboardInterrupt

    taken = take([Case("a", lambda: 7.0), Case("b", stop)], budget_seconds=60)
    assert (taken.of("a"), taken.of("b")) == ((7.0,), ())
    assert taken.interrupted
    assert taken.facts()["samples_from_warm_up"] is True


def test_an_error_is_not_swallowed() -> None:
    """Whatever else a case raises goes to the caller."""

    def once() -> float:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        take([Case("a", once)], budget_seconds=1)
